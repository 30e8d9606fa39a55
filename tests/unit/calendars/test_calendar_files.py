"""Holidays in calendar files (RFC 5545)."""

from __future__ import annotations

from datetime import date

import pytest

from iact.calendars.ics import CalendarFileError, events


def calendar_file(*lines: str) -> str:
    return "\r\n".join(("BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", ""))


def days(*lines: str, years: range = range(2024, 2029)) -> list[str]:
    return [day.isoformat() for event in events(calendar_file(*lines)) for day in event.in_years(years)]


def test_an_event_lasts_until_the_day_before_its_end():
    """DTEND is the first moment after it (RFC 5545, section 3.6.1)."""
    lines = ("DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20261227", "SUMMARY:Shut\\, all of\r\n  it")

    (event,) = events(calendar_file(*lines))

    assert (event.first, event.days, event.name) == (date(2026, 12, 24), 3, "Shut, all of it")
    assert days(*lines) == ["2026-12-24", "2026-12-25", "2026-12-26"]


def test_a_yearly_event_begins_with_its_first_year_and_ends_with_its_last():
    lines = ("DTSTART;VALUE=DATE:20250501", "RRULE:FREQ=YEARLY;UNTIL=20270501")

    assert days(*lines) == ["2025-05-01", "2026-05-01", "2027-05-01"]


def test_the_29_february_comes_in_leap_years_alone():
    assert days("DTSTART;VALUE=DATE:20240229", "RRULE:FREQ=YEARLY") == ["2024-02-29", "2028-02-29"]


def test_an_event_that_was_called_off_is_none():
    assert days("DTSTART;VALUE=DATE:20250501", "STATUS:CANCELLED") == []


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["DTSTART:20261224T090000Z"], "line 3: expected a whole day"),
        (["DTSTART;VALUE=DATE:20261332"], "line 3: expected a whole day"),
        (["SUMMARY:Nothing"], "line 4: the event that ends here has no DTSTART"),
        (["DTSTART;VALUE=DATE:20261224", "RRULE:FREQ=MONTHLY"], "line 4: only FREQ=YEARLY is read"),
        (["DTSTART;VALUE=DATE:20261224", "EXDATE;VALUE=DATE:20271224"], "line 4: EXDATE is not read"),
    ],
)
def test_what_is_no_holiday_is_refused_with_its_line(lines: list[str], message: str):
    with pytest.raises(CalendarFileError, match=message):
        events(calendar_file(*lines))


def test_a_file_that_is_no_calendar_is_refused():
    with pytest.raises(CalendarFileError, match="expected BEGIN:VCALENDAR"):
        events("date,holiday\n2026-12-24,Christmas Eve\n")
