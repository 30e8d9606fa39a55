"""Parts of a log, put together in order, have the root of the log; anything else has another or is refused."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iact.audit.proofs import ProofError
from iact.audit.ranges import Range, kept_range, levels
from iact.audit.tiles import WIDTH, Tiles
from iact.audit.tree import HASH_SIZE, leaf_hash, root

MOST = 2 * WIDTH + 5
LEAVES = [leaf_hash(f"entry {number}".encode()) for number in range(MOST)]
PLACES = st.one_of(st.integers(0, MOST), st.sampled_from((0, 1, WIDTH - 1, WIDTH, WIDTH + 1, MOST)))


@pytest.fixture(scope="module")
def tiles() -> Tiles:
    """The tiles of all entries."""
    made = Tiles()
    made.append(LEAVES)
    return made


@given(places=st.lists(PLACES, min_size=3, max_size=3).map(sorted))
def test_entries_between_what_was_before_and_after_make_the_root(tiles: Tiles, places: list[int]):
    """What a bundle of a period holds: the entries of it, and a few hashes for all others."""
    first, last, size = places
    found = kept_range(tiles, 0, first)
    found.extend(LEAVES[first:last])
    assert found.root() == root(tiles, last)

    found.join(kept_range(tiles, last, size))
    assert (found.end, found.root()) == (size, root(tiles, size))


@given(places=st.lists(PLACES, min_size=2, max_size=6).map(sorted))
def test_parts_that_were_folded_apart_are_what_was_folded_at_once(tiles: Tiles, places: list[int]):
    found = Range(places[0])
    for begin, end in itertools.pairwise(places):
        part = Range(begin)
        part.extend(LEAVES[begin:end])
        assert part.hashes == kept_range(tiles, begin, end).hashes
        found.join(part)

    assert found.hashes == kept_range(tiles, places[0], places[-1]).hashes


@given(begin=st.integers(0, 2**63), length=st.integers(0, 2**63))
def test_a_part_has_few_hashes_that_cover_it_exactly(begin: int, length: int):
    found = list(levels(begin, begin + length))

    assert sum(1 << level for level in found) == length
    assert len(found) <= 2 * max(1, length.bit_length())
    place = begin
    for level in found:
        assert place % (1 << level) == 0
        place += 1 << level


@given(places=st.tuples(PLACES, PLACES).map(sorted).filter(lambda two: two[0] < two[1]), data=st.data())
def test_an_entry_that_was_edited_left_out_doubled_or_swapped_makes_another_root(
    tiles: Tiles, places: list[int], data: st.DataObject
):
    first, last = places
    at = data.draw(st.integers(first, last - 1))
    other = data.draw(st.integers(0, MOST - 1).filter(lambda one: one != at))
    edited = list(LEAVES[first:last])
    edited[at - first] = LEAVES[other]
    rest = LEAVES[at + 1 : last]
    for changed in (edited, LEAVES[first:at] + rest, LEAVES[first : at + 1] + LEAVES[at:last]):
        found = kept_range(tiles, 0, first)
        found.extend(changed)
        assert (found.end, found.root()) != (last, root(tiles, last))


def test_a_part_is_refused_that_does_not_have_the_hashes_it_must_have():
    none = b"\x00" * HASH_SIZE
    for begin, end, hashes, wrong in (
        (0, 3, [none], "have 2 hashes, not 1"),
        (0, 3, [none] * 3, "have 2 hashes, not 3"),
        (5, 5, [none], "have 0 hashes, not 1"),
        (0, 1, [none[1:]], "32 bytes, not 31"),
        (3, 2, [], "no part of a log"),
        (-1, 2, [], "no part of a log"),
    ):
        with pytest.raises(ProofError, match=wrong):
            Range(begin, end, hashes)


def test_a_part_that_does_not_follow_or_does_not_begin_the_log_makes_no_root():
    with pytest.raises(ProofError, match="does not follow"):
        Range(0).join(Range(1))
    with pytest.raises(ProofError, match="no root"):
        Range(1).root()
