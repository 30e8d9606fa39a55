"""Writing the delivery tables, in chunks, inside the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import Table, and_, bindparam, delete, func, insert, select, update
from sqlalchemy.engine import Connection

from iact.dora.deploying import Repeated
from iact.dora.failures import Revert
from iact.dora.records import Failure
from iact.dora.tables import (
    CHANGES,
    DEPLOYMENTS,
    FAILURES,
    REPOSITORIES,
    REVERTS,
    of_repository,
    parameters_of,
    same_repository,
)
from iact.sources.git.model import Commit, Release
from iact.stores.query import READ_AGAIN, Query, query

Item = TypeVar("Item")

CHUNK: Final = 2_000
LOOKED_UP: Final = 500
"""How many commits one statement asks for; SQLite and MySQL take far more, but not without limit."""
_RECENT: Final = 8
_ENOUGH: Final = 64


def _count(table: Table) -> Any:
    return select(func.count()).select_from(table).where(of_repository(table)).scalar_subquery()


_REVERTING: Final = CHANGES.alias("reverting")
_REVERTED: Final = CHANGES.alias("reverted_change")

CURSOR: Final = query(
    "Where the last reading of a repository ended.", select(REPOSITORIES.c.cursor).where(of_repository(REPOSITORIES))
)
NOTES: Final = query(
    "What the last reading of a repository noted.", select(REPOSITORIES.c.notes).where(of_repository(REPOSITORIES))
)
CURSORS: Final = query(
    "Where the last reading of each repository of a project ended.",
    select(REPOSITORIES.c.repository, REPOSITORIES.c.cursor).where(REPOSITORIES.c.project == bindparam("in_project")),
    whole="a project has few repositories",
)
COUNTS: Final = query(
    "How much was known of a repository when the last reading ended.",
    select(REPOSITORIES.c.changes, REPOSITORIES.c.deployments, REPOSITORIES.c.reverts).where(
        of_repository(REPOSITORIES)
    ),
)
COUNTED: Final = query(
    "How much is known of a repository.",
    select(
        _count(CHANGES).label("changes"),
        _count(DEPLOYMENTS).label("deployments"),
        select(func.count(REVERTS.c.sha.distinct())).where(of_repository(REVERTS)).scalar_subquery().label("reverts"),
    ),
    whole=READ_AGAIN,
)
FORGET_REPOSITORY: Final = query(
    "Drop where the last reading ended, to note where this one did.",
    delete(REPOSITORIES).where(of_repository(REPOSITORIES)),
    whole="a repository is one row",
)
NOTE_REPOSITORY: Final = query("Note where this reading ended.", insert(REPOSITORIES))
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
FORGET_DEPLOYMENTS: Final = query(
    "Drop all deployments, to put them together again.",
    delete(DEPLOYMENTS).where(of_repository(DEPLOYMENTS)),
    whole=READ_AGAIN,
)
FORGET_DEPLOYMENT: Final = query(
    "Drop one deployment.",
    delete(DEPLOYMENTS).where(of_repository(DEPLOYMENTS), DEPLOYMENTS.c.key == bindparam("of_key")),
)
REPEATED: Final = query(
    "The deployments that brought nothing, which have another key than their commit.",
    select(*(DEPLOYMENTS.c[name] for name in ("key", "name", "names", "sha", "deployed_at", "source"))).where(
        of_repository(DEPLOYMENTS), DEPLOYMENTS.c.key != DEPLOYMENTS.c.sha
    ),
    whole=READ_AGAIN,
)
FORGET_FAILURES: Final = query(
    "Drop all failures, to judge them again.",
    delete(FAILURES).where(of_repository(FAILURES)),
    whole=READ_AGAIN,
)
FORGET_FAILURE: Final = query(
    "Drop one failure.", delete(FAILURES).where(of_repository(FAILURES), FAILURES.c.key == bindparam("of_key"))
)
ADD_CHANGES: Final = query("Add changes.", insert(CHANGES))
ADD_REVERTS: Final = query("Add reverts.", insert(REVERTS))
ADD_DEPLOYMENTS: Final = query("Add deployments.", insert(DEPLOYMENTS))
ADD_FAILURES: Final = query("Add failures.", insert(FAILURES))
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
MARK_HOTFIXES: Final = query(
    "Note which deployments are hot fixes.",
    update(DEPLOYMENTS)
    .where(of_repository(DEPLOYMENTS), DEPLOYMENTS.c.key == bindparam("of_key"))
    .values(is_hotfix=True),
)
UNMARK_HOTFIXES: Final = query(
    "Forget which deployments are hot fixes.",
    update(DEPLOYMENTS).where(of_repository(DEPLOYMENTS), DEPLOYMENTS.c.is_hotfix).values(is_hotfix=False),
    whole=READ_AGAIN,
)
DATE_OLDEST_CHANGES: Final = query(
    "Note of new deployments when the first of their changes was merged, by which those that waited are found.",
    update(DEPLOYMENTS)
    .where(of_repository(DEPLOYMENTS), DEPLOYMENTS.c.oldest_merged_at.is_(None))
    .values(
        oldest_merged_at=func.coalesce(
            select(func.min(CHANGES.c.merged_at))
            .where(
                same_repository(CHANGES, DEPLOYMENTS),
                CHANGES.c.deployment == DEPLOYMENTS.c.key,
                CHANGES.c.merged_at <= DEPLOYMENTS.c.deployed_at,
            )
            .scalar_subquery(),
            DEPLOYMENTS.c.deployed_at,
        )
    ),
)
UNDATE_OLDEST_CHANGE: Final = query(
    "Forget when the first change of a deployment was merged, to look again.",
    update(DEPLOYMENTS)
    .where(of_repository(DEPLOYMENTS), DEPLOYMENTS.c.key == bindparam("of_key"))
    .values(oldest_merged_at=None),
)
ALL_SHAS: Final = query(
    "Every known commit.",
    select(CHANGES.c.sha).where(of_repository(CHANGES)),
    whole=READ_AGAIN,
)
KNOWN_CHANGES: Final = query(
    "What is known of the delivery of some commits.",
    select(CHANGES.c.sha, CHANGES.c.merged_at, CHANGES.c.merged_by, CHANGES.c.deployment).where(
        of_repository(CHANGES), CHANGES.c.sha.in_(bindparam("shas", expanding=True))
    ),
)
KNOWN_DEPLOYMENTS: Final = query(
    "The first deployment of each commit, the earliest first; a later one has another key.",
    select(DEPLOYMENTS.c.sha, DEPLOYMENTS.c.names, DEPLOYMENTS.c.deployed_at)
    .where(of_repository(DEPLOYMENTS), DEPLOYMENTS.c.key == DEPLOYMENTS.c.sha)
    .order_by(DEPLOYMENTS.c.deployed_at, DEPLOYMENTS.c.key),
    whole=READ_AGAIN,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a reading ended.

    Attributes:
        rules: digest of the rules that said what is a change and what a deployment.
        refs: digest of the branches and tags that were there.
        mainline: the end of the mainline.
        merges_to: the end of the branch whose merges are deployments, if there is one.
        tags: digest of all that git showed but where the mainline ends.
        failures: which rules said what is a failure.
        last_incident: when the last incident opened.
        unfound: what incidents name without any deployment being known of it; None: too much to be remembered.
        outside: the commits of told deployments that are no part of the history; None: likewise.
    """

    rules: str
    refs: str
    mainline: str
    merges_to: str | None
    tags: str
    failures: str
    last_incident: str | None = field(default=None, compare=False)
    unfound: Sequence[str] | None = field(default=(), compare=False)
    outside: Sequence[str] | None = field(default=(), compare=False)

    def goes_on_from(self, before: Cursor) -> bool:
        """Return whether nothing but commits and events came since another reading ended."""
        same = (self.rules, self.tags, self.failures) == (before.rules, before.tags, before.failures)
        return same and self.merges_to is None and before.merges_to is None


