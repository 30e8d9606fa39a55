"""Checkpoints are signed notes: read strictly, and believed only where a trusted key signed just this text."""

from __future__ import annotations

import pytest

from iact.audit.checkpoint import Checkpoint, parse_checkpoint
from iact.audit.notes import (
    Note,
    NoteError,
    Signature,
    SignatureType,
    Signer,
    VerifierKey,
    cosigned_at,
    parse_key,
    parse_note,
    verify,
)

LOG = Signer.of_seed("example.com/journal", bytes(range(32)))
NEXT = Signer.of_seed("example.com/journal", bytes(range(1, 33)))
WITNESS = Signer.of_seed("witness.example.com/w1", bytes(range(2, 34)), SignatureType.COSIGNATURE)
AT = 1_679_315_147
TEXT = str(Checkpoint("example.com/journal", 20, bytes(range(32))))
SIGNED = Note(TEXT, (LOG.sign(TEXT), WITNESS.sign(TEXT, AT)))

# The example of C2SP tlog-cosignature.
PUBLISHED = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""  # noqa: E501 - a signature is one line


def test_the_published_example_is_read_and_written_again():
    note = parse_note(PUBLISHED.encode())

    assert str(note) == PUBLISHED
    assert parse_checkpoint(note.text).size == 20_852_163
    assert str(parse_checkpoint(note.text)) == note.text
    assert cosigned_at(note.signatures[1]) == AT


def test_a_log_and_a_witness_sign_the_same_checkpoint():
    note = parse_note(str(SIGNED).encode())

    assert verify(note, [LOG.key, WITNESS.key]) == (LOG.key, WITNESS.key)
    assert parse_checkpoint(note.text) == Checkpoint("example.com/journal", 20, bytes(range(32)))


def test_while_keys_change_the_old_and_the_new_one_sign():
    """They have the same name; the id tells them apart, so an auditor with either can verify."""
    note = Note(TEXT, (LOG.sign(TEXT), NEXT.sign(TEXT)))

    assert LOG.key.id != NEXT.key.id
    assert [verify(note, [key]) for key in (LOG.key, NEXT.key)] == [(LOG.key,), (NEXT.key,)]


def test_a_note_that_no_trusted_key_signed_is_not_believed():
    with pytest.raises(NoteError, match="none of the keys"):
        verify(SIGNED, [NEXT.key])


@pytest.mark.parametrize("key", [LOG.key, WITNESS.key], ids=["log", "witness"])
def test_a_changed_text_is_not_believed(key: VerifierKey):
    with pytest.raises(NoteError, match="the note was changed"):
        verify(Note(TEXT.replace("20", "19"), SIGNED.signatures), [key])


def test_a_cosignature_of_another_time_is_not_believed():
    made = WITNESS.sign(TEXT, AT)
    later = Signature(made.name, made.id, (AT + 1).to_bytes(8, "big") + made.raw[8:])

    with pytest.raises(NoteError, match="the note was changed"):
        verify(Note(TEXT, (later,)), [WITNESS.key])


def test_a_wrong_signature_of_a_trusted_key_is_not_made_good_by_a_right_one():
    wrong = Signature(LOG.key.name, LOG.key.id, bytes(64))

    with pytest.raises(NoteError, match="the note was changed"):
        verify(Note(TEXT, (NEXT.sign(TEXT), wrong)), [LOG.key, NEXT.key])


@pytest.mark.parametrize("signer", [LOG, WITNESS], ids=["log", "witness"])
def test_a_key_is_read_as_it_is_written(signer: Signer):
    assert parse_key(str(signer.key)) == signer.key


def test_the_secret_is_not_shown():
    assert repr(LOG.seed) not in repr(LOG)


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("", "first byte"),
        (str(LOG.key).replace("+", "+0", 1), "has the id"),
        (str(LOG.key)[:-1], "not base64"),
        (str(LOG.key).replace("example", "example "), "no spaces"),
    ],
)
def test_what_is_no_key_is_refused_with_what_is_wrong(written: str, wrong: str):
    with pytest.raises(NoteError, match=wrong):
        parse_key(written)


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        (b"", "cut off"),
        (TEXT.encode(), "cut off"),
        (str(SIGNED).encode()[:-1], "cut off"),
        (str(SIGNED).encode() + b"\xff", "UTF-8"),
        (str(SIGNED).replace("\n", "\r\n").encode(), "control characters"),
        (str(SIGNED).replace("— ", "- ").encode(), "is not a signature"),
        (f"{TEXT}\n— a AAAA\n".encode(), "is not a signature|base64|too short"),
        (f"{TEXT}\n— a AAAAAAB=\n".encode(), "only form"),
        (f"{TEXT}\n{f'{SIGNED.signatures[0]}{chr(10)}' * 65}".encode(), "at most 64"),
    ],
)
def test_what_is_no_note_is_refused_with_what_is_wrong(written: bytes, wrong: str):
    with pytest.raises(NoteError, match=wrong):
        parse_note(written)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "three lines"),
        ("a\n1\n", "three lines"),
        (TEXT[:-1], "three lines"),
        ("\n" + TEXT, "three lines"),
        (TEXT.replace("\n20\n", "\n020\n"), "leading zeros"),
        (TEXT.replace("\n20\n", "\n-1\n"), "leading zeros"),
        (TEXT.replace("\n20\n", "\n²\n"), "leading zeros"),
        ("a\n1\nAAAA\n", "not 32 bytes"),
        ("a\n1\n*\n", "not base64"),
    ],
)
def test_what_is_no_checkpoint_is_refused_with_what_is_wrong(text: str, wrong: str):
    with pytest.raises(NoteError, match=wrong):
        parse_checkpoint(text)
