"""Business time: moments and lengths that count only while somebody works.

A calendar is the set of moments at which it is open. Three operations follow from that set alone:

- `between(a, b)` is how much of it lies between two moments (a measure: additive over adjoining stretches, negative
  backwards);
- `add(moment, length)` is the earliest moment with `between(moment, it) == length`;
- `subtract(moment, length)` is the latest moment with `between(it, moment) == length`.

So a deadline that falls on the end of a day is the end of that day, not the next morning.

Hours are said on the clock on the wall. They open and close when that clock *first* shows the time or a later one:
where clocks go forward over an opening, it opens at once; where they go back over a closing, the first of both counts;
and a whole day has 23 or 25 hours. That function of the wall's time never falls, so hours neither overlap nor turn
around, whatever a zone does (whole days left out included).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from heapq import merge
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from zoneinfo import ZoneInfo

DAY: Final = timedelta(days=1)
SECOND: Final = timedelta(seconds=1)
ZERO: Final = timedelta()
FIRST: Final = datetime.min.replace(tzinfo=UTC) + 3 * DAY
LAST: Final = datetime.max.replace(tzinfo=UTC) - 3 * DAY
"""What is earlier or later has no date in some zone."""


class NeverOpenError(ValueError):
    """A calendar has not as many open hours as were asked for, however long one waits."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of time.

    Attributes:
        start: its first moment, in UTC.
        end: the first moment after it, in UTC.
    """

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it lasts."""
        return self.end - self.start


@dataclass(frozen=True, slots=True, order=True)
class OpenHours:
    """Hours of one day, on the clock on the wall.

    Attributes:
        opens: how long after midnight they begin.
        closes: how long after midnight they end: later than `opens`, at most 24 hours.

    Raises:
        ValueError: if they do not lie within a day, or are none.
    """

    opens: timedelta
    closes: timedelta

    def __post_init__(self) -> None:
        """Refuse hours of no day."""
        if not ZERO <= self.opens < self.closes <= DAY:
            message = f"hours from {self.opens} to {self.closes} after midnight are not within one day"
            raise ValueError(message)


WHOLE_DAY: Final = (OpenHours(ZERO, DAY),)
CLOSED: Final[tuple[OpenHours, ...]] = ()


