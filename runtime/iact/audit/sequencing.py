"""Giving committed entries of the journal their places in the log, one after the other, whoever does it.

Writers never wait for the tree: with their entries they leave a row that says which ones wait. Any process may take
such rows in. All that it does is one transaction: places, hashes, and the head, which is moved from the size that was
read or not at all. So a process that is killed leaves nothing half-done, and one that was paused and goes on later,
when others have moved the head, changes nothing.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from iact.audit.store import (
    ADD_LEAVES,
    ADD_TILES,
    BEGIN_LOG,
    BYTES_OF_SPAN,
    DROP_PENDING,
    DROP_TILE,
    LAST_PLACED,
    LOCK_HEAD,
    MOVE_HEAD,
    PENDING,
    as_stored,
    head,
    tile_reader,
)
from iact.audit.tiles import HEIGHT, WIDTH, Tiles
from iact.audit.tree import EMPTY_ROOT, leaf_hash
from iact.engine.journal import anchor_of
from iact.stores.units import read, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection, RowMapping

    from iact.engine.host import Host

_LOGGER: Final = logging.getLogger(__name__)
ROWS_AT_ONCE: Final = 1_000
"""How many rows of what waits are taken in together at most."""
ENTRIES_AT_ONCE: Final = 5_000
"""After how many entries no further row is taken in: what is done together stays a short transaction."""


class LostEntryError(Exception):
    """What waits for its place is gone or was changed, so that the log cannot go on."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}; restore the store from a backup. Nothing was given a place meanwhile.")


class HeadMovedError(Exception):
    """Somebody else gave places while this process thought that it was alone; what it did was taken back."""


@dataclass(frozen=True, slots=True)
class Sequenced:
    """What was given places.

    Attributes:
        entries: how many entries.
        has_more: whether more may wait.
    """

    entries: int
    has_more: bool


NOTHING: Final = Sequenced(0, has_more=False)


def sequence(host: Host, *, most: int = ENTRIES_AT_ONCE) -> int:
    """Give everything that waits its place, in as many transactions as it takes; return how many entries that were.

    Where another process is about it, leave it to that one.

    Args:
        host: where the runs live.
        most: after how many entries a transaction takes in no further row.

    Raises:
        LostEntryError: if an entry that waits is not in the journal.
        EnvironmentProblemError: if the store does not answer.
    """
    if not read(host.engine, lambda connection: anything_waits(connection, host.project)):
        return 0
    begin_log(host)
    entries = 0
    while True:
        found = write(host.engine, lambda connection: take_in(connection, host.project, host.now(connection), most))
        entries += found.entries
        if not found.has_more:
            return entries


def anything_waits(connection: Connection, project: str) -> bool:
    """Return whether any entry waits for its place."""
    return bool(PENDING.all(connection, project=project, most=1))


def begin_log(host: Host) -> None:
    """Begin the log of a project, where nobody has."""
    if read(host.engine, lambda connection: head(connection, host.project)) is not None:
        return

    def begin(connection: Connection) -> None:
        if head(connection, host.project) is None:
            BEGIN_LOG.run(connection, project=host.project, size=0, root=EMPTY_ROOT, sequenced_at=None, swept=0)

    write(host.engine, begin, meets_others=True)


def take_in(connection: Connection, project: str, now: datetime, most: int = ENTRIES_AT_ONCE) -> Sequenced:
    """Give what waits longest its places, in the caller's transaction.

    Args:
        connection: in a writing transaction.
        project: the project.
        now: the present moment, UTC.
        most: after how many entries no further row is taken in.

    Raises:
        LostEntryError: if an entry that waits is not in the journal.
        HeadMovedError: if somebody else moved the head, which the lock on it does not allow.
    """
    locked = LOCK_HEAD.one(connection, project=project)
    if locked is None:
        return NOTHING
    rows = PENDING.all(connection, project=project, most=ROWS_AT_ONCE)
    taken, chosen = _chosen(rows, most)
    if not taken:
        return NOTHING
    spans = _without_gaps(connection, project, chosen)
    entries = [(run, number) for run, first, last in spans for number in range(first, last + 1)]
    contents = _contents(connection, project, spans)
    tiles = Tiles(locked["size"], tile_reader(connection, project))
    tiles.append(leaf_hash(contents[entry]) for entry in entries)
    _keep_leaves(connection, project, locked["size"], entries)
    _keep_tiles(connection, project, locked["size"], tiles)
    DROP_PENDING.run(connection, project=project, numbers=[row["number"] for row in taken])
    moved = MOVE_HEAD.run(
        connection,
        b_project=project,
        old_size=locked["size"],
        new_size=tiles.size,
        new_root=tiles.root(),
        now=now,
    )
    if moved.rowcount != 1:
        raise HeadMovedError
    return Sequenced(len(entries), has_more=len(taken) < len(rows) or len(rows) == ROWS_AT_ONCE)


