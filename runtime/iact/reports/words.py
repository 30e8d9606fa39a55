"""How amounts, moments and digests of a report document are written for people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any, Final

from iact.core import instants
from iact.reports.errors import ReportError

THIN_SPACE: Final = "\u202f"
"""Narrow and not breaking: between a number and its unit (ISO 80000-1, 7.1.4)."""

_UNIT: Final = re.compile(r"(?<=\d) ?(ms|s|m|h|d|w|%)(?![\w.])")
_WRITTEN_UNITS: Final = {"m": "min"}
_DIGEST: Final = re.compile(r"^(?P<kind>sha256:)?(?P<digits>[0-9a-f]{40,64})$")
SHORT: Final = 12
"""Hexadecimal digits of a digest that people compare by eye."""

TRUTHS: Final = {"true": "✓", "false": "✗", "unknown": "?"}
"""The sign of each truth; its word stands beside it."""


def amount(shown: str) -> str:
    """Return an amount with a space before its unit, and minutes told from months: `3.9m` is `3.9 min`."""
    return _UNIT.sub(lambda unit: THIN_SPACE + _WRITTEN_UNITS.get(unit[1], unit[1]), shown)


def in_other_words(written: str, unit: str) -> str:
    """Return a rate below one a week as the time between two, such as `about one in 15 weeks`; nothing for the rest."""
    rate = number(written)
    if unit != "per week" or not 0 < rate < Decimal("0.67"):
        return ""
    return f"about one in {(1 / rate).quantize(Decimal(1), ROUND_HALF_EVEN)} weeks"


def percent(share: str) -> str:
    """Return a share such as `0.95` as `95 %`."""
    hundredths = (number(share) * 100).normalize()
    return f"{hundredths:f}{THIN_SPACE}%"


def moment(written: str) -> str:
    """Return a moment of the document as `2026-03-02 09:00 UTC`."""
    return instants.show(instant(written)).replace("Z", f"{THIN_SPACE}UTC")


def day(written: str) -> str:
    """Return the day of a moment of the document, in UTC."""
    return instants.show(instant(written))[:10]


def short(digest: str) -> str:
    """Return the first digits of a digest or of a commit, without the name of the algorithm."""
    found = _DIGEST.match(digest)
    return found["digits"][:SHORT] if found else digest


def sentence(text: str) -> str:
    """Return `text` with its first letter large."""
    return text[:1].upper() + text[1:]


def sign(truth: str) -> str:
    """Return the sign of `true`, `false` or `unknown`; of anything else none."""
    return TRUTHS.get(truth, "")


def number(written: str) -> Decimal:
    """Return the number that the document holds as text.

    Raises:
        ReportError: if it is none.
    """
    try:
        return Decimal(written)
    except (InvalidOperation, TypeError) as error:
        message = f"a report document holds numbers as decimal text, not {written!r}"
        raise ReportError(message) from error


def value(record: Mapping[str, Any] | None) -> float | None:
    """Return the value of an amount for drawing; None where it is unknown."""
    return None if record is None else float(number(record["value"]))


def instant(written: str) -> datetime:
    """Return the moment that the document holds as text.

    Raises:
        ReportError: if it is none.
    """
    try:
        return instants.parse(written)
    except (ValueError, AttributeError) as error:
        message = f"a report document holds moments as RFC 3339 text, not {written!r}"
        raise ReportError(message) from error
