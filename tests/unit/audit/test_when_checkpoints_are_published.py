"""When a checkpoint is published to a place, and when it is late."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from iact.audit.publishing.rules import PlaceState, is_due, is_late, pause_after

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NEW = PlaceState(address="https://audit.example.org/")
HAS_FIVE = replace(NEW, size=5, published_at=NOON)


def test_a_place_that_never_had_one_gets_one_at_once():
    assert is_due(NEW, 1, NOON, HOUR)
    assert not is_due(NEW, 0, NOON, HOUR)


def test_a_place_gets_the_next_after_the_time_and_only_where_it_is_newer():
    assert not is_due(HAS_FIVE, 6, NOON + HOUR - timedelta(seconds=1), HOUR)
    assert is_due(HAS_FIVE, 6, NOON + HOUR, HOUR)
    assert not is_due(HAS_FIVE, 5, NOON + 100 * HOUR, HOUR)


def test_what_can_be_looked_at_is_looked_at_after_the_time_though_nothing_is_new():
    assert not is_due(HAS_FIVE, 5, NOON + HOUR - timedelta(seconds=1), HOUR, looks=True)
    assert is_due(HAS_FIVE, 5, NOON + HOUR, HOUR, looks=True)
    assert not is_due(NEW, 0, NOON + HOUR, HOUR, looks=True)


def test_nobody_begins_before_who_began_is_done_or_given_up():
    claimed = replace(HAS_FIVE, not_before=NOON + 2 * HOUR)

    assert not is_due(claimed, 6, NOON + HOUR, HOUR)
    assert is_due(claimed, 6, NOON + 2 * HOUR, HOUR)


@pytest.mark.parametrize(("failures", "minutes"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (10_000, 60)])
def test_a_place_that_refuses_is_left_alone_for_longer_each_time(failures: int, minutes: int):
    assert pause_after(failures, HOUR) == timedelta(minutes=minutes)


def test_a_place_is_late_after_a_day_without_what_was_signed():
    assert not is_late(None, NOON, HOUR)
    assert not is_late(NOON - timedelta(days=1), NOON, HOUR)
    assert is_late(NOON - timedelta(days=1, microseconds=1), NOON, HOUR)
