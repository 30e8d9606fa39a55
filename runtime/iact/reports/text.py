"""Text from a repository, made safe to look at.

Escaping keeps a hostile commit subject from becoming markup. It does not keep one from deceiving the reader: a
right-to-left override shows other words than are written (CVE-2021-42574, "Trojan Source"), and a control character
shows nothing at all. Such characters are shown by their number.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Final

from markupsafe import Markup

from iact.reports.errors import ReportError

_INVISIBLE: Final = frozenset({"Cc", "Cf"})
_HARMLESS: Final = frozenset("\n\t\u00ad\u200c\u200d")
"""Line ends, tabs, soft hyphens, and the joiners that several scripts and emoji are written with."""


def visible(text: str) -> str:
    """Return `text` with every character shown that would hide, reorder or break others.

    Args:
        text: anything, also with lone surrogates, which git's file names may hold and UTF-8 may not.
    """
    return "".join(_visible_character(character) for character in text)


def shortened(text: str, length: int) -> str:
    """Return `text` with at most `length` characters, the last of them an ellipsis if something was cut.

    Raises:
        ValueError: if `length` leaves no room for the ellipsis.
    """
    if length < 1:
        message = f"a text cannot be shortened to {length} characters"
        raise ValueError(message)
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def printable(value: Any) -> str | Markup:
    """Return what a template may print: text, whole numbers and finished markup.

    It stands between every expression of a template and the page, so that what is not known can never be printed as
    `None`, and no amount with the needless digits of a float.

    Raises:
        ReportError: for anything else.
    """
    match value:
        case Markup():
            return value
        case bool() | None | float():
            pass
        case str():
            return visible(value)
        case int():
            return str(value)
        case _:
            pass
    kind = type(value).__name__
    message = f"a report prints text and whole numbers, not {value} ({kind}); what is unknown needs its sentence"
    raise ReportError(message)


def _visible_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    if category not in _INVISIBLE or character in _HARMLESS:
        return character
    return f"[U+{ord(character):04X}]"
