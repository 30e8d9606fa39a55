"""What is asked of the tables of the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, bindparam, delete, insert, select, update

from iact.audit.tables import LOG_CHECKPOINTS, LOG_HEADS, LOG_LEAVES, LOG_TILES
from iact.audit.tiles import Place
from iact.engine.tables import JOURNAL, JOURNAL_PENDING
from iact.stores.query import query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from iact.audit.tiles import ReadTile

READ_AT_ONCE: Final = 1_000
"""How many entries are held at once where a part of the log is read."""

HEAD: Final = query(
    "How far the log of a project goes.",
    select(LOG_HEADS).where(LOG_HEADS.c.project == bindparam("project")),
)
LOCK_HEAD: Final = query(
    "How far the log of a project goes, unless somebody else is giving places.",
    select(LOG_HEADS).where(LOG_HEADS.c.project == bindparam("project")).with_for_update(skip_locked=True),
)
BEGIN_LOG: Final = query("Begin the log of a project.", insert(LOG_HEADS))
MOVE_HEAD: Final = query(
    "Let a log go on from the size that was read, and from no other.",
    update(LOG_HEADS)
    .where(LOG_HEADS.c.project == bindparam("b_project"), LOG_HEADS.c.size == bindparam("old_size"))
    .values(size=bindparam("new_size"), root=bindparam("new_root"), sequenced_at=bindparam("now")),
)
PENDING: Final = query(
    "What waits longest for its places in the log.",
    select(JOURNAL_PENDING.c.number, JOURNAL_PENDING.c.written_at, JOURNAL_PENDING.c.entries)
    .where(JOURNAL_PENDING.c.project == bindparam("project"))
    .order_by(JOURNAL_PENDING.c.number)
    .limit(bindparam("most")),
)
DROP_PENDING: Final = query(
    "Forget that entries waited which have their places.",
    delete(JOURNAL_PENDING).where(
        JOURNAL_PENDING.c.project == bindparam("project"),
        JOURNAL_PENDING.c.number.in_(bindparam("numbers", expanding=True)),
    ),
)
BYTES_OF_SPAN: Final = query(
    "The stored bytes of some entries of a run that follow each other.",
    select(JOURNAL.c.sequence, JOURNAL.c.body)
    .where(
        JOURNAL.c.project == bindparam("project"),
        JOURNAL.c.run == bindparam("run"),
        JOURNAL.c.sequence.between(bindparam("first"), bindparam("last")),
    )
    .order_by(JOURNAL.c.sequence),
)
ADD_LEAVES: Final = query("Give entries of the journal their places.", insert(LOG_LEAVES))
TILE: Final = query(
    "One tile of the log.",
    select(LOG_TILES.c.hashes).where(
        LOG_TILES.c.project == bindparam("project"),
        LOG_TILES.c.level == bindparam("level"),
        LOG_TILES.c.place == bindparam("place"),
    ),
)
DROP_TILE: Final = query(
    "Forget a tile that has gone on.",
    delete(LOG_TILES).where(
        LOG_TILES.c.project == bindparam("project"),
        LOG_TILES.c.level == bindparam("level"),
        LOG_TILES.c.place == bindparam("place"),
    ),
)
ADD_TILES: Final = query("Keep tiles of the log.", insert(LOG_TILES))
LEAVES: Final = query(
    "A part of the log with the stored bytes of its entries, in order; none where they were deleted.",
    select(LOG_LEAVES.c.place, LOG_LEAVES.c.run, LOG_LEAVES.c.sequence, JOURNAL.c.body)
    .select_from(
        LOG_LEAVES.outerjoin(
            JOURNAL,
            and_(
                JOURNAL.c.project == LOG_LEAVES.c.project,
                JOURNAL.c.run == LOG_LEAVES.c.run,
                JOURNAL.c.sequence == LOG_LEAVES.c.sequence,
            ),
        )
    )
    .where(
        LOG_LEAVES.c.project == bindparam("project"),
        LOG_LEAVES.c.place >= bindparam("first"),
        LOG_LEAVES.c.place < bindparam("last"),
    )
    .order_by(LOG_LEAVES.c.place),
)
CHECKPOINTS: Final = query(
    "What was signed of logs of these sizes, the smallest first.",
    select(LOG_CHECKPOINTS.c.size, LOG_CHECKPOINTS.c.note, LOG_CHECKPOINTS.c.at)
    .where(
        LOG_CHECKPOINTS.c.project == bindparam("project"),
        LOG_CHECKPOINTS.c.size >= bindparam("smallest"),
        LOG_CHECKPOINTS.c.size <= bindparam("largest"),
    )
    .order_by(LOG_CHECKPOINTS.c.size),
)
NEWEST_CHECKPOINT: Final = query(
    "What was signed last.",
    select(LOG_CHECKPOINTS.c.size, LOG_CHECKPOINTS.c.note, LOG_CHECKPOINTS.c.at)
    .where(LOG_CHECKPOINTS.c.project == bindparam("project"))
    .order_by(LOG_CHECKPOINTS.c.size.desc())
    .limit(1),
)
ADD_CHECKPOINT: Final = query("Keep what was signed.", insert(LOG_CHECKPOINTS))


@dataclass(frozen=True, slots=True)
class Head:
    """How far a log goes.

    Attributes:
        size: how many entries have their places.
        root: of the tree over them.
        sequenced_at: when the newest of them was given its place, UTC; None in an empty log.
    """

    size: int
    root: bytes
    sequenced_at: datetime | None


@dataclass(frozen=True, slots=True)
class Leaf:
    """An entry of the log.

    Attributes:
        place: in the log, counted from 0.
        run: the run whose entry it is.
        sequence: its place in that run, counted from 1.
        content: its stored bytes; None where they were deleted.
    """

    place: int
    run: str
    sequence: int
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint that was signed.

    Attributes:
        size: how many entries the log had.
        note: the signed note.
        at: when it was signed, UTC.
    """

    size: int
    note: bytes
    at: datetime


def head(connection: Connection, project: str) -> Head | None:
    """Return how far the log of a project goes; None where none was begun."""
    row = HEAD.one(connection, project=project)
    return Head(row["size"], row["root"], row["sequenced_at"]) if row else None


def tile_reader(connection: Connection, project: str) -> ReadTile:
    """Return what reads the tiles of a project's log, as long as the connection is open."""

    def read(place: Place) -> bytes:
        row = TILE.one(connection, project=project, level=place.level, place=place.index)
        if row is None:
            raise KeyError(place)
        hashes: bytes = row["hashes"]
        return hashes

    return read


def leaves(connection: Connection, project: str, first: int, last: int) -> Iterator[Leaf]:
    """Walk the entries from one place up to, but without, another; few of them are held at once."""
    for begin in range(first, last, READ_AT_ONCE):
        end = min(begin + READ_AT_ONCE, last)
        for row in LEAVES.all(connection, project=project, first=begin, last=end):
            yield Leaf(row["place"], row["run"], row["sequence"], row["body"])


def checkpoints(connection: Connection, project: str, smallest: int, largest: int) -> Iterator[Signed]:
    """Walk what was signed of logs of these sizes, the smallest first."""
    for row in CHECKPOINTS.rows(connection, project=project, smallest=smallest, largest=largest):
        yield Signed(row["size"], row["note"], row["at"])


def newest_checkpoint(connection: Connection, project: str) -> Signed | None:
    """Return what was signed last; None where nothing was."""
    row = NEWEST_CHECKPOINT.one(connection, project=project)
    return Signed(row["size"], row["note"], row["at"]) if row else None
