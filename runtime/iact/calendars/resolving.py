"""From a calendar as people write it to the one that a run pins: every holiday a date, every zone with its data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final, TypeAlias

from iact.calendars.ics import CalendarFileError, events
from iact.calendars.model import BusinessCalendar, Holidays, Week, opened
from iact.calendars.public_holidays import public_holidays, version
from iact.calendars.zones import zone_record
from iact.core.pinned_calendar import ALWAYS_OPEN
from iact.core.scope import Scope
from iact.core.tree import Position

FOR_EVER: Final = "9999-12-30"
SingleDay: TypeAlias = "tuple[date, tuple[str, ...], str]"
"""A day, its hours and what it is called."""


def record_of(calendar: BusinessCalendar, name: str, scope: Scope, years: range) -> dict[str, Any]:
    """Return a calendar as a run pins it.

    Args:
        calendar: as it is written.
        name: what it is called.
        scope: the project around it: other calendars, and the files beside it.
        years: the years whose holidays are resolved; it is known until the end of the last.

    Raises:
        LookupError: if holidays, a file or another calendar cannot be had; the message says what to do.
    """
    if calendar.any_of:
        parts = [_other(each, scope).record(each, scope, years) for each in calendar.any_of]
        return {"name": name, "known_until": min(part["known_until"] for part in parts), "any_of": parts}
    single = {day: (hours, said) for day, hours, said in _single_days(calendar, scope, years)}
    week = [list(hours) for hours in calendar.hours.days()] if isinstance(calendar.hours, Week) else ALWAYS_OPEN
    if week == ALWAYS_OPEN and single:
        week = [["00:00-24:00"]] * 7
    changes = bool(calendar.holidays or calendar.holiday_files or calendar.days)
    record: dict[str, Any] = {
        "name": name,
        "known_until": date(years[-1], 12, 31).isoformat() if changes else FOR_EVER,
        "time_zone": zone_record(calendar.time_zone),
        "week": week,
        "days": {
            day.isoformat(): {"hours": list(hours), "name": said} for day, (hours, said) in sorted(single.items())
        },
    }
    return record | ({"holidays": version()} if calendar.holidays else {})


def _other(name: str, scope: Scope) -> BusinessCalendar:
    found = scope.spec("BusinessCalendar", name)
    if not isinstance(found, BusinessCalendar):
        message = f"the calendar {name} is broken"
        raise LookupError(message)  # noqa: TRY004 - a name was looked up, and nothing whole has it
    return found


def _single_days(calendar: BusinessCalendar, scope: Scope, years: range) -> Iterator[SingleDay]:
    """Yield the days that are not as their week is; of one day the last one counts."""
    for each in calendar.holidays:
        yield from days_of_country(each, years)
    for path in calendar.holiday_files:
        yield from days_of_file(path, calendar.position, scope, years)
    yield from _own_days(calendar.days, years)


def days_of_country(holidays: Holidays, years: range) -> Iterator[SingleDay]:
    """Yield the public holidays of a country.

    Raises:
        HolidaysUnknownError: if nothing knows them.
    """
    for holiday in public_holidays(holidays.country, holidays.subdivision, years):
        if holiday.is_half and not holidays.half_days:
            continue
        yield holiday.day, opened(holidays.half_days) if holiday.is_half else (), holiday.name


def days_of_file(path: str, position: Position, scope: Scope, years: range) -> Iterator[SingleDay]:
    """Yield the holidays of a calendar file.

    Raises:
        LookupError: if it cannot be read, or is none; the message says on which line.
    """
    content = scope.read_beside(position, path)
    if isinstance(content, str):
        raise LookupError(content)  # noqa: TRY004 - the text is the reason why there is no content
    try:
        found = events(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        message = "it is not UTF-8 text"
        raise LookupError(message) from None
    except CalendarFileError as error:
        raise LookupError(str(error)) from None
    return ((day, (), event.name) for event in found for day in event.in_years(years))


def _own_days(days: Mapping[str, tuple[str, ...]], years: range) -> Iterator[SingleDay]:
    """Yield the single days of a calendar; those of every year first, so that one of a certain year wins."""
    for written, hours in sorted(days.items(), key=lambda item: len(item[0])):
        dated = [written] if len(written) > len("12-24") else [f"{year}-{written}" for year in years]
        for one in dated:
            try:
                yield date.fromisoformat(one), opened(hours), ""
            except ValueError:
                continue  # the 29 February of a year that has none
