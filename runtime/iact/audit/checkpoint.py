"""Checkpoints: how many entries a log has, and their root, in three lines that are signed (C2SP tlog-checkpoint)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from iact.audit.notes import NoteError
from iact.audit.tree import HASH_SIZE

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_CHECKPOINT_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log was at a time.

    Attributes:
        origin: which log, best a name like `example.com/journal`.
        size: how many entries it had.
        root: the root of the tree over them, 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint that is the text of a note; lines after the third are another's and passed over.

    Raises:
        NoteError: if it is not exactly in the form of C2SP tlog-checkpoint.
    """
    lines = text.split("\n")
    if len(lines) <= _CHECKPOINT_LINES or lines.pop() or not all(lines):
        raise NoteError("a checkpoint has three lines at least, none of them empty: origin, size and root")
    origin, size, written = lines[:_CHECKPOINT_LINES]
    if not _SIZE.fullmatch(size):
        raise NoteError(f"the size of a log is a whole number without leading zeros, unlike {size[:40]!r}")
    try:
        root = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("the root in a checkpoint is not base64") from None
    if len(root) != HASH_SIZE or base64.b64encode(root).decode() != written:
        raise NoteError(f"the root in a checkpoint is not {HASH_SIZE} bytes in base64")
    return Checkpoint(origin, int(size), root)
