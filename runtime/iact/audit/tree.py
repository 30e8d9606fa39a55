"""The Merkle tree over the bytes of a log: one hash that stands for all entries, and their order (RFC 6962, 2.1).

A leaf and a node are hashed with different first bytes, so that neither can be passed off as the other. What is asked
of stored hashes is only `Subtrees.subtree`: the hash over `2**level` leaves, so that any store of hashes will do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final, Protocol

HASH_SIZE: Final = 32
"""Length of a hash in bytes (SHA-256, FIPS 180-4)."""

EMPTY_ROOT: Final = hashlib.sha256().digest()
"""Root of the tree that has no leaves."""


class Subtrees(Protocol):
    """Where the hashes of complete subtrees are kept."""

    def subtree(self, level: int, index: int) -> bytes:
        """Return the hash over the leaves from `index * 2**level` up to, but without, `(index + 1) * 2**level`."""


def leaf_hash(content: bytes) -> bytes:
    """Return the hash of an entry's stored bytes (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node out of those of its children (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(subtrees: Subtrees, size: int) -> bytes:
    """Return the root of the tree of the first `size` leaves."""
    return _over(subtrees, 0, size) if size else EMPTY_ROOT


def inclusion_proof(subtrees: Subtrees, index: int, size: int) -> tuple[bytes, ...]:
    """Return the hashes that lead from leaf `index` to the root of the first `size` leaves (RFC 6962, 2.1.1).

    Raises:
        ValueError: if there is no such leaf among them.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    return tuple(_beside_leaf(subtrees, index, 0, size))


def consistency_proof(subtrees: Subtrees, old_size: int, size: int) -> tuple[bytes, ...]:
    """Return the hashes that show that the first `old_size` of `size` leaves are what they were (RFC 6962, 2.1.2).

    Raises:
        ValueError: if the old tree has no leaves, which proves nothing, or more than the new one.
    """
    if not 0 < old_size <= size:
        raise ValueError(f"a tree of {size} leaves cannot be shown to go on from one of {old_size}")
    return tuple(_beside_old(subtrees, old_size, 0, size, known=True))


def left_size(size: int) -> int:
    """Return how many of `size` leaves stand on the left: the largest power of two below `size`, which is over 1."""
    return 1 << (size - 1).bit_length() - 1


def _over(subtrees: Subtrees, begin: int, end: int) -> bytes:
    """Return the hash over the leaves from `begin` to `end`; a split by `left_size` has led there."""
    size = end - begin
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return subtrees.subtree(level, begin >> level)
    middle = begin + left_size(size)
    return node_hash(_over(subtrees, begin, middle), _over(subtrees, middle, end))


def _beside_leaf(subtrees: Subtrees, index: int, begin: int, end: int) -> Iterator[bytes]:
    """Yield what stands beside the way from the leaf up, beginning at the leaf."""
    if end - begin == 1:
        return
    middle = begin + left_size(end - begin)
    if index < middle:
        yield from _beside_leaf(subtrees, index, begin, middle)
        yield _over(subtrees, middle, end)
    else:
        yield from _beside_leaf(subtrees, index, middle, end)
        yield _over(subtrees, begin, middle)


def _beside_old(subtrees: Subtrees, old_end: int, begin: int, end: int, *, known: bool) -> Iterator[bytes]:
    """Yield what makes both roots; `known` where the old root is the hash over just these leaves."""
    if old_end == end:
        if not known:
            yield _over(subtrees, begin, end)
        return
    middle = begin + left_size(end - begin)
    if old_end <= middle:
        yield from _beside_old(subtrees, old_end, begin, middle, known=known)
        yield _over(subtrees, middle, end)
    else:
        yield from _beside_old(subtrees, old_end, middle, end, known=False)
        yield _over(subtrees, begin, middle)
