"""What a reading of a repository writes, in chunks, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from iact.dora.recorder.changes import Changes
from iact.dora.recorder.deployments import Deployments
from iact.dora.recorder.ending import Counts, Cursor, Ending
from iact.dora.recorder.failures import Failures
from iact.dora.records import Failure
from iact.sources.git.commit_ids import CommitIds
from iact.sources.git.model import Commit


class Recorder:
    """Writes what is found in one repository.

    Args:
        connection: in the transaction that it all belongs to.
        project: the project.
        repository: the repository's key in it.

    Attributes:
        changes: its changes, and what they revert.
        deployments: its deployments.
        failures: what went wrong with them.
        ending: where the last reading ended.
    """

    def __init__(self, connection: Connection, project: str, repository: str) -> None:
        self.changes = Changes(connection, project, repository)
        self.deployments = Deployments(connection, project, repository)
        self.failures = Failures(connection, project, repository)
        self.ending = Ending(connection, project, repository)

    def forget(self) -> CommitIds:
        """Drop everything that was made out of git, and return the commits that were known."""
        self.deployments.forget()
        self.failures.forget()
        return self.changes.forget()

    def deliver(self, commits: Iterable[Commit]) -> None:
        """Note of known changes by what they were merged and where they were deployed."""
        commits = list(commits)
        # One that was deployed before it was merged may be the oldest of its deployment from now on.
        self.deployments.undate_oldest_changes({commit.release for commit in commits if commit.release is not None})
        self.changes.deliver(commits)

    def judge(self, failures: Iterable[Failure], hotfixes: Collection[str]) -> None:
        """Replace the failures, and note which deployments are hot fixes."""
        self.failures.replace_all(failures)
        self.deployments.set_hotfixes(hotfixes)

    def close(  # noqa: PLR0913 - as of `Ending.note`
        self,
        cursor: Cursor,
        counts: Counts,
        *,
        mainline: str,
        failure_sources: Sequence[str],
        notes: Iterable[str],
        now: datetime,
    ) -> None:
        """Finish what was written, and note where this reading ended; the parameters are those of `Ending.note`."""
        self.deployments.date_oldest_changes()
        self.ending.note(cursor, counts, mainline=mainline, failure_sources=failure_sources, notes=notes, now=now)
