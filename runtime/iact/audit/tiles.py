"""Tiles: the hashes of a growing tree in pieces of at most 256, as they are kept and handed out (C2SP tlog-tiles).

A tile of level 0 holds hashes of leaves, one of level 1 the roots of full tiles of level 0, and so on. A full tile
never changes again. What lies between is hashed when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from iact.audit.tree import HASH_SIZE, node_hash, root

HEIGHT: Final = 8
"""How many levels of the tree a tile stands for."""

WIDTH: Final = 1 << HEIGHT
"""How many hashes a full tile holds."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Which tile.

    Attributes:
        level: how many tiles lie below it, 0 for hashes of leaves.
        index: its place among those of its level, counted from 0.
    """

    level: int
    index: int


ReadTile: TypeAlias = Callable[[Place], bytes]
"""Returns the hashes of a kept tile, one after the other, and raises `KeyError` where there is none."""


class Tiles:
    """The hashes of a log of a known size, which grows at its end.

    Attributes:
        size: how many leaves there are.
        changed: the tiles that were begun or went on since it was made, whole, to be kept with the new size.
    """

    def __init__(self, size: int = 0, read: ReadTile | None = None) -> None:
        """Go on with a log of `size` leaves whose tiles `read` knows; without it, begin one."""
        self.size = size
        self.changed: dict[Place, bytes] = {}
        self._read = read or dict[Place, bytes]().__getitem__
        self._known: dict[Place, bytes] = {}

    def append(self, leaves: Iterable[bytes]) -> None:
        """Add hashes of leaves.

        Raises:
            ValueError: if one of them is no hash; those before it were added.
            LostTileError: if a kept tile is not there, or not as long as the size of the log says.
        """
        waiting: list[bytes] = []
        try:
            for leaf in leaves:
                if len(leaf) != HASH_SIZE:
                    raise ValueError(f"the hash of a leaf has {HASH_SIZE} bytes, not {len(leaf)}")
                waiting.append(leaf)
                if (self.size + len(waiting)) % WIDTH == 0:
                    self._push(0, self.size, b"".join(waiting))
                    self.size += len(waiting)
                    waiting.clear()
        finally:
            if waiting:
                self._push(0, self.size, b"".join(waiting))
                self.size += len(waiting)

    def root(self) -> bytes:
        """Return the root of the tree as it is now."""
        return root(self, self.size)

    def subtree(self, level: int, index: int) -> bytes:
        """Return the hash over the leaves from `index * 2**level` up to, but without, `(index + 1) * 2**level`.

        Raises:
            LostTileError: if the tile that holds it is not there, or ends before.
        """
        tile, height = divmod(level, HEIGHT)
        first, count = index << height, 1 << height
        begin = first % WIDTH * HASH_SIZE
        content = self._tile(Place(tile, first // WIDTH))[begin : begin + count * HASH_SIZE]
        if len(content) != count * HASH_SIZE:
            raise LostTileError(Place(tile, first // WIDTH), self.size)
        return _top(content)

    def _push(self, level: int, index: int, values: bytes) -> None:
        """Add hashes, one after the other, to a tile that has room for all of them."""
        place = Place(level, index // WIDTH)
        before = self._tile(place) if index % WIDTH else b""
        if len(before) != index % WIDTH * HASH_SIZE:
            raise LostTileError(place, self.size)
        self.changed[place] = before + values
        if len(self.changed[place]) == WIDTH * HASH_SIZE:
            self._push(level + 1, place.index, _top(self.changed[place]))

    def _tile(self, place: Place) -> bytes:
        if place in self.changed:
            return self.changed[place]
        if place not in self._known:
            try:
                self._known[place] = self._read(place)
            except KeyError:
                raise LostTileError(place, self.size) from None
        return self._known[place]


class LostTileError(Exception):
    """A log cannot go on or prove anything, because a tile of it is not what its size says."""

    def __init__(self, place: Place, size: int) -> None:
        super().__init__(
            f"tile {place.index} of level {place.level} of a log of {size} entries is missing or too short; "
            "restore it from a backup, or make the tiles anew out of the entries",
        )


def _top(hashes: bytes) -> bytes:
    """Return the root of a complete subtree out of the hashes at its bottom, one after the other."""
    while len(hashes) > HASH_SIZE:
        pairs = range(0, len(hashes), 2 * HASH_SIZE)
        hashes = b"".join(
            node_hash(hashes[at : at + HASH_SIZE], hashes[at + HASH_SIZE : at + 2 * HASH_SIZE]) for at in pairs
        )
    return hashes
