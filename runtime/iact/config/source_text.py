"""The bytes of a file as text that has lines and columns, or the reason why it has none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from iact.core.problems import Problem
from iact.core.tree import Position

LARGEST_FILE: Final = 1_000_000
"""Bytes of the largest file that is read; a person's rules are far smaller, a dump that strayed in is not."""

_LINE_END: Final = re.compile(r"\r\n|\n|\r")
# What YAML 1.2 calls printable (section 5.1), less the three line ends of YAML 1.1 that no editor shows as such.
_UNSEEN: Final = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class SourceText:
    """One file's text.

    Attributes:
        file: path as the user knows it.
        text: all of it, without a byte order mark.
    """

    file: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their ends."""
        return _LINE_END.split(self.text)

    def line(self, number: int) -> str:
        """Return line `number`, counted from 1; empty beyond the end."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def position(self, offset: int, length: int = 0) -> Position:
        """Return the place of the character at `offset`."""
        before = _LINE_END.split(self.text[:offset])
        return Position(self.file, len(before), len(before[-1]) + 1, length)


def decode(file: str, content: bytes, size: int | None = None) -> SourceText | Problem:
    """Return the text of a file, or what keeps it from being one.

    Args:
        file: path as the user knows it.
        content: the file's bytes, or as many as were read.
        size: how many bytes the whole file has; None when `content` is all of it.
    """
    size = len(content) if size is None else size
    if size > LARGEST_FILE:
        return _refuse(
            "file-too-large",
            Position(file, 1, 1),
            f"the file has {size:,} bytes, more than the {LARGEST_FILE:,} that are read.",
            "Split it: resources may stand in any number of files.",
        )
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _refuse("encoding", Position(file, 1, 1), "the file is UTF-16.", "Save it as UTF-8.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _not_utf8(file, content, error)
    source = SourceText(file, text)
    unseen = _UNSEEN.search(text)
    if unseen:
        sign = f"U+{ord(unseen[0]):04X}"
        return _refuse(
            "encoding",
            source.position(unseen.start(), 1),
            f"the invisible character {sign} may not stand in a file of rules.",
            f"Remove it, or write it as \\u{ord(unseen[0]):04x} in double quotes.",
        )
    return source


def _not_utf8(file: str, content: bytes, error: UnicodeDecodeError) -> Problem:
    before = content[: error.start].decode("utf-8-sig")
    place = SourceText(file, before).position(len(before), 1)
    byte = content[error.start]
    message = f"the byte 0x{byte:02X} is not UTF-8 (byte {error.start} of the file)."
    return _refuse("encoding", place, message, "Save the file as UTF-8.")


def _refuse(rule: str, position: Position, message: str, hint: str) -> Problem:
    return Problem(rule=rule, position=position, message=message, hint=hint)
