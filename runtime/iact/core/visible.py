"""Text from anywhere, made safe to look at.

Escaping keeps a hostile commit subject from becoming markup. It does not keep one from deceiving the reader: a
right-to-left override shows other words than are written (CVE-2021-42574, "Trojan Source"), and a control character
shows nothing at all. Such characters are shown by their number.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_INVISIBLE: Final = frozenset({"Cc", "Cf"})
_HARMLESS: Final = frozenset("\n\t\u00ad\u200c\u200d")
"""Line ends, tabs, soft hyphens, and the joiners that several scripts and emoji are written with."""
_BREAKING: Final = frozenset("\n\t\u2028\u2029")
"""What ends a line, or moves what stands behind it in a table."""


def visible(text: str) -> str:
    """Return `text` with every character shown that would hide, reorder or break others.

    Args:
        text: anything, also with lone surrogates, which git's file names may hold and UTF-8 may not.
    """
    if text.isprintable():
        return text
    return "".join(_visible_character(character) for character in text)


def in_one_line(text: str) -> str:
    """Return `text` with the same, and every line end and tab, shown: a line for a terminal, and no other line of ours.

    Args:
        text: anything, as above.
    """
    if text.isprintable():
        return text
    return "".join(_number(one) if one in _BREAKING else _visible_character(one) for one in text)


def _visible_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    if category not in _INVISIBLE or character in _HARMLESS:
        return character
    return _number(character)


def _number(character: str) -> str:
    return f"[U+{ord(character):04X}]"
