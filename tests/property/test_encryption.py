"""Encrypted files: what comes out is what went in, and whatever was altered is found before a byte is handed out."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iact.stores.backups.encryption import Decrypted, Encrypting, EncryptionError, FileKey, OtherKeyError
from iact.stores.backups.keys import SecretKey, new_secret_key

PIECE = 64 << 10
SIZES = st.one_of(st.integers(0, 300), st.integers(PIECE - 2, PIECE + 2), st.integers(2 * PIECE - 2, 2 * PIECE + 2))


@pytest.fixture(scope="module")
def key() -> SecretKey:
    """A key for all examples."""
    return new_secret_key()


def encrypted(content: bytes, key: SecretKey, *, at_once: int = 4_999) -> tuple[bytes, FileKey]:
    """Return an encrypted file with some content, and what opens it."""
    file = io.BytesIO()
    encrypting = Encrypting(file, [new_secret_key().public, key.public])
    for begin in range(0, len(content), at_once):
        encrypting.write(content[begin : begin + at_once])
    encrypting.finish()
    return file.getvalue(), encrypting.key


def read(file: bytes, key: SecretKey | FileKey) -> bytes:
    """Return all that is in an encrypted file."""
    return io.BufferedReader(Decrypted(io.BytesIO(file), key)).read()


def content_of(size: int) -> bytes:
    """Return bytes in which each place tells itself from its neighbours."""
    return b"".join(number.to_bytes(4, "big") for number in range(size // 4 + 1))[:size]


@given(size=SIZES, at_once=st.integers(1, 3 * PIECE).filter(lambda one: one > 500 or one < 4))
def test_what_comes_out_is_what_went_in(key: SecretKey, size: int, at_once: int):
    content = content_of(size)

    file, opens = encrypted(content, key, at_once=max(at_once, size // 500 + 1))

    assert read(file, key) == read(file, opens) == content
    assert size < 16 or content not in file


@given(size=SIZES, data=st.data())
def test_any_part_of_it_can_be_read_by_itself(key: SecretKey, size: int, data: st.DataObject):
    content = content_of(size)
    file, opens = encrypted(content, key)
    begin = data.draw(st.integers(0, size))
    count = data.draw(st.integers(0, size))

    found = io.BufferedReader(Decrypted(io.BytesIO(file), opens))
    found.seek(begin)

    assert found.read(count) == content[begin : begin + count]


@given(size=SIZES, data=st.data())
def test_any_bit_that_was_flipped_is_found(key: SecretKey, size: int, data: st.DataObject):
    file, _ = encrypted(content_of(size), key)
    place = data.draw(st.integers(0, len(file) - 1))
    changed = bytearray(file)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(EncryptionError):
        read(bytes(changed), key)


@given(size=SIZES, data=st.data())
def test_wherever_it_was_cut_off_or_continued_it_is_found(key: SecretKey, size: int, data: st.DataObject):
    file, _ = encrypted(content_of(size), key)
    pieces = len(file) - file.index(b"\n--- ")

    for altered in (
        file[: data.draw(st.integers(0, len(file) - 1))],
        file[: -(PIECE + 16)] if pieces > PIECE + 16 else file[:-1],
        file + b"\0",
        file + file[-17:],
    ):
        with pytest.raises(EncryptionError):
            read(altered, key)


def test_pieces_that_changed_places_are_found(key: SecretKey):
    file, _ = encrypted(content_of(3 * PIECE), key)
    sealed = PIECE + 16
    begin = len(file) - 3 * sealed
    first, second, rest = file[begin : begin + sealed], file[begin + sealed : begin + 2 * sealed], file[-sealed:]

    with pytest.raises(EncryptionError):
        read(file[:begin] + second + first + rest, key)


def test_another_key_reads_nothing(key: SecretKey):
    file, _ = encrypted(b"rows", key)

    with pytest.raises(OtherKeyError):
        read(file, new_secret_key())
    with pytest.raises(EncryptionError):
        read(file, FileKey(bytes(16)))


def test_the_same_content_is_encrypted_differently_each_time(key: SecretKey):
    assert encrypted(b"rows", key)[0] != encrypted(b"rows", key)[0]
