"""Charts draw what there is, where it belongs, and nothing from nothing."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from iact.reports.charts.effect import Effect, effect
from iact.reports.charts.histogram import Bin, Histogram, histogram
from iact.reports.charts.releases import Release, Releases, releases
from iact.reports.charts.stages import Part, stages
from iact.reports.charts.timeline import Happening, Timeline, timeline, timeline_of
from iact.reports.charts.trend import Point, has_trend, trend
from iact.reports.svg import Canvas, units
from tests.support.drawing import of_kind, outside, parse, texts

NAMED = {"title": "A title", "description": "A description"}
WIDTHS = [320, 720]
START = datetime(2025, 1, 1, tzinfo=UTC)
DAY = 86_400.0


def canvas(width: float = 720, height: float = 260) -> Canvas:
    """Return a picture of the usual size."""
    return Canvas(key="chart", width=width, height=height)


def durations(*counts: int, middle: float | None = None, interval: tuple[float, float] | None = None) -> Histogram:
    """Return a histogram of ranges of a day, two days, four days and so on; the last has no end."""
    edges = [0.0, *(DAY * 2**place for place in range(len(counts)))]
    bins = [Bin(low=edges[place], high=edges[place + 1], edge=f"{place} d", count=n) for place, n in enumerate(counts)]
    last = Bin(low=bins[-1].low, high=None, edge=bins[-1].edge, count=bins[-1].count)
    label = "" if middle is None else "median"
    return Histogram(bins=(*bins[:-1], last), middle=middle, middle_label=label, interval=interval)


def change(estimate: float, low: float, high: float, better: str = "lower") -> Effect:
    """Return an effect in per cent."""
    return Effect(estimate=estimate, low=low, high=high, shown=f"{estimate:+.0%}", unit="%", better=better)


def test_a_drawing_is_an_image_with_a_name_and_a_description():
    root = parse(histogram(durations(1, 2), canvas(), **NAMED))

    assert root.get("role") == "img"
    assert (root.get("aria-labelledby"), root.get("aria-describedby")) == ("chart-title", "chart-description")
    assert [(child.tag, child.get("id"), child.text) for child in root][:2] == [
        ("title", "chart-title", "A title"),
        ("desc", "chart-description", "A description"),
    ]


def test_text_in_a_drawing_is_escaped():
    drawn = histogram(durations(1, 2), canvas(), title="<script>", description='"&\u202e')

    assert "<script>" not in drawn
    assert [child.text for child in parse(drawn)][:2] == ["<script>", '"&[U+202E]']


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_drawing_holds_a_place_that_is_none(value):
    with pytest.raises(ValueError, match="no place in a drawing"):
        units(value)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("counts", [(1,), (0, 1), (3, 0, 12, 999_999), (1,) * 12])
def test_a_histogram_has_a_bar_for_every_range_that_holds_something(width, counts):
    drawn = histogram(durations(*counts, middle=DAY, interval=(60.0, 1e12)), canvas(width), **NAMED)
    bars = of_kind(drawn, "bar")

    assert len(bars) == sum(count > 0 for count in counts)
    assert len({round(bar.bottom, 1) for bar in bars}) == 1
    assert outside(drawn) == []


def test_bars_are_as_high_as_their_counts():
    low, high = of_kind(histogram(durations(10, 40), canvas(), **NAMED), "bar")

    assert (high.bottom - high.top) / (low.bottom - low.top) == pytest.approx(4, rel=0.01)


def test_an_unknown_median_and_interval_leave_no_mark():
    drawn = histogram(durations(1, 2), canvas(), **NAMED)

    assert of_kind(drawn, "middle") == of_kind(drawn, "band") == []


def test_a_histogram_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one duration"):
        histogram(durations(0, 0), canvas(), **NAMED)


def test_stages_share_the_whole_width():
    parts = (
        Part(label="Review", share=0.25, shown="25 %"),
        Part(label="Nothing", share=0, shown="0 %"),
        Part(label="Waiting", share=0.75, shown="75 %"),
    )
    drawn = stages(parts, canvas(400, 52), **NAMED)
    (first,), (third,) = of_kind(drawn, "stage-1"), of_kind(drawn, "stage-3")

    assert (first.left, third.right + 2) == (0, 400)
    assert third.left - first.left == pytest.approx(100)
    assert of_kind(drawn, "stage-2") == []


def test_a_stage_too_narrow_for_its_name_has_its_number():
    parts = (
        Part(label="Review", share=0.06, shown="6 %"),
        Part(label="Waiting for a release", share=0.94, shown="94 %"),
    )

    assert texts(stages(parts, canvas(320, 52), **NAMED)) == ["1", "2  Waiting for a release", "94 %"]


def test_stages_without_a_share_are_refused():
    with pytest.raises(ValueError, match="at least one stage"):
        stages((Part(label="Review", share=0, shown="0 %"),), canvas(), **NAMED)


def happened(*days: float, failed: bool = False) -> list[Happening]:
    """Return deployments so many days after the start."""
    return [Happening(at=START + timedelta(days=day), failed=failed) for day in days]


@pytest.mark.parametrize(
    ("days", "each"), [(2, "day"), (60, "day"), (300, "week"), (1500, "month"), (6000, "quarter"), (36_500, "year")]
)
def test_time_is_counted_by_the_shortest_stretch_that_fits(days, each):
    counted = timeline_of(happened(0, days - 1), START, START + timedelta(days=days), 74)

    assert counted.each == each
    assert sum(stretch.count for stretch in counted.stretches) == 2


def test_stretches_adjoin_and_cover_what_was_asked_for():
    end = START + timedelta(days=500)
    stretches = timeline_of([], START, end, 74).stretches

    assert stretches[0].start <= START
    assert stretches[-1].end >= end
    assert all(one.end == other.start for one, other in pairwise(stretches))


def test_a_deployment_at_the_end_belongs_to_the_next_time():
    counted = timeline_of(happened(0, 10), START, START + timedelta(days=10), 74)

    assert sum(stretch.count for stretch in counted.stretches) == 1


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("days", [1, 48, 365, 20_000])
def test_a_timeline_stays_in_its_picture(width, days):
    span = timedelta(days=days)
    moments = [*happened(0, days * 0.99), *happened(*([days / 2] * 40), failed=True)]

    drawn = timeline(timeline_of(moments, START, START + span, 74), canvas(width, 210), **NAMED)

    assert len(of_kind(drawn, "bar")) == 2 or days == 1
    assert outside(drawn) == []


def test_what_failed_is_hatched_and_crossed():
    counted = timeline_of([*happened(1), *happened(1, failed=True)], START, START + timedelta(days=30), 74)
    drawn = timeline(counted, canvas(), **NAMED)
    (failed,), (bar,) = of_kind(drawn, "failed"), of_kind(drawn, "bar")

    assert failed.top == pytest.approx(bar.bottom)
    assert len(of_kind(drawn, "failed-mark")) == 2


def test_a_timeline_without_deployments_is_refused():
    with pytest.raises(ValueError, match="at least one deployment"):
        timeline(Timeline(each="day", stretches=()), canvas(), **NAMED)


def test_a_time_that_ends_before_it_starts_is_refused():
    with pytest.raises(ValueError, match="end after it starts"):
        timeline_of([], START, START, 74)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("lasted", [(0.0,), (DAY,), (1.0, 3e9), (DAY, DAY, DAY)])
def test_releases_stay_in_their_picture(width, lasted):
    data = tuple(
        Release(at=START + timedelta(days=place), duration=duration, failed=place == 1)
        for place, duration in enumerate(lasted)
    )

    end = START + timedelta(days=400)
    drawn = releases(Releases(releases=data, start=START, end=end, changed_at=START), canvas(width, 248), **NAMED)

    assert len(of_kind(drawn, "release-mark")) + len(of_kind(drawn, "failed-ring")) == len(lasted)
    assert outside(drawn) == []


def released(*days: float, changed_at: datetime | None = None) -> Releases:
    """Return releases, one a day for a week at most, whose changes took so many days."""
    data = tuple(
        Release(at=START + timedelta(days=place), duration=DAY * day, failed=False) for place, day in enumerate(days)
    )
    return Releases(releases=data, start=START, end=START + timedelta(days=7), changed_at=changed_at)


def test_longer_durations_are_higher_up():
    tops = [mark.top for mark in of_kind(releases(released(1, 2, 30), canvas(), **NAMED), "release-mark")]

    assert tops == sorted(tops, reverse=True)


def test_the_change_of_an_experiment_is_marked_between_the_releases_before_and_since():
    drawn = releases(released(9, 1, changed_at=START + timedelta(hours=12)), canvas(), **NAMED)
    (change_line,), (before, since) = of_kind(drawn, "no-change"), of_kind(drawn, "release-mark")

    assert before.right < change_line.left < since.left
    assert "the change" in texts(drawn)


def test_a_change_before_the_window_is_not_marked():
    drawn = releases(released(9, 1, changed_at=START - timedelta(days=1)), canvas(), **NAMED)

    assert of_kind(drawn, "no-change") == []


def test_releases_without_any_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        releases(released(), canvas(), **NAMED)


def test_a_trend_breaks_where_nothing_is_known():
    points = tuple(Point(value=value) for value in (1.0, 2.0, None, None, 4.0, 3.0))
    drawn = trend(points, canvas(320, 64), **NAMED)

    assert len(of_kind(drawn, "trend")) == 2
    assert len(of_kind(drawn, "trend-mark")) == 4
    assert len(of_kind(drawn, "unknown-mark")) == 2
    assert outside(drawn) == []


@pytest.mark.parametrize("values", [(5.0, 5.0), (0.0, 0.0), (-1e30, 1e30), (1e-12, 2e-12)])
def test_a_trend_of_equal_or_extreme_values_stays_in_its_picture(values):
    points = tuple(Point(value=value, interval=(value - 1, value + 1)) for value in values)

    assert outside(trend(points, canvas(320, 64), **NAMED)) == []


@pytest.mark.parametrize("values", [(), (None,), (1.0,), (None, 1.0, None)])
def test_one_value_is_no_trend(values):
    points = tuple(Point(value=value) for value in values)

    assert not has_trend(points)
    with pytest.raises(ValueError, match="2 known values"):
        trend(points, canvas(), **NAMED)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "ends",
    [(-0.62, -0.81, -0.24), (0.1, -0.3, math.inf), (0.0, 0.0, 0.0), (-0.99, -1.0, 40.0), (25.0, -0.2, 900.0)],
)
def test_an_effect_stays_in_its_picture(width, ends):
    drawn = effect(change(*ends), canvas(width, 132), **NAMED)

    assert outside(drawn, slack=6) == []
    assert "no change" in texts(drawn)


def test_an_interval_that_excludes_no_change_does_not_touch_its_line():
    drawn = effect(change(-0.62, -0.81, -0.24), canvas(), **NAMED)
    (interval,), (line,) = of_kind(drawn, "interval"), of_kind(drawn, "no-change")

    assert interval.right < line.left


def test_an_interval_without_an_end_becomes_an_arrow():
    drawn = effect(change(0.1, -0.3, math.inf), canvas(), **NAMED)

    assert len(of_kind(drawn, "interval")) == 2


@pytest.mark.parametrize(("better", "words"), [("lower", ["← better", "worse →"]), ("higher", ["← worse", "better →"])])
def test_the_better_side_is_said_in_words(better, words):
    assert texts(effect(change(0.0, -1.0, 1.0, better), canvas(), **NAMED), "note") == words


def test_an_estimate_outside_its_interval_is_refused():
    with pytest.raises(ValueError, match="cannot be drawn"):
        effect(change(0.5, -0.1, 0.1), canvas(), **NAMED)
