"""A calendar as a run pins it: every holiday a date, every zone with its own data, nothing left to look up.

A run that waits over a weekend must not wait for another moment because a package of holidays or the machine's
time-zone data was updated meanwhile. So the record holds them (`iact.calendars` makes it), and what is computed from it
is the same on every machine.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from iact.core.business_span import BusinessSpan
from iact.core.business_time import AlwaysOpen, AnyOpen, Calendar, NeverOpenError, OfficeHours, OpenHours

ALWAYS_OPEN: Final = "always"
_HOURS: Final = re.compile(r"^(?P<opens>[0-9]{2}:[0-9]{2})-(?P<closes>[0-9]{2}:[0-9]{2})$")


@dataclass(frozen=True, slots=True)
class PinnedCalendar:
    """When somebody works, as far as it is known.

    Attributes:
        name: what the calendar is called.
        calendar: its open hours.
        known_until: the last day whose holidays are known.
        holidays: what the single days are called, for explanations.
    """

    name: str
    calendar: Calendar
    known_until: date
    holidays: Mapping[date, str] = field(default_factory=dict)

    def after(self, begin: datetime, span: BusinessSpan) -> datetime:
        """Return when business time that begins at a moment is over, in UTC.

        Raises:
            NeverOpenError: if the calendar has not as much time, or ends beyond the days whose holidays are known.
        """
        end = span.end(self.calendar, begin)
        if end.astimezone(self.calendar.day_zone()).date() > self.known_until:
            message = f"{span} end after {self.known_until}, and the holidays of {self.name} are known until then"
            raise NeverOpenError(message)
        return end


def hours_of(text: str) -> OpenHours:
    """Return hours of one day, such as `09:00-17:00`.

    Raises:
        ValueError: if it is none; the message says what was expected.
    """
    match = _HOURS.match(text)
    try:
        if match is None:
            raise ValueError  # noqa: TRY301 - the one message below is for both
        return OpenHours(_after_midnight(match["opens"]), _after_midnight(match["closes"]))
    except ValueError:
        message = f"expected hours of one day such as 09:00-17:00, found {text!r}"
        raise ValueError(message) from None


def _after_midnight(text: str) -> timedelta:
    hours, minutes = text.split(":")
    if int(minutes) > 59:  # noqa: PLR2004 - minutes of an hour
        raise ValueError
    return timedelta(hours=int(hours), minutes=int(minutes))


def calendar_from_record(record: Mapping[str, Any]) -> PinnedCalendar:
    """Return the calendar of a record.

    Args:
        record: with `name`, `known_until`, and either `any_of` (several records) or `time_zone` (`name` and `data`,
            the zone's TZif bytes of RFC 9636 in base 64), `week` (the hours of Monday to Sunday, or `always`) and
            `days` (a date, its hours and what it is called).

    Raises:
        KeyError: if something is left out, which no record of `iact.calendars` does.
        ValueError: if hours or a date are none.
    """
    known_until = date.fromisoformat(record["known_until"])
    if "any_of" in record:
        parts = tuple(calendar_from_record(one) for one in record["any_of"])
        return PinnedCalendar(record["name"], AnyOpen(tuple(part.calendar for part in parts)), known_until)
    zone = _zone(record["time_zone"]["name"], record["time_zone"]["data"])
    if record["week"] == ALWAYS_OPEN:
        return PinnedCalendar(record["name"], AlwaysOpen(zone), known_until)
    days = {date.fromisoformat(day): _hours(one["hours"]) for day, one in record["days"].items()}
    named = {date.fromisoformat(day): one["name"] for day, one in record["days"].items() if one["name"]}
    week = tuple(_hours(one) for one in record["week"])
    hours = OfficeHours(zone, week, MappingProxyType(days))
    return PinnedCalendar(record["name"], hours, known_until, MappingProxyType(named))


def _hours(written: list[str]) -> tuple[OpenHours, ...]:
    return tuple(hours_of(one) for one in written)


@lru_cache(maxsize=64)
def _zone(name: str, data: str) -> ZoneInfo:
    return ZoneInfo.from_file(io.BytesIO(base64.b64decode(data)), key=name)


def _utc_zone() -> str:
    """Return the data of a zone that is always UTC: version 2, one type, no transitions (RFC 9636)."""
    header = b"TZif2" + bytes(15)
    counts = b"".join(number.to_bytes(4, "big") for number in (0, 0, 0, 0, 1, 4))
    block = header + counts + bytes(6) + b"UTC\0"
    return base64.b64encode(block + block + b"\nUTC0\n").decode("ascii")


UTC_DATA: Final = _utc_zone()
"""For machines without time-zone data, on which UTC is the one zone that is known all the same."""
