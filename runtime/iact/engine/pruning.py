"""Deleting runs that have ended, and their journals from the front, so that what is left can still be verified.

Entries of a journal name the digest of the one before. Where the beginning of a journal was deleted, an anchor keeps
the sequence and the digest of its last deleted entry: the next entry must follow from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, insert, or_, select, update
from sqlalchemy.engine import Connection

from iact.engine.journal import anchor_of
from iact.engine.store import DEAD, DECIDED, REVIEW, STARTED, WORKING
from iact.engine.tables import (
    CLAIMS,
    HOLDS,
    INTENTS,
    JOURNAL,
    JOURNAL_ANCHORS,
    PRUNINGS,
    RUNS,
    TIMERS,
    TRIGGERS,
    of_run,
)
from iact.stores.columns import Instant
from iact.stores.query import query


def _of_runs(table: Any) -> Any:
    return (table.c.project == bindparam("project")) & table.c.run.in_(bindparam("runs", expanding=True))


ENDED: Final = query(
    "The runs that ended before a moment, the earliest first, going on after one of them.",
    select(RUNS.c.run, RUNS.c.subject, RUNS.c.ended_at)
    .where(
        RUNS.c.project == bindparam("project"),
        RUNS.c.ended_at < bindparam("before", type_=Instant()),
        RUNS.c.ended_at >= bindparam("after", type_=Instant()),
        or_(RUNS.c.ended_at > bindparam("after", type_=Instant()), RUNS.c.run > bindparam("last")),
    )
    .order_by(RUNS.c.ended_at, RUNS.c.run)
    .limit(bindparam("most")),
)
WITH_ENTRIES: Final = query(
    "Which of some runs have a journal.",
    select(JOURNAL.c.run).where(_of_runs(JOURNAL)).distinct(),
)
UNSETTLED: Final = query(
    "Which of some runs have an action whose outcome is open, or that a person has to look at.",
    select(INTENTS.c.run)
    .where(_of_runs(INTENTS), INTENTS.c.status.in_([DECIDED, STARTED, WORKING, REVIEW, DEAD]))
    .distinct(),
)
UNHANDLED: Final = query(
    "Which of some runs were told something that they have not decided upon.",
    select(TRIGGERS.c.run).where(_of_runs(TRIGGERS), TRIGGERS.c.handled_at.is_(None)).distinct(),
)
HOLDING: Final = query(
    "Which of some runs hold something that only one run may.",
    select(HOLDS.c.run).where(_of_runs(HOLDS)).distinct(),
)
COUNTS: Final = query(
    "How many rows belong to a run.",
    select(
        *(
            select(func.count()).select_from(table).where(of_run(table)).scalar_subquery().label(table.name)
            for table in (JOURNAL, INTENTS, TRIGGERS, TIMERS, CLAIMS)
        )
    ),
)
FIRST_ENTRIES: Final = query(
    "The first entries of a run's journal.",
    select(JOURNAL.c.sequence, JOURNAL.c.digest)
    .where(of_run(JOURNAL))
    .order_by(JOURNAL.c.sequence)
    .limit(bindparam("most")),
)
DROP_ENTRIES: Final = query(
    "Delete the entries of a run's journal up to one of them.",
    delete(JOURNAL).where(of_run(JOURNAL), JOURNAL.c.sequence <= bindparam("sequence")),
)
SET_ANCHOR: Final = query("Note where a journal begins from now on.", insert(JOURNAL_ANCHORS))
MOVE_ANCHOR: Final = query(
    "Note that a journal begins later from now on.",
    update(JOURNAL_ANCHORS)
    .where(
        JOURNAL_ANCHORS.c.project == bindparam("b_project"),
        JOURNAL_ANCHORS.c.run == bindparam("b_run"),
        JOURNAL_ANCHORS.c.sequence < bindparam("sequence"),
    )
    .values(sequence=bindparam("sequence"), digest=bindparam("digest"), pruned_at=bindparam("pruned_at")),
)
DROP_INTENTS: Final = query("Delete the actions of a run.", delete(INTENTS).where(of_run(INTENTS)))
DROP_TRIGGERS: Final = query("Delete what a run was told.", delete(TRIGGERS).where(of_run(TRIGGERS)))
DROP_TIMERS: Final = query("Delete the times that a run waits for.", delete(TIMERS).where(of_run(TIMERS)))
DROP_CLAIM: Final = query("Delete who advances a run.", delete(CLAIMS).where(of_run(CLAIMS)))
DROP_RUN: Final = query("Delete a run.", delete(RUNS).where(of_run(RUNS)))

PRUNED_UNTIL: Final = query(
    "Up to which moment records of a kind were deleted.",
    select(func.max(PRUNINGS.c.cutoff, type_=Instant())).where(
        PRUNINGS.c.project == bindparam("project"), PRUNINGS.c.records == bindparam("records")
    ),
)
NOTE_PRUNING: Final = query("Note that records are deleted from now on.", insert(PRUNINGS))
COUNT_PRUNING: Final = query(
    "Note how many rows were deleted.",
    update(PRUNINGS)
    .where(
        PRUNINGS.c.project == bindparam("b_project"),
        PRUNINGS.c.records == bindparam("b_records"),
        PRUNINGS.c.began_at == bindparam("b_began_at", type_=Instant()),
    )
    .values(deleted=PRUNINGS.c.deleted + bindparam("added")),
)

_DROPS: Final = {
    "intents": DROP_INTENTS,
    "triggers": DROP_TRIGGERS,
    "timers": DROP_TIMERS,
    "claims": DROP_CLAIM,
    "runs": DROP_RUN,
}
EARLIEST: Final = datetime(1000, 1, 1, tzinfo=UTC)
"""Before every run: the first moment that every database can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedRun:
    """A run that has ended.

    Attributes:
        run: its identifier.
        subject: what it is about.
        ended_at: when it ended, UTC.
        needed_for: why it has to stay all the same; empty where nothing needs it.
        has_journal: whether it has journal entries.
    """

    run: str
    subject: str
    ended_at: datetime
    needed_for: str
    has_journal: bool


