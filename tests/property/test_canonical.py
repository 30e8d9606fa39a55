"""Canonical bytes are those of RFC 8785, whatever the record, and what cannot be canonical is refused as before."""

from __future__ import annotations

import json
from enum import IntEnum, StrEnum
from typing import Any

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from iact.core.canonical import canonical


class Word(StrEnum):
    """Text that is more than text."""

    PLAIN = "plain"
    CONTROL = "\x07\n\x7f"


class Number(IntEnum):
    """A number that is more than a number."""

    SEVEN = 7


KEYS = st.one_of(
    st.sampled_from(["a", "b", "é", "\ue000", "\U00010000", "\U0001f600", "\x1f", '"', "", Word.PLAIN]), st.text()
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.text(),
    st.text(st.characters(max_codepoint=0x80)),
    st.sampled_from([*Word, Number.SEVEN]),
)
RECORDS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner),
        st.tuples(inner, inner),
        st.dictionaries(KEYS, inner),
        st.dictionaries(st.text(max_size=2), inner),
    ),
)
HALF_A_PAIR = st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF, categories=["Cs"])
BAD = st.one_of(
    st.floats(),
    st.integers(min_value=2**53),
    st.integers(max_value=-(2**53)),
    st.binary(),
    HALF_A_PAIR,
    st.complex_numbers(),
)


@given(RECORDS)
def test_the_bytes_are_those_of_another_implementation_and_read_back_as_the_record(record: Any):
    written = canonical(record)

    assert written == rfc8785.dumps(record)
    assert canonical(json.loads(written)) == written


@given(RECORDS, BAD, st.integers(0, 3))
def test_what_cannot_be_canonical_is_refused_wherever_it_stands(record: Any, bad: Any, depth: int):
    whole: Any = bad
    for _ in range(depth):
        whole = {"a": record, "b": [record, whole]}

    refused = ""
    try:
        canonical(whole)
    except (TypeError, ValueError) as error:
        refused = str(error)

    assert refused


@given(st.dictionaries(st.one_of(st.integers(), st.none(), st.booleans(), st.binary()), LEAVES, min_size=1))
def test_keys_that_are_no_text_are_refused_although_json_would_make_text_of_them(record: dict[Any, Any]):
    refused = ""
    try:
        canonical(record)
    except TypeError as error:
        refused = str(error)

    assert "text keys" in refused
