"""Moments are UTC and written in one way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from iact.core import instants

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["2026-03-02 09:00Z", "2026-03-02T09:00:00Z", "2026-03-02T09:00:00.000000Z", "2026-03-02T10:00+01:00"],
)
def test_a_moment_is_read_in_any_zone_and_kept_in_utc(text):
    assert instants.parse(text) == NINE
    assert instants.parse(text).utcoffset() == timedelta(0)


def test_a_bare_date_is_its_first_moment():
    assert instants.parse("2026-03-02") == datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-03-02 09:00", "yesterday", "02/03/2026", "2026-02-30", "", "2026-03-02T25:00Z"])
def test_a_time_without_zone_or_a_day_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match=r"expected a date such as 2026-03-02, or a moment such as .* found"):
        instants.parse(text)


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31", "1899-12-31 23:59Z"])
def test_a_moment_near_the_end_of_the_calendar_is_refused(text):
    with pytest.raises(ValueError, match="expected a moment in the years 1900 to 2999"):
        instants.parse(text)


def test_a_moment_that_has_not_come_is_refused():
    assert instants.parse_past("2026-03-02 09:00Z", NINE) == NINE
    assert instants.parse_past("2026-03-02 09:01Z", NINE) == NINE + timedelta(minutes=1)
    with pytest.raises(ValueError, match="2026-03-02 09:02Z has not come yet"):
        instants.parse_past("2026-03-02 09:02Z", NINE)


def test_written_moments_sort_as_text():
    earlier = datetime(2026, 3, 2, 9, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))

    assert instants.write(earlier) == "2026-03-02T08:00:00.000005Z"
    assert instants.write(earlier) < instants.write(NINE)


def test_a_moment_without_zone_is_never_written():
    with pytest.raises(ValueError, match="has no time zone"):
        instants.write(NINE.replace(tzinfo=None))


def test_the_short_form_is_for_people():
    assert instants.show(NINE) == "2026-03-02 09:00Z"
