"""The key of a log: how its secret is written down, and how an old key vouches for the one that follows it.

A secret is written as `PRIVATE+KEY+name+id+secret`, as Go's `sumdb/note` and the tools around C2SP signed-note read it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from iact.audit.notes import Note, NoteError, SignatureType, Signer, VerifierKey, parse_key, verify

ROTATION: Final = "iact/key-rotation/v1"
"""Second line of the text by which a key names its successor. It is no number, so the text is never a checkpoint."""

_SECRET: Final = "PRIVATE+KEY+"  # noqa: S105 - what a secret begins with
_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Rotation:
    """That another key signs a log from now on.

    Attributes:
        origin: which log, as its checkpoints name it.
        successor: the key that follows.
    """

    origin: str
    successor: VerifierKey

    def __post_init__(self) -> None:
        if not self.origin or "\n" in self.origin:
            raise NoteError(f"the origin of a log is one line that is not empty, unlike {self.origin!r}")
        if self.successor.type is not SignatureType.NOTE:
            raise NoteError(f"the key {self.successor.name} is that of a witness, and a log cannot sign with it")

    def __str__(self) -> str:
        """Return the text that the old key signs."""
        return f"{self.origin}\n{ROTATION}\n{self.successor}\n"


def write_secret(signer: Signer) -> str:
    """Return a signer as it is kept in a file: in one line, without its end."""
    content = base64.b64encode(bytes([signer.key.type]) + signer.seed).decode()
    return f"{_SECRET}{signer.key.name}+{signer.key.id.hex()}+{content}"


def parse_secret(written: str) -> Signer:
    """Return the signer that somebody kept as `PRIVATE+KEY+name+id+secret`.

    Raises:
        NoteError: if it is not in that form, of another type, or its id is not that of the key. The secret is not told.
    """
    line = written.strip()
    if not line.startswith(_SECRET):
        raise NoteError(f"the secret of a log's key begins with {_SECRET!r}; what begins otherwise is no secret")
    name, _, rest = line.removeprefix(_SECRET).partition("+")
    identity, _, encoded = rest.partition("+")
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError(f"the secret of {name} is not base64; copy it once more, whole") from None
    if content[:1] not in {bytes([one]) for one in SignatureType}:
        raise NoteError(f"the secret of {name} is not that of an Ed25519 key: its first byte should be 1 or 4")
    signer = Signer.of_seed(name, content[1:], SignatureType(content[0]))
    if signer.key.id.hex() != identity or write_secret(signer) != line:
        raise NoteError(f"the secret of {name} does not fit the id {identity!r}; copy it once more, whole")
    return signer


def rotate(origin: str, old: Signer, successor: VerifierKey) -> Note:
    """Return the note by which the old key of a log says which one follows.

    Raises:
        NoteError: if nothing would change, the origin is no line, or a log cannot sign with the new key.
    """
    if successor == old.key:
        raise NoteError(f"the key {successor} cannot follow itself; make a new one")
    text = str(Rotation(origin, successor))
    return Note(text, (old.sign(text),))


def parse_rotation(text: str) -> Rotation:
    """Return what the text of a rotation note says; to be believed once the old key's signature was verified.

    Raises:
        NoteError: if it is not exactly in the form that `rotate` gives it.
    """
    lines = text.split("\n")
    if len(lines) != _LINES + 1 or lines[-1] or lines[1] != ROTATION:
        raise NoteError(f"a rotation of keys has three lines: origin, {ROTATION} and the new key")
    rotation = Rotation(lines[0], parse_key(lines[2]))
    if str(rotation) != text:
        raise NoteError("the new key in a rotation is not written in its only form")
    return rotation


def trusted_keys(origin: str, known: VerifierKey, rotations: Iterable[Note]) -> tuple[VerifierKey, ...]:
    """Return the key that somebody trusts and those that follow from it, each vouched for by the one before.

    Who holds any key of a log can so verify what later keys signed, but not what earlier ones did: an earlier key may
    have been replaced because others had got hold of it.

    Args:
        origin: the log.
        known: the key that is trusted.
        rotations: every rotation of the log, the earliest first; those before the known key are passed over.

    Raises:
        NoteError: if one is of another log, is not signed by the key that it names, or if two keys follow one: then
            whoever keeps the log, or has its key, told different things to different people.
    """
    if known.name != origin:
        raise NoteError(f"the key {known} is of the log {known.name!r}, not of {origin!r}")
    chain = [known]
    for note in rotations:
        rotation = parse_rotation(note.text)
        if rotation.origin != origin:
            raise NoteError(f"a rotation is of the log {rotation.origin!r}, not of {origin!r}")
        if not _names_one_of(note, chain):
            continue
        signed = verify(note, chain)
        if rotation.successor.name != origin:
            raise NoteError(f"the key {rotation.successor} follows, and is of another log than {origin!r}")
        if rotation.successor in chain:
            raise NoteError(f"the key {rotation.successor} comes again after another: keys follow in one line only")
        if signed != (chain[-1],):
            raise NoteError(f"two keys follow {signed[0]}: the log was told differently to different people")
        chain.append(rotation.successor)
    return tuple(chain)


def _names_one_of(note: Note, keys: Iterable[VerifierKey]) -> bool:
    named = {(one.name, one.id) for one in note.signatures}
    return any((key.name, key.id) in named for key in keys)
