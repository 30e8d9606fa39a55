"""Looking up a little of what is known of a repository, by commit, key or moment, however much there is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import and_, bindparam, func, or_, select
from sqlalchemy.engine import Connection

from iact.dora.recorder import Recorder
from iact.dora.tables import (
    CHANGES,
    DEPLOYMENTS,
    EVENTS,
    FAILURES,
    REVERTS,
    of_repository,
    parameters_of,
    same_repository,
)
from iact.stores.chunks import LOOKED_UP, chunks
from iact.stores.columns import Instant
from iact.stores.query import query

Place = tuple[str, str]
"""The project, and a repository's key in it."""

RECENT: Final = 8

NEWEST: Final = query(
    "The deployments of the last moment at which there was any.",
    select(DEPLOYMENTS.c.deployed_at, DEPLOYMENTS.c.source).where(
        of_repository(DEPLOYMENTS),
        DEPLOYMENTS.c.deployed_at
        == select(func.max(DEPLOYMENTS.c.deployed_at)).where(of_repository(DEPLOYMENTS)).scalar_subquery(),
    ),
)
RECENT_KEYS: Final = query(
    "The last first deployments of a commit, the latest first.",
    select(DEPLOYMENTS.c.key)
    .where(of_repository(DEPLOYMENTS), DEPLOYMENTS.c.key == DEPLOYMENTS.c.sha)
    .order_by(DEPLOYMENTS.c.deployed_at.desc(), DEPLOYMENTS.c.key.desc())
    .limit(RECENT),
    whole="stops after a few of the newest",
)
RELEASE: Final = query(
    "The first deployment of a commit.",
    select(DEPLOYMENTS.c.names, DEPLOYMENTS.c.deployed_at).where(
        of_repository(DEPLOYMENTS), DEPLOYMENTS.c.key == bindparam("of_key"), DEPLOYMENTS.c.sha == bindparam("of_key")
    ),
)
MOMENTS: Final = query(
    "When some deployments went out.",
    select(DEPLOYMENTS.c.key, DEPLOYMENTS.c.deployed_at).where(
        of_repository(DEPLOYMENTS), DEPLOYMENTS.c.key.in_(bindparam("keys", expanding=True))
    ),
)
REVERTING: Final = query(
    "The reverts among some commits.",
    select(REVERTS.c.sha).where(of_repository(REVERTS), REVERTS.c.sha.in_(bindparam("shas", expanding=True))),
)
REVERTED: Final = query(
    "Which of some commits are reverted, and what is reverted by an abbreviated id.",
    select(REVERTS.c.reverted).where(
        of_repository(REVERTS),
        or_(
            REVERTS.c.reverted.in_(bindparam("shas", expanding=True)),
            func.length(REVERTS.c.reverted) < func.length(REVERTS.c.sha),
        ),
    ),
    whole="few commits are reverts, and an abbreviated id is found by looking at them",
)
CHANGES_OF: Final = query(
    "Some of the changes that a deployment was the first to contain.",
    select(CHANGES.c.sha)
    .where(of_repository(CHANGES), CHANGES.c.deployment == bindparam("of_key"))
    .limit(LOOKED_UP + 1),
)
REVERT_DEPLOYED: Final = query(
    "A revert that was deployed in a time, or with a deployment.",
    select(REVERTS.c.sha)
    .join_from(
        DEPLOYMENTS, CHANGES, and_(same_repository(DEPLOYMENTS, CHANGES), CHANGES.c.deployment == DEPLOYMENTS.c.key)
    )
    .join(REVERTS, and_(same_repository(REVERTS, CHANGES), REVERTS.c.sha == CHANGES.c.sha))
    .where(
        of_repository(DEPLOYMENTS),
        DEPLOYMENTS.c.deployed_at >= bindparam("start", type_=Instant()),
        DEPLOYMENTS.c.deployed_at <= bindparam("end", type_=Instant()),
    )
    .limit(1),
    whole="stops at the first, and few commits are reverts",
)
HOTFIX_BETWEEN: Final = query(
    "A hot fix of a time.",
    select(DEPLOYMENTS.c.key)
    .where(
        of_repository(DEPLOYMENTS),
        DEPLOYMENTS.c.deployed_at >= bindparam("start", type_=Instant()),
        DEPLOYMENTS.c.deployed_at <= bindparam("end", type_=Instant()),
        DEPLOYMENTS.c.is_hotfix,
    )
    .limit(1),
)
FAULTS: Final = query(
    "Which deployments some failures are the fault of.",
    select(FAILURES.c.deployment).where(of_repository(FAILURES), FAILURES.c.key.in_(bindparam("keys", expanding=True))),
)
CHANGE_TOLD: Final = query(
    "One event about a pull or merge request, if there is any.",
    select(EVENTS.c.kind).where(of_repository(EVENTS), EVENTS.c.kind == "change").limit(1),
    whole="stops at the first",
)


