"""When something that recurs is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from iact.core.occurrences import Fold, Gap, Interval, Missed, Recurrence, WallClock

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HALF_PAST_TWO = (2.5 * HOUR,)
GRACE = 10 * MINUTE


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shown(recurrence: Recurrence, after: str, until: str) -> list[str]:
    return [f"{moment:%m-%d %H:%M}" for moment in recurrence.between(at(after), at(until))]


def due(recurrence: Recurrence, last: str, now: str, missed: Missed) -> list[str]:
    return [f"{moment:%m-%d %H:%M}" for moment in recurrence.due(at(last), at(now), missed, GRACE)]


def test_an_interval_is_the_same_whoever_asks_and_when() -> None:
    every = Interval(5 * MINUTE)

    assert shown(every, "2026-03-02 10:01", "2026-03-02 10:15") == ["03-02 10:05", "03-02 10:10", "03-02 10:15"]
    assert shown(every, "2026-03-02 10:05", "2026-03-02 10:09") == []
    assert every.latest(at("2026-03-02 10:09")) == at("2026-03-02 10:05")


def test_a_weekly_time_keeps_its_place_on_the_wall_over_a_change_of_clocks() -> None:
    mondays = WallClock(BERLIN, (9 * HOUR,), frozenset({0}))

    assert shown(mondays, "2026-03-20", "2026-04-08") == ["03-23 08:00", "03-30 07:00", "04-06 07:00"]


@pytest.mark.parametrize(
    ("gap", "expected"), [(Gap.SHIFT, ["03-28 01:30", "03-29 01:30"]), (Gap.SKIP, ["03-28 01:30"])]
)
def test_a_time_that_is_left_out_is_shifted_or_skipped(gap: Gap, expected: list[str]) -> None:
    daily = WallClock(BERLIN, HALF_PAST_TWO, gap=gap)

    # 02:30 does not exist on 29 March: an hour after 01:30 UTC it is 03:30.
    assert shown(daily, "2026-03-28", "2026-03-29 23:00") == expected


@pytest.mark.parametrize(
    ("fold", "expected"),
    [(Fold.FIRST, ["10-25 00:30", "10-26 01:30"]), (Fold.BOTH, ["10-25 00:30", "10-25 01:30", "10-26 01:30"])],
)
def test_a_time_that_comes_twice_is_due_once_or_twice(fold: Fold, expected: list[str]) -> None:
    daily = WallClock(BERLIN, HALF_PAST_TWO, fold=fold)

    assert shown(daily, "2026-10-24 12:00", "2026-10-26 12:00") == expected


def test_a_shifted_time_that_meets_another_is_due_once() -> None:
    both = WallClock(BERLIN, (2.5 * HOUR, 3.5 * HOUR))

    assert shown(both, "2026-03-29", "2026-03-29 12:00") == ["03-29 01:30"]


def test_a_day_that_a_zone_leaves_out_is_shifted_into_the_next_or_skipped() -> None:
    apia = ZoneInfo("Pacific/Apia")
    shift, skip = (WallClock(apia, (9 * HOUR,), gap=gap) for gap in Gap)

    # There was no 30 December 2011 in Apia: nine o'clock of it is nine o'clock of the 31st.
    days = ("2011-12-29", "2012-01-01")
    assert shown(shift, *days) == shown(skip, *days) == ["12-29 19:00", "12-30 19:00", "12-31 19:00"]
    fridays = [WallClock(apia, (9 * HOUR,), frozenset({4}), gap=gap) for gap in Gap]
    assert [shown(one, *days) for one in fridays] == [["12-30 19:00"], []]


def test_days_of_the_month_count_from_its_end_too() -> None:
    ends = WallClock(ZoneInfo("UTC"), (HOUR,), month_days=frozenset({1, -1}))

    assert shown(ends, "2028-02-02", "2028-03-02") == ["02-29 01:00", "03-01 01:00"]


def test_a_day_that_is_rare_is_found() -> None:
    leap = WallClock(ZoneInfo("UTC"), (HOUR,), month_days=frozenset({-29}), weekdays=frozenset({1}))
    never = WallClock(ZoneInfo("UTC"), (HOUR,), month_days=frozenset({30}))

    assert leap.latest(at("2026-11-26")) == at("2026-06-02 01:00")
    assert never.latest(at("2026-03-01")) == at("2026-01-30 01:00")


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        (Missed.ALL, ["03-02 02:00", "03-03 02:00", "03-04 02:00"]),
        (Missed.ONCE, ["03-04 02:00"]),
        (Missed.SKIP, []),
    ],
)
def test_after_a_pause_all_or_the_latest_or_none_of_what_was_missed_is_due(missed: Missed, expected: list[str]) -> None:
    nightly = WallClock(ZoneInfo("UTC"), (2 * HOUR,))

    assert due(nightly, "2026-03-01 02:00", "2026-03-04 15:00", missed) == expected


@pytest.mark.parametrize("missed", list(Missed))
def test_what_is_a_little_late_is_not_missed(missed: Missed) -> None:
    nightly = WallClock(ZoneInfo("UTC"), (2 * HOUR,))

    assert due(nightly, "2026-03-01 02:00", "2026-03-02 02:00", missed) == ["03-02 02:00"]
    assert due(nightly, "2026-03-01 02:00", "2026-03-02 02:09", missed) == ["03-02 02:00"]
    assert due(nightly, "2026-03-02 02:00", "2026-03-02 02:09", missed) == []
    assert due(nightly, "2026-03-02 02:00", "2026-03-02 14:00", missed) == []


def test_what_was_missed_and_what_is_due_now_are_carried_out_in_order() -> None:
    every = Interval(5 * MINUTE)

    assert due(every, "2026-03-02 08:00", "2026-03-02 10:01", Missed.SKIP) == ["03-02 09:55", "03-02 10:00"]
    assert due(every, "2026-03-02 08:00", "2026-03-02 10:01", Missed.ONCE) == ["03-02 09:55", "03-02 10:00"]
    assert len(due(every, "2026-03-02 08:00", "2026-03-02 10:01", Missed.ALL)) == 24


def test_what_never_recurs_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than nothing"):
        Interval(timedelta())
    with pytest.raises(ValueError, match="within 24 hours"):
        WallClock(BERLIN, (DAY,))
    with pytest.raises(ValueError, match="days of the week are 0 to 6"):
        WallClock(BERLIN, (HOUR,), frozenset({7}))
    with pytest.raises(ValueError, match="days of the month"):
        WallClock(BERLIN, (HOUR,), month_days=frozenset({0}))
