"""Whether the rows of the journal are still those that got their places in the log.

Somebody who edits or deletes a row shows in no proof before one is asked for. So rows are hashed again all the time, a
few at once, and what is found stays with the head of the log until it is whole again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from iact.audit.proofs import ProofError, verify_inclusion
from iact.audit.store import LOCK_HEAD, MOVE_SWEPT, archives, checked_of, head, leaf_of_each, tile_reader
from iact.audit.tiles import WIDTH, LostTileError, Tiles
from iact.audit.tree import inclusion_proof, leaf_hash
from iact.core.canonical import canonical, digest
from iact.stores.units import read, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy.engine import Connection

    from iact.audit.store import Head, Leaf
    from iact.engine.host import Host

ROWS_A_ROUND: Final = 5_000
"""How many rows are hashed again at once: a round takes a tenth of a second, and there is one a minute."""
MOST_KEPT: Final = 100
"""How many rows are kept as changed; where there are more, nothing else is looked at before these are whole."""
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Damage:
    """A row that is not as the log has it.

    Attributes:
        place: in the log, counted from 0.
        name: what the entry is called.
        what: what is wrong with it.
    """

    place: int
    name: str
    what: str

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.name} {self.what}"

    def to_record(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {"place": self.place, "name": self.name, "what": self.what}


def wrong_with(leaf: Leaf, tiles: Tiles) -> str:
    """Return what is wrong with a stored entry; empty for nothing, or where it is not in the journal.

    Args:
        leaf: the entry.
        tiles: of the log.
    """
    if leaf.wrong or leaf.content is None:
        return leaf.wrong
    try:
        expected = tiles.subtree(0, leaf.place)
    except LostTileError as error:
        return f"cannot be checked: {error}"
    if leaf_hash(leaf.content) != expected:
        return "is not the one that got its place in the log: its bytes were changed"
    if not _is_called(leaf.content, leaf.run, leaf.sequence):
        return "is another one: the row of its place in the log was changed"
    column = _differs_beside(leaf)
    return f"is kept with another `{column}` than its own: its row was changed" if column else ""


def _differs_beside(leaf: Leaf) -> str:
    """Return the column of an entry's row that does not say what the entry says; empty for none."""
    if leaf.beside is None or leaf.content is None:
        return ""
    try:
        record = json.loads(leaf.content)
        return leaf.beside.differs(str(record["kind"]), str(record["at"]), digest(leaf.content))
    except (ValueError, TypeError, KeyError):
        return ""


def _is_called(content: bytes, run: str, sequence: int) -> bool:
    if content.endswith(f'"run":"{run}","sequence":{sequence}}}'.encode()):
        return True  # as every entry is written
    try:
        record = json.loads(content)
        return (record["run"], record["sequence"]) == (run, sequence)
    except (ValueError, TypeError, KeyError):
        return False


