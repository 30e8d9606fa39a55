"""What an experiment could find out before it is started."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from iact.core.quantities import Dimension
from iact.pdca.effect import Stretch
from iact.pdca.guards import confidence_of_look
from iact.pdca.numbers import signed_percent
from iact.pdca.power import (
    TOO_REGULAR,
    WEEK,
    Detectable,
    Needed,
    Spread,
    detectable,
    needed,
    spread_of,
)
from iact.pdca.scale import robust_scale


def spread(clusters: int = 30, deviation: float = 0.7, dimension: Dimension = Dimension.DURATION) -> Spread:
    """Return how a metric of a release a week varies."""
    return Spread(dimension=dimension, clusters=clusters, values=clusters * 4, per_week=1.0, deviation=deviation)


def test_more_weeks_detect_a_smaller_effect():
    effects = [detectable(spread(), weeks, per_week=1.0, confidence=0.95).effect for weeks in (4, 8, 26)]

    known = [effect for effect in effects if effect is not None]
    assert len(known) == 3
    assert known == sorted(known, reverse=True)


def test_no_number_of_weeks_beats_the_baselines_own_uncertainty():
    """With seven releases before the change, their own standard error limits what any number after it could show."""
    best = detectable(spread(clusters=7), 26, per_week=400.0, confidence=0.95).effect

    assert best is not None
    assert best > 0.4
    assert needed(spread(clusters=7), 0.15, per_week=1.0, confidence=0.95).releases is None


def test_the_smallest_effect_is_the_quantiles_times_the_standard_error():
    """Normal limit, Bloom 1995: (1.960 + 0.842) × 1 × √(2 / 1000) = 0.1253 on the log scale."""
    found = detectable(spread(clusters=1000, deviation=1.0), 20, per_week=50.0, confidence=0.95)

    assert found.effect == pytest.approx(1 - math.exp(-0.1253), abs=2e-4)


def test_595_values_an_arm_find_fifteen_per_cent():
    """The figure of the literature for a standard deviation of 1 at 80 % power, which the plan has to reproduce."""
    found = detectable(spread(clusters=595, deviation=1.0), 17, per_week=35.0, confidence=0.95)

    assert found.effect == pytest.approx(0.15, abs=0.001)


def test_after_half_a_year_a_look_asks_for_more_so_that_waiting_detects_less_than_before():
    looks = confidence_of_look(0.95, np.array([1, 26, 39, 52, 104]) * WEEK)

    assert looks.tolist() == pytest.approx([0.95, 0.95, 1 - 0.05 / 1.5**3, 1 - 0.05 / 8, 1 - 0.05 / 64])
    later = detectable(spread(clusters=595, deviation=1.0), 52, per_week=595 / 52, confidence=0.95)
    assert later.effect is not None
    assert later.effect > 0.16


def test_what_is_needed_detects_just_that():
    found = needed(spread(), 0.5, per_week=0.5, confidence=0.95)

    assert found.releases is not None
    assert found.weeks == found.releases / 0.5
    enough = detectable(spread(), found.weeks, per_week=0.5, confidence=0.95).effect
    assert enough is not None
    assert enough <= 0.5


@pytest.mark.parametrize(("clusters", "weeks"), [(3, 26), (30, 2)])
def test_too_few_releases_detect_nothing_and_say_why(clusters: int, weeks: int):
    found = detectable(spread(clusters=clusters), weeks, per_week=1.0, confidence=0.95)

    assert found == Detectable(weeks=weeks, releases=weeks, reason=found.reason)
    assert "a comparison needs 4 on each side" in found.reason


def test_a_spread_is_parted_into_what_releases_share_and_what_they_do_not():
    """Half of the variance lies between releases, so the intra-class correlation is about a half."""
    chance = random.Random(3)  # noqa: S311 - a simulation that repeats, not a secret
    clusters = []
    for _ in range(400):
        together = chance.gauss(0, math.sqrt(0.5))
        clusters.append(tuple(math.exp(12 + together + chance.gauss(0, math.sqrt(0.5))) for _ in range(5)))
    found = spread_of(Dimension.DURATION, Stretch(clusters=tuple(clusters), seconds=400 * WEEK))

    assert found is not None
    assert found.correlation == pytest.approx(0.5, abs=0.06)
    assert found.deviation == pytest.approx(math.sqrt(0.5 + 0.5 / 5), abs=0.06)
    assert found.per_week == pytest.approx(1.0)


def test_a_failure_rate_of_nothing_is_not_taken_for_no_variance():
    found = spread_of(Dimension.SHARE, Stretch(clusters=((0.0,),) * 10, seconds=10 * WEEK))

    assert found is not None
    assert found.deviation > 0.2


def test_one_release_has_no_spread():
    assert spread_of(Dimension.DURATION, Stretch(clusters=((1.0, 2.0),), seconds=WEEK)) is None


@pytest.mark.parametrize("seconds", [3.94 * 86_400, 20.0])
def test_releases_as_regular_as_a_clock_detect_nothing_and_say_so(seconds: float):
    found = spread_of(Dimension.DURATION, Stretch(clusters=((seconds, seconds),) * 7, seconds=7 * WEEK))

    assert found is not None
    assert detectable(found, 8, per_week=1.0, confidence=0.95).effect is None
    assert detectable(found, 8, per_week=1.0, confidence=0.95).reason == TOO_REGULAR
    assert needed(found, 0.3, per_week=1.0, confidence=0.95) == Needed(reason=TOO_REGULAR)


def test_where_many_releases_are_alike_the_others_still_count():
    """Four in seven are out within the minute below which git's dates tell nothing; the rest take days."""
    clusters = ((20.0,), (30.0,), (40.0,), (50.0,), (86_400.0,), (2 * 86_400.0,), (3 * 86_400.0,))
    found = spread_of(Dimension.DURATION, Stretch(clusters=clusters, seconds=7 * WEEK))

    assert found is not None
    assert found.deviation == pytest.approx(4.12, abs=0.1)


def test_an_effect_that_is_not_nothing_is_never_shown_as_nothing():
    assert [signed_percent(value) for value in (-0.0, 0.0, -0.002, 0.0049)] == ["±0 %", "±0 %", "−0.2 %", "+0.5 %"]


def test_a_change_is_told_in_per_cent_until_it_is_tenfold():
    shown = [signed_percent(value) for value in (8.994, 9.0, 30.4, 6909.37, math.inf)]

    assert shown == ["+899 %", "10-fold", "31-fold", "6,900-fold", "+∞"]


def test_a_few_hot_fixes_do_not_hide_what_ordinary_releases_could_show():
    """Three releases in thirty that are out within minutes hardly widen the scale that ranks depend on."""
    chance = random.Random(4)  # noqa: S311 - a simulation that repeats, not a secret
    ordinary = [chance.gauss(12, 0.5) for _ in range(27)]

    assert robust_scale([*ordinary, 4.1, 5.0, 6.0]) < 1.5 * robust_scale(ordinary)


def test_the_scale_of_a_normal_distribution_is_its_standard_deviation_and_two_per_cent():
    chance = random.Random(6)  # noqa: S311 - as above

    assert robust_scale([chance.gauss(0, 3) for _ in range(900)]) == pytest.approx(3 * 1.023, rel=0.06)
