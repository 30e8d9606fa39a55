"""All that is known of a repository, read once, for whoever looks at many of its windows.

A window of it is what `iact.dora.measure.read_history` reads of the same store, without a query for each.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from iact.dora import store, unattributed
from iact.dora.figures import Window
from iact.dora.records import Change, Deployment, Failure, PullRequest, Unattributed
from iact.dora.rules import History, known_at
from iact.dora.told_requests import read_requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """All that is known of a repository, in the order in which it happened.

    Attributes:
        deployments: the earliest first.
        deployed_at: when each of them was.
        changes: those that were deployed, in the order in which users got them.
        reached_at: when each of them was deployed.
        failures: of any deployment.
        failure_sources: the kinds of failure that are looked for; none means that failures are unknown.
        unattributed: the incidents that are the fault of no known deployment.
        pull_requests: every one that was told, whenever it was; None where none was.
        learnt_at: the moments at which something was learnt of a failure, in order.
        beginning: since when a deployment would be known: since the first commit, or the first deployment.
    """

    deployments: tuple[Deployment, ...]
    deployed_at: tuple[datetime, ...]
    changes: tuple[Change, ...]
    reached_at: tuple[datetime, ...]
    failures: tuple[Failure, ...]
    failure_sources: tuple[str, ...]
    unattributed: tuple[Unattributed, ...]
    pull_requests: tuple[PullRequest, ...] | None
    learnt_at: tuple[datetime, ...]
    beginning: datetime | None

    @classmethod
    def read(cls, connection: Connection, project: str, repository: str) -> Archive:
        """Read all that a store knows.

        Args:
            connection: an open connection; it is only read.
            project: the project.
            repository: the repository's key in it; of one that was never read, nothing is known.
        """
        known = store.repository(connection, project, repository)
        deployments = tuple(store.deployments(connection, project, repository))
        changes = tuple(store.deployed_changes(connection, project, repository))
        failures = tuple(store.failures(connection, project, repository))
        everything = Window(store.EARLIEST, store.LATEST)
        return cls(
            deployments=deployments,
            deployed_at=tuple(one.deployed_at for one in deployments),
            changes=changes,
            reached_at=tuple(one.deployed_at for one in changes if one.deployed_at is not None),
            failures=failures,
            failure_sources=() if known is None else known.failure_sources,
            unattributed=unattributed.opened_in(connection, project, repository, everything),
            pull_requests=read_requests(connection, project, repository).requests,
            learnt_at=tuple(sorted(_moments(failures))),
            beginning=_beginning(deployments, changes),
        )

    def history(self, window: Window, as_of: datetime | None = None) -> History:
        """Return what is known of a window.

        Args:
            window: which deployments and changes.
            as_of: what was learnt of failures at or after this moment is not known yet; None knows everything.
        """
        first, after = (bisect_left(self.deployed_at, moment) for moment in (window.start, window.end))
        begin, end = (bisect_left(self.reached_at, moment) for moment in (window.start, window.end))
        deployments = self.deployments[first:after]
        return History(
            known_from=self._known_from(window),
            deployments=deployments,
            changes=self.changes[begin:end],
            failures=known_at(self.failures, as_of),
            failure_sources=self.failure_sources,
            pull_requests=self.pull_requests,
            unattributed=tuple(one for one in self.unattributed if one.opened_at in window),
        )

    @property
    def whole(self) -> Window:
        """The window that holds every deployment; of an archive that holds none, the one without bounds."""
        if not self.deployed_at:
            return Window(store.EARLIEST, store.LATEST)
        return Window(self.deployed_at[0], self.deployed_at[-1] + timedelta(microseconds=1))

    def learnt_by(self, moment: datetime) -> int:
        """Return a number that is the same for all moments at which the same was known of failures."""
        return bisect_left(self.learnt_at, moment)

    def _known_from(self, window: Window) -> datetime | None:
        if not self.deployments:
            return None
        return window.start if self.deployed_at[0] < window.start else self.beginning


def _moments(failures: Iterable[Failure]) -> Iterable[datetime]:
    for failure in failures:
        yield failure.started_at
        if failure.restored_at is not None:
            yield failure.restored_at


def _beginning(deployments: tuple[Deployment, ...], changes: tuple[Change, ...]) -> datetime | None:
    if not deployments:
        return None
    first = deployments[0].deployed_at
    return min((one.committed_at for one in changes if one.deployed_at == first), default=first)
