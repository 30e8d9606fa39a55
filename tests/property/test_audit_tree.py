"""The tree in tiles is the tree of RFC 6962, and its proofs hold for what they were made of and nothing else."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iact.audit.proofs import ProofError, verify_consistency, verify_inclusion
from iact.audit.tiles import HEIGHT, WIDTH, LostTileError, Place, Tiles
from iact.audit.tree import EMPTY_ROOT, HASH_SIZE, consistency_proof, inclusion_proof, leaf_hash, root

MOST = 3 * WIDTH + 5
ENTRIES = [f"entry {number}".encode() for number in range(MOST)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
EDGES = (1, 2, 3, WIDTH - 1, WIDTH, WIDTH + 1, 2 * WIDTH, MOST)
SIZES = st.one_of(st.integers(1, MOST), st.sampled_from(EDGES))


def naive_root(entries: list[bytes]) -> bytes:
    """Return the root as RFC 6962, 2.1 defines it, word for word."""
    if not entries:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    return hashlib.sha256(b"\x01" + naive_root(entries[:split]) + naive_root(entries[split:])).digest()


@pytest.fixture(scope="module")
def tiles() -> Tiles:
    """The tiles of all entries."""
    made = Tiles()
    made.append(LEAVES)
    return made


@given(size=st.one_of(st.just(0), SIZES))
def test_the_root_is_that_of_the_definition(tiles: Tiles, size: int):
    assert root(tiles, size) == naive_root(ENTRIES[:size])


def test_a_log_without_entries_has_the_hash_of_nothing():
    assert Tiles().root() == EMPTY_ROOT == naive_root([])


@given(sizes=st.lists(SIZES, min_size=1, max_size=5).map(sorted))
def test_a_log_that_goes_on_with_kept_tiles_is_the_log_written_at_once(sizes: list[int]):
    """Between two batches only the size and the tiles that changed are kept."""
    kept: dict[Place, bytes] = {}
    before = 0
    for size in sizes:
        batch = Tiles(before, kept.__getitem__)
        batch.append(LEAVES[before:size])
        kept |= batch.changed
        before = size

    at_once = Tiles()
    at_once.append(LEAVES[: sizes[-1]])
    assert kept == at_once.changed
    assert Tiles(sizes[-1], kept.__getitem__).root() == naive_root(ENTRIES[: sizes[-1]])


@given(size=SIZES, data=st.data())
def test_an_entry_is_proved_to_be_in_the_log_and_another_one_is_not(tiles: Tiles, size: int, data: st.DataObject):
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, MOST - 1).filter(lambda one: one != index))
    proof, top = inclusion_proof(tiles, index, size), root(tiles, size)

    verify_inclusion(LEAVES[index], index, size, proof, top)
    for leaf, place in ((LEAVES[other], index), (LEAVES[index], other)):
        with pytest.raises(ProofError):
            verify_inclusion(leaf, place, size, proof, top)


@given(size=SIZES, data=st.data())
def test_a_log_is_proved_to_have_grown_and_one_with_a_changed_past_is_not(tiles: Tiles, size: int, data: st.DataObject):
    old_size = data.draw(st.integers(1, size))
    changed = data.draw(st.integers(0, old_size - 1))
    forged = Tiles()
    forged.append([*LEAVES[:changed], leaf_hash(b"forged"), *LEAVES[changed + 1 : size]])
    old_root = root(tiles, old_size)

    verify_consistency(old_size, size, consistency_proof(tiles, old_size, size), old_root, root(tiles, size))
    with pytest.raises(ProofError):
        verify_consistency(old_size, size, consistency_proof(forged, old_size, size), old_root, forged.root())


@given(size=SIZES)
def test_a_full_tile_holds_256_hashes_and_only_the_last_of_a_level_is_not_full(size: int):
    made = Tiles()
    made.append(LEAVES[:size])

    for place, content in made.changed.items():
        there = (size >> HEIGHT * place.level) - place.index * WIDTH
        assert len(content) == min(there, WIDTH) * HASH_SIZE


@given(size=SIZES, lost=st.integers(1, HASH_SIZE))
def test_a_tile_that_was_cut_or_lost_stops_the_log(size: int, lost: int):
    """A log that went on from less than it had would be a fork."""
    made = Tiles()
    made.append(LEAVES[:size])
    last = Place(0, (size - 1) // WIDTH)
    cut = made.changed | {last: made.changed[last][:-lost]}
    none = {place: content for place, content in made.changed.items() if place != last}

    for kept in (cut, none):
        with pytest.raises(LostTileError):
            Tiles(size, kept.__getitem__).subtree(0, size - 1)
        if size % WIDTH:
            with pytest.raises(LostTileError):
                Tiles(size, kept.__getitem__).append(LEAVES[:1])


def test_what_is_no_hash_is_not_taken_for_a_leaf():
    with pytest.raises(ValueError, match="32 bytes, not 5"):
        Tiles().append([b"entry"])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_there_is_no_proof_of_an_entry_that_is_not_there(tiles: Tiles, index: int, size: int):
    with pytest.raises(ValueError, match="has no leaf"):
        inclusion_proof(tiles, index, size)
