"""Checking proofs: that an entry is in a log, and that a log has only grown (RFC 9162, 2.1.3.2 and 2.1.4.2).

A proof that is too short or too long is refused as much as one that leads to another root: an empty path proves
something of a log with one entry only.
"""

from __future__ import annotations

from collections.abc import Sequence

from iact.audit.tree import HASH_SIZE, node_hash


class ProofError(Exception):
    """A proof does not show what it is said to show; the message says in words what is wrong with it."""


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that an entry is in a log.

    Args:
        leaf: the hash of the entry, made out of the bytes that the caller holds.
        index: its place in the log, counted from 0.
        size: how many entries the log has.
        proof: the hashes beside its way to the root, beginning at the leaf.
        root: the root of the log, from a checkpoint whose signature was verified.

    Raises:
        ProofError: if that is not shown.
    """
    if not 0 <= index < size:
        raise ProofError(f"a log of {size} entries has no entry {index}")
    _check_lengths([leaf, root, *proof])
    _, value = _roots(index, size - 1, leaf, proof)
    if value != root:
        raise ProofError(f"the proof of entry {index} leads to another root than that of the log of {size} entries")


def verify_consistency(old_size: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes) -> None:
    """Check that a log still begins with all entries that it had before.

    From an empty log every log goes on, whatever its roots: whoever kept nothing has shown nothing by that.

    Args:
        old_size: how many entries the log had.
        size: how many it has.
        proof: the hashes that make both roots.
        old_root: the root that it had, from a checkpoint that was kept.
        root: the root that it has, from a checkpoint whose signature was verified.

    Raises:
        ProofError: if that is not shown.
    """
    if not 0 <= old_size <= size:
        raise ProofError(f"a log of {size} entries cannot be shown to go on from one of {old_size}")
    if old_size in {0, size}:
        _check_same(old_root, root if old_size == size else old_root, proof)
        return
    _check_lengths([old_root, root, *proof])
    if not proof:
        raise ProofError("the proof is empty")
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    place, last = old_size - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old_value, value = _roots(place, last, path[0], path[1:])
    if old_value != old_root:
        raise ProofError(f"the first {old_size} entries are not those that were there before")
    if value != root:
        raise ProofError(f"the proof leads to another root than that of the log of {size} entries")


def _check_same(old_root: bytes, root: bytes, proof: Sequence[bytes]) -> None:
    if proof:
        raise ProofError("the proof is too long: none is needed")
    if old_root != root:
        raise ProofError("there are two logs of the same size with different entries")


def _roots(place: int, last: int, begin: bytes, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the root of the tree that ends with a node, and that of the tree that ends with the last one beside it.

    Args:
        place: place of the node on its level.
        last: place of the last node on that level.
        begin: hash of the node.
        proof: the hashes beside its way up.
    """
    old = new = begin
    for beside in proof:
        if last == 0:
            raise ProofError("the proof is too long")
        if place & 1 or place == last:
            old, new = node_hash(beside, old), node_hash(beside, new)
            place, last = _up_to_where_it_is_right(place, last)
        else:
            new = node_hash(new, beside)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError("the proof is too short")
    return old, new


def _up_to_where_it_is_right(place: int, last: int) -> tuple[int, int]:
    """Go up past levels at which a node has nothing beside it, because the tree ends there."""
    while place and not place & 1:
        place, last = place >> 1, last >> 1
    return place, last


def _check_lengths(hashes: Sequence[bytes]) -> None:
    for one in hashes:
        if len(one) != HASH_SIZE:
            raise ProofError(f"a hash has {HASH_SIZE} bytes, not {len(one)}")
