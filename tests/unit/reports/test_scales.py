"""Axes name amounts that people count in, and keep order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from iact.reports.scales import (
    DAY,
    HOUR,
    MONTH,
    WEEK,
    YEAR,
    Edges,
    Scale,
    count_amounts,
    count_label,
    date_ticks,
    duration_ticks,
    nice_amounts,
    nice_step,
)

NEW_YEAR = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("span", "count", "step"),
    [(10, 5, 2), (10, 4, 5), (100, 10, 10), (1, 4, 0.5), (0.03, 3, 0.01), (7e9, 7, 1e9), (1e-12, 1, 1e-12)],
)
def test_steps_are_one_two_or_five_times_a_power_of_ten(span, count, step):
    assert nice_step(span, count) == pytest.approx(step)


def test_nice_amounts_enclose_what_they_name():
    assert nice_amounts(-0.81, 0.05, 5) == (-1.0, -0.8, -0.6, -0.4, -0.2, 0.0, 0.2)


@pytest.mark.parametrize(("most", "amounts"), [(0, (0, 1)), (1, (0, 1)), (3, (0, 1, 2, 3)), (70, (0, 20, 40, 60, 80))])
def test_counts_are_named_by_whole_numbers_from_zero(most, amounts):
    assert count_amounts(most) == amounts


@pytest.mark.parametrize(
    ("count", "label"),
    [(0, "0"), (9999, "9999"), (10_000, "10\u202fk"), (500_000, "500\u202fk"), (1_500_000, "1.5\u202fM")],
)
def test_large_counts_are_named_shortly(count, label):
    assert count_label(count) == label


@pytest.mark.parametrize("ends", [(0, 0), (2, 1), (float("nan"), 1), (0, float("inf"))])
def test_an_axis_without_two_ends_is_refused(ends):
    with pytest.raises(ValueError, match="two different finite ends"):
        Scale(low=ends[0], high=ends[1], start=0, end=100)


def test_a_logarithmic_axis_cannot_start_at_nothing():
    with pytest.raises(ValueError, match="above 0"):
        Scale(low=0, high=1, start=0, end=100, logarithmic=True)


def test_equal_ratios_are_equally_far_apart_on_a_logarithmic_axis():
    scale = Scale(low=1, high=10_000, start=0, end=400, logarithmic=True)

    assert [round(scale(amount)) for amount in (1, 10, 100, 1000, 10_000)] == [0, 100, 200, 300, 400]


def test_amounts_beyond_the_axis_land_on_its_ends():
    scale = Scale(low=0, high=10, start=100, end=0)

    assert (scale(-5), scale(20)) == (100, 0)


def test_durations_are_named_by_whole_units_of_time():
    scale = Scale(low=HOUR / 2, high=2 * YEAR, start=0, end=720, logarithmic=True)

    assert [tick.label for tick in duration_ticks(scale, 60)] == ["1 h", "6 h", "1 d", "3 d", "2 w", "3 mo", "1 y"]


def test_names_of_durations_keep_their_distance():
    scale = Scale(low=1, high=100 * YEAR, start=0, end=300, logarithmic=True)
    places = [scale(tick.at) for tick in duration_ticks(scale, 44)]

    assert min(right - left for left, right in pairwise(places)) >= 44


@pytest.mark.parametrize(
    ("span", "labels"),
    [
        (timedelta(days=3), ["1 Jan", "2 Jan", "3 Jan", "4 Jan"]),
        (timedelta(days=30), ["6 Jan", "13 Jan", "20 Jan", "27 Jan"]),
        (timedelta(days=150), ["Jan 2025", "Feb", "Mar", "Apr", "May"]),
        (timedelta(days=420), ["Jan 2025", "Apr", "Jul", "Oct", "Jan 2026"]),
        (timedelta(days=3650), ["2026", "2028", "2030", "2032", "2034"]),
    ],
)
def test_dates_are_first_days_of_what_fits(span, labels):
    assert [tick.label for tick in date_ticks(NEW_YEAR, NEW_YEAR + span, 6)] == labels


def test_the_first_month_named_says_its_year():
    ticks = date_ticks(datetime(2024, 4, 10, tzinfo=UTC), datetime(2024, 9, 1, tzinfo=UTC), 6)

    assert [tick.label for tick in ticks] == ["May 2024", "Jun", "Jul", "Aug", "Sep"]


def test_ranges_between_edges_are_equally_wide():
    edges = Edges.of([0, HOUR, DAY, WEEK], None, start=0, end=400)

    assert [edges(amount) for amount in (0, HOUR, DAY, WEEK, 4 * WEEK, YEAR)] == [0, 100, 200, 300, 400, 400]
    assert edges(HOUR / 2) == 50
    assert 300 < edges(2 * WEEK) < 400


@pytest.mark.parametrize("edges", [(), (1.0,), (2.0, 1.0), (-1.0, 1.0), (MONTH, MONTH)])
def test_edges_that_do_not_ascend_are_refused(edges):
    with pytest.raises(ValueError, match="ascending edges"):
        Edges(edges=edges, start=0, end=100)
