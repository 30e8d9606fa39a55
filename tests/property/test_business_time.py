"""Business time over every change of clocks, of every zone, for ten years."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from iact.core.business_time import AnyOpen, Calendar, NeverOpenError, OfficeHours, OpenHours, first_shown
from tests.support.clock_changes import clock_changes

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
ZERO = timedelta()
NIGHT_AND_DAY = (OpenHours(ZERO, 1.5 * HOUR), OpenHours(2.25 * HOUR, 9 * HOUR), OpenHours(23 * HOUR, DAY))


def hours() -> st.SearchStrategy[tuple[OpenHours, ...]]:
    """Draw the hours of a day: none, or up to three stretches of whole minutes."""
    edges = st.lists(st.integers(0, 24 * 60), max_size=6, unique=True).map(sorted)
    return edges.map(
        lambda minutes: tuple(
            OpenHours(opens * MINUTE, closes * MINUTE)
            for opens, closes in zip(minutes[::2], minutes[1::2], strict=False)
        )
    )


@st.composite
def places(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    """Draw a calendar, of one place or of two, and a moment at which the clocks of one change."""
    zone, moment = draw(st.sampled_from(clock_changes()))
    near = st.integers(-3, 3).map(lambda days: (moment + days * DAY).date())
    week = tuple(draw(st.lists(hours(), min_size=7, max_size=7)))
    calendar: Calendar = OfficeHours(zone, week, draw(st.dictionaries(near, hours(), max_size=3)))
    if draw(st.booleans()):
        other, _ = draw(st.sampled_from(clock_changes()))
        calendar = AnyOpen((calendar, OfficeHours(other, (NIGHT_AND_DAY,) * 7)))
    return calendar, moment


def near(moment: datetime) -> st.SearchStrategy[datetime]:
    """Draw a moment within three days of another."""
    return st.integers(-72 * 3600, 72 * 3600).map(lambda seconds: moment + timedelta(seconds=seconds))


@given(st.data())
def test_business_time_is_additive(data: st.DataObject) -> None:
    calendar, moment = data.draw(places())
    first, second, third = (data.draw(near(moment)) for _ in range(3))

    assert calendar.between(first, second) + calendar.between(second, third) == calendar.between(first, third)
    assert calendar.between(first, second) == -calendar.between(second, first)


@given(st.data())
def test_business_time_is_monotone_and_no_faster_than_time(data: st.DataObject) -> None:
    calendar, moment = data.draw(places())
    first, second = sorted(data.draw(near(moment)) for _ in range(2))
    length = data.draw(st.integers(0, 40 * 3600).map(lambda seconds: timedelta(seconds=seconds)))

    assert ZERO <= calendar.between(first, second) <= second - first
    try:
        reached, later = calendar.add(first, length), calendar.add(second, length)
    except NeverOpenError:
        return
    assert first + length <= reached <= later


@given(st.data())
def test_adding_and_subtracting_are_inverse(data: st.DataObject) -> None:
    calendar, moment = data.draw(places())
    start = data.draw(near(moment))
    length, more = (data.draw(st.integers(1, 40 * 3600).map(lambda seconds: timedelta(seconds=seconds))) for _ in "ab")
    try:
        end, begin = calendar.add(start, length), calendar.subtract(start, length)
        further = calendar.add(start, length + more)
    except NeverOpenError:
        return

    assert calendar.between(start, end) == length
    assert calendar.between(begin, start) == length
    assert calendar.add(end, more) == further
    assert calendar.between(calendar.subtract(end, length), end) == length
    # The earliest of the moments that are so far away, and the latest.
    assert calendar.between(start, end - timedelta(microseconds=1)) < length
    assert calendar.between(begin + timedelta(microseconds=1), start) < length


@given(st.data())
def test_hours_are_those_at_which_the_latest_time_shown_so_far_is_within_them(data: st.DataObject) -> None:
    zone, change = data.draw(st.sampled_from(clock_changes()))
    week = tuple(data.draw(st.lists(hours(), min_size=7, max_size=7)))
    office = OfficeHours(zone, week)
    start = (change - DAY).replace(second=0)
    latest = datetime.min  # noqa: DTZ901 - a wall's time
    open_minutes = 0
    for minute in range(2 * 24 * 60):
        latest = max(latest, (start + minute * MINUTE).astimezone(zone).replace(tzinfo=None, fold=0))
        passed = latest - datetime.combine(latest.date(), datetime.min.time())
        is_open = any(one.opens <= passed < one.closes for one in week[latest.weekday()])
        open_minutes += is_open
        if minute % 37 == 0:
            assert office.is_open(start + minute * MINUTE) == is_open

    assert office.between(start, start + 2 * DAY) == open_minutes * MINUTE


def test_every_change_of_clocks_of_every_zone_keeps_business_time_additive_monotone_and_inverse() -> None:
    assert len(clock_changes()) > 1_000
    for zone, change in clock_changes():
        calendar = OfficeHours(zone, (NIGHT_AND_DAY,) * 7)
        moments = [change + offset for offset in (-DAY, -HOUR, -MINUTE, ZERO, MINUTE, HOUR, DAY)]
        parts = [calendar.between(first, second) for first, second in pairwise(moments)]
        whole = calendar.between(moments[0], moments[-1])
        reached = [calendar.add(moment, 9 * HOUR) for moment in moments[1:-1:2]]

        assert sum(parts, ZERO) == whole
        assert all(part >= ZERO for part in parts)
        assert reached == sorted(reached)
        assert calendar.between(moments[1], reached[0]) == 9 * HOUR
        assert calendar.subtract(reached[0], 9 * HOUR) == calendar.next_open(moments[1])


def test_a_clock_never_shows_a_later_time_earlier() -> None:
    for zone, change in clock_changes():
        wall = change.astimezone(zone).replace(tzinfo=None) - 4 * HOUR
        shown = [first_shown(wall + step * 25 * MINUTE, zone) for step in range(20)]

        assert shown == sorted(shown)


def test_half_days_and_holidays_stand_in_for_the_day_of_the_week() -> None:
    zone, change = clock_changes()[0]
    day: date = change.astimezone(zone).date()
    office = OfficeHours(zone, (NIGHT_AND_DAY,) * 7, {day: ()})
    begins = first_shown(datetime.combine(day, datetime.min.time()), zone)
    ends = first_shown(datetime.combine(day + DAY, datetime.min.time()), zone)

    assert office.between(begins, ends) == ZERO
