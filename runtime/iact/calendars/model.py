"""The kind `BusinessCalendar`: when somebody works."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias

from iact.calendars.public_holidays import HolidaysUnknownError
from iact.core import instants
from iact.core.business_span import BusinessSpan
from iact.core.business_time import NeverOpenError
from iact.core.pinned_calendar import calendar_from_record, hours_of
from iact.core.problems import Problem
from iact.core.readers import ParsedReader
from iact.core.registry import kind
from iact.core.shape import Moment, OneOrMany, Ref, Scope, TimeZoneName, part
from iact.core.tree import NOWHERE, Position

CLOSED: Final = "closed"
_ANY_YEAR: Final = range(2026, 2027)
"""Whether holidays can be had at all shows in any year; a check does not depend on the day on which it is made."""
_ONE_HOURS: Final = r"(?:[01][0-9]|2[0-4]):[0-5][0-9]"


def _hours(text: str) -> str:
    if text != CLOSED:
        hours_of(text)
    return text


Hours: TypeAlias = Annotated[
    str, ParsedReader("hours such as 09:00-17:00, or closed", rf"^(?:{_ONE_HOURS}-{_ONE_HOURS}|closed)$", _hours)
]


def _day(text: str) -> str:
    match = re.fullmatch(r"(?:(?P<year>\d{4})-)?(?P<month>\d{2})-(?P<day>\d{2})", text)
    try:
        if match is None:
            raise ValueError  # noqa: TRY301 - the one message below is for both
        # A leap year, so that 02-29 may come every year that has it.
        date(int(match["year"] or 2024), int(match["month"]), int(match["day"]))
    except ValueError:
        message = f"expected a day such as 2026-12-24, or 12-24 for every year, found {text!r}"
        raise ValueError(message) from None
    return text


Day: TypeAlias = Annotated[
    str,
    ParsedReader("a day such as 2026-12-24, or 12-24 for every year", r"^(?:[0-9]{4}-)?[0-9]{2}-[0-9]{2}$", _day),
]


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """The hours of each day of the week, on the clock on the wall. A day that is not named is closed.

    Attributes:
        weekdays: the hours of Monday to Friday, where a day says nothing else.
        monday: the hours of Mondays.
        tuesday: the hours of Tuesdays.
        wednesday: the hours of Wednesdays.
        thursday: the hours of Thursdays.
        friday: the hours of Fridays.
        saturday: the hours of Saturdays.
        sunday: the hours of Sundays.
    """

    replaced_whole: ClassVar[bool] = True

    weekdays: OneOrMany[Hours] = ()
    monday: OneOrMany[Hours] = ()
    tuesday: OneOrMany[Hours] = ()
    wednesday: OneOrMany[Hours] = ()
    thursday: OneOrMany[Hours] = ()
    friday: OneOrMany[Hours] = ()
    saturday: OneOrMany[Hours] = ()
    sunday: OneOrMany[Hours] = ()
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    def days(self) -> tuple[tuple[str, ...], ...]:
        """Return the hours of Monday to Sunday."""
        working = (self.monday, self.tuesday, self.wednesday, self.thursday, self.friday)
        return tuple(map(opened, (*(own or self.weekdays for own in working), self.saturday, self.sunday)))

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield hours of one day that overlap, and a week without any."""
        for key, place in self.positions.items():
            written = getattr(self, key, ())
            if isinstance(written, tuple):
                yield from overlapping(written, place)
        if not any(self.days()):
            yield Problem(rule="never-open", position=self.position, message="it is closed on every day of the week.")


def opened(hours: tuple[str, ...]) -> tuple[str, ...]:
    """Return hours without `closed`."""
    return tuple(one for one in hours if one != CLOSED)


