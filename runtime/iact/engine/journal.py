"""The journal: every fact, decision, intent and receipt of a run, in the same transaction as what it changed.

A row is canonical bytes (RFC 8785) that name the digest of the run's row before, so that a missing or edited row is
found by reading on. Rows are never changed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, func, insert, select

from iact.core import instants
from iact.core.canonical import canonical, digest
from iact.core.errors import FindingError
from iact.engine.tables import JOURNAL, JOURNAL_ANCHORS, JOURNAL_PENDING, of_run
from iact.stores.query import query

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection, RowMapping

FORMAT: Final = "iact/journal/v1"
LOG_RUN: Final = "log"
"""The run that is none: its entries say what happened to the log itself (ADR 0062)."""


class EntryKind(StrEnum):
    """What a journal row is about."""

    STARTED = "started"
    DECISION = "decision"
    ATTEMPT = "attempt"
    RECEIPT = "receipt"
    REVIEW = "review"
    POSTPONED = "postponed"
    OBSERVED = "observed"
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    LOG = "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the journal.

    Attributes:
        run: the run it belongs to.
        sequence: its place in the run, counted from 1 without gaps.
        kind: what it is about.
        at: when it was written, UTC.
        body: the canonical record, without its envelope.
        digest: digest of the stored bytes.
    """

    run: str
    sequence: int
    kind: EntryKind
    at: datetime
    body: Mapping[str, Any]
    digest: str


LAST_MOMENT: Final = query(
    "The newest moment that the journal knows.",
    select(func.max(JOURNAL.c.at).label("at")).where(JOURNAL.c.project == bindparam("project")),
)
ENTRIES_OF_RUN: Final = query(
    "Every journal entry of a run, in order.",
    select(JOURNAL).where(of_run(JOURNAL)).order_by(JOURNAL.c.sequence),
)
ANCHOR: Final = query(
    "Where a run's journal begins, if its first entries were deleted.",
    select(JOURNAL_ANCHORS.c.sequence, JOURNAL_ANCHORS.c.digest, JOURNAL_ANCHORS.c.pruned_at).where(
        of_run(JOURNAL_ANCHORS)
    ),
)
_NEWEST: Final = (
    select(JOURNAL.c.run, func.max(JOURNAL.c.sequence).label("sequence"))
    .where(JOURNAL.c.project == bindparam("project"), JOURNAL.c.run.in_(bindparam("runs", expanding=True)))
    .group_by(JOURNAL.c.run)
    .subquery()
)
LAST_OF_RUNS: Final = query(
    "The newest journal entry of each of these runs.",
    select(JOURNAL.c.run, JOURNAL.c.sequence, JOURNAL.c.digest).join(
        _NEWEST,
        (JOURNAL.c.project == bindparam("project"))
        & (JOURNAL.c.run == _NEWEST.c.run)
        & (JOURNAL.c.sequence == _NEWEST.c.sequence),
    ),
)
APPEND: Final = query("Append one entry to the journal.", insert(JOURNAL))
AWAIT_PLACES: Final = query("Note which entries are to be given their places in the log.", insert(JOURNAL_PENDING))


class Writer:
    """Writes entries of several runs in one transaction: each follows from the one before, whatever order they come in.

    The last entry of every run is read once, when the first one of these runs is written.
    """

    def __init__(self, connection: Connection, project: str, runs: Iterable[str]) -> None:
        """Prepare to write entries of `runs` in the caller's transaction; nothing else may write theirs meanwhile."""
        self._connection, self._project = connection, project
        asked = list(runs)
        rows = LAST_OF_RUNS.all(connection, project=project, runs=asked) if asked else ()
        self._last = {row["run"]: (row["sequence"], row["digest"]) for row in rows}
        for run in asked:
            if run not in self._last:
                anchor = anchor_of(connection, project, run)
                self._last[run] = (anchor["sequence"], anchor["digest"]) if anchor else (0, "")
        self._rows: list[dict[str, Any]] = []

    def append(self, run: str, kind: EntryKind, at: datetime, body: Mapping[str, Any]) -> None:
        """Add an entry; it is written with the next `flush`.

        Raises:
            TypeError: if `body` holds a float or anything else that canonical JSON cannot hold.
        """
        last, previous = self._last[run]
        sequence = last + 1
        content = canonical(
            {
                "format": FORMAT,
                "project": self._project,
                "run": run,
                "sequence": sequence,
                "kind": kind.value,
                "at": instants.write(at),
                "previous": previous,
                "body": dict(body),
            },
        )
        row = {
            "project": self._project,
            "run": run,
            "sequence": sequence,
            "kind": kind.value,
            "at": at,
            "body": content,
            "digest": digest(content),
        }
        self._last[run] = (sequence, row["digest"])
        self._rows.append(row)

    def flush(self) -> None:
        """Write what was added, and that it waits for its places in the log: one row, however many entries it names."""
        if not self._rows:
            return
        APPEND.run_many(self._connection, self._rows)
        AWAIT_PLACES.run(
            self._connection,
            project=self._project,
            written_at=self._rows[-1]["at"],
            entries=canonical(spans((row["run"], row["sequence"]) for row in self._rows)),
        )
        self._rows = []


