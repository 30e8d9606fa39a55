"""Where an amount lies on an axis, and which amounts the axis names.

Ticks are numbers that people count in: 1, 2 and 5 times a power of ten (Heckbert, "Nice Numbers for Graph Labels",
Graphics Gems, 1990), whole units of time for durations, and first days of weeks, months and years for dates.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from iact.reports.words import THIN_SPACE


@dataclass(frozen=True, slots=True)
class Tick:
    """A named place on an axis.

    Attributes:
        at: in the unit of the axis.
        label: for people.
    """

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A monotone map from amounts to coordinates; amounts outside its domain land on its ends.

    Attributes:
        low: the smallest amount, shown at `start`.
        high: the largest amount, shown at `end`.
        start: the coordinate of `low`; may be more than `end`, as on a vertical axis.
        end: the coordinate of `high`.
        logarithmic: whether equal ratios are equally far apart.

    Raises:
        ValueError: if the domain is empty, or not above 0 where it is logarithmic.
    """

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            message = f"an axis needs two different finite ends, not {self.low} and {self.high}"
            raise ValueError(message)
        if self.logarithmic and self.low <= 0:
            message = f"a logarithmic axis starts above 0, not at {self.low}"
            raise ValueError(message)

    def __call__(self, amount: float) -> float:
        """Return the coordinate of `amount`."""
        inside = min(max(amount, self.low), self.high)
        bend: Callable[[float], float] = math.log if self.logarithmic else float
        share = (bend(inside) - bend(self.low)) / (bend(self.high) - bend(self.low))
        return self.start + share * (self.end - self.start)

    def holds(self, amount: float) -> bool:
        """Return whether `amount` lies between the ends."""
        return self.low <= amount <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """A monotone map from durations to coordinates in which every range between two edges is equally wide.

    Inside a range equal ratios are equally far apart, or equal differences where it starts at 0.

    Attributes:
        edges: ascending, from 0 or more on, in seconds; at least two.
        start: the coordinate of the first edge.
        end: the coordinate of the last edge.

    Raises:
        ValueError: if there is no range, or the edges do not ascend.
    """

    edges: tuple[float, ...]
    start: float
    end: float

    def __post_init__(self) -> None:
        ascending = all(low < high for low, high in pairwise((-1.0, *self.edges)))
        if len(self.edges) < 2 or not ascending or self.edges[0] < 0:  # noqa: PLR2004 - a range has two edges
            message = f"ranges of durations need ascending edges from 0 on, not {self.edges}"
            raise ValueError(message)

    @classmethod
    def of(cls, lows: Sequence[float], high: float | None, *, start: float, end: float) -> Edges:
        """Return the map for ranges by where they start.

        Args:
            lows: where each range starts.
            high: where the last one ends; None if it has no end, and then it is drawn to four times its start.
            start: the coordinate of the first edge.
            end: the coordinate of the last edge.
        """
        last = 4 * (lows[-1] or 1.0) if high is None else high
        return cls(edges=(*lows, last), start=start, end=end)

    def __call__(self, duration: float) -> float:
        """Return the coordinate of `duration`; one outside the edges lands on the nearest."""
        inside = min(max(duration, self.edges[0]), self.edges[-1])
        place = min(bisect_right(self.edges, inside), len(self.edges) - 1) - 1
        left, right = self.column(place)
        low, high = self.edges[place], self.edges[place + 1]
        share = inside / high if low == 0 else math.log(inside / low) / math.log(high / low)
        return left + share * (right - left)

    def column(self, place: int) -> tuple[float, float]:
        """Return where the range of this number, counted from 0, starts and ends."""
        extent = (self.end - self.start) / (len(self.edges) - 1)
        return self.start + place * extent, self.start + (place + 1) * extent


MINUTE: Final = 60.0
HOUR: Final = 3600.0
DAY: Final = 86_400.0
WEEK: Final = 7 * DAY
MONTH: Final = 30.4375 * DAY
YEAR: Final = 365.25 * DAY

_DURATIONS: Final = (
    Tick(1, "1 s"),
    Tick(10, "10 s"),
    Tick(MINUTE, "1 min"),
    Tick(10 * MINUTE, "10 min"),
    Tick(HOUR, "1 h"),
    Tick(6 * HOUR, "6 h"),
    Tick(DAY, "1 d"),
    Tick(3 * DAY, "3 d"),
    Tick(WEEK, "1 w"),
    Tick(2 * WEEK, "2 w"),
    Tick(MONTH, "1 mo"),
    Tick(3 * MONTH, "3 mo"),
    Tick(6 * MONTH, "6 mo"),
    Tick(YEAR, "1 y"),
    Tick(2 * YEAR, "2 y"),
    Tick(5 * YEAR, "5 y"),
    Tick(10 * YEAR, "10 y"),
    Tick(100 * YEAR, "100 y"),
)


