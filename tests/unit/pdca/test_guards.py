"""What a figure may do by itself is not the work of a change."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from iact.core.quantities import Dimension
from iact.dora.terms import Better
from iact.pdca.effect import Effect, Stretch, compare
from iact.pdca.guards import YEAR, Belief, Drift, Guards, distance, guards_of, runs
from iact.pdca.posterior import posterior
from iact.pdca.verdict import Verdict, by_evidence

WEEK = 604_800.0


def weekly(logarithms: list[float], first: int = 0) -> Stretch:
    """Return releases of one change each, week by week, the first of them in week `first`."""
    moments = tuple((first + place) * WEEK for place in range(len(logarithms)))
    return Stretch(
        clusters=tuple((math.exp(value),) for value in logarithms),
        seconds=len(logarithms) * WEEK,
        gaps=(WEEK,) * (len(logarithms) - 1),
        moments=moments,
        until=moments[-1],
    )


def noise(seed: int, count: int, deviation: float = 1.0) -> list[float]:
    """Return the same normal noise every time."""
    chance = random.Random(seed)  # noqa: S311 - a simulation that repeats, not a secret
    return [chance.gauss(12, deviation) for _ in range(count)]


def test_a_slope_that_many_releases_show_is_taken_as_it_is():
    """A thousand weeks that fall by 0.1 a year on the log scale leave the belief nothing to add."""
    falling = [value - 0.1 * week * WEEK / YEAR for week, value in enumerate(noise(1, 1000, 0.3))]

    drift = guards_of(Dimension.DURATION, Belief(drift=0.2), weekly(falling)).drift

    assert drift.mean == pytest.approx(-0.1, abs=0.01)
    assert drift.deviation < 0.011


def test_a_slope_that_few_releases_show_is_mostly_belief():
    """Six noisy weeks say nothing of a year: the drift stays as uncertain as it was believed to be."""
    drift = guards_of(Dimension.DURATION, Belief(drift=0.2), weekly(noise(2, 6))).drift

    assert abs(drift.mean) < 0.02
    assert drift.deviation == pytest.approx(-math.log(0.8), rel=0.01)


def test_a_failure_rate_drifts_by_points_in_proportion_to_its_value():
    """15 of 100 failed, softened to 17 of 104, of which a fifth in a year."""
    before = Stretch(clusters=((1.0,),) * 15 + ((0.0,),) * 85, seconds=100.0, moments=tuple(range(100)), until=100.0)

    drift = guards_of(Dimension.SHARE, Belief(drift=0.2), before).drift

    assert drift.deviation == pytest.approx(0.2 * 17 / 104, rel=0.01)


def test_releases_that_come_ever_faster_have_a_rising_rate():
    """Twice as many in the second half as in the first: about e^(2 × 0.35) from end to end, far beyond its error."""
    first, second = [YEAR / 2 * k / 200 for k in range(200)], [YEAR / 2 * (1 + k / 400) for k in range(400)]
    moments = (*first, *second)
    before = Stretch(clusters=((1.0,),) * 600, seconds=YEAR, moments=moments, until=YEAR)

    assert guards_of(Dimension.RATE, Belief(drift=0.9), before).drift.mean == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize(("alike", "expected"), [(0.0, 1.0), (0.5, 2.75)])
def test_runs_are_measured_as_the_variance_that_they_add(alike: float, expected: float):
    """An autoregression of a half has the correlations 1/2, 1/4 and 1/8, and 1 + 2 × 7/8 = 2.75."""
    series, before = [], 0.0
    for value in noise(3, 4000):
        before = alike * before + math.sqrt(1 - alike**2) * (value - 12)
        series.append(before)

    assert runs(series) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(("alike", "expected"), [(0.0, 1.0), (0.5, 2.75)])
def test_runs_of_a_few_dozen_releases_are_on_average_as_large_as_those_of_thousands(alike: float, expected: float):
    """Taking the middle of 52 and of 24 from them would hide a third of the run, were it not given back."""
    found = []
    for seed in range(300):
        series, before = [], 0.0
        for value in noise(seed, 76):
            before = alike * before + math.sqrt(1 - alike**2) * (value - 12)
            series.append(before)
        parts = (series[:52], series[52:])
        found.append(runs([value - statistics.fmean(part) for part in parts for value in part], 2))

    assert statistics.fmean(found) == pytest.approx(expected, rel=0.12)


def test_failures_that_became_rare_are_no_run():
    """Each release fails by chance, 15 % of them before and 1 % since: nothing resembles its neighbour."""
    chance = random.Random(4)  # noqa: S311 - a simulation that repeats, not a secret
    before, after = (failing(chance, count, share) for count, share in ((182, 0.15), (84, 0.01)))

    assert guards_of(Dimension.SHARE, Belief(drift=0.2), before, after).runs < 1.3


def test_failures_that_come_together_are_a_run():
    chance = random.Random(4)  # noqa: S311 - a simulation that repeats, not a secret
    before, after = (failing(chance, count, 0.2, together=4) for count in (45, 20))

    assert guards_of(Dimension.SHARE, Belief(drift=0.2), before, after).runs > 1.8


def failing(chance: random.Random, count: int, share: float, together: int = 1) -> Stretch:
    """Return releases of which a share fails by chance, so many at a time."""
    outcomes = [(float(chance.random() < share),) for _ in range(count)]
    clusters = tuple(outcome for outcome in outcomes for _ in range(together))
    moments = tuple(WEEK * place for place in range(len(clusters)))
    return Stretch(clusters=clusters, seconds=WEEK * len(clusters), moments=moments, until=moments[-1])


def test_one_hot_fix_hides_no_run():
    series = [*([1.0, 1.1, 1.2, 1.1] * 10), *([3.0, 3.1, 3.2, 3.1] * 10)]
    broken = [*series[:20], -500.0, *series[21:]]

    assert runs(broken) > 2


@pytest.mark.parametrize("series", [[], [1.0, 2.0, 3.0], [5.0] * 30])
def test_what_cannot_tell_of_runs_adds_nothing(series: list[float]):
    assert runs(series) == 1.0


def test_a_trend_that_was_there_before_is_not_credited_to_the_change():
    """Four years in which lead time halves every year, without any change: the shift alone would be kept."""
    falling = [value - math.log(2) * week / 52 for week, value in enumerate(noise(5, 232, 0.2))]
    before, after = weekly(falling[:208]), weekly(falling[208:], 208)

    seen = compare(Dimension.DURATION, before, after, confidence=0.95)
    believed = posterior(Dimension.DURATION, before, after, confidence=0.95, belief=Belief(drift=0.2))

    assert by_evidence(seen, Better.LOWER) is Verdict.KEEP
    assert by_evidence(believed, Better.LOWER) is Verdict.INCONCLUSIVE


def test_halving_beyond_the_trend_is_still_found():
    falling = [value - 0.1 * week / 52 for week, value in enumerate(noise(5, 232, 0.2))]
    before = weekly(falling[:208])
    after = weekly([value - math.log(2) for value in falling[208:]], 208)

    believed = posterior(Dimension.DURATION, before, after, confidence=0.95, belief=Belief(drift=0.2))

    assert isinstance(believed, Effect)
    assert believed.low < -0.5 < believed.high
    assert by_evidence(believed, Better.LOWER) is Verdict.KEEP


def test_doubt_weighs_on_few_releases_and_is_outweighed_by_many():
    few, many = (Guards(doubt=6.0).handicap(50, after) for after in (4, 400))

    assert few == pytest.approx(math.sqrt(1 + 6 * (1 / 50 + 1 / 4)))
    assert many < 1.07


def test_releases_that_resemble_each_other_leave_more_doubt_than_as_many_that_do_not():
    few, many = (Guards(doubt=6.0, runs=alike).handicap(50, 20) for alike in (2.0, 1.0))

    assert few == pytest.approx(Guards(doubt=6.0).handicap(25, 10))
    assert few > many


def test_doubt_widens_what_chance_does_and_not_what_a_drift_does():
    """A day of two thousand releases, and another a year later: next to the drift of a year, chance does little."""
    before, after = (daily(noise(seed, 2000), first) for seed, first in ((7, 0.0), (8, YEAR)))

    wide, narrow = (
        posterior(Dimension.DURATION, before, after, confidence=0.95, belief=Belief(drift=0.2, doubt=doubt))
        for doubt in (10_000.0, 0.0)
    )

    assert isinstance(wide, Effect)
    assert isinstance(narrow, Effect)
    assert width(narrow) == pytest.approx(2 * 1.96 * -math.log(0.8), rel=0.05)
    assert width(wide) < 1.3 * width(narrow) < Guards(doubt=10_000.0).handicap(2000, 2000) * width(narrow)


def daily(logarithms: list[float], first: float) -> Stretch:
    """Return releases of one change each in the course of one day."""
    moments = tuple(first + place * 86_400 / len(logarithms) for place in range(len(logarithms)))
    clusters = tuple((math.exp(value),) for value in logarithms)
    return Stretch(clusters=clusters, seconds=86_400.0, moments=moments, until=first + 86_400.0)


def width(effect: Effect) -> float:
    """Return how wide an interval is on the log scale."""
    return math.log1p(effect.high) - math.log1p(effect.low)


def test_without_guards_the_posterior_is_the_comparison():
    before, after = weekly(noise(7, 40)), weekly(noise(8, 20), 40)
    seen = compare(Dimension.DURATION, before, after, confidence=0.95)

    believed = posterior(Dimension.DURATION, before, after, confidence=0.95, belief=Belief(drift=0.0, doubt=0.0))

    assert isinstance(seen, Effect)
    assert isinstance(believed, Effect)
    runs_found = guards_of(Dimension.DURATION, Belief(drift=0.0), before, after).runs
    if runs_found == 1.0:
        assert (believed.low, believed.high) == pytest.approx((seen.low, seen.high))
    assert believed.estimate == pytest.approx(seen.estimate)


def test_what_was_allowed_for_is_told_with_the_method():
    before, after = weekly(noise(7, 40)), weekly(noise(8, 20), 40)

    believed = posterior(Dimension.DURATION, before, after, confidence=0.95, belief=Belief(drift=0.2))

    assert isinstance(believed, Effect)
    assert "allows for a drift of" in believed.method
    assert "a doubt worth 6 releases" in believed.method


def test_the_distance_of_two_stretches_is_that_of_their_releases():
    assert distance(Dimension.DURATION, weekly([12.0] * 10), weekly([12.0] * 10, 10)) == pytest.approx(10 * WEEK / YEAR)
    assert distance(Dimension.RATE, weekly([12.0] * 10), weekly([12.0] * 4, 10)) == pytest.approx(7 * WEEK / YEAR)


def test_no_release_since_the_change_leaves_a_finite_estimate():
    before = Stretch(clusters=((1.0,),) * 30, seconds=YEAR, moments=tuple(YEAR * k / 30 for k in range(30)), until=YEAR)
    after = Stretch(clusters=(), seconds=YEAR, until=2 * YEAR)

    believed = posterior(Dimension.RATE, before, after, confidence=0.95, belief=Belief(drift=0.2))

    assert isinstance(believed, Effect)
    assert -1 < believed.estimate < -0.9
    assert believed.low == -1.0
    assert by_evidence(believed, Better.HIGHER) is Verdict.REVERT


def test_no_drift_is_believed_where_the_policy_says_none():
    assert guards_of(Dimension.DURATION, Belief(drift=0.0), weekly(noise(9, 30))).drift == Drift()