def overlapping(written: tuple[str, ...], place: Position) -> Iterator[Problem]:
    """Yield that hours of one day overlap or are not in order, or say that it is open and closed at once."""
    if CLOSED in written and len(written) > 1:
        message = "`closed` stands beside hours; it is one or the other."
        yield Problem(rule="wrong-hours", position=place, message=message)
    spans = [hours_of(one) for one in opened(written)]
    if any(later.opens < earlier.closes for earlier, later in pairwise(spans)):
        message = f"{', '.join(written)}: hours of one day overlap, or are not in order."
        yield Problem(rule="wrong-hours", position=place, message=message, hint="Write the earliest first.")


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Holidays:
    """The public holidays of a country or of a part of it, by the package `holidays`.

    Attributes:
        country: its ISO 3166-1 code, such as DE.
        subdivision: code of a part of it (ISO 3166-2), such as BE; left out, what the whole country has.
        half_days: the hours of the days that count as half there; left out, they are worked like any other.
    """

    country: str
    subdivision: str | None = None
    half_days: OneOrMany[Hours] = ()
    position: Position = NOWHERE


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarExample:
    """A moment, and whether it is open then; or when business time that begins then is over.

    Attributes:
        at: the moment.
        after: business time that begins then.
        expect: `open` or `closed`; with `after`, the moment at which it is over.
    """

    at: Moment
    after: BusinessSpan | None = None
    expect: Literal["open", "closed"] | Moment
    position: Position = NOWHERE

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield an expectation that is none of what is asked."""
        if isinstance(self.expect, datetime) != (self.after is not None):
            message = "with `after`, `expect` is a moment; without it, `open` or `closed`."
            yield Problem(rule="wrong-example", position=self.position, message=message)


@kind("BusinessCalendar", folder="policies")
@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessCalendar:
    """When somebody works, so that a deadline can be said in business time.

    Its name stands as `calendar:` where business time is counted. It is open in `hours`, save on holidays and on the
    single `days`; what is said later in this list wins: `hours`, `holidays`, `holiday_files`, `days`. Several calendars
    are one by `any_of`, which is open whenever one of them is.

    Example:
        apiVersion: iact/v1
        kind: BusinessCalendar
        metadata: {name: office}
        spec:
          time_zone: Europe/Berlin
          hours:
            weekdays: 09:00-17:00
            friday: [09:00-12:00, 13:00-16:00]
          days:
            12-24: 09:00-13:00              # every year
            2026-12-28: closed
          examples:
            - {at: 2026-12-24 11:00Z, expect: open}
            - {at: 2026-03-06 14:00Z, after: 4 business hours, expect: 2026-03-09 11:00Z}
            - {at: 2026-12-24 09:00Z, after: 1 business day, expect: 2026-12-25 09:00Z}

    Attributes:
        time_zone: the zone of the clock on the wall; left out, UTC.
        hours: the hours of the week, or `always`.
        holidays: whose public holidays are not worked.
        holiday_files: calendar files (iCalendar) of further holidays, named relative to this one.
        days: the hours of single days: holidays of your own, and half-days.
        any_of: instead of hours of its own, other calendars, of which one at least has to be open.
        examples: moments, and whether it is open then.
    """

    time_zone: TimeZoneName = "UTC"
    hours: Week | Literal["always"] | None = None
    holidays: OneOrMany[Holidays] = ()
    holiday_files: OneOrMany[str] = ()
    days: Mapping[Day, OneOrMany[Hours]] = field(default_factory=dict)
    any_of: tuple[Annotated[str, Ref("BusinessCalendar")], ...] = ()
    examples: tuple[CalendarExample, ...] = ()
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    def check(self, scope: Scope) -> Iterator[Problem]:
        """Yield what does not go together, holidays that nothing knows, and calendars that contain themselves."""
        yield from self._forms()
        for hours in self.days.values():
            yield from overlapping(hours, self._place("days"))
        if self.any_of:
            yield from self._circle(scope)
        else:
            yield from self._unknown(scope)

    def record(self, name: str, scope: Scope, years: range) -> dict[str, Any]:
        """Return the calendar as a run pins it (`iact.core.pinned_calendar`).

        Args:
            name: what it is called.
            scope: the project around it.
            years: the years whose holidays are resolved.

        Raises:
            LookupError: if its holidays or a calendar of `any_of` cannot be had, which `check` says.
        """
        from iact.calendars.resolving import record_of  # noqa: PLC0415 - it needs this class

        return record_of(self, name, scope, years)

    def run_examples(self, scope: Scope) -> Iterator[Problem]:
        """Yield the examples that come out otherwise than they say."""
        if not self.examples:
            return
        all_years = [example.at.year for example in self.examples]
        try:
            record = self.record(scope.name, scope, range(min(all_years) - 1, max(all_years) + 3))
        except LookupError:
            return  # a calendar of `any_of` is broken, and is told there
        calendar = calendar_from_record(record)
        for example in self.examples:
            came_to: str | datetime
            if example.after is None:
                came_to = "open" if calendar.calendar.is_open(example.at) else CLOSED
            else:
                try:
                    came_to = calendar.after(example.at, example.after)
                except NeverOpenError as error:
                    came_to = str(error)
            if came_to != example.expect:
                message = f"the example expects {_said(example.expect)}, and the calendar says {_said(came_to)}."
                yield Problem(rule="failed-example", position=example.position, message=message)

    def _place(self, key: str) -> Position:
        return self.positions.get(key, self.position)

    def _forms(self) -> Iterator[Problem]:
        if self.any_of:
            for key in ("hours", "time_zone", "holidays", "holiday_files", "days"):
                if key in self.positions:
                    message = f"`any_of` is open when other calendars are, so `{key}` says nothing."
                    hint = "Remove it, or write a calendar of its own."
                    yield Problem(rule="wrong-calendar", position=self._place(key), message=message, hint=hint)
        elif self.hours is None:
            message = "it says neither `hours` nor `any_of`, so it is never open."
            yield Problem(rule="never-open", position=self.position, message=message, hint="Add `hours`.")

    def _circle(self, scope: Scope) -> Iterator[Problem]:
        seen, waiting = set[str](), list(self.any_of)
        while waiting:
            name = waiting.pop()
            other = scope.spec("BusinessCalendar", name)
            if other is not None and name not in seen:
                seen.add(name)
                waiting += other.any_of
        if scope.name in seen:
            message = f"`any_of` leads back to `{scope.name}` itself."
            yield Problem(rule="endless", position=self._place("any_of"), message=message, hint="Remove it.")

    def _unknown(self, scope: Scope) -> Iterator[Problem]:
        from iact.calendars.resolving import days_of_country, days_of_file  # noqa: PLC0415 - it needs this class

        for each in self.holidays:
            try:
                list(days_of_country(each, _ANY_YEAR))
            except HolidaysUnknownError as error:
                yield Problem(rule=error.rule, position=each.position, message=str(error))
        for number, path in enumerate(self.holiday_files):
            place = self.positions.get(f"holiday_files/{number}", self._place("holiday_files"))
            try:
                list(days_of_file(path, self.position, scope, _ANY_YEAR))
            except LookupError as error:
                yield Problem(rule="unreadable-calendar", position=place, message=f"`{path}`: {error}.")


def _said(value: str | datetime) -> str:
    return instants.show_second(value) if isinstance(value, datetime) else f"`{value}`"
