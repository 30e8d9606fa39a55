"""The ids of many commits in little memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


class CommitIds:
    """Ids of commits, each once, held as the bytes that they write in hexadecimal: 20 bytes each instead of 130.

    A history of a million commits is read beside a program that holds all of them, so what is known of them is best
    held in little.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._width = 0

    def add(self, ids: Sequence[str]) -> None:
        """Take in full ids, none of which is held yet; they are all as long as the first one ever taken in."""
        if ids:
            self._width = len(ids[0]) // 2
            self._bytes += bytes.fromhex("".join(ids))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._bytes) // self._width if self._bytes else 0

    def __iter__(self) -> Iterator[bytes]:
        """Walk them in the order in which they were taken in."""
        for place in range(0, len(self._bytes), self._width or 1):
            yield bytes(self._bytes[place : place + self._width])

    def missing_from(self, others: CommitIds) -> int:
        """Return how many of them are not among others."""
        if not self._bytes:
            return 0
        there = set(others)
        return sum(one not in there for one in self)
