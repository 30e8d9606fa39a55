"""Ids of commits are told apart as exactly as their texts are."""

from __future__ import annotations

import pytest

from iact.sources.git.commit_ids import CommitIds

SHA1, SHA256 = 40, 64


def ids(*starts: str, length: int = SHA1) -> CommitIds:
    """Return ids that begin, each in its own way, and go on alike."""
    found = CommitIds()
    for start in starts:
        found.add([start.ljust(length, "0")])
    return found


@pytest.mark.parametrize("length", [SHA1, SHA256])
def test_what_is_missing_from_others_is_counted(length):
    known = ids("a1", "b2", "c3", "d4", length=length)

    assert known.missing_from(ids("d4", "b2", "e5", length=length)) == 2


def test_ids_that_differ_only_at_their_end_are_two():
    known, read = CommitIds(), CommitIds()
    known.add(["0" * 39 + "1", "0" * 39 + "2"])
    read.add(["0" * 39 + "1"])

    assert (len(known), known.missing_from(read)) == (2, 1)


def test_of_nothing_nothing_is_missing_and_without_others_everything_is():
    assert ids().missing_from(ids("a1")) == 0
    assert ids("a1", "b2").missing_from(ids()) == 2


def test_a_part_without_commits_changes_nothing():
    known = ids("a1")

    known.add([])

    assert [one.hex() for one in known] == ["a1".ljust(SHA1, "0")]


def test_a_repository_that_changed_to_longer_ids_has_none_of_the_old_ones():
    assert ids("a1", "b2").missing_from(ids("a1", "b2", length=SHA256)) == 2