class Counts(NamedTuple):
    """How much is known of a repository.

    Attributes:
        changes: how many changes.
        deployments: how many deployments.
        reverts: how many changes revert another.
    """

    changes: int
    deployments: int
    reverts: int


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


def mainline_ends(connection: Connection, project: str) -> Iterator[tuple[str, str]]:
    """Walk the repositories of a project that were read: the key of each, and the commit that ended its mainline."""
    for row in CURSORS.rows(connection, in_project=project):
        cursor = json.loads(row["cursor"])
        if "mainline" in cursor:
            yield row["repository"], cursor["mainline"]


class Recorder:
    """Writes what is found in one repository.

    Args:
        connection: in the transaction that it all belongs to.
        project: the project.
        repository: the repository's name in it.
    """

    def __init__(self, connection: Connection, project: str, repository: str) -> None:
        self._connection = connection
        self._named = parameters_of(project, repository)
        self._key = {"project": project, "repository": repository}

    def cursor(self) -> Cursor | None:
        """Return where the last reading ended; None when there was none, or another release of iact did it."""
        row = CURSOR.one(self._connection, **self._named)
        written = {} if row is None else json.loads(row["cursor"])
        return Cursor(**written) if written.keys() == Cursor.__dataclass_fields__.keys() else None

    def notes(self) -> tuple[str, ...]:
        """Return what the last reading noted."""
        row = NOTES.one(self._connection, **self._named)
        return () if row is None else tuple(filter(None, row["notes"].split("\n")))

    def counts(self) -> Counts:
        """Return how much was known when the last reading ended."""
        row = COUNTS.run(self._connection, **self._named).one_or_none()
        return Counts(0, 0, 0) if row is None else Counts(row.changes, row.deployments, row.reverts)

    def counted(self) -> Counts:
        """Count how much is known; that takes longer the more it is."""
        row = COUNTED.run(self._connection, **self._named).one()
        return Counts(row.changes, row.deployments, row.reverts)

    def close(  # noqa: PLR0913 - one parameter for each thing that is noted
        self,
        cursor: Cursor,
        counts: Counts,
        *,
        mainline: str,
        failure_sources: Sequence[str],
        notes: Iterable[str],
        now: datetime,
    ) -> None:
        """Note where this reading ended."""
        DATE_OLDEST_CHANGES.run(self._connection, **self._named)
        FORGET_REPOSITORY.run(self._connection, **self._named)
        written = {name: getattr(cursor, name) for name in Cursor.__dataclass_fields__}
        row = {
            "mainline": mainline[:255],
            "cursor": json.dumps(written, sort_keys=True).encode(),
            "failure_sources": ",".join(failure_sources),
            "notes": "\n".join(notes),
            "synced_at": now,
        }
        row |= counts._asdict()
        NOTE_REPOSITORY.run_many(self._connection, [self._key | row])

    def forget(self) -> set[str]:
        """Drop everything that was made out of git, and return the commits that were known."""
        known = {row["sha"] for row in ALL_SHAS.rows(self._connection, **self._named)}
        for forgetting in (FORGET_CHANGES, FORGET_REVERTS, FORGET_DEPLOYMENTS, FORGET_FAILURES):
            forgetting.run(self._connection, **self._named)
        return known

    def add_changes(self, commits: Sequence[Commit]) -> None:
        """Add changes that are not known yet."""
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
        ADD_CHANGES.run_columns(self._connection, columns)
        reverts = [{"sha": commit.sha, "reverted": sha} for commit in commits for sha in commit.reverts]
        self._many(ADD_REVERTS, [self._key | revert for revert in reverts])

    def deliver(self, commits: Iterable[Commit]) -> None:
        """Note of known changes by what they were merged and where they were deployed."""
        commits = list(commits)
        # One that was deployed before it was merged may be the oldest of its deployment from now on.
        known = {commit.release for commit in commits if commit.release is not None}
        self._many(UNDATE_OLDEST_CHANGE, [self._named | {"of_key": key} for key in known])
        self._many(
            DELIVER_CHANGE,
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

    def known_changes(self, shas: Sequence[str]) -> dict[str, Delivery]:
        """Return how those of some commits that are known were delivered, by commit."""
        return {
            row["sha"]: Delivery(row["merged_at"], row["merged_by"], row["deployment"])
            for part in chunks(shas, LOOKED_UP)
            for row in KNOWN_CHANGES.rows(self._connection, **self._named, shas=part)
        }

    def first_deployments(self, shas: Sequence[str]) -> dict[str, str | None]:
        """Return the first deployment of those of some commits that are known, by commit."""
        return {sha: delivery.deployment for sha, delivery in self.known_changes(shas).items()}

    def known_deployments(self) -> dict[str, tuple[tuple[str, ...], datetime]]:
        """Return names and date of the first deployment of each commit, the earliest first."""
        rows = KNOWN_DEPLOYMENTS.rows(self._connection, **self._named)
        return {row["sha"]: (tuple(row["names"].split("\n")), row["deployed_at"]) for row in rows}

    def delivered(self, deployments: Sequence[str]) -> list[str]:
        """Return some of the newest commits that were both merged and deployed.

        Args:
            deployments: the keys of known deployments, the earliest first.
        """
        keys = list(deployments)[-_RECENT:]
        rows = DELIVERED.rows(self._connection, **self._named, keys=keys) if keys else ()
        return [row["sha"] for row in rows]

    def add_deployments(
        self,
        releases: Iterable[Release],
        changes: Mapping[str, int],
        environment: str,
        oldest: Mapping[str, datetime] | None = None,
    ) -> None:
        """Add deployments.

        Args:
            releases: what git tells of them.
            changes: how many commits each was the first to contain.
            environment: where they went.
            oldest: when the first of those was merged; left out, `close` looks it up.
        """
        for part in chunks(releases, CHUNK):
            rows = [
                {
                    "key": release.sha,
                    "name": release.name[:255],
                    "names": "\n".join(release.names),
                    "sha": release.sha,
                    "deployed_at": release.deployed_at,
                    "previous": release.previous,
                    "environment": environment[:64],
                    "changes": changes.get(release.sha, 0),
                    "is_hotfix": False,
                    "source": release.source,
                    "oldest_merged_at": None
                    if oldest is None
                    else min(oldest.get(release.sha, release.deployed_at), release.deployed_at),
                }
                for release in part
            ]
            self._many(ADD_DEPLOYMENTS, [self._key | row for row in rows])

    def set_repeated(self, repeated: Iterable[Repeated], environment: str) -> None:
        """Bring up to date the deployments that brought nothing, or of which it is not known what they brought.

        Args:
            repeated: what is told of them.
            environment: where they went.
        """
        wanted = {one.key: self._repeated(one, environment) for one in repeated}
        there = {row["key"]: dict(row) for row in REPEATED.rows(self._connection, **self._named)}
        stale = [
            key
            for key, row in there.items()
            if key not in wanted or any(wanted[key][name] != row[name] for name in row)
        ]
        gone = set(stale)
        self._many(FORGET_DEPLOYMENT, [self._named | {"of_key": key} for key in stale])
        fresh = [row for key, row in wanted.items() if key not in there or key in gone]
        for part in chunks(fresh, CHUNK):
            self._many(ADD_DEPLOYMENTS, part)

    def _repeated(self, one: Repeated, environment: str) -> dict[str, Any]:
        return {
            **self._key,
            "key": one.key,
            "name": one.name[:255],
            "names": "\n".join(one.names),
            "sha": one.sha,
            "deployed_at": one.deployed_at,
            "previous": None,
            "environment": environment[:64],
            "changes": 0,
            "is_hotfix": False,
            "source": one.source,
        }

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

    def set_failures(self, failures: Sequence[Failure], hotfixes: Collection[str]) -> None:
        """Replace the failures, and note which deployments are hot fixes."""
        FORGET_FAILURES.run(self._connection, **self._named)
        UNMARK_HOTFIXES.run(self._connection, **self._named)
        rows = [{name: getattr(failure, name) for name in Failure.__dataclass_fields__} for failure in failures]
        self._many(ADD_FAILURES, [self._key | row for row in rows])
        self._many(MARK_HOTFIXES, [self._named | {"of_key": key} for key in hotfixes])

    def replace_failures(self, keys: Sequence[str], failures: Iterable[Failure]) -> None:
        """Replace the failures of some keys."""
        self._many(FORGET_FAILURE, [self._named | {"of_key": key} for key in keys])
        rows = [{name: getattr(failure, name) for name in Failure.__dataclass_fields__} for failure in failures]
        self._many(ADD_FAILURES, [self._key | row for row in rows])

    def _abbreviated(self, start: str) -> tuple[str | None, str | None]:
        # `g` comes after every hexadecimal digit.
        rows = list(ABBREVIATED.rows(self._connection, **self._named, first=start, after=f"{start}g"))
        return (rows[0]["sha"], rows[0]["deployment"]) if len(rows) == 1 else (None, None)

    def _many(self, statement: Query, rows: list[dict[str, Any]]) -> None:
        statement.run_many(self._connection, rows)


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Give items in lists of `size`."""
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
