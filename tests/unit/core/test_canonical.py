"""One way to write a record, and one digest of it."""

from __future__ import annotations

import hashlib

import pytest

from iact.core.canonical import canonical, digest, digest_of


def test_keys_are_sorted_and_no_space_is_written():
    assert canonical({"b": [1, True, None], "a": "é"}) == '{"a":"é","b":[1,true,null]}'.encode()


def test_keys_sort_by_utf_16_as_rfc_8785_demands():
    """U+1F600 sorts before U+FB33, because its first UTF-16 unit is smaller, although its code point is larger."""
    assert canonical({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'.encode()


def test_the_digest_is_sha_256_of_the_bytes():
    assert digest(b"abc") == "sha256:" + hashlib.sha256(b"abc").hexdigest()
    assert digest_of({"a": 1}) == digest(b'{"a":1}')


@pytest.mark.parametrize("inexact", [1.5, {"a": [0.1]}, {"a": {1, 2}}, b"bytes"])
def test_what_json_cannot_hold_exactly_is_refused(inexact):
    with pytest.raises(TypeError, match="holds no"):
        canonical(inexact)


def test_an_integer_that_some_readers_would_round_is_refused():
    assert canonical(2**53 - 1) == b"9007199254740991"
    with pytest.raises(ValueError, match="write it as text"):
        canonical(2**53)


def test_a_key_that_is_no_text_is_refused():
    with pytest.raises(TypeError, match="text keys"):
        canonical({1: "a"})
