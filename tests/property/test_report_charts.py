"""Whatever the figures are, axes keep order and drawings stay in their pictures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from iact.core.visible import visible
from iact.reports.charts.effect import Effect, effect
from iact.reports.charts.releases import Release, Releases, releases
from iact.reports.charts.timeline import Happening, timeline, timeline_of
from iact.reports.charts.trend import Point, has_trend, trend
from iact.reports.scales import YEAR, Edges, Scale, date_ticks, duration_ticks, nice_amounts
from iact.reports.svg import Canvas
from tests.support.drawing import outside, parse

START = datetime(2000, 1, 1, tzinfo=UTC)
WIDTHS = st.sampled_from([320.0, 328.0, 720.0])
DURATIONS = st.floats(min_value=0, max_value=200 * YEAR)
NAMED = {"title": "A title", "description": "A description"}


def picture(width: float) -> Canvas:
    """Return a picture of this width, as high as the highest chart."""
    return Canvas(key="chart", width=width, height=250)


@st.composite
def scales(draw: st.DrawFn) -> Scale:
    """Return any axis."""
    low = draw(st.floats(min_value=1e-6, max_value=1e12))
    high = low * draw(st.floats(min_value=1.001, max_value=1e9))
    ends = draw(st.sampled_from([(0.0, 700.0), (200.0, 20.0)]))
    return Scale(low=low, high=high, start=ends[0], end=ends[1], logarithmic=draw(st.booleans()))


@given(scales(), st.lists(st.floats(min_value=-1e20, max_value=1e20), min_size=2))
def test_an_axis_never_swaps_two_amounts_and_never_leaves_its_ends(scale, amounts):
    places = [scale(amount) for amount in sorted(amounts)]
    ordered = places if scale.end > scale.start else places[::-1]
    low, high = sorted((scale.start, scale.end))

    assert all(one <= other for one, other in pairwise(ordered))
    assert all(low - 1e-6 <= place <= high + 1e-6 for place in places)


@given(st.lists(st.integers(min_value=1, max_value=10**9), min_size=1, max_size=12, unique=True), st.lists(DURATIONS))
def test_ranges_never_swap_two_durations(lows, durations):
    edges = Edges.of([0.0, *sorted(lows)], None, start=40, end=700)
    places = [edges(duration) for duration in sorted(durations)]

    assert all(one <= other + 1e-9 for one, other in pairwise(places))
    assert all(40 <= place <= 700 + 1e-9 for place in places)


@given(scales())
def test_the_durations_that_an_axis_names_ascend_and_keep_their_distance(scale):
    ticks = duration_ticks(scale, 30)

    assert all(abs(scale(other.at) - scale(one.at)) >= 30 for one, other in pairwise(ticks))


@given(st.floats(min_value=-1e3, max_value=1e3), st.floats(min_value=0.01, max_value=1e4), st.integers(2, 9))
def test_nice_amounts_enclose_and_are_few(low, span, count):
    amounts = nice_amounts(low, low + span, count)

    assert amounts[0] <= low + span * 1e-6
    assert amounts[-1] >= low + span - span * 1e-6
    assert len(amounts) <= count + 3


@given(st.integers(min_value=1, max_value=40_000), st.integers(2, 12))
def test_dates_that_are_named_lie_in_the_time_and_ascend(days, count):
    end = START + timedelta(days=days)
    ticks = date_ticks(START, end, count)

    assert all(START.timestamp() <= tick.at <= end.timestamp() for tick in ticks)
    assert all(one.at < other.at for one, other in pairwise(ticks))
    assert len(ticks) <= 2 * count + 2


@given(WIDTHS, st.lists(st.one_of(st.none(), st.floats(min_value=-1e15, max_value=1e15)), max_size=20))
def test_every_trend_stays_in_its_picture(width, values):
    points = tuple(Point(value=value) for value in values)

    if has_trend(points):
        assert outside(trend(points, picture(width), **NAMED)) == []


@given(
    WIDTHS,
    st.integers(min_value=1, max_value=20_000),
    st.lists(st.tuples(st.floats(min_value=0, max_value=0.999), st.booleans()), min_size=1, max_size=30),
)
def test_every_timeline_counts_each_deployment_once_and_stays_in_its_picture(width, days, moments):
    span = timedelta(days=days)
    happened = [Happening(at=START + span * share, failed=failed) for share, failed in moments]
    counted = timeline_of(happened, START, START + span, 74)

    assert sum(stretch.count for stretch in counted.stretches) == len(happened)
    assert sum(stretch.failed for stretch in counted.stretches) == sum(failed for _, failed in moments)
    assert outside(timeline(counted, picture(width), **NAMED)) == []


@given(WIDTHS, st.lists(DURATIONS, min_size=1, max_size=30))
def test_releases_of_any_duration_stay_in_their_picture(width, durations):
    data = tuple(
        Release(at=START + timedelta(days=place), duration=duration, failed=place % 3 == 0)
        for place, duration in enumerate(durations)
    )
    drawn = Releases(releases=data, start=START, end=START + timedelta(days=30), changed_at=START)

    assert outside(releases(drawn, picture(width), **NAMED)) == []


@given(
    WIDTHS,
    st.floats(min_value=-1, max_value=1000),
    st.floats(min_value=0, max_value=1e6),
    st.one_of(st.just(float("inf")), st.floats(min_value=0, max_value=1e6)),
)
def test_every_effect_stays_in_its_picture(width, estimate, below, above):
    data = Effect(
        estimate=estimate, low=estimate - below, high=estimate + above, shown="+1 %", unit="%", better="lower"
    )

    assert outside(effect(data, picture(width), **NAMED), slack=6) == []


@given(st.text(st.characters(exclude_categories=["Cn"])))
def test_any_text_in_a_drawing_can_be_read_back_as_it_is_shown(text):
    drawn = trend((Point(value=1.0), Point(value=2.0)), picture(320), title=text, description="")

    assert (parse(drawn)[0].text or "") == visible(text)