def damages(connection: Connection, project: str, spans: Iterable[tuple[int, int]]) -> Iterator[Damage]:
    """Yield which rows of some parts of the log are not as it has them.

    A row that was deleted is one of them, unless it is in the archive.

    Args:
        connection: reads the store, all in one moment.
        project: the project.
        spans: the parts, each from one place up to, but without, another.
    """
    top = head(connection, project)
    if top is None:
        return
    tiles = Tiles(top.size, tile_reader(connection, project))
    parts = archives(connection, project)
    archived = parts[-1].end if parts else 0
    for first, last in spans:
        for leaf in leaf_of_each(connection, project, first, min(last, top.size)):
            what = wrong_with(leaf, tiles)
            if not what and leaf.content is None and leaf.place >= archived:
                what = "is not in the journal: its row was deleted"
            if not what and leaf.place in {first, leaf.place // WIDTH * WIDTH}:
                what = _wrong_above(leaf, tiles, top)
            if what:
                yield Damage(leaf.place, leaf.name, what)


def _wrong_above(leaf: Leaf, tiles: Tiles, top: Head) -> str:
    """Return what is wrong with the hashes above an entry, which are made of all those beside it in its tile."""
    try:
        proof = inclusion_proof(tiles, leaf.place, top.size)
        verify_inclusion(tiles.subtree(0, leaf.place), leaf.place, top.size, proof, top.root)
    except (ProofError, LostTileError) as error:
        return f"is in no proof any more, and none beside it: the tiles of the log were changed ({error})"
    return ""


def check_rows(host: Host, most: int = ROWS_A_ROUND) -> tuple[Damage, ...]:
    """Hash the next rows again, and those that were changed; note which are, and return them.

    Who is cut off, or meets somebody who did the same, notes nothing.

    Args:
        host: where the runs live.
        most: how many rows, beside those that are known to be changed.

    Raises:
        EnvironmentProblemError: if the store does not answer.
    """
    found = read(host.unhurried, partial(_look, project=host.project, most=most))
    if found is None:
        return ()
    began, end, changed = found

    def note(connection: Connection) -> None:
        locked = LOCK_HEAD.one(connection, project=host.project)
        if locked is None or checked_of(locked) != began:
            return
        MOVE_SWEPT.run(
            connection,
            b_project=host.project,
            number=locked["swept"],
            new_checked=end,
            new_checked_at=host.now(connection),
            new_damage=written(changed),
        )

    write(host.engine, note, meets_others=True)
    return changed


def _look(connection: Connection, project: str, most: int) -> tuple[int, int, tuple[Damage, ...]] | None:
    """Return from where and up to where rows were looked at, and which of these, and of those known, are changed."""
    top = head(connection, project)
    if top is None or not top.size:
        return None
    begin = top.checked if top.checked < top.size else 0
    end = min(begin + most, top.size)
    known = [(one.place, one.place + 1) for one in damage_of(top)]
    found: dict[int, Damage] = {}
    for one in damages(connection, project, [*known, (begin, end)]):
        found[one.place] = one
        if len(found) >= MOST_KEPT:
            break
    return top.checked, end, tuple(found[place] for place in sorted(found))


def every_damage(connection: Connection, project: str, most: int) -> tuple[tuple[Damage, ...], int]:
    """Look through the rows from where the last round ended; return which are changed, and how many were looked at.

    Args:
        connection: reads the store.
        project: the project.
        most: how many rows at most.
    """
    top = head(connection, project)
    if top is None or not top.size:
        return (), 0
    begin = top.checked if top.checked < top.size else 0
    end = min(begin + most, top.size)
    rest = (0, max(0, min(begin, most - (end - begin))))
    known = [(one.place, one.place + 1) for one in damage_of(top)]
    found: dict[int, Damage] = {}
    for one in damages(connection, project, chain(known, [(begin, end), rest])):
        found[one.place] = one
        if len(found) >= MOST_KEPT:
            break
    return tuple(found[place] for place in sorted(found)), end - begin + rest[1]


def damage_of(top: Head | None) -> tuple[Damage, ...]:
    """Return which rows were found changed, and are not known to be whole again."""
    if top is None or not top.damage:
        return ()
    try:
        return tuple(Damage(int(one["place"]), str(one["name"]), str(one["what"])) for one in json.loads(top.damage))
    except (ValueError, TypeError, KeyError):
        return (Damage(0, "entry 0", "and perhaps others were found changed, and the list of them was changed, too"),)


def written(changed: Sequence[Damage]) -> bytes | None:
    """Return damage as it is kept; None for none."""
    return canonical([one.to_record() for one in changed]) if changed else None


def damage_findings(changed: Sequence[Damage]) -> Iterator[str]:
    """Yield that rows were changed, as a finding for people: each of the first, and how many there are."""
    if not changed:
        return
    count = f"at least {len(changed)}" if len(changed) >= MOST_KEPT else f"{len(changed)}"
    rows = "1 row of the journal is" if len(changed) == 1 else f"{count} rows of the journal are"
    told = "; ".join(str(one) for one in changed[:_SHOWN])
    more = "; …" if len(changed) > _SHOWN else ""
    yield (
        f"{rows} not as the log has them: {told}{more}. Somebody changed the store by other means than iact: keep a "
        "copy of it as evidence, and restore a backup in which they are whole"
    )
