"""What stands in a record for words that have to be erasable."""

from __future__ import annotations

import pytest

from iact.core.commitments import PERSON, REMARK, SALT_SIZE, commitment, commitments_in, disclosed

SALT = bytes(range(SALT_SIZE))
ADA = commitment(PERSON, SALT, "Ada Probe")
WORDS = commitment(REMARK, SALT, "the disk is full")


def test_a_commitment_is_the_same_for_the_same_words_and_salt_only():
    assert commitment(PERSON, SALT, "Ada Probe") == ADA
    others = {
        commitment(PERSON, bytes(SALT_SIZE), "Ada Probe"),
        commitment(PERSON, SALT, "Ada"),
        commitment(REMARK, SALT, "Ada Probe").replace(REMARK, PERSON),
    }
    assert len(others | {ADA}) == 4


def test_words_take_their_places_wherever_they_stand():
    record = {"by": ADA, "message": f"rejected by {ADA}: {WORDS}", "n": 1, "list": [WORDS, None, True], ADA: ADA}
    words = {ADA: "Ada Probe", WORDS: "the disk is full"}

    assert disclosed(record, words) == {
        "by": "Ada Probe",
        "message": "rejected by Ada Probe: the disk is full",
        "n": 1,
        "list": ["the disk is full", None, True],
        ADA: "Ada Probe",
    }
    assert record["by"] == ADA


def test_what_was_erased_is_shortened_and_stays_one_and_the_same():
    assert disclosed(f"by {ADA}, {ADA}", {}) == f"by {ADA[:19]}, {ADA[:19]}"


@pytest.mark.parametrize(
    "text", ["person:1", ADA[:-1], f"{ADA}0", f"a{ADA}", ADA.upper(), ADA.replace("person", "animal"), ""]
)
def test_what_only_looks_like_a_commitment_is_left_alone(text: str):
    assert list(commitments_in(text)) == []
    assert disclosed(text, {ADA: "Ada Probe"}) == text


def test_commitments_are_found_in_order():
    assert list(commitments_in(f'{{"a":"{WORDS}","b":"{ADA}"}}')) == [WORDS, ADA]
    assert list(commitments_in(ADA)) == [ADA]