def spans(entries: Iterable[tuple[str, int]]) -> list[list[str | int]]:
    """Gather entries into `run, first, last`, one for each run, in the order in which the runs come.

    Args:
        entries: run and sequence of each; those of one run follow each other without a gap.
    """
    found: dict[str, list[str | int]] = {}
    for run, sequence in entries:
        found.setdefault(run, [run, sequence, sequence])[2] = sequence
    return list(found.values())


def append(  # noqa: PLR0913 - an entry has this many parts, each named by the caller
    connection: Connection,
    *,
    project: str,
    run: str,
    kind: EntryKind,
    at: datetime,
    body: Mapping[str, Any],
) -> None:
    """Write one entry in the caller's transaction.

    Raises:
        TypeError: if `body` holds a float or anything else that canonical JSON cannot hold.
    """
    writer = Writer(connection, project, [run])
    writer.append(run, kind, at, body)
    writer.flush()


def entries(connection: Connection, project: str, run: str) -> Iterator[Entry]:
    """Walk a run's entries in order."""
    for row in ENTRIES_OF_RUN.rows(connection, project=project, run=run):
        yield entry_of(row)


def entry_of(row: RowMapping) -> Entry:
    """Return a row of the journal as an entry.

    Raises:
        FindingError: if it is none: somebody has changed it.
    """
    try:
        return Entry(
            run=row["run"],
            sequence=row["sequence"],
            kind=EntryKind(row["kind"]),
            at=row["at"],
            body=json.loads(row["body"])["body"],
            digest=row["digest"],
        )
    except (ValueError, TypeError, KeyError):
        message = (
            f"entry {row['sequence']} of run {row['run']} is no entry of a journal any more: its row was changed by "
            f"other means than iact. `iact audit show {row['run']}/{row['sequence']}` shows it; restore a backup."
        )
        raise FindingError(message) from None


def entry_from_bytes(content: bytes) -> Entry:
    """Return the entry that is stored as these bytes.

    Raises:
        ValueError: if they are none's.
    """
    try:
        record = json.loads(content)
        return Entry(
            run=record["run"],
            sequence=record["sequence"],
            kind=EntryKind(record["kind"]),
            at=instants.parse(record["at"]),
            body=record["body"],
            digest=digest(content),
        )
    except (KeyError, TypeError) as error:
        message = "these are not the bytes of an entry"
        raise ValueError(message) from error


def anchor_of(connection: Connection, project: str, run: str) -> RowMapping | None:
    """Return `sequence` and `digest` of the last entry of a run that was deleted; None where none was."""
    return ANCHOR.one(connection, project=project, run=run)


def broken_link(connection: Connection, project: str, run: str) -> int | None:
    """Return the sequence of the first entry that does not follow from the one before, or None where all do.

    Where the first entries were deleted, the anchor that they left is what the next one has to follow from.
    """
    anchor = anchor_of(connection, project, run)
    previous, expected = (anchor["digest"], anchor["sequence"] + 1) if anchor else ("", 1)
    for row in ENTRIES_OF_RUN.rows(connection, project=project, run=run):
        try:
            record = json.loads(row["body"])
            fits = (record["previous"], record["sequence"], row["sequence"]) == (previous, expected, expected)
        except (ValueError, TypeError, KeyError):
            return expected
        if not fits or not isinstance(row["body"], bytes) or digest(row["body"]) != row["digest"]:
            return expected
        previous, expected = row["digest"], expected + 1
    return None
