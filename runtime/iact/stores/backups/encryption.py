"""Encrypted files in the form of age v1 (https://c2sp.org/age), which the program `age` reads and writes as well.

A key that is drawn anew for each file encrypts pieces of 64 KiB with ChaCha20-Poly1305 (RFC 8439). The nonce of a piece
is its number and whether it is the last one (STREAM, https://eprint.iacr.org/2015/189), so pieces can neither be
changed, moved nor cut off unnoticed. The file begins with that key, wrapped for each public key by X25519 and
HKDF-SHA-256. What it does not show is who made it: whoever has a public key can encrypt for it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import io
import os
import secrets
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from iact.stores.backups.keys import PublicKey, SecretKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

INTRO: Final = b"age-encryption.org/v1\n"
"""How every such file begins."""
_LABEL: Final = b"age-encryption.org/v1/X25519"
_PIECE: Final = 64 << 10
_TAG: Final = 16
_NONCE: Final = 16
_FILE_KEY: Final = 16
_LINE: Final = 64
_WORDS: Final = 3
_MOST_HEADER: Final = 64 << 10


class EncryptionError(Exception):
    """An encrypted file is not what was written."""


class OtherKeyError(EncryptionError):
    """An encrypted file is for other keys than the one that was named."""


@dataclass(frozen=True, slots=True)
class FileKey:
    """What opens one file.

    Attributes:
        raw: 16 bytes, drawn for this file.
    """

    raw: bytes


class Encrypting:
    """A file that is written front to back and encrypted on its way."""

    def __init__(self, file: IO[bytes], keys: Sequence[PublicKey]) -> None:
        """Write how it begins.

        Args:
            file: an empty file.
            keys: for whom; one of their secret keys is enough to read it.
        """
        self.key = FileKey(secrets.token_bytes(_FILE_KEY))
        self._file = file
        self._held = bytearray()
        self._number = 0
        header = INTRO + b"".join(_wrapped(self.key, key) for key in keys) + b"---"
        nonce = secrets.token_bytes(_NONCE)
        file.write(header + b" " + _text(_mac(self.key, header)) + b"\n" + nonce)
        self._cipher = _cipher(self.key, nonce)

    def write(self, data: Any) -> int:
        """Take bytes; they are written as soon as it is known that they are not the last."""
        self._held += data
        while len(self._held) > _PIECE:
            self._put(bytes(self._held[:_PIECE]), last=False)
            del self._held[:_PIECE]
        return len(data)

    def finish(self) -> None:
        """Write the last piece."""
        self._put(bytes(self._held), last=True)
        self._held.clear()

    def flush(self) -> None:
        """Do nothing: whoever opened the file brings it to the disk."""

    def _put(self, piece: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last=last), piece, None))
        self._number += 1


class Decrypted(io.RawIOBase):
    """What is in an encrypted file; each piece is checked before a byte of it is handed out."""

    def __init__(self, file: IO[bytes], key: FileKey | SecretKey) -> None:
        """Find out what it is encrypted with.

        Args:
            file: the file.
            key: of this file, or of somebody for whom it was encrypted.

        Raises:
            OtherKeyError: if it is none for this key.
        EncryptionError: if its beginning is not what was written.
        """
        super().__init__()
        self._file = file
        file.seek(0)
        found = _header(file, key)
        nonce = file.read(_NONCE)
        self._begin = file.tell()
        self._cipher = _cipher(found, nonce)
        sealed = file.seek(0, os.SEEK_END) - self._begin
        self._pieces = max(1, -(-sealed // (_PIECE + _TAG)))
        self._size = sealed - self._pieces * _TAG
        if len(nonce) != _NONCE or self._size < 0:
            message = "its end is missing"
            raise EncryptionError(message)
        self._place = 0
        self._number, self._piece = -1, b""

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that any place of it can be read."""
        return True

    def tell(self) -> int:
        """Return what is read next, in bytes."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        self._place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Read what comes next into a buffer, at most to the end of a piece; return how many bytes."""
        if self._place >= self._size:
            if self._size == 0:
                self._piece_of(0)  # an empty file is checked as well
            return 0
        number, offset = divmod(self._place, _PIECE)
        found = self._piece_of(number)[offset : offset + len(buffer)]
        buffer[: len(found)] = found
        self._place += len(found)
        return len(found)

    def _piece_of(self, number: int) -> bytes:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - takes a while, and few need it

        if number != self._number:
            place = self._begin + number * (_PIECE + _TAG)
            self._file.seek(place)
            sealed = self._file.read(_PIECE + _TAG)
            try:
                piece = self._cipher.decrypt(_nonce(number, last=number == self._pieces - 1), sealed, None)
            except (InvalidTag, ValueError) as error:
                message = f"the first damage is in the 64 KiB after byte {place:,}, or its end is missing"
                raise EncryptionError(message) from error
            self._number, self._piece = number, piece
        return self._piece


