"""A part of a log in as few hashes as can be: what to keep of entries that were read, or were never handed out.

The hashes are those of the largest complete subtrees between two places, from left to right. Parts that meet are put
together, so a reader folds the entries it holds into one, puts what was before and after them beside it, and has the
root: this proves at once that all of them are in the log, at these places, in memory that does not grow with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from iact.audit.proofs import ProofError
from iact.audit.tree import EMPTY_ROOT, HASH_SIZE, Subtrees, node_hash


class Range:
    """The entries from one place up to, but without, another.

    Attributes:
        begin: place of the first entry, counted from 0.
        end: place after the last one.
        hashes: those of the largest complete subtrees between, from left to right.
    """

    def __init__(self, begin: int = 0, end: int | None = None, hashes: Sequence[bytes] = ()) -> None:
        """Begin with no entry, or with hashes that somebody handed in.

        Args:
            begin: place of the first entry.
            end: place after the last one; None where there is none yet.
            hashes: as many as `levels(begin, end)`.

        Raises:
            ProofError: if there cannot be such a part, or it does not have so many hashes, or one is no hash.
        """
        self.begin, self.end, self.hashes = begin, begin if end is None else end, list(hashes)
        if not 0 <= self.begin <= self.end:
            raise ProofError(f"no part of a log goes from {self.begin} to {self.end}")
        expected = sum(1 for _ in levels(self.begin, self.end))
        if len(self.hashes) != expected:
            raise ProofError(
                f"the entries from {self.begin} to {self.end} have {expected} hashes, not {len(self.hashes)}"
            )
        for one in self.hashes:
            if len(one) != HASH_SIZE:
                raise ProofError(f"a hash has {HASH_SIZE} bytes, not {len(one)}")

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next entry."""
        self._push(0, leaf)

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add the hashes of the next entries."""
        for leaf in leaves:
            self._push(0, leaf)

    def join(self, following: Range) -> None:
        """Put the part that begins where this one ends to it.

        Raises:
            ProofError: if it begins elsewhere.
        """
        if following.begin != self.end:
            raise ProofError(f"what begins at {following.begin} does not follow what ends at {self.end}")
        for level, one in zip(levels(following.begin, following.end), following.hashes, strict=True):
            self._push(level, one)

    def root(self) -> bytes:
        """Return the root of a log that has just these entries.

        Raises:
            ProofError: if the part does not begin where the log does.
        """
        if self.begin:
            raise ProofError(f"the entries before {self.begin} are not there, and without them there is no root")
        if not self.hashes:
            return EMPTY_ROOT
        value = self.hashes[-1]
        for one in reversed(self.hashes[:-1]):
            value = node_hash(one, value)
        return value

    def _push(self, level: int, value: bytes) -> None:
        """Add a complete subtree; with the one on its left, where that is in this part, it makes a larger one."""
        index = self.end >> level
        self.end += 1 << level
        while index & 1 and (index - 1) << level >= self.begin:
            value = node_hash(self.hashes.pop(), value)
            level, index = level + 1, index >> 1
        self.hashes.append(value)


def levels(begin: int, end: int) -> Iterator[int]:
    """Give the levels of the largest complete subtrees between two places, from left to right.

    Args:
        begin: the first place.
        end: the place after the last one.
    """
    while begin < end:
        level = (end - begin).bit_length() - 1
        if begin:
            level = min(level, (begin & -begin).bit_length() - 1)
        yield level
        begin += 1 << level


def kept_range(subtrees: Subtrees, begin: int, end: int) -> Range:
    """Return a part of a log out of its kept hashes.

    Args:
        subtrees: where they are kept.
        begin: place of the first entry.
        end: place after the last one.
    """
    hashes, place = [], begin
    for level in levels(begin, end):
        hashes.append(subtrees.subtree(level, place >> level))
        place += 1 << level
    return Range(begin, end, hashes)