def ended_runs(
    connection: Connection, project: str, before: datetime, after: tuple[datetime, str] | None, most: int
) -> list[EndedRun]:
    """Return runs that ended before a moment, the earliest first.

    Args:
        connection: an open connection.
        project: the project.
        before: the moment.
        after: end and name of the run after which to go on; None begins with the earliest.
        most: how many at most.
    """
    since, last = after or (EARLIEST, "")
    rows = ENDED.run(connection, project=project, before=before, after=since, last=last, most=most).all()
    runs = [row.run for row in rows]
    if not runs:
        return []
    needed = _needed(connection, project, runs)
    with_entries = {row.run for row in WITH_ENTRIES.run(connection, project=project, runs=runs)}
    return [
        EndedRun(
            run=row.run,
            subject=row.subject,
            ended_at=row.ended_at,
            needed_for=needed.get(row.run, ""),
            has_journal=row.run in with_entries,
        )
        for row in rows
    ]


def _needed(connection: Connection, project: str, runs: list[str]) -> dict[str, str]:
    """Return why some of the runs are still open, although they have ended."""
    return {
        row.run: reason
        for asked, reason in (
            (HOLDING, "still holds what only one run may"),
            (UNHANDLED, "was told something that it has not decided upon"),
            (UNSETTLED, "an action is not settled"),
        )
        for row in asked.run(connection, project=project, runs=runs)
    }


def rows_of(connection: Connection, project: str, run: str) -> dict[str, int]:
    """Return how many rows of each table belong to a run, itself included."""
    counted = COUNTS.run(connection, project=project, run=run).mappings().one()
    return {**counted, "runs": 1}


def delete_entries(connection: Connection, project: str, run: str, *, most: int, now: datetime) -> tuple[int, bool]:
    """Delete the first entries of a run's journal and anchor what is left; return how many, and whether those were all.

    Args:
        connection: in a writing transaction.
        project: the project.
        run: the run.
        most: how many entries at most.
        now: the present moment, UTC.
    """
    entries = FIRST_ENTRIES.run(connection, project=project, run=run, most=most + 1).all()
    gone = entries[:most]
    if gone:
        last = gone[-1]
        DROP_ENTRIES.run(connection, project=project, run=run, sequence=last.sequence)
        noted = {"sequence": last.sequence, "digest": last.digest, "pruned_at": now}
        if anchor_of(connection, project, run) is None:
            SET_ANCHOR.run(connection, project=project, run=run, **noted)
        else:
            MOVE_ANCHOR.run(connection, b_project=project, b_run=run, **noted)
    return len(gone), len(entries) <= most


def delete_run(connection: Connection, project: str, run: str) -> dict[str, int]:
    """Delete a run whose journal was deleted, with all that belongs to it; return how many rows of each table."""
    return {name: drop.run(connection, project=project, run=run).rowcount for name, drop in _DROPS.items()}


def pruned_until(connection: Connection, project: str, records: str) -> datetime | None:
    """Return up to which moment records of a kind were deleted; None where none ever were."""
    found: datetime | None = PRUNED_UNTIL.run(connection, project=project, records=records).scalar_one()
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """One command's deleting of one kind of record, noted with what it deleted.

    Attributes:
        project: the project.
        records: the kind.
        began_at: when the command began, UTC.
        cutoff: what ended (of a cycle: began) before this moment was deleted.
        policies: name and digest of the policies that said so, one a line.
    """

    project: str
    records: str
    began_at: datetime
    cutoff: datetime
    policies: str

    def note(self, connection: Connection) -> None:
        """Note that it begins."""
        NOTE_PRUNING.run(
            connection,
            project=self.project,
            records=self.records,
            began_at=self.began_at,
            cutoff=self.cutoff,
            policies=self.policies,
            deleted=0,
        )

    def count(self, connection: Connection, rows: int) -> None:
        """Note, in the transaction that deletes them, that so many more rows were deleted."""
        COUNT_PRUNING.run(
            connection, b_project=self.project, b_records=self.records, b_began_at=self.began_at, added=rows
        )
