"""Writing changes, and what they revert."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, bindparam, delete, insert, select, update

from iact.dora.failures import Revert
from iact.dora.recorder.rows import Rows
from iact.dora.tables import CHANGES, REVERTS, of_repository, same_repository
from iact.sources.git.commit_ids import CommitIds
from iact.sources.git.model import Commit
from iact.stores.chunks import LOOKED_UP, chunks
from iact.stores.query import READ_AGAIN, query

_RECENT: Final = 8
_ENOUGH: Final = 64
_REVERTING: Final = CHANGES.alias("reverting")
_REVERTED: Final = CHANGES.alias("reverted_change")

ALL_SHAS: Final = query(
    "Every known commit.",
    select(CHANGES.c.sha).where(of_repository(CHANGES)),
    whole=READ_AGAIN,
)
FORGET_CHANGES: Final = query(
    "Drop all changes, to read them again.",
    delete(CHANGES).where(of_repository(CHANGES)),
    whole=READ_AGAIN,
)
FORGET_REVERTS: Final = query(
    "Drop all reverts, to read them again.",
    delete(REVERTS).where(of_repository(REVERTS)),
    whole=READ_AGAIN,
)
ADD_CHANGES: Final = query("Add changes.", insert(CHANGES))
ADD_REVERTS: Final = query("Add reverts.", insert(REVERTS))
DELIVER_CHANGE: Final = query(
    "Note that a known change was merged or deployed since.",
    update(CHANGES)
    .where(of_repository(CHANGES), CHANGES.c.sha == bindparam("of_sha"))
    .values(
        merged_at=bindparam("now_merged_at"),
        merged_by=bindparam("now_merged_by"),
        deployment=bindparam("now_deployment"),
    ),
)
KNOWN_CHANGES: Final = query(
    "What is known of the delivery of some commits.",
    select(CHANGES.c.sha, CHANGES.c.merged_at, CHANGES.c.merged_by, CHANGES.c.deployment).where(
        of_repository(CHANGES), CHANGES.c.sha.in_(bindparam("shas", expanding=True))
    ),
)
DELIVERED: Final = query(
    "The newest merged commits of some deployments.",
    select(CHANGES.c.sha)
    .where(
        of_repository(CHANGES),
        CHANGES.c.deployment.in_(bindparam("keys", expanding=True)),
        CHANGES.c.merged_at.is_not(None),
    )
    .order_by(CHANGES.c.committed_at.desc(), CHANGES.c.sha)
    .limit(_ENOUGH),
)
REVERTED: Final = query(
    "Every revert with the deployments of both its sides; an abbreviated commit finds none.",
    select(
        REVERTS.c.sha,
        REVERTS.c.reverted,
        _REVERTING.c.deployment.label("deployment"),
        _REVERTED.c.sha.label("found"),
        _REVERTED.c.deployment.label("reverted_deployment"),
    )
    .join_from(REVERTS, _REVERTING, and_(same_repository(_REVERTING, REVERTS), _REVERTING.c.sha == REVERTS.c.sha))
    .join(
        _REVERTED,
        and_(same_repository(_REVERTED, REVERTS), _REVERTED.c.sha == REVERTS.c.reverted),
        isouter=True,
    )
    .where(of_repository(REVERTS))
    .order_by(REVERTS.c.sha, REVERTS.c.reverted),
    whole=READ_AGAIN,
)
ABBREVIATED: Final = query(
    "The commits that begin like this, two at most: a second one makes the abbreviation useless.",
    select(CHANGES.c.sha, CHANGES.c.deployment)
    .where(of_repository(CHANGES), CHANGES.c.sha >= bindparam("first"), CHANGES.c.sha < bindparam("after"))
    .limit(2),
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far a known change has come.

    Attributes:
        merged_at: when it reached the mainline; None: not yet.
        merged_by: with which commit.
        deployment: the key of its first deployment; None: not yet.
    """

    merged_at: datetime | None
    merged_by: str | None
    deployment: str | None


