"""What the schedule asks for is taken once, whoever looks, and carried on where somebody died."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine

from iact.core.occurrences import Interval, Missed
from iact.engine.clocks import ManualClock
from iact.engine.runners import Presence
from iact.engine.runtime import Runtime
from iact.serving.occurrences import (
    BEGINNING,
    LATEST,
    MOST_AT_ONCE,
    Job,
    Occurrence,
    anything_due,
    finish,
    forget_before,
    take_due,
)
from iact.stores.units import read
from tests.support.stores import opened

BEGIN = datetime(2026, 3, 2, 9, 2, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
HOURLY = Job("hourly", Interval(HOUR), Missed.ONCE)


@pytest.fixture
def clock() -> ManualClock:
    """The time that schedules are counted in."""
    return ManualClock(BEGIN)


@pytest.fixture
def runtime(store_url: str, clock: ManualClock) -> Iterator[Runtime]:
    """A project on a store of each kind."""
    engine: Engine = opened(store_url)
    yield Runtime(engine, project="test", clock=clock)
    engine.dispose()


def at(hour: int, *, job: str = "hourly") -> Occurrence:
    """Return the occurrence at an hour of the first day."""
    return Occurrence(job, BEGIN.replace(hour=0, minute=0) + hour * HOUR)


def test_a_new_schedule_is_counted_from_now_and_does_not_catch_up_with_the_past(runtime: Runtime, clock: ManualClock):
    with runtime.present() as presence:
        assert anything_due(runtime.host, presence, [HOURLY])
        assert take_due(runtime.host, presence, [HOURLY]) == []
        assert not anything_due(runtime.host, presence, [HOURLY])
        row = read(runtime.engine, lambda connection: LATEST.one(connection, project="test", job="hourly"))
        assert row is not None
        assert (row["status"], row["outcome"], row["scheduled_at"]) == ("counting", BEGINNING, BEGIN)

        clock.advance(HOUR)
        assert anything_due(runtime.host, presence, [HOURLY])
        assert take_due(runtime.host, presence, [HOURLY]) == [at(10)]


@pytest.mark.parametrize(
    ("missed", "expected"),
    [(Missed.ONCE, [at(12)]), (Missed.SKIP, []), (Missed.ALL, [at(10), at(11), at(12)])],
)
def test_after_a_pause_what_was_missed_is_done_once_or_not_or_each(
    runtime: Runtime, clock: ManualClock, missed: Missed, expected: list[Occurrence]
):
    job = Job("hourly", Interval(HOUR), missed)
    with runtime.present() as presence:
        take_due(runtime.host, presence, [job])
        clock.advance(3 * HOUR + 30 * MINUTE)
        assert take_due(runtime.host, presence, [job]) == expected


def test_of_many_missed_times_some_are_taken_up_in_one_turn_and_the_rest_once_these_are_done(
    runtime: Runtime, clock: ManualClock
):
    job = Job("hourly", Interval(HOUR), Missed.ALL)
    with runtime.present() as presence:
        take_due(runtime.host, presence, [job])
        clock.advance((MOST_AT_ONCE + 7) * HOUR)
        first = take_due(runtime.host, presence, [job])
        assert len(first) == MOST_AT_ONCE
        assert take_due(runtime.host, presence, [job]) == []
        for one in first:
            finish(runtime.host, presence.name, one, "done")
        rest = take_due(runtime.host, presence, [job])

    hours = [one.scheduled_at for one in (*first, *rest)]
    assert hours == [at(10).scheduled_at + number * HOUR for number in range(MOST_AT_ONCE + 7)]


def test_of_many_who_look_in_the_same_moment_one_takes_each_time(runtime: Runtime, clock: ManualClock):
    rounds, lookers = 10, 4
    with ExitStack() as stack, ThreadPoolExecutor(lookers) as pool:
        presences = [stack.enter_context(runtime.present()) for _ in range(lookers)]
        take_due(runtime.host, presences[0], [HOURLY])
        for number in range(rounds):
            clock.advance(HOUR)
            together = Barrier(lookers)

            def look(which: int, together: Barrier = together) -> list[Occurrence]:
                together.wait()
                return take_due(runtime.host, presences[which], [HOURLY])

            taken = [(which, one) for which, found in enumerate(pool.map(look, range(lookers))) for one in found]
            assert [one for _, one in taken] == [at(10 + number)]
            finish(runtime.host, presences[taken[0][0]].name, at(10 + number), "done")


def test_who_comes_in_the_moment_in_which_others_look_is_not_taken_for_dead(runtime: Runtime, clock: ManualClock):
    rounds, lookers = 25, 4
    with runtime.present() as presence:
        take_due(runtime.host, presence, [HOURLY])
    with ThreadPoolExecutor(lookers) as pool:
        for number in range(rounds):
            clock.advance(HOUR)
            with ExitStack() as stack:
                presences = [stack.enter_context(runtime.present()) for _ in range(lookers)]
                together = Barrier(lookers)

                def look(presence: Presence, together: Barrier = together) -> list[Occurrence]:
                    together.wait()
                    return take_due(runtime.host, presence, [HOURLY])

                taken = [
                    (who, one) for who, found in zip(presences, pool.map(look, presences), strict=True) for one in found
                ]
                assert [one for _, one in taken] == [at(10 + number)]
                finish(runtime.host, taken[0][0].name, taken[0][1], "done")


def test_a_job_under_way_is_not_begun_a_second_time_beside_itself(runtime: Runtime, clock: ManualClock):
    with runtime.present() as first, runtime.present() as second:
        take_due(runtime.host, first, [HOURLY])
        clock.advance(HOUR)
        assert take_due(runtime.host, first, [HOURLY]) == [at(10)]
        clock.advance(HOUR)
        assert take_due(runtime.host, second, [HOURLY]) == []
        finish(runtime.host, first.name, at(10), "done")
        assert take_due(runtime.host, second, [HOURLY]) == [at(11)]


def test_what_one_that_is_gone_left_unfinished_is_taken_over_and_its_own_word_comes_too_late(
    runtime: Runtime, clock: ManualClock
):
    with runtime.present() as second:
        with runtime.present() as first:
            take_due(runtime.host, first, [HOURLY])
            clock.advance(HOUR)
            assert take_due(runtime.host, first, [HOURLY]) == [at(10)]
            assert take_due(runtime.host, second, [HOURLY]) == []
        assert anything_due(runtime.host, second, [HOURLY])
        assert take_due(runtime.host, second, [HOURLY]) == [at(10)]
        finish(runtime.host, first.name, at(10), "too late")
        finish(runtime.host, second.name, at(10), "failed: no disk", failed=True)

    row = read(runtime.engine, lambda connection: LATEST.one(connection, project="test", job="hourly"))
    assert row is not None
    assert (row["outcome"], row["status"], row["runner"]) == ("failed: no disk", "failed", second.name)


def test_what_is_long_ago_is_forgotten_but_never_the_latest_time_of_a_job(runtime: Runtime, clock: ManualClock):
    rare = Job("rare", Interval(1_000 * HOUR), Missed.ONCE)
    with runtime.present() as presence:
        take_due(runtime.host, presence, [HOURLY, rare])
        for number in range(5):
            clock.advance(HOUR)
            take_due(runtime.host, presence, [HOURLY])
            finish(runtime.host, presence.name, at(10 + number), "done")

        assert forget_before(runtime.host, at(13).scheduled_at) == 4
        assert forget_before(runtime.host, at(13).scheduled_at) == 0
        assert not anything_due(runtime.host, presence, [HOURLY, rare])
