"""Text from a repository, as a page may show it.

Escaping keeps a hostile commit subject from becoming markup. It does not keep one from deceiving the reader: a
right-to-left override shows other words than are written (CVE-2021-42574, "Trojan Source"), and a control character
shows nothing at all. Such characters are shown by their number.
"""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from iact.core.visible import visible
from iact.reports.errors import ReportError


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
