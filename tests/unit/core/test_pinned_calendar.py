"""What a run pins of a calendar is enough: nothing is looked up."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from iact.calendars.zones import zone_record
from iact.core.business_span import parse as span
from iact.core.business_time import NeverOpenError
from iact.core.instants import parse
from iact.core.pinned_calendar import UTC_DATA, calendar_from_record


def record(**changed: Any) -> dict[str, Any]:
    week = [["09:00-17:00"]] * 5 + [[], []]
    zone = {"name": "UTC", "data": UTC_DATA}
    return {"name": "office", "known_until": "2026-12-31", "time_zone": zone, "week": week, "days": {}} | changed


def test_a_deadline_after_the_last_known_holiday_is_refused_and_not_guessed():
    calendar = calendar_from_record(record())

    with pytest.raises(NeverOpenError, match="the holidays of office are known until then"):
        calendar.after(parse("2026-12-31 16:00Z"), span("2 business hours"))


def test_a_zone_is_read_from_its_pinned_data_whatever_the_machine_has():
    """A zone of a name that no machine has, with the data of one that moves its clocks."""
    zone = zone_record("Europe/Berlin") | {"name": "Nowhere/Pinned"}
    calendar = calendar_from_record(record(time_zone=zone))

    assert calendar.after(parse("2026-03-27 15:00Z"), span("2 business hours")) == parse("2026-03-30 08:00Z")


def test_utc_needs_no_data_of_the_machine():
    calendar = calendar_from_record(record())
    moment = parse("2026-07-01 12:00Z")

    assert moment.astimezone(calendar.calendar.day_zone()).utcoffset() == moment.astimezone(ZoneInfo("UTC")).utcoffset()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1.5 business days", "whole business days"),
        ("0 business days", "whole business days"),
        ("4 hours", "business time such as"),
        ("400000 business days", "at most 365,000 days"),
    ],
)
def test_business_time_that_no_calendar_can_count_is_refused(text: str, message: str):
    with pytest.raises(ValueError, match=message):
        span(text)


@pytest.mark.parametrize("text", ["4 business hours", "1 business day", "1.5 business hours", "30 business minutes"])
def test_business_time_is_shown_as_it_is_written(text: str):
    assert str(span(text)) == text