def _chosen(rows: Sequence[RowMapping], most: int) -> tuple[list[RowMapping], list[tuple[str, int, int]]]:
    """Return the rows that are taken in together, and the spans of entries that they name, in order."""
    taken: list[RowMapping] = []
    spans: list[tuple[str, int, int]] = []
    entries = 0
    for row in rows:
        if entries >= most:
            break
        found = _spans_of(row)
        taken.append(row)
        spans += found
        entries += sum(last - first + 1 for _, first, last in found)
    return taken, spans


def _spans_of(row: RowMapping) -> list[tuple[str, int, int]]:
    try:
        return [(str(run), int(first), int(last)) for run, first, last in json.loads(row["entries"])]
    except (ValueError, TypeError):
        message = f"row {row['number']} of `journal_pending` says no more which entries wait: it was changed"
        raise LostEntryError(message) from None


def _without_gaps(
    connection: Connection, project: str, spans: Sequence[tuple[str, int, int]]
) -> list[tuple[str, int, int]]:
    """Return spans that begin where the run's last entry with a place ends.

    What is in between was written by a process of a release that knew no log. A run whose first entries were deleted
    before there was a log never gets a place: nobody could tell what its others follow from.
    """
    rows = LAST_PLACED.all(connection, project=project, runs=sorted({run for run, _, _ in spans}))
    last = {row["run"]: row["sequence"] for row in rows}
    found: list[tuple[str, int, int]] = []
    for run, first, end in spans:
        begin = last.get(run, 0) + 1
        if begin == 1 < first and anchor_of(connection, project, run) is not None:
            _LOGGER.warning(
                "entries %d to %d of run %s get no place in the log: its first entries were deleted before there was "
                "one. If the run is younger than the log, somebody has changed `journal_anchors`",
                *(first, end, run),
            )
            continue
        if end >= begin:  # else a sweep found it before, and it waited all the same
            found.append((run, begin, end))
            last[run] = end
    return found


def _contents(
    connection: Connection, project: str, spans: Sequence[tuple[str, int, int]]
) -> dict[tuple[str, int], bytes]:
    """Return the stored bytes of all entries of some spans."""
    found: dict[tuple[str, int], bytes] = {}
    for run, first, last in _joined(spans):
        rows = BYTES_OF_SPAN.all(connection, project=project, run=run, first_sequence=first, last_sequence=last)
        for row in rows:
            content, wrong = as_stored(row["body"])
            if content is None or wrong:
                message = f"entry {row['sequence']} of run {run} waits for its place in the log and {wrong}"
                raise LostEntryError(message)
            found[run, row["sequence"]] = content
        missing = next((number for number in range(first, last + 1) if (run, number) not in found), None)
        if missing is not None:
            message = f"entry {missing} of run {run} waits for its place in the log and is not in the journal"
            raise LostEntryError(message)
    return found


def _joined(spans: Sequence[tuple[str, int, int]]) -> Iterator[tuple[str, int, int]]:
    """Yield spans, those of one run that follow each other put together: each costs a question."""
    joined: dict[str, tuple[int, int]] = {}
    for run, first, last in spans:
        if run in joined and joined[run][1] + 1 != first:
            yield run, *joined.pop(run)
        joined[run] = (joined[run][0] if run in joined else first, last)
    for run, (first, last) in joined.items():
        yield run, first, last


def _keep_leaves(connection: Connection, project: str, size: int, entries: Sequence[tuple[str, int]]) -> None:
    columns: dict[str, Sequence[Any]] = {
        "project": [project] * len(entries),
        "place": range(size, size + len(entries)),
        "run": [run for run, _ in entries],
        "sequence": [number for _, number in entries],
    }
    ADD_LEAVES.run_columns(connection, columns)


def _keep_tiles(connection: Connection, project: str, old_size: int, tiles: Tiles) -> None:
    """Keep the tiles that changed; those that had been begun before make room for what became of them."""
    for place in tiles.changed:
        begun = old_size >> HEIGHT * place.level
        if begun % WIDTH and place.index == begun // WIDTH:
            DROP_TILE.run(connection, project=project, level=place.level, place=place.index)
    ADD_TILES.run_many(
        connection,
        [
            {"project": project, "level": place.level, "place": place.index, "hashes": hashes}
            for place, hashes in tiles.changed.items()
        ],
    )
