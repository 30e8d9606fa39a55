"""When something that is done again and again is due: every five minutes, or on Mondays at 09:00 of some place.

Occurrences are computed, never kept: two processes that ask for the same stretch of time get the same moments, which
makes (project, job, moment) a key that a database can hold unique.

A time on the clock on the wall that a change of clocks leaves out is read with the offset before it, so that 02:30 is
03:30 (`shift`, as RFC 5545, section 3.3.5, says), or is none (`skip`). One that comes twice counts as the first of both
(`first`, as there) or twice (`both`). An interval counts hours that pass and knows no clock.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from iact.core.business_time import DAY, ZERO, first_shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EVERY_DAY: Final = frozenset(range(7))
LOOKED_BACK: Final = tuple(timedelta(days=days) for days in (2, 9, 33, 370, 3_000))
"""How far to look for the latest occurrence, and for the next; the last of them reaches over a 29 February that a
century leaves out."""


class Gap(StrEnum):
    """What becomes of a time that the clock on the wall never shows."""

    SHIFT = "shift"
    SKIP = "skip"


class Fold(StrEnum):
    """What becomes of a time that it shows twice."""

    FIRST = "first"
    BOTH = "both"


class Missed(StrEnum):
    """What becomes of occurrences that passed while nobody ran."""

    ONCE = "once"
    SKIP = "skip"
    ALL = "all"


class Recurrence(ABC):
    """Moments at which something is due."""

    @abstractmethod
    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield each occurrence later than `after` and not later than `until`, in UTC, the earliest first."""

    @abstractmethod
    def latest(self, until: datetime) -> datetime | None:
        """Return the last occurrence that is not later than a moment; None where there was none for eight years."""

    def following(self, after: datetime) -> datetime | None:
        """Return the first occurrence later than a moment; None where there is none for eight years."""
        for length in LOOKED_BACK:
            found = next(self.between(after, after + length), None)
            if found is not None:
                return found
        return None

    def due(self, last: datetime, now: datetime, missed: Missed, grace: timedelta) -> Iterator[datetime]:
        """Yield the occurrences that are to be carried out now, the earliest first.

        Args:
            last: the last one that was carried out or given up, or when counting began.
            now: the present moment.
            missed: what becomes of those that passed while nobody ran: the latest of them is carried out (`once`), none
                (`skip`), or each (`all`).
            grace: up to which age an occurrence is not missed but only a little late.
        """
        if missed is Missed.ALL:
            yield from self.between(last, now)
            return
        begins = max(last, now - grace)
        newest = self.latest(now)
        if missed is Missed.ONCE and newest is not None and last < newest <= begins:
            yield newest
        yield from self.between(begins, now)


@dataclass(frozen=True, slots=True)
class Interval(Recurrence):
    """Every so often, counted from 1970-01-01 00:00 UTC.

    Attributes:
        length: from one occurrence to the next.

    Raises:
        ValueError: if it is not positive.
    """

    length: timedelta

    def __post_init__(self) -> None:
        """Refuse an interval that comes nowhere."""
        if self.length <= ZERO:
            message = f"an interval of {self.length}: it must be longer than nothing"
            raise ValueError(message)

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield each occurrence later than `after` and not later than `until`, in UTC, the earliest first."""
        number, last = (after - EPOCH) // self.length + 1, (until - EPOCH) // self.length
        while number <= last:
            yield EPOCH + number * self.length
            number += 1

    def following(self, after: datetime) -> datetime:
        """Return the first occurrence later than a moment."""
        return self.latest(after) + self.length

    def latest(self, until: datetime) -> datetime:
        """Return the last occurrence that is not later than a moment."""
        return EPOCH + (until - EPOCH) // self.length * self.length


@dataclass(frozen=True, slots=True)
class WallClock(Recurrence):
    """At times of the clock on a wall, on every day, on some days of the week, or on some of the month.

    Attributes:
        zone: of the clock.
        times: how long after midnight, less than 24 hours each.
        weekdays: 0 for Monday to 6 for Sunday.
        month_days: 1 to 31, or -1 for the last day of the month and so on; none for every day.
        gap: what becomes of a time that it never shows.
        fold: what becomes of a time that it shows twice.

    Raises:
        ValueError: if it has no time or no day, or one that no day or month has.
    """

    zone: ZoneInfo
    times: tuple[timedelta, ...]
    weekdays: frozenset[int] = EVERY_DAY
    month_days: frozenset[int] = frozenset()
    gap: Gap = Gap.SHIFT
    fold: Fold = Fold.FIRST

    def __post_init__(self) -> None:
        """Refuse what never is."""
        if not self.times or not all(ZERO <= one < DAY for one in self.times):
            message = "times lie within 24 hours after midnight, and there is one at least"
            raise ValueError(message)
        if not self.weekdays or not self.weekdays <= EVERY_DAY:
            message = f"days of the week are 0 to 6, one at least, not {sorted(self.weekdays)}"
            raise ValueError(message)
        if not all(1 <= abs(one) <= 31 for one in self.month_days):  # noqa: PLR2004 - the longest month
            message = f"days of the month are 1 to 31, or -1 to -31 from its end, not {sorted(self.month_days)}"
            raise ValueError(message)

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield each occurrence later than `after` and not later than `until`, in UTC, the earliest first."""
        # A day before: a time that is left out may be shifted into the next day, or a day be left out as a whole.
        day, last = after.astimezone(self.zone).date() - 2 * DAY, until.astimezone(self.zone).date() + DAY
        waiting: set[datetime] = set()
        while day <= last:
            if self._falls_on(day):
                waiting.update(self._on(day))
            # No occurrence of a later day is before the clock first shows that day.
            ended = first_shown(_midnight(day + DAY), self.zone)
            ready = sorted(moment for moment in waiting if moment < ended)
            waiting.difference_update(ready)
            yield from (moment for moment in ready if after < moment <= until)
            day += DAY
        yield from sorted(moment for moment in waiting if after < moment <= until)

    def latest(self, until: datetime) -> datetime | None:
        """Return the last occurrence that is not later than a moment; None where there was none for eight years."""
        for length in LOOKED_BACK:
            newest = max(self.between(until - length, until), default=None)
            if newest is not None:
                return newest
        return None

    def _falls_on(self, day: date) -> bool:
        if day.weekday() not in self.weekdays:
            return False
        length = monthrange(day.year, day.month)[1]
        return not self.month_days or not self.month_days.isdisjoint({day.day, day.day - length - 1})

    def _on(self, day: date) -> Iterator[datetime]:
        for time in self.times:
            wall = _midnight(day) + time
            first, second = (wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
            is_shown = first.astimezone(self.zone).replace(tzinfo=None, fold=0) == wall
            if is_shown or self.gap is Gap.SHIFT:
                yield first
            if is_shown and second != first and self.fold is Fold.BOTH:
                yield second


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time())
