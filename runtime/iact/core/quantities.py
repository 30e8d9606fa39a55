"""Amounts with their units, as people write them: `48h`, `15%`, `5 points`, `10/min`, `3`.

Every amount is an exact fraction in the base unit of its dimension, so that a comparison never depends on how a
binary float rounds, and the same file gives the same digest on every machine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable


class Dimension(StrEnum):
    """What kind of amount it is; only amounts of one dimension compare."""

    DURATION = "duration"
    SHARE = "share"
    POINTS = "points"
    RATE = "rate"
    NUMBER = "number"


EXPECTED: Final = {
    Dimension.DURATION: "a duration such as 30m, 48h or 8 weeks",
    Dimension.SHARE: "a share such as 15%",
    Dimension.POINTS: "percentage points such as 5 points",
    Dimension.RATE: "a rate such as 10/min or 1/week",
    Dimension.NUMBER: "a number such as 3",
}

_SECONDS: Final = {
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
    "d": Fraction(86_400),
    "w": Fraction(604_800),
}
LONGEST_DAYS: Final = 365_000
"""A thousand years: nobody waits longer, and every calendar can still add it to a moment."""
_UNIT_NAMES: Final = {
    "ms": "ms",
    "millisecond": "ms",
    "s": "s",
    "sec": "s",
    "second": "s",
    "m": "m",
    "min": "m",
    "minute": "m",
    "h": "h",
    "hour": "h",
    "d": "d",
    "day": "d",
    "w": "w",
    "week": "w",
}
_LONG_NAMES: Final = {"s": "second", "m": "min", "h": "hour", "d": "day", "w": "week", "ms": "ms"}

NUMBER_PATTERN: Final = r"-?[0-9]+(?:\.[0-9]+)?"
_ANY: Final = 10**9
_DURATION_WRITING: Final = (
    # unit, from how many seconds on, up to which whole count (beyond it, the next line rounds to three digits)
    ("w", 7 * 86_400, 52),
    ("d", 3 * 86_400 + 1, _ANY),
    ("h", 3_600, 72),
    ("m", 60, 120),
    ("h", 3_600, _ANY),
    ("m", 60, _ANY),
)
_UNIT_PATTERN: Final = "(?:ms|milliseconds?|s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?)"
PATTERNS: Final = {
    Dimension.DURATION: rf"^[0-9]+(?:\.[0-9]+)? ?{_UNIT_PATTERN}(?: [0-9]+(?:\.[0-9]+)? ?{_UNIT_PATTERN})*$",
    Dimension.SHARE: rf"^{NUMBER_PATTERN} ?%$",
    Dimension.POINTS: rf"^{NUMBER_PATTERN} points?$",
    Dimension.RATE: rf"^{NUMBER_PATTERN} ?/ ?{_UNIT_PATTERN}$",
    Dimension.NUMBER: rf"^{NUMBER_PATTERN}$",
}
_TERM: Final = re.compile(rf"(?P<number>{NUMBER_PATTERN}) ?(?P<unit>[a-z]+)")


@dataclass(frozen=True, slots=True)
class Quantity:
    """An exact amount.

    Attributes:
        amount: seconds for durations, events a second for rates, 1 = 100 % for shares and points, else the number.
        dimension: what kind of amount it is.
    """

    amount: Fraction
    dimension: Dimension

    def __str__(self) -> str:
        """Return it as a person would write it."""
        return _WRITERS[self.dimension](self.amount)

    def to_record(self) -> dict[str, str]:
        """Return it as canonical JSON data (exact, without floats)."""
        return {"amount": str(self.amount), "dimension": self.dimension.value}

    @property
    def timedelta(self) -> timedelta:
        """The duration as a `timedelta`, rounded to the microsecond.

        Raises:
            ValueError: if it is not a duration.
        """
        if self.dimension is not Dimension.DURATION:
            message = f"{self} is a {self.dimension.value}, not a duration"
            raise ValueError(message)
        return timedelta(microseconds=round(self.amount * 1_000_000))


def from_record(record: dict[str, str]) -> Quantity:
    """Return the quantity that `Quantity.to_record` wrote.

    Raises:
        ValueError: if it is none.
    """
    return _read_again(record["amount"], record["dimension"])


@lru_cache(maxsize=1024)
def _read_again(amount: str, dimension: str) -> Quantity:
    """Return a quantity; a run reads what it remembered at every decision, and reading fractions takes long."""
    if "e" in amount.lower():
        # No quantity writes itself so, and a few letters would be a number of billions of digits.
        message = f"{amount[:40]!r} is no amount as it is written: it has an exponent"
        raise ValueError(message)
    return Quantity(Fraction(amount), Dimension(dimension))


def duration(value: timedelta) -> Quantity:
    """Return a `timedelta` as an exact quantity."""
    microseconds = (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
    return Quantity(Fraction(microseconds, 1_000_000), Dimension.DURATION)


def number(value: int | Fraction | Decimal) -> Quantity:
    """Return a plain number as a quantity."""
    return Quantity(Fraction(value), Dimension.NUMBER)


def share(value: int | Fraction | Decimal) -> Quantity:
    """Return a share, 1 being the whole, as a quantity."""
    return Quantity(Fraction(value), Dimension.SHARE)


def rate(events: int | Fraction, per: timedelta) -> Quantity:
    """Return `events` in each `per` as a quantity.

    Raises:
        ZeroDivisionError: if `per` is no time at all.
    """
    return Quantity(Fraction(events) / duration(per).amount, Dimension.RATE)


def parse(text: str, dimension: Dimension | None = None) -> Quantity:
    """Read an amount as a person writes it.

    Args:
        text: such as `48h`, `1h 30m`, `8 weeks`, `15%`, `5 points`, `10/min`, `3`.
        dimension: the only dimension that is right here; None takes whichever the unit says.

    Raises:
        ValueError: if it is no amount, or one of another dimension; the message says what was expected.
    """
    tidy = " ".join(text.split())
    wanted = [dimension] if dimension else list(Dimension)
    for candidate in wanted:
        if re.match(PATTERNS[candidate], tidy):
            return _within_reason(Quantity(_READERS[candidate](tidy), candidate), text)
    expected = EXPECTED[dimension] if dimension else "an amount such as 48h, 15%, 5 points, 10/min or 3"
    message = f"expected {expected}, found {text!r}"
    raise ValueError(message)


def _within_reason(quantity: Quantity, text: str) -> Quantity:
    if quantity.dimension is Dimension.DURATION and quantity.amount > LONGEST_DAYS * _SECONDS["d"]:
        message = f"expected at most {LONGEST_DAYS:,} days, found {text!r}"
        raise ValueError(message)
    return quantity


def _read_duration(text: str) -> Fraction:
    return sum(
        (Fraction(term["number"]) * _seconds(term["unit"]) for term in _TERM.finditer(text)),
        start=Fraction(0),
    )


def _read_rate(text: str) -> Fraction:
    count, unit = text.split("/")
    return Fraction(count.strip()) / _seconds(unit.strip())


def _seconds(unit: str) -> Fraction:
    return _SECONDS[_UNIT_NAMES.get(unit) or _UNIT_NAMES[unit.rstrip("s")]]


_READERS: Final[dict[Dimension, Callable[[str], Fraction]]] = {
    Dimension.DURATION: _read_duration,
    Dimension.SHARE: lambda text: Fraction(text.rstrip("% ")) / 100,
    Dimension.POINTS: lambda text: Fraction(text.split()[0]) / 100,
    Dimension.RATE: _read_rate,
    Dimension.NUMBER: Fraction,
}


def _plain(amount: Fraction, digits: int = 3) -> str:
    """Return the shortest decimal text that is right to three significant digits, and exact for whole numbers."""
    return _plain_ratio(amount.numerator, amount.denominator, digits)


def _plain_ratio(numerator: int, denominator: int, digits: int = 3) -> str:
    """Return the same of a ratio that need not be in its lowest terms."""
    whole, rest = divmod(numerator, denominator)
    if not rest:
        return str(whole)
    exact = Decimal(numerator) / Decimal(denominator)
    places = max(0, digits - 1 - exact.adjusted())
    text = f"{round(exact, places):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _write_duration(amount: Fraction) -> str:
    if amount < 0:
        return f"-{_write_duration(-amount)}"
    # In whole numbers: a report shows a duration of every deployment, and fractions take ten times as long.
    numerator, denominator = amount.numerator, amount.denominator
    for unit, least, largest in _DURATION_WRITING:
        if numerator < least * denominator:
            continue
        one = _SECONDS[unit].numerator * denominator
        if largest == _ANY or (numerator % one == 0 and numerator <= largest * one):
            return f"{_plain_ratio(numerator, one)}{unit}"
    return f"{_plain(amount)}s"


def _write_rate(amount: Fraction) -> str:
    for unit in ("s", "m", "h", "d", "w"):
        count = amount * _SECONDS[unit]
        if abs(count) >= 1 or unit == "w":
            return f"{_plain(count)}/{_LONG_NAMES[unit]}"
    raise AssertionError  # the loop ends with a return at the week


_WRITERS: Final = {
    Dimension.DURATION: _write_duration,
    Dimension.SHARE: lambda amount: f"{_plain(amount * 100)}%",
    Dimension.POINTS: lambda amount: f"{_plain(amount * 100)} points",
    Dimension.RATE: _write_rate,
    Dimension.NUMBER: _plain,
}
