"""Business time on known days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from iact.core.business_time import (
    CLOSED,
    WHOLE_DAY,
    AlwaysOpen,
    AnyOpen,
    NeverOpenError,
    OfficeHours,
    OpenHours,
    Span,
    first_shown,
)

BERLIN = ZoneInfo("Europe/Berlin")
MANILA = ZoneInfo("Asia/Manila")
HOUR = timedelta(hours=1)
NINE_TO_SIX = (OpenHours(9 * HOUR, 18 * HOUR),)
UNTIL_ONE = (OpenHours(9 * HOUR, 13 * HOUR),)
CHRISTMAS = {date(2026, 12, 24): UNTIL_ONE, date(2026, 12, 25): CLOSED}
OFFICE = OfficeHours(BERLIN, (*(NINE_TO_SIX,) * 5, CLOSED, CLOSED), CHRISTMAS)
ALL_WEEK = OfficeHours(BERLIN, (WHOLE_DAY,) * 7)


def at(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("start", "hours", "expected"),
    [
        ("2026-03-02 10:00", 4, "2026-03-02 14:00"),
        ("2026-03-06 16:00", 4, "2026-03-09 11:00"),  # Friday evening to Monday morning
        ("2026-03-07 12:00", 4, "2026-03-09 13:00"),  # from a Saturday
        ("2026-03-06 07:00", 9, "2026-03-06 18:00"),  # the end of the day, not the next opening
        ("2026-12-23 17:00", 4, "2026-12-24 12:00"),
        ("2026-12-24 12:00", 4, "2026-12-28 12:00"),  # a half-day, a holiday and a weekend
    ],
)
def test_hours_pass_only_while_the_office_is_open(start: str, hours: int, expected: str) -> None:
    assert OFFICE.add(at(start), hours * HOUR) == at(expected)
    assert OFFICE.between(at(start), at(expected)) == hours * HOUR
    assert OFFICE.between(at(expected), at(start)) == -hours * HOUR


def test_subtracting_goes_to_the_beginning_of_a_day() -> None:
    assert OFFICE.subtract(at("2026-03-09 18:00"), 9 * HOUR) == at("2026-03-09 09:00")
    assert OFFICE.subtract(at("2026-03-09 11:00"), 4 * HOUR) == at("2026-03-06 16:00")
    assert OFFICE.add(at("2026-03-09 11:00"), -4 * HOUR) == at("2026-03-06 16:00")


def test_nothing_added_is_the_same_moment_even_when_closed() -> None:
    assert OFFICE.add(at("2026-03-07 12:00"), timedelta()) == at("2026-03-07 12:00")


def test_a_day_has_as_many_hours_as_its_clock_runs() -> None:
    assert ALL_WEEK.between(at("2026-03-29 00:00"), at("2026-03-30 00:00")) == 23 * HOUR
    assert ALL_WEEK.between(at("2026-10-25 00:00"), at("2026-10-26 00:00")) == 25 * HOUR


def test_hours_open_at_once_where_clocks_go_forward_over_their_opening() -> None:
    night = OfficeHours(BERLIN, ((OpenHours(2.5 * HOUR, 4 * HOUR),),) * 7)

    assert next(night.open_after(at("2026-03-29 00:00"))) == Span(
        datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 3, 29, 2, tzinfo=UTC)
    )


def test_the_first_of_two_equal_times_counts_where_clocks_go_back() -> None:
    night = OfficeHours(BERLIN, ((OpenHours(1 * HOUR, 2.5 * HOUR),),) * 7)

    assert night.between(at("2026-10-25 00:00"), at("2026-10-25 12:00")) == 1.5 * HOUR


def test_a_day_that_a_zone_leaves_out_has_no_hours() -> None:
    apia = OfficeHours(ZoneInfo("Pacific/Apia"), (NINE_TO_SIX,) * 7)
    eve, new_year = at("2011-12-29 18:00", apia.zone), at("2011-12-31 09:00", apia.zone)

    assert apia.between(eve, new_year) == timedelta()
    assert apia.add(eve, HOUR) == at("2011-12-31 10:00", apia.zone)


def test_whether_it_is_open_changes_at_the_edges_of_a_day() -> None:
    assert not OFFICE.is_open(at("2026-03-02 08:59"))
    assert OFFICE.is_open(at("2026-03-02 09:00"))
    assert not OFFICE.is_open(at("2026-03-02 18:00"))
    assert OFFICE.next_open(at("2026-03-06 18:00")) == at("2026-03-09 09:00")
    assert OFFICE.next_open(at("2026-03-06 17:00")) == at("2026-03-06 17:00")


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        ("2026-03-03 14:00", 1, "2026-03-04 14:00"),
        ("2026-03-06 14:00", 1, "2026-03-09 14:00"),
        ("2026-03-07 12:00", 1, "2026-03-10 09:00"),  # counting begins on Monday
        ("2026-03-06 19:00", 1, "2026-03-10 09:00"),
        ("2026-12-23 15:00", 1, "2026-12-24 13:00"),  # the half-day ends earlier
        ("2026-12-23 15:00", 2, "2026-12-28 15:00"),  # after the holiday and the weekend
        ("2026-03-27 10:00", 1, "2026-03-30 10:00"),  # the clock on the wall, over a change of it
    ],
)
def test_business_days_keep_the_time_of_day(start: str, days: int, expected: str) -> None:
    assert OFFICE.add_days(at(start), days) == at(expected)


def test_a_business_day_ends_before_a_break_that_its_time_falls_into() -> None:
    broken = (OpenHours(9 * HOUR, 12 * HOUR), OpenHours(13 * HOUR, 18 * HOUR))
    places = OfficeHours(BERLIN, (NINE_TO_SIX, *(broken,) * 6))

    assert places.add_days(at("2026-03-02 12:30"), 1) == at("2026-03-03 12:00")
    assert places.add_days(at("2026-03-02 12:30"), 2) == at("2026-03-04 12:00")


def test_teams_that_follow_the_sun_are_open_while_one_of_them_is() -> None:
    both = AnyOpen((OFFICE, OfficeHours(MANILA, (*(NINE_TO_SIX,) * 5, CLOSED, CLOSED))))

    # Manila 01:00-10:00 and Berlin 08:00-17:00 UTC: sixteen hours, of which two are both's.
    assert both.between(at("2026-03-03 00:00", ZoneInfo("UTC")), at("2026-03-04 00:00", ZoneInfo("UTC"))) == 16 * HOUR
    assert both.subtract(datetime(2026, 3, 3, 17, tzinfo=UTC), 16 * HOUR) == datetime(2026, 3, 3, 1, tzinfo=UTC)
    assert both.add_days(at("2026-03-03 10:00"), 1) == at("2026-03-04 10:00")


def test_business_time_is_time_where_it_is_always_open() -> None:
    always = AlwaysOpen(BERLIN)

    assert always.add(at("2026-03-28 12:00"), 24 * HOUR) == at("2026-03-29 13:00")
    assert always.subtract(at("2026-03-29 13:00"), 24 * HOUR) == at("2026-03-28 12:00")
    assert always.add_days(at("2026-03-28 12:00"), 1) == at("2026-03-29 12:00")
    assert AnyOpen((OFFICE, always)).add(at("2026-03-28 12:00"), 24 * HOUR) == at("2026-03-29 13:00")


def test_a_calendar_without_hours_says_so_instead_of_looking_for_ever() -> None:
    never = OfficeHours(BERLIN, (CLOSED,) * 7, {date(2026, 3, 2): UNTIL_ONE})

    assert never.add(at("2026-03-01 00:00"), 4 * HOUR) == at("2026-03-02 13:00")
    with pytest.raises(NeverOpenError, match=r"5:00:00 of business time: only 4:00:00 after 2026-02-28 23:00Z"):
        never.add(at("2026-03-01 00:00"), 5 * HOUR)
    with pytest.raises(NeverOpenError, match="only 4:00:00 before"):
        never.subtract(at("2026-04-01 00:00"), 5 * HOUR)
    with pytest.raises(NeverOpenError, match="closed for ever after"):
        never.next_open(at("2026-03-03 00:00"))
    with pytest.raises(NeverOpenError, match="there are only 0 after 2026-03-02"):
        never.add_days(at("2026-03-01 00:00"), 1)


def test_what_is_no_calendar_is_refused() -> None:
    with pytest.raises(ValueError, match="not within one day"):
        OpenHours(18 * HOUR, 9 * HOUR)
    with pytest.raises(ValueError, match="seven days, not 5"):
        OfficeHours(BERLIN, (NINE_TO_SIX,) * 5)
    with pytest.raises(ValueError, match="overlap"):
        OfficeHours(BERLIN, ((*NINE_TO_SIX, *UNTIL_ONE), *(CLOSED,) * 6))
    with pytest.raises(ValueError, match="needs one at least"):
        AnyOpen(())
    with pytest.raises(ValueError, match="has no zone"):
        OFFICE.add(datetime(2026, 3, 2), HOUR)  # noqa: DTZ001 - what is refused
    with pytest.raises(ValueError, match="0 business days: at least one"):
        OFFICE.add_days(at("2026-03-02 09:00"), 0)


def test_a_clock_shows_a_time_first_before_it_is_put_back() -> None:
    assert first_shown(datetime(2026, 10, 25, 2, 30), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # noqa: DTZ001 - a wall's time
    assert first_shown(datetime(2026, 3, 29, 2, 30), BERLIN) == datetime(2026, 3, 29, 1, tzinfo=UTC)  # noqa: DTZ001 - as above