def nice_step(span: float, count: int) -> float:
    """Return the step of 1, 2 or 5 times a power of ten that divides `span` into about `count` parts.

    Raises:
        ValueError: if there is nothing to divide.
    """
    if not (math.isfinite(span) and span > 0 and count > 0):
        message = f"{span} cannot be divided into {count} parts"
        raise ValueError(message)
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))


def nice_amounts(low: float, high: float, count: int) -> tuple[float, ...]:
    """Return the multiples of a nice step from the one at or below `low` to the one at or above `high`."""
    step = nice_step(high - low, count)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(_tidy(number * step) for number in range(first, last + 1))


def count_amounts(most: int, count: int = 4) -> tuple[int, ...]:
    """Return the whole numbers that an axis of counts names, from 0 to at least `most`."""
    step = max(1, math.ceil(nice_step(max(most, 1), count)))
    return tuple(range(0, math.ceil(max(most, 1) / step) * step + 1, step))


def count_label(count: int) -> str:
    """Return a count that an axis names; thousands and millions from five digits on, as `20 k` and `1.5 M`."""
    for size, letter in ((1_000_000, "M"), (1000, "k")):
        if count >= max(10_000, size):
            return f"{count / size:g}{THIN_SPACE}{letter}"
    return str(count)


def duration_ticks(scale: Scale, room: float) -> tuple[Tick, ...]:
    """Return the durations that a logarithmic axis of seconds names, at least `room` units apart."""
    return spaced(scale, [tick for tick in _DURATIONS if scale.holds(tick.at)], room)


def spaced(scale: Scale, ticks: list[Tick], room: float) -> tuple[Tick, ...]:
    """Return those of `ticks` that are at least `room` units from the one kept before."""
    kept: list[Tick] = []
    for tick in ticks:
        if not kept or abs(scale(tick.at) - scale(kept[-1].at)) >= room:
            kept.append(tick)
    return tuple(kept)


def date_ticks(start: datetime, end: datetime, count: int) -> tuple[Tick, ...]:
    """Return at most about `count` dates between two moments, as seconds since 1970.

    They are days, Mondays, first days of months or of years: the finest of these that are few enough.
    """
    span = (end - start).total_seconds()
    for step, firsts in _CALENDAR:
        if span / step <= count:
            return tuple(Tick(moment.timestamp(), text) for moment, text in firsts(start, end, step) if moment >= start)
    years = max(1, math.ceil(nice_step(span / YEAR, count)))
    return tuple(Tick(moment.timestamp(), text) for moment, text in _years(start, end, years) if moment >= start)


def month_name(moment: datetime) -> str:
    """Return the short English name of its month, whatever the locale of the process."""
    return _MONTHS[moment.month - 1]


def _days(start: datetime, end: datetime, step: float) -> list[tuple[datetime, str]]:
    days = round(step / DAY)
    first = start.replace(hour=0, minute=0, second=0, microsecond=0)
    if days == 7:  # noqa: PLR2004 - the days of a week
        first -= timedelta(days=first.weekday())
    moments = [first + timedelta(days=number * days) for number in range(int((end - first).days // days) + 1)]
    return [(moment, f"{moment.day} {month_name(moment)}") for moment in moments if moment <= end]


def _months(start: datetime, end: datetime, step: float) -> list[tuple[datetime, str]]:
    months = round(step / MONTH)
    numbers = range(start.year * 12, end.year * 12 + end.month)
    moments = [datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC) for number in numbers if number % months == 0]
    named = [moment for moment in moments if start <= moment <= end]
    years = {moment.year: moment for moment in reversed(named)}
    return [
        (moment, f"{month_name(moment)} {moment.year}" if years[moment.year] == moment else month_name(moment))
        for moment in named
    ]


def _years(start: datetime, end: datetime, years: int) -> list[tuple[datetime, str]]:
    return [
        (datetime(year, 1, 1, tzinfo=UTC), str(year)) for year in range(start.year, end.year + 1) if year % years == 0
    ]


_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CALENDAR: Final = (
    (DAY, _days),
    (WEEK, _days),
    (MONTH, _months),
    (3 * MONTH, _months),
    (6 * MONTH, _months),
)


def _tidy(amount: float) -> float:
    """Return a multiple of a nice step without the dust of floating point."""
    return float(f"{amount:.12g}")