class Calendar(ABC):
    """When somebody works, and what follows from it. Moments that are handed in need a zone; what comes out is UTC."""

    @abstractmethod
    def day_zone(self) -> ZoneInfo:
        """Return the zone in which its days begin and end."""

    @abstractmethod
    def open_after(self, moment: datetime) -> Iterator[Span]:
        """Yield each span that ends after a moment, the earliest first; no two overlap, and none is empty."""

    @abstractmethod
    def open_before(self, moment: datetime) -> Iterator[Span]:
        """Yield each span that begins before a moment, the latest first; no two overlap, and none is empty."""

    def is_open(self, moment: datetime) -> bool:
        """Return whether it is open at a moment."""
        moment = _utc(moment)
        return any(span.start <= moment for span in _first(self.open_after(moment)))

    def next_open(self, moment: datetime) -> datetime:
        """Return the first moment, at or after the one given, at which it is open.

        Raises:
            NeverOpenError: if it never opens again.
        """
        moment = _utc(moment)
        for span in self.open_after(moment):
            return max(span.start, moment)
        message = f"closed for ever after {moment:%Y-%m-%d %H:%MZ}"
        raise NeverOpenError(message)

    def add(self, moment: datetime, length: timedelta) -> datetime:
        """Return the earliest moment until which as many open hours pass; a negative length subtracts.

        Raises:
            NeverOpenError: if there are not as many.
        """
        if length < ZERO:
            return self.subtract(moment, -length)
        moment = _utc(moment)
        if not length:
            return moment
        parts = ((max(span.start, moment), span.end) for span in self.open_after(moment))
        return _used_up(length, parts, f"after {moment:%Y-%m-%d %H:%MZ}")

    def subtract(self, moment: datetime, length: timedelta) -> datetime:
        """Return the latest moment from which as many open hours pass; a negative length adds.

        Raises:
            NeverOpenError: if there were not as many.
        """
        if length < ZERO:
            return self.add(moment, -length)
        moment = _utc(moment)
        if not length:
            return moment
        parts = ((min(span.end, moment), span.start) for span in self.open_before(moment))
        return _used_up(length, parts, f"before {moment:%Y-%m-%d %H:%MZ}")

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Return how many open hours lie from one moment to another; below zero when the other is earlier."""
        start, end = _utc(start), _utc(end)
        if end < start:
            return -self.between(end, start)
        total = ZERO
        for span in self.open_after(start):
            if span.start >= end:
                break
            total += min(span.end, end) - max(span.start, start)
        return total

    def add_days(self, moment: datetime, days: int) -> datetime:
        """Return the same time of day, so many days on which it opens later.

        Counting begins when it is open: Saturday and one day is what Monday's opening and one day is. Where that time
        is not within the hours of the day that is reached, the end of the hours before it counts, or else that day's
        opening: Tuesday 15:00 and one day is 13:00 on a Wednesday that ends at 13:00.

        Args:
            moment: where counting begins.
            days: how many, one at least.

        Raises:
            NeverOpenError: if it does not open on as many days.
            ValueError: if `days` is not positive.
        """
        if days < 1:
            message = f"{days} business days: at least one is needed"
            raise ValueError(message)
        began = self.next_open(moment).astimezone(self.day_zone())
        day, left = began.date(), days
        for reached in self._days_after(day):
            left -= 1
            if not left:
                wall = datetime.combine(reached, began.time())
                return self._within(reached, first_shown(wall, self.day_zone()))
        message = f"{days} days on which it opens: there are only {days - left} after {day}"
        raise NeverOpenError(message)

    def _midnight(self, day: date) -> datetime:
        return first_shown(datetime.combine(day, datetime.min.time()), self.day_zone())

    def _days_after(self, day: date) -> Iterator[date]:
        """Yield the days after a day on which it opens, the earliest first."""
        moment = self._midnight(day + DAY)
        last = day
        for span in self.open_after(moment):
            opened = max(span.start, moment).astimezone(self.day_zone()).date()
            closed = (span.end - SECOND / 1_000_000).astimezone(self.day_zone()).date()
            for one in _dates(max(opened, last + DAY), closed):
                yield one
                last = one

    def _within(self, day: date, moment: datetime) -> datetime:
        """Return a moment, or what is nearest to it of the hours of its day, as `add_days` says."""
        begins, ends = self._midnight(day), self._midnight(day + DAY)
        found: datetime | None = None
        for span in self.open_after(begins):
            if span.start >= ends:
                break
            if found is not None and span.start > moment:
                return found
            found = min(max(moment, span.start), span.end, ends)
        return moment if found is None else found


@dataclass(frozen=True, slots=True)
class AlwaysOpen(Calendar):
    """Every hour of every day: business time is time.

    Attributes:
        zone: in which its days begin and end.
    """

    zone: ZoneInfo

    def day_zone(self) -> ZoneInfo:
        """Return the zone in which its days begin and end."""
        return self.zone

    def open_after(self, moment: datetime) -> Iterator[Span]:
        """Yield the rest of time."""
        yield Span(_utc(moment), LAST)

    def open_before(self, moment: datetime) -> Iterator[Span]:
        """Yield all of the time before it."""
        yield Span(FIRST, _utc(moment))


@dataclass(frozen=True, slots=True)
class OfficeHours(Calendar):
    """The hours of one place.

    Attributes:
        zone: of the clock on its wall.
        week: the hours of Monday, Tuesday … Sunday.
        days: the hours of single days, instead of those of the week: none of a holiday, some of a half-day.

    Raises:
        ValueError: if the week has not seven days, or hours of a day overlap.
    """

    zone: ZoneInfo
    week: tuple[tuple[OpenHours, ...], ...]
    days: Mapping[date, tuple[OpenHours, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse hours that are not those of a week."""
        if len(self.week) != 7:  # noqa: PLR2004 - Monday to Sunday
            message = f"a week has seven days, not {len(self.week)}"
            raise ValueError(message)
        for hours in (*self.week, *self.days.values()):
            if any(later.opens < earlier.closes for earlier, later in pairwise(hours)):
                message = f"hours of one day overlap, or are not in order: {hours}"
                raise ValueError(message)

    def day_zone(self) -> ZoneInfo:
        """Return the zone in which its days begin and end."""
        return self.zone

    def open_after(self, moment: datetime) -> Iterator[Span]:
        """Yield each span that ends after a moment, the earliest first."""
        moment = _utc(moment)
        # A day before: where clocks go back over midnight, it is once more yesterday when today has begun.
        spans = (span for day in self._days_from(self._date(moment) - DAY) for span in self._spans(day))
        return (span for span in spans if span.end > moment)

    def open_before(self, moment: datetime) -> Iterator[Span]:
        """Yield each span that begins before a moment, the latest first."""
        moment = _utc(moment)
        spans = (span for day in self._days_until(self._date(moment) + DAY) for span in reversed(self._spans(day)))
        return (span for span in spans if span.start < moment)

    def _date(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def _days_from(self, day: date) -> Iterator[date]:
        """Yield the days on which it may open, the earliest first: single ones, if no day of the week has hours."""
        if any(self.week):
            yield from _dates(day, LAST.date())
        else:
            yield from sorted(one for one in self.days if one >= day)

    def _days_until(self, day: date) -> Iterator[date]:
        if any(self.week):
            while day >= FIRST.date():
                yield day
                day -= DAY
        else:
            yield from sorted((one for one in self.days if one <= day), reverse=True)

    def _spans(self, day: date) -> list[Span]:
        midnight = datetime.combine(day, datetime.min.time())
        spans = (
            Span(first_shown(midnight + hours.opens, self.zone), first_shown(midnight + hours.closes, self.zone))
            for hours in self.days.get(day, self.week[day.weekday()])
        )
        return [span for span in spans if span.start < span.end]


@dataclass(frozen=True, slots=True)
class AnyOpen(Calendar):
    """Several calendars as one that is open whenever one of them is: teams that follow the sun.

    Attributes:
        calendars: one or more; the days of the whole begin and end where those of the first do.

    Raises:
        ValueError: if there is none.
    """

    calendars: tuple[Calendar, ...]

    def __post_init__(self) -> None:
        """Refuse a calendar of nobody."""
        if not self.calendars:
            message = "a calendar of several needs one at least"
            raise ValueError(message)

    def day_zone(self) -> ZoneInfo:
        """Return the zone in which its days begin and end."""
        return self.calendars[0].day_zone()

    def open_after(self, moment: datetime) -> Iterator[Span]:
        """Yield each span that ends after a moment, the earliest first."""
        return _trimmed(merge(*(one.open_after(moment) for one in self.calendars)))

    def open_before(self, moment: datetime) -> Iterator[Span]:
        """Yield each span that begins before a moment, the latest first."""
        each = (one.open_before(moment) for one in self.calendars)
        return _trimmed_backwards(merge(*each, key=lambda span: span.end, reverse=True))


def first_shown(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return when a clock on the wall first shows a time, or a later one where it leaves that out.

    Args:
        wall: a date and time without zone.
        zone: of the clock.

    Returns:
        The moment in UTC. It never falls when `wall` rises.
    """
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _shown(first, zone) == wall:
        return first
    # The offset before the clocks go forward puts it after that, the offset afterwards puts it before (PEP 495).
    before, after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first
    while after - before > SECOND:
        middle = before + (after - before) // 2
        if _shown(middle, zone) < wall:
            before = middle
        else:
            after = middle
    # Offsets and the moments at which they change are whole seconds.
    return after.replace(microsecond=0)


def _shown(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _trimmed(spans: Iterable[Span]) -> Iterator[Span]:
    """Leave out of each span what those before it have covered; they are in order of their starts."""
    covered = FIRST
    for span in spans:
        if span.end > covered:
            yield Span(max(span.start, covered), span.end)
            covered = span.end


def _trimmed_backwards(spans: Iterable[Span]) -> Iterator[Span]:
    """Leave out of each span what those before it have covered; they are in order of their ends, the latest first."""
    covered = LAST
    for span in spans:
        if span.start < covered:
            yield Span(span.start, min(span.end, covered))
            covered = span.start


def _dates(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += DAY


def _first(spans: Iterator[Span]) -> Iterator[Span]:
    for span in spans:
        yield span
        return


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        message = f"{moment} has no zone"
        raise ValueError(message)
    return moment.astimezone(UTC)


def _used_up(length: timedelta, parts: Iterable[tuple[datetime, datetime]], where: str) -> datetime:
    """Return the moment at which a length is used up by parts of time, in the direction in which they run.

    Args:
        length: longer than nothing.
        parts: from where to where each goes, in the order in which they are used: all forwards, or all backwards.
        where: what a person is told that they are.

    Raises:
        NeverOpenError: if they are not as long together.
    """
    left = length
    for begins, ends in parts:
        available = abs(ends - begins)
        if available >= left:
            return begins + left if ends > begins else begins - left
        left -= available
    message = f"{length} of business time: only {length - left} {where}"
    raise NeverOpenError(message)
