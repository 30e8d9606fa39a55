"""Holidays in a calendar file (iCalendar, RFC 5545): events that last whole days, once or every year.

What the file says otherwise (an hour of a day, another recurrence) is refused and not guessed: a holiday that is
read wrongly moves every deadline after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

_DAY: Final = timedelta(days=1)
_YEARLY: Final = re.compile(r"^FREQ=YEARLY(?:;INTERVAL=1)?(?:;UNTIL=(?P<until>\d{8})(?:T\d{6}Z?)?)?$")
_ESCAPED: Final = re.compile(r"\\([\\;,nN])")


class CalendarFileError(ValueError):
    """A file that holds no holidays, or some that cannot be read; the message says on which line."""


@dataclass(frozen=True, slots=True)
class Event:
    """A holiday of a file.

    Attributes:
        first: its first day.
        days: how many days it lasts.
        name: what it is called.
        yearly: whether it comes every year.
        until: the last day on which a yearly one may begin; None for no end.
    """

    first: date
    days: int
    name: str
    yearly: bool = False
    until: date | None = None

    def in_years(self, years: range) -> Iterator[date]:
        """Yield the days of it that lie in these years."""
        for year in years if self.yearly else (self.first.year,):
            begins = _in_year(self.first, year)
            if begins is None or begins < self.first or (self.until is not None and begins > self.until):
                continue
            days = (begins + number * _DAY for number in range(self.days))
            yield from (day for day in days if day.year in years)


def _in_year(day: date, year: int) -> date | None:
    try:
        return day.replace(year=year)
    except ValueError:
        # The 29 February of a year that has none: RFC 5545, section 3.3.10, leaves it out.
        return None


def events(text: str) -> tuple[Event, ...]:
    """Return the holidays of a file.

    Raises:
        CalendarFileError: if it is no calendar file, or holds an event that is no holiday.
    """
    lines = list(_unfolded(text.splitlines()))
    if not lines or lines[0][1].upper() != "BEGIN:VCALENDAR":
        message = "line 1: expected BEGIN:VCALENDAR, as every calendar file begins"
        raise CalendarFileError(message)
    found: list[Event] = []
    open_event: dict[str, tuple[int, str, str]] | None = None
    for number, line in lines:
        if line.upper() == "BEGIN:VEVENT":
            open_event = {}
        elif line.upper() == "END:VEVENT" and open_event is not None:
            if open_event.get("STATUS", (0, "", ""))[2].upper() != "CANCELLED":
                found.append(_event(number, open_event))
            open_event = None
        elif open_event is not None and ":" in line:
            head, _, value = line.partition(":")
            name, _, parameters = head.partition(";")
            open_event.setdefault(name.upper(), (number, parameters.upper(), value))
    return tuple(found)


def _unfolded(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield each content line with the number of its first line; one that begins with a space goes on (section 3.1)."""
    gathered, began = "", 0
    for number, line in enumerate(lines, start=1):
        if line[:1] in {" ", "\t"}:
            gathered += line[1:]
            continue
        if gathered:
            yield began, gathered
        gathered, began = line.rstrip(), number
    if gathered:
        yield began, gathered


def _event(end: int, written: dict[str, tuple[int, str, str]]) -> Event:
    for unread in ("EXDATE", "RDATE", "RECURRENCE-ID"):
        if unread in written:
            message = f"line {written[unread][0]}: {unread} is not read; write the days as single events"
            raise CalendarFileError(message)
    if "DTSTART" not in written:
        message = f"line {end}: the event that ends here has no DTSTART"
        raise CalendarFileError(message)
    first = _date(*written["DTSTART"])
    last = _date(*written["DTEND"]) if "DTEND" in written else first + _DAY
    name = _ESCAPED.sub(lambda match: " " if match[1] in "nN" else match[1], written.get("SUMMARY", (0, "", ""))[2])
    yearly, until = _recurrence(*written["RRULE"]) if "RRULE" in written else (False, None)
    return Event(first, max((last - first).days, 1), name.strip(), yearly, until)


def _date(number: int, parameters: str, value: str) -> date:
    if re.fullmatch(r"\d{8}", value.strip()):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            pass
    message = f"line {number}: expected a whole day such as 20261224, found {value!r} {parameters}".rstrip()
    raise CalendarFileError(message)


def _recurrence(number: int, _parameters: str, value: str) -> tuple[bool, date | None]:
    match = _YEARLY.match(value.strip().upper())
    if match is None:
        message = f"line {number}: only FREQ=YEARLY is read, found {value!r}; write the days as single events"
        raise CalendarFileError(message)
    return True, date.fromisoformat(match["until"]) if match["until"] else None
