"""Occurrences over every change of clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from iact.core.occurrences import Fold, Gap, Interval, Recurrence, WallClock
from tests.support.clock_changes import clock_changes

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@st.composite
def recurrences(draw: st.DrawFn) -> tuple[Recurrence, datetime]:
    """Draw something that recurs, and a moment at which the clocks of its zone change."""
    zone, moment = draw(st.sampled_from(clock_changes()))
    if draw(st.booleans()):
        return Interval(draw(st.integers(7, 3_000)) * MINUTE), moment
    near = (moment.astimezone(zone).hour * 60 + draw(st.integers(-90, 90))) % (24 * 60)
    times = {near * MINUTE} | draw(
        st.sets(st.integers(0, 24 * 60 - 1).map(lambda minutes: minutes * MINUTE), max_size=3)
    )
    weekdays = draw(st.frozensets(st.integers(0, 6), min_size=1))
    gap, fold = draw(st.sampled_from(Gap)), draw(st.sampled_from(Fold))
    return WallClock(zone, tuple(sorted(times)), weekdays, gap=gap, fold=fold), moment


def around(moment: datetime) -> st.SearchStrategy[datetime]:
    """Draw a moment within five days of another."""
    return st.integers(-5 * 24 * 60, 5 * 24 * 60).map(lambda minutes: moment + minutes * MINUTE)


@given(st.data())
def test_however_time_is_cut_the_same_occurrences_come_in_order_and_once(data: st.DataObject) -> None:
    recurrence, change = data.draw(recurrences())
    start, middle, end = sorted(data.draw(around(change)) for _ in range(3))
    whole = list(recurrence.between(start, end))

    assert whole == sorted(set(whole))
    assert all(start < moment <= end for moment in whole)
    assert [*recurrence.between(start, middle), *recurrence.between(middle, end)] == whole
    if whole:
        assert recurrence.latest(end) == whole[-1]
        assert recurrence.following(start) == whole[0]


@given(st.data())
def test_each_time_of_a_day_is_due_as_often_as_the_clock_shows_it(data: st.DataObject) -> None:
    zone, change = data.draw(st.sampled_from(clock_changes()))
    minute = data.draw(st.integers(0, 24 * 60 - 1))
    both = WallClock(zone, (minute * MINUTE,), gap=Gap.SKIP, fold=Fold.BOTH)
    start = change.replace(second=0) - DAY
    steps = (start + step * MINUTE for step in range(1, 2 * 24 * 60 + 1))
    shown = [moment for moment in steps if moment.astimezone(zone).strftime("%H:%M:%S") == _time(minute)]

    assert [moment.astimezone(UTC) for moment in shown] == list(both.between(start, start + 2 * DAY))


def _time(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}:00"
