"""Where the last reading of a repository ended, and how much was known then."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Table, bindparam, delete, func, insert, select
from sqlalchemy.engine import Connection

from iact.dora.recorder.rows import Rows
from iact.dora.tables import CHANGES, DEPLOYMENTS, REPOSITORIES, REVERTS, of_repository
from iact.stores.query import READ_AGAIN, query


def _count(table: Table) -> Any:
    return select(func.count()).select_from(table).where(of_repository(table)).scalar_subquery()


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


def mainline_ends(connection: Connection, project: str) -> Iterator[tuple[str, str]]:
    """Walk the repositories of a project that were read: the key of each, and the commit that ended its mainline."""
    for row in CURSORS.rows(connection, in_project=project):
        cursor = json.loads(row["cursor"])
        if "mainline" in cursor:
            yield row["repository"], cursor["mainline"]


class Ending(Rows):
    """The end of the last reading."""

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

    def note(  # noqa: PLR0913 - one parameter for each thing that is noted
        self,
        cursor: Cursor,
        counts: Counts,
        *,
        mainline: str,
        failure_sources: Sequence[str],
        notes: Iterable[str],
        now: datetime,
    ) -> None:
        """Note where this reading ended.

        Args:
            cursor: where.
            counts: how much is known now.
            mainline: the name of the branch to which changes are merged.
            failure_sources: the kinds of failure that are looked for.
            notes: what was left out and why, for people.
            now: the present moment.
        """
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
