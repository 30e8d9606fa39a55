"""Signed notes: a text that several keys sign, in lines that fit a chat message (C2SP signed-note).

Keys are Ed25519 (RFC 8032). A log signs the text itself; a witness signs it with the time at which it saw that the log
had only grown (C2SP tlog-cosignature, v1).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from iact.audit.ed25519 import is_signature

MOST_SIGNATURES: Final = 64
"""A note with more is refused before any is verified; the format asks for at least 16."""

_LINE: Final = re.compile(r"— (?P<name>[^\s+]+) (?P<signature>[A-Za-z0-9+/]+={0,2})")
_NAME: Final = re.compile(r"[^\s+]+")
_KEY_SIZE: Final = 32
_ID_SIZE: Final = 4
_TIME_SIZE: Final = 8


class NoteError(Exception):
    """A note or a key is not what it has to be, or is not signed by who has to; the message says what is wrong."""


class SignatureType(IntEnum):
    """How a key signs: the byte that C2SP signed-note gives it."""

    NOTE = 0x01
    COSIGNATURE = 0x04


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """By which a signature is verified.

    Attributes:
        name: whose it is, without spaces and `+`; best a name like `example.com/journal`.
        raw: the public key, 32 bytes.
        type: how it signs.
    """

    name: str
    raw: bytes
    type: SignatureType = SignatureType.NOTE

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise NoteError(f"the name of a key has no spaces and no `+`, unlike {self.name!r}")
        if len(self.raw) != _KEY_SIZE:
            raise NoteError(f"an Ed25519 key has {_KEY_SIZE} bytes, not {len(self.raw)}")

    @property
    def id(self) -> bytes:
        """The four bytes by which, with the name, a signature says which key made it."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.raw).digest()[:_ID_SIZE]

    def __str__(self) -> str:
        """Return it as people write it: `name+id+key`."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.type]) + self.raw).decode()}"


@dataclass(frozen=True, slots=True)
class Signature:
    """A line below a note.

    Attributes:
        name: whose key is said to have made it.
        id: the four bytes that say which of that name's keys.
        raw: what the key made.
    """

    name: str
    id: bytes
    raw: bytes

    def __str__(self) -> str:
        """Return the line, without its end."""
        return f"— {self.name} {base64.b64encode(self.id + self.raw).decode()}"


@dataclass(frozen=True, slots=True)
class Note:
    """A text with its signatures, of which none has been verified yet.

    Attributes:
        text: what is signed, up to and with the end of its last line.
        signatures: who is said to have signed it, in order.
    """

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        """Return the note as it is handed out."""
        return self.text + "\n" + "".join(f"{one}\n" for one in self.signatures)


@dataclass(frozen=True, slots=True)
class Signer:
    """By which notes are signed.

    Attributes:
        key: what verifies its signatures.
        seed: the secret, 32 bytes.
    """

    key: VerifierKey
    seed: bytes = field(repr=False)

    @classmethod
    def of_seed(cls, name: str, seed: bytes, kind: SignatureType = SignatureType.NOTE) -> Signer:
        """Return the signer that a secret of 32 random bytes makes.

        Raises:
            NoteError: if the name cannot be that of a key, or the secret is not 32 bytes long.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - takes a while, and few need it

        if len(seed) != _KEY_SIZE:
            raise NoteError(f"the secret of an Ed25519 key has {_KEY_SIZE} bytes, not {len(seed)}")
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        return cls(VerifierKey(name, public, kind), seed)

    def sign(self, text: str, at: int = 0) -> Signature:
        """Return its signature of a text.

        Args:
            text: what is signed, ending in a newline.
            at: when, in seconds since 1970 (POSIX); only a cosignature says it.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - takes a while, and few need it

        time = at.to_bytes(_TIME_SIZE, "big") if self.key.type is SignatureType.COSIGNATURE else b""
        made = Ed25519PrivateKey.from_private_bytes(self.seed).sign(_signed(self.key, text, time))
        return Signature(self.key.name, self.key.id, time + made)


def parse_key(written: str) -> VerifierKey:
    """Return the key that somebody wrote as `name+id+key`.

    Raises:
        NoteError: if it is not in that form, of another type, or its id is not that of the key.
    """
    name, _, rest = written.strip().partition("+")
    identity, _, encoded = rest.partition("+")
    content = _decoded(encoded, "the key")
    if content[:1] not in {bytes([one]) for one in SignatureType}:
        raise NoteError(f"the key of {name} is not an Ed25519 key: its first byte should be 1 or 4")
    key = VerifierKey(name, content[1:], SignatureType(content[0]))
    if key.id.hex() != identity:
        raise NoteError(f"the key of {name} has the id {key.id.hex()}, not {identity!r}; copy it once more, whole")
    return key


def parse_note(content: bytes) -> Note:
    """Return a note that somebody handed in; nothing of it is to be believed before it was verified.

    Raises:
        NoteError: if it is not exactly in the form of C2SP signed-note.
    """
    try:
        written = content.decode("utf-8")
    except UnicodeDecodeError:
        raise NoteError("a note is UTF-8, and this is not") from None
    if any(letter < " " and letter != "\n" for letter in written):
        raise NoteError("a note has no control characters but the ends of its lines")
    text, blank, below = written.rpartition("\n\n")
    if not blank or not below.endswith("\n"):
        raise NoteError("a note is a text, an empty line and lines of signatures; it may have been cut off")
    lines = below[:-1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise NoteError(f"a note has at most {MOST_SIGNATURES} signatures, and this one {len(lines)}")
    return Note(text + "\n", tuple(_signature(line) for line in lines))


def verify(note: Note, keys: Iterable[VerifierKey]) -> tuple[VerifierKey, ...]:
    """Return which of these keys signed a note; signatures of others are passed over.

    Raises:
        NoteError: if none of them did, or a signature that names one of them is not its own.
    """
    known = {(key.name, key.id): key for key in keys}
    signed = dict.fromkeys(
        _verified(known[one.name, one.id], note.text, one) for one in note.signatures if (one.name, one.id) in known
    )
    if not signed:
        raise NoteError("none of the keys that are trusted signed it")
    return tuple(signed)


def cosigned_at(signature: Signature) -> int:
    """Return the time in a cosignature, in seconds since 1970 (POSIX); to be believed once it was verified.

    Raises:
        NoteError: if it is too short for one.
    """
    if len(signature.raw) <= _TIME_SIZE:
        raise NoteError(f"the cosignature of {signature.name} is too short")
    return int.from_bytes(signature.raw[:_TIME_SIZE], "big")


def _verified(key: VerifierKey, text: str, signature: Signature) -> VerifierKey:
    split = _TIME_SIZE if key.type is SignatureType.COSIGNATURE else 0
    time, made = signature.raw[:split], signature.raw[split:]
    if not is_signature(key.raw, _signed(key, text, time), made):
        raise NoteError(f"the signature of {key.name} is not that of its key: the note was changed")
    return key


def _signed(key: VerifierKey, text: str, time: bytes) -> bytes:
    """Return the bytes that a key signs."""
    if key.type is SignatureType.NOTE:
        return text.encode()
    return f"cosignature/v1\ntime {int.from_bytes(time, 'big')}\n{text}".encode()


def _signature(line: str) -> Signature:
    found = _LINE.fullmatch(line)
    if not found:
        raise NoteError(f"{line[:80]!r} is not a signature: `— name base64`")
    content = _decoded(found["signature"], f"the signature of {found['name']}")
    if len(content) <= _ID_SIZE:
        raise NoteError(f"the signature of {found['name']} is too short")
    return Signature(found["name"], content[:_ID_SIZE], content[_ID_SIZE:])


def _decoded(written: str, what: str) -> bytes:
    """Return what stands in base64, of which only one way to write it is taken."""
    try:
        content = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError(f"{what} is not base64") from None
    if base64.b64encode(content).decode() != written:
        raise NoteError(f"{what} is not base64 in its only form")
    return content