class Changes(Rows):
    """The changes of a repository."""

    def forget(self) -> CommitIds:
        """Drop them all, and return the commits that were known."""
        known = CommitIds()
        for (ids,) in ALL_SHAS.columns(self._connection, **self._named):
            known.add(ids)
        for forgetting in (FORGET_CHANGES, FORGET_REVERTS):
            forgetting.run(self._connection, **self._named)
        return known

    def add(self, commits: Sequence[Commit]) -> None:
        """Add changes that are not known yet."""
        self.adding(commits)()

    def adding(self, commits: Sequence[Commit]) -> Callable[[], None]:
        """Return what adds changes that are not known yet; another thread may call it: the database does the rest."""
        columns: dict[str, list[Any]] = {name: [value] * len(commits) for name, value in self._key.items()}
        columns |= {
            "sha": [commit.sha for commit in commits],
            "authored_at": [commit.authored_at for commit in commits],
            "committed_at": [commit.committed_at for commit in commits],
            "merged_at": [commit.merged_at for commit in commits],
            "merged_by": [commit.merged_by for commit in commits],
            "is_merge": [commit.is_merge for commit in commits],
            "by_agent": [commit.by_agent for commit in commits],
            "subject": [commit.subject for commit in commits],
            "deployment": [commit.release for commit in commits],
        }
        add_changes = ADD_CHANGES.prepared(self._connection, columns)
        reverts = [self._key | {"sha": commit.sha, "reverted": sha} for commit in commits for sha in commit.reverts]

        def add() -> None:
            add_changes()
            ADD_REVERTS.run_many(self._connection, reverts)

        return add

    def deliver(self, commits: Iterable[Commit]) -> None:
        """Note of known changes by what they were merged and where they were deployed."""
        DELIVER_CHANGE.run_many(
            self._connection,
            [
                self._named
                | {
                    "of_sha": commit.sha,
                    "now_merged_at": commit.merged_at,
                    "now_merged_by": commit.merged_by,
                    "now_deployment": commit.release,
                }
                for commit in commits
            ],
        )

    def known(self, shas: Sequence[str]) -> dict[str, Delivery]:
        """Return how those of some commits that are known were delivered, by commit."""
        return {
            row["sha"]: Delivery(row["merged_at"], row["merged_by"], row["deployment"])
            for part in chunks(shas, LOOKED_UP)
            for row in KNOWN_CHANGES.rows(self._connection, **self._named, shas=part)
        }

    def first_deployments(self, shas: Sequence[str]) -> dict[str, str | None]:
        """Return the first deployment of those of some commits that are known, by commit."""
        return {sha: delivery.deployment for sha, delivery in self.known(shas).items()}

    def delivered(self, deployments: Sequence[str]) -> list[str]:
        """Return some of the newest commits that were both merged and deployed.

        Args:
            deployments: the keys of known deployments, the earliest first.
        """
        keys = list(deployments)[-_RECENT:]
        rows = DELIVERED.rows(self._connection, **self._named, keys=keys) if keys else ()
        return [row["sha"] for row in rows]

    def reverts(self) -> tuple[list[Revert], int]:
        """Return every revert of a known change, and how many name a change that is not known."""
        found: list[Revert] = []
        unknown = 0
        for row in REVERTED.run(self._connection, **self._named).mappings().all():
            target = row["found"], row["reverted_deployment"]
            if row["found"] is None:
                target = self._abbreviated(row["reverted"])
            if target[0] is None:
                unknown += 1
                continue
            found.append(
                Revert(
                    sha=row["sha"],
                    deployment=row["deployment"],
                    reverted=target[0],
                    reverted_deployment=target[1],
                )
            )
        return found, unknown

    def _abbreviated(self, start: str) -> tuple[str | None, str | None]:
        # `g` comes after every hexadecimal digit.
        rows = list(ABBREVIATED.rows(self._connection, **self._named, first=start, after=f"{start}g"))
        return (rows[0]["sha"], rows[0]["deployment"]) if len(rows) == 1 else (None, None)
