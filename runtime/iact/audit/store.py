"""What is asked of the tables of the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import String, and_, bindparam, cast, delete, func, insert, select, update
from sqlalchemy.exc import OperationalError

from iact.audit.tables import LOG_ARCHIVES, LOG_CHECKPOINTS, LOG_HEADS, LOG_KEYS, LOG_LEAVES, LOG_TILES
from iact.audit.tiles import Place
from iact.engine.journal import anchor_of
from iact.engine.tables import JOURNAL, JOURNAL_PENDING
from iact.stores.columns import Instant
from iact.stores.query import EVERYTHING, query

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection, RowMapping

    from iact.audit.tiles import ReadTile

READ_AT_ONCE: Final = 1_000
"""How many entries are held at once where a part of the log is read."""

SAME_ENTRY: Final = and_(
    JOURNAL.c.project == LOG_LEAVES.c.project,
    JOURNAL.c.run == LOG_LEAVES.c.run,
    JOURNAL.c.sequence == LOG_LEAVES.c.sequence,
)
"""That a row of the journal and a place in the log are those of one entry."""

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
    whole="a project has one row",
)
MOVE_SWEPT: Final = query(
    "Note how far the journal was looked through: for rows that lack their places, and for rows that were changed.",
    update(LOG_HEADS)
    .where(LOG_HEADS.c.project == bindparam("b_project"), LOG_HEADS.c.swept <= bindparam("number"))
    .values(
        swept=bindparam("number"),
        checked=bindparam("new_checked"),
        checked_at=bindparam("new_checked_at", type_=Instant()),
        damage=bindparam("new_damage"),
    ),
    whole="a project has one row",
)
PLACES_AFTER: Final = query(
    "The next rows of the journal that were written before a moment, each with its place in the log.",
    select(JOURNAL.c.number, JOURNAL.c.run, JOURNAL.c.sequence, LOG_LEAVES.c.place)
    .select_from(JOURNAL.outerjoin(LOG_LEAVES, SAME_ENTRY))
    .where(
        JOURNAL.c.number > bindparam("after_number"),
        JOURNAL.c.project == bindparam("project"),
        JOURNAL.c.at < bindparam("before", type_=Instant()),
    )
    .order_by(JOURNAL.c.number)
    .limit(bindparam("most")),
)
PENDING: Final = query(
    "What waits longest for its places in the log.",
    select(JOURNAL_PENDING.c.number, JOURNAL_PENDING.c.written_at, JOURNAL_PENDING.c.entries)
    .where(JOURNAL_PENDING.c.project == bindparam("project"))
    .order_by(JOURNAL_PENDING.c.number)
    .limit(bindparam("most")),
    whole="those that wait longest, and no more than are asked for",
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
        JOURNAL.c.sequence.between(bindparam("first_sequence"), bindparam("last_sequence")),
    )
    .order_by(JOURNAL.c.sequence),
)
LAST_PLACED: Final = query(
    "The newest entry that has a place, of each of some runs.",
    select(LOG_LEAVES.c.run, func.max(LOG_LEAVES.c.sequence).label("sequence"))
    .where(
        LOG_LEAVES.c.project == bindparam("project"),
        LOG_LEAVES.c.run.in_(bindparam("runs", expanding=True)),
    )
    .group_by(LOG_LEAVES.c.run),
)
PLACE_OF: Final = query(
    "The place of an entry of a run.",
    select(LOG_LEAVES.c.place).where(
        LOG_LEAVES.c.project == bindparam("project"),
        LOG_LEAVES.c.run == bindparam("run"),
        LOG_LEAVES.c.sequence == bindparam("sequence"),
    ),
)
OF_RUN: Final = query(
    "The places of the entries of the runs whose names begin so.",
    select(LOG_LEAVES.c.place, LOG_LEAVES.c.run)
    .where(
        LOG_LEAVES.c.project == bindparam("project"),
        LOG_LEAVES.c.run >= bindparam("first_run"),
        LOG_LEAVES.c.run <= bindparam("last_run"),
    )
    .order_by(LOG_LEAVES.c.run, LOG_LEAVES.c.sequence),
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
    select(
        LOG_LEAVES.c.place,
        LOG_LEAVES.c.run,
        LOG_LEAVES.c.sequence,
        JOURNAL.c.body,
        JOURNAL.c.kind,
        JOURNAL.c.digest,
        # As text, since an embedded store keeps whatever somebody puts there.
        cast(JOURNAL.c.at, String(40)).label("at"),
    )
    .select_from(LOG_LEAVES.outerjoin(JOURNAL, SAME_ENTRY))
    .where(
        LOG_LEAVES.c.project == bindparam("project"),
        LOG_LEAVES.c.place >= bindparam("first_place"),
        LOG_LEAVES.c.place < bindparam("end_place"),
    )
    .order_by(LOG_LEAVES.c.place),
)
PLACES_WITHIN: Final = query(
    "The places of the first and the last entry that was written in a period.",
    select(func.min(LOG_LEAVES.c.place).label("first"), func.max(LOG_LEAVES.c.place).label("last"))
    .select_from(JOURNAL.join(LOG_LEAVES, SAME_ENTRY))
    .where(
        JOURNAL.c.project == bindparam("project"),
        JOURNAL.c.at >= bindparam("since", type_=Instant()),
        JOURNAL.c.at < bindparam("before", type_=Instant()),
        LOG_LEAVES.c.place < bindparam("size"),
    ),
    whole=EVERYTHING,
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
    whole="the newest is read and no other",
)
ADD_CHECKPOINT: Final = query("Keep what was signed.", insert(LOG_CHECKPOINTS))
KEYS: Final = query(
    "The keys of a log, the earliest first.",
    select(LOG_KEYS.c.number, LOG_KEYS.c.key, LOG_KEYS.c.rotation, LOG_KEYS.c.since)
    .where(LOG_KEYS.c.project == bindparam("project"))
    .order_by(LOG_KEYS.c.number),
    whole="a key is changed once a year",
)
ADD_KEY: Final = query("Note a key of a log.", insert(LOG_KEYS))
ARCHIVES: Final = query(
    "The parts of a log that are in the archive, in order.",
    select(LOG_ARCHIVES).where(LOG_ARCHIVES.c.project == bindparam("project")).order_by(LOG_ARCHIVES.c.begin_place),
    whole="journals are deleted once a night at most",
)
ADD_ARCHIVE: Final = query("Note that a part of a log is in the archive.", insert(LOG_ARCHIVES))
OLDEST_WAITING: Final = query(
    "Since when what waits longest has waited for its place.",
    select(JOURNAL_PENDING.c.written_at)
    .where(JOURNAL_PENDING.c.project == bindparam("project"))
    .order_by(JOURNAL_PENDING.c.number)
    .limit(1),
    whole="the first of them and no other",
)


@dataclass(frozen=True, slots=True)
class Head:
    """How far a log goes.

    Attributes:
        size: how many entries have their places.
        root: of the tree over them.
        sequenced_at: when the newest of them was given its place, UTC; None in an empty log.
        checked: up to which place the stored rows were last compared with the log; the next time goes on from there.
        checked_at: when that was, UTC; None where it never was.
        damage: what was found then that is not whole yet (`iact.audit.stored_rows`); empty for nothing.
    """

    size: int
    root: bytes
    sequenced_at: datetime | None
    checked: int = 0
    checked_at: datetime | None = None
    damage: bytes = b""


@dataclass(frozen=True, slots=True)
class Beside:
    """What a row of the journal says of its entry beside its bytes, by which entries are found.

    Attributes:
        kind: of the entry.
        at: when it was written, as the store writes moments.
        digest: of its bytes.
    """

    kind: Any
    at: Any
    digest: Any

    def differs(self, kind: str, at: str, digest: str) -> str:
        """Return the name of the first column that says something else; empty where none does.

        Args:
            kind: of the entry.
            at: when it was written, as entries say it.
            digest: of its bytes.
        """
        # Servers write moments with a space, and without their zone, which is UTC.
        written = str(self.at).replace(" ", "T").removesuffix("Z")
        pairs = {"kind": (self.kind, kind), "at": (written, at.removesuffix("Z")), "digest": (self.digest, digest)}
        return next((name for name, (one, other) in pairs.items() if one != other), "")


@dataclass(frozen=True, slots=True)
class Leaf:
    """An entry of the log.

    Attributes:
        place: in the log, counted from 0.
        run: the run whose entry it is.
        sequence: its place in that run, counted from 1.
        content: its stored bytes; None where they were deleted.
        wrong: what is wrong with what is stored, whatever its bytes are; empty for nothing.
        is_out_of_reach: whether it is in a part of the archive that is not there, so that nobody can say what it is.
        beside: what its row of the journal says of it beside its bytes; None where it has none.
    """

    place: int
    run: str
    sequence: int
    content: bytes | None
    wrong: str = ""
    is_out_of_reach: bool = False
    beside: Beside | None = None

    @property
    def name(self) -> str:
        """What it is called where something is wrong with it."""
        return f"entry {self.place} ({f'run {self.run}, {self.sequence}' if self.run else 'of an unknown run'})"


@dataclass(frozen=True, slots=True)
class LogKey:
    """A key of a log.

    Attributes:
        number: counted from 1.
        key: the public key, as it is written.
        rotation: the note by which the key before names it; None for the first one, and for one that came after a loss.
        since: from when on it signs, UTC.
    """

    number: int
    key: str
    rotation: bytes | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Archived:
    """A part of a log that is in the archive.

    Attributes:
        begin: place of its first entry.
        end: place after its last one.
        earliest_at: when the earliest of its entries was written, UTC.
        latest_at: when the latest was.
        file: name of the bundle in the folder of the archive.
        digest: of its bytes.
        archived_at: when it was made, UTC.
    """

    begin: int
    end: int
    earliest_at: datetime
    latest_at: datetime
    file: str
    digest: str
    archived_at: datetime


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
    if row is None:
        return None
    return Head(row["size"], row["root"], row["sequenced_at"], checked_of(row), row["checked_at"], row["damage"] or b"")


def checked_of(row: RowMapping) -> int:
    """Return up to which place rows were compared with the log, as a row of its head says; 0 where it says none."""
    return row["checked"] if isinstance(row["checked"], int) and row["checked"] > 0 else 0


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
    """Walk the entries from one place up to, but without, another; few of them are held at once.

    Whatever somebody did to a row of the journal, it comes, and what is wrong with it stands in it.
    """
    for begin in range(first, last, READ_AT_ONCE):
        end = min(begin + READ_AT_ONCE, last)
        for row in _rows_between(connection, project, begin, end):
            content, wrong = as_stored(row["body"])
            beside = Beside(row["kind"], row["at"], row["digest"]) if content is not None and not wrong else None
            yield Leaf(row["place"], row["run"], row["sequence"], content, wrong, beside=beside)


def leaf_of_each(connection: Connection, project: str, first: int, last: int) -> Iterator[Leaf]:
    """Walk the places as `leaves` does; one whose row was deleted comes, too, and says so."""
    expected = first
    for leaf in leaves(connection, project, first, last):
        yield from map(_unknown, range(expected, leaf.place))
        yield leaf
        expected = leaf.place + 1
    yield from map(_unknown, range(expected, last))


def _rows_between(
    connection: Connection, project: str, begin: int, end: int
) -> Iterator[RowMapping | Mapping[str, Any]]:
    """Yield the rows of some places; one that is kept as text that the driver cannot read comes without its name."""
    try:
        yield from LEAVES.all(connection, project=project, first_place=begin, end_place=end)
    except OperationalError as error:
        if "decode" not in str(error.orig).lower():
            raise
        if end - begin == 1:
            yield {"place": begin, "run": "", "sequence": 0, "body": "\N{REPLACEMENT CHARACTER}"}
            return
        middle = (begin + end) // 2
        yield from _rows_between(connection, project, begin, middle)
        yield from _rows_between(connection, project, middle, end)


def as_stored(value: Any) -> tuple[bytes | None, str]:
    """Return the bytes of a row, and what is wrong with how they are kept: SQLite takes anything into any column."""
    if value is None or type(value) is bytes:
        return value, ""
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value), ""
    kind = "text" if isinstance(value, str) else "a number"
    return str(value).encode("utf-8", "replace"), f"is kept as {kind}, and not as bytes: its row was changed"


def _unknown(place: int) -> Leaf:
    return Leaf(place, "", 0, None, "has no row among the places of the log: it was deleted")


def checkpoints(connection: Connection, project: str, smallest: int, largest: int) -> Iterator[Signed]:
    """Walk what was signed of logs of these sizes, the smallest first."""
    for row in CHECKPOINTS.rows(connection, project=project, smallest=smallest, largest=largest):
        yield Signed(row["size"], row["note"], row["at"])


def newest_checkpoint(connection: Connection, project: str) -> Signed | None:
    """Return what was signed last; None where nothing was."""
    row = NEWEST_CHECKPOINT.one(connection, project=project)
    return Signed(row["size"], row["note"], row["at"]) if row else None


def keys_of(connection: Connection, project: str) -> tuple[LogKey, ...]:
    """Return the keys of a log, the earliest first."""
    return tuple(
        LogKey(row["number"], row["key"].decode(), row["rotation"], row["since"])
        for row in KEYS.all(connection, project=project)
    )


def archives(connection: Connection, project: str) -> tuple[Archived, ...]:
    """Return the parts of a log that are in the archive, in order."""
    return tuple(
        Archived(
            begin=row["begin_place"],
            end=row["end_place"],
            earliest_at=row["earliest_at"],
            latest_at=row["latest_at"],
            file=row["file"],
            digest=row["digest"],
            archived_at=row["archived_at"],
        )
        for row in ARCHIVES.all(connection, project=project)
    )


def place_of(connection: Connection, project: str, run: str, sequence: int) -> int | None:
    """Return the place of an entry of a run; None where it has none."""
    row = PLACE_OF.one(connection, project=project, run=run, sequence=sequence)
    return row["place"] if row else None


def places_within(
    connection: Connection, project: str, begin: datetime, end: datetime, size: int
) -> tuple[int, int] | None:
    """Return the places of the first and the last entry in the journal that was written in a period; None for none.

    Args:
        connection: reads the store.
        project: the project.
        begin: the first moment of the period.
        end: the moment after it.
        size: how many entries of the log are looked at.
    """
    row = PLACES_WITHIN.one(connection, project=project, since=begin, before=end, size=size)
    return None if row is None or row["first"] is None else (row["first"], row["last"])


def never_placed(connection: Connection, project: str, runs: Collection[str]) -> frozenset[str]:
    """Return which of some runs never get a place: their first entries were deleted before there was a log.

    Nobody could tell what their other entries follow from.
    """
    if not runs:
        return frozenset()
    placed = {row["run"] for row in LAST_PLACED.all(connection, project=project, runs=sorted(runs))}
    return frozenset(run for run in runs if run not in placed and anchor_of(connection, project, run) is not None)