# The beginning --------------------------------------------------------------------------------------------------------


def _wrapped(key: FileKey, receiver: PublicKey) -> bytes:
    """Return the lines that let somebody find the key of a file."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import (  # noqa: PLC0415 - takes a while, and few need it
        X25519PrivateKey,
        X25519PublicKey,
    )

    once = X25519PrivateKey.generate()
    share = once.public_key().public_bytes_raw()
    shared = once.exchange(X25519PublicKey.from_public_bytes(receiver.raw))
    sealed = _wrapping(shared, share, receiver).encrypt(bytes(12), key.raw, None)
    return b"-> X25519 " + _text(share) + b"\n" + _text(sealed) + b"\n"


def _unwrapped(share: bytes, sealed: bytes, key: SecretKey) -> FileKey | None:
    """Return the key of a file that was wrapped for a public key; None where it was for another one."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - takes a while, and few need it
    from cryptography.hazmat.primitives.asymmetric.x25519 import (  # noqa: PLC0415 - takes a while, and few need it
        X25519PrivateKey,
        X25519PublicKey,
    )

    try:
        shared = X25519PrivateKey.from_private_bytes(key.raw).exchange(X25519PublicKey.from_public_bytes(share))
        return FileKey(_wrapping(shared, share, key.public).decrypt(bytes(12), sealed, None))
    except (InvalidTag, ValueError):
        return None


def _wrapping(shared: bytes, share: bytes, receiver: PublicKey) -> Any:
    return _chacha(_derived(shared, share + receiver.raw, _LABEL))


def _header(file: IO[bytes], key: FileKey | SecretKey) -> FileKey:
    """Read how a file begins, and return its key."""
    lines = _header_lines(file)
    header = b"".join(lines[:-1]) + b"---"
    candidates = [key] if isinstance(key, FileKey) else _opened(lines[1:-1], key)
    for found in candidates:
        if hmac.compare_digest(_bytes(lines[-1].removeprefix(b"--- ")), _mac(found, header)):
            return found
    if candidates:
        message = "its beginning was altered"
        raise EncryptionError(message)
    message = "it was encrypted for other keys than this one"
    raise OtherKeyError(message)


def _header_lines(file: IO[bytes]) -> list[bytes]:
    lines: list[bytes] = []
    left = _MOST_HEADER
    while left > 0 and (line := file.readline(left)).endswith(b"\n"):
        lines.append(line)
        left -= len(line)
        if line.startswith(b"--- ") and lines[0] == INTRO:
            return lines
    message = "its beginning is missing or damaged"
    raise EncryptionError(message)


def _opened(lines: Sequence[bytes], key: SecretKey) -> list[FileKey]:
    """Return the keys that lines for this secret key hold; those for others, and of other kinds, are passed over."""
    found: list[FileKey] = []
    for place, line in enumerate(lines):
        words = line.split()
        if words[:2] == [b"->", b"X25519"] and len(words) == _WORDS:
            opened = _unwrapped(_bytes(words[2]), _bytes(b"".join(_body(lines[place + 1 :]))), key)
            found += [] if opened is None else [opened]
    return found


def _body(lines: Iterable[bytes]) -> Iterable[bytes]:
    """Give the lines of a body: all but the last one are full."""
    for line in lines:
        yield line.rstrip(b"\n")
        if len(line) <= _LINE:
            return


# Keys and texts -------------------------------------------------------------------------------------------------------


def _mac(key: FileKey, header: bytes) -> bytes:
    return hmac.digest(_derived(key.raw, b"", b"header"), header, "sha256")


def _cipher(key: FileKey, nonce: bytes) -> Any:
    return _chacha(_derived(key.raw, nonce, b"payload"))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _derived(secret: bytes, salt: bytes, info: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - takes a while, and few need it
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - takes a while, and few need it

    return HKDF(algorithm=SHA256(), length=32, salt=salt or None, info=info).derive(secret)


def _chacha(key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305  # noqa: PLC0415 - takes a while, and few need it

    return ChaCha20Poly1305(key)


def _text(raw: bytes) -> bytes:
    return base64.b64encode(raw).rstrip(b"=")


def _bytes(text: bytes) -> bytes:
    text = text.strip()
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        message = "its beginning is damaged"
        raise EncryptionError(message) from error