class KnownReleases(Mapping[str, tuple[tuple[str, ...], datetime]]):
    """Names and date of the first deployment of each commit, looked up where they are asked for.

    Args:
        recorder: of the repository.
        connection: an open connection.
        place: the project, and the repository's key in it.
    """

    def __init__(self, recorder: Recorder, connection: Connection, place: Place) -> None:
        self._recorder = recorder
        self._connection = connection
        self._named = parameters_of(*place)
        self._found: dict[str, tuple[tuple[str, ...], datetime] | None] = {}

    def __getitem__(self, sha: str) -> tuple[tuple[str, ...], datetime]:
        """Return names and date of the first deployment of a commit."""
        if sha not in self._found:
            row = RELEASE.one(self._connection, of_key=sha, **self._named)
            self._found[sha] = None if row is None else (tuple(row["names"].split("\n")), row["deployed_at"])
        found = self._found[sha]
        if found is None:
            raise KeyError(sha)
        return found

    def __iter__(self) -> Iterator[str]:
        """Walk the commits that were deployed, the earliest first."""
        return iter(self._recorder.deployments.known())

    def __len__(self) -> int:
        """Return how many commits were deployed."""
        return len(self._recorder.deployments.known())


def newest_deployment(connection: Connection, place: Place) -> tuple[datetime, frozenset[str]] | None:
    """Return when the last deployment was, and who tells of those of that moment; None where there is none."""
    rows = NEWEST.run(connection, **parameters_of(*place)).all()
    return (rows[0].deployed_at, frozenset(row.source for row in rows)) if rows else None


def recent_deployments(connection: Connection, place: Place) -> list[str]:
    """Return the keys of the last few deployments that were the first of their commit, the earliest first."""
    return [row.key for row in RECENT_KEYS.run(connection, **parameters_of(*place))][::-1]


def moments(connection: Connection, place: Place, keys: Iterable[str]) -> dict[str, datetime]:
    """Return when those of some deployments went out that are known, by key."""
    return {
        row.key: row.deployed_at
        for part in chunks(sorted(set(keys)), LOOKED_UP)
        for row in MOMENTS.run(connection, keys=part, **parameters_of(*place))
    }


def has_revert(connection: Connection, place: Place, commits: Collection[str]) -> bool:
    """Return whether one of some commits reverts another, or is reverted by any."""
    return _is_reverting(connection, place, commits) or is_reverted(connection, place, commits)


def _is_reverting(connection: Connection, place: Place, commits: Collection[str]) -> bool:
    return any(
        REVERTING.run(connection, shas=part, **parameters_of(*place)).first() is not None
        for part in chunks(commits, LOOKED_UP)
    )


def is_reverted(connection: Connection, place: Place, commits: Collection[str]) -> bool:
    """Return whether one of some commits is reverted by any, perhaps by an abbreviated id."""
    return any(
        sha.startswith(row.reverted)
        for part in chunks(commits, LOOKED_UP)
        for row in REVERTED.run(connection, shas=part, **parameters_of(*place))
        for sha in part
    )


def brought(connection: Connection, place: Place, deployment: str) -> list[str] | None:
    """Return the changes that a deployment was the first to contain; None where they are many."""
    found = [row.sha for row in CHANGES_OF.run(connection, of_key=deployment, **parameters_of(*place))]
    return found if len(found) <= LOOKED_UP else None


def revert_deployed(connection: Connection, place: Place, start: datetime, end: datetime) -> bool:
    """Return whether a deployment from `start` to `end`, both included, brought a change that reverts another."""
    return REVERT_DEPLOYED.run(connection, start=start, end=end, **parameters_of(*place)).first() is not None


def hotfix_deployed(connection: Connection, place: Place, start: datetime, end: datetime) -> bool:
    """Return whether a deployment from `start` to `end`, both included, was a hot fix."""
    return HOTFIX_BETWEEN.run(connection, start=start, end=end, **parameters_of(*place)).first() is not None


def faults(connection: Connection, place: Place, failures: Iterable[str]) -> list[str]:
    """Return the deployments that those of some failures are the fault of which are known."""
    return [
        row.deployment
        for part in chunks(failures, LOOKED_UP)
        for row in FAULTS.run(connection, keys=part, **parameters_of(*place))
    ]


def is_change_told(connection: Connection, place: Place) -> bool:
    """Return whether anything was told of pull or merge requests."""
    return CHANGE_TOLD.one(connection, **parameters_of(*place)) is not None
