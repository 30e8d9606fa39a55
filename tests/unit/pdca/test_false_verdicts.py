"""How often chance alone is taken for an improvement, and how often a real one is found: counted, not believed.

Each number is the share of seeded simulations, so it is the same on every machine. A verdict that never keeps anything
would pass the first half; the second half shows that it does.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from iact.core.quantities import Dimension
from iact.dora.terms import Better
from iact.pdca.effect import Stretch, compare
from iact.pdca.verdict import Verdict, by_evidence

LIMIT = 0.05
TRIALS = 600


def seeded(number: int) -> random.Random:
    """Return the same chances every time."""
    return random.Random(number)  # noqa: S311 - a simulation that repeats, not a secret


def released(chance: random.Random, releases: int, *, factor: float = 1.0, within: float = 0.5) -> Stretch:
    """Return releases of unequal size; half the variance of the lead times (1 on the log scale) is shared."""
    clusters = []
    for _ in range(releases):
        size = max(1, int(chance.lognormvariate(1.2, 0.8)))
        together = chance.gauss(0, math.sqrt(1 - within))
        clusters.append(
            tuple(factor * math.exp(12 + together + chance.gauss(0, math.sqrt(within))) for _ in range(size))
        )
    return Stretch(clusters=tuple(clusters), seconds=1.0)


def failing(chance: random.Random, releases: int, share: float) -> Stretch:
    """Return releases of which a share fails."""
    return Stretch(clusters=tuple((float(chance.random() < share),) for _ in range(releases)), seconds=1.0)


def rhythm(chance: random.Random, weeks: float, per_week: float, variation: float) -> Stretch:
    """Return releases whose gaps have this coefficient of variation: 1 is a Poisson process, 2 comes in bursts."""
    shape, at, gaps = 1 / variation**2, 0.0, []
    while (gap := chance.gammavariate(shape, 1 / (per_week * shape))) + at < weeks:
        at += gap
        gaps.append(gap)
    return Stretch(clusters=((1.0,),) * len(gaps), seconds=weeks, gaps=tuple(gaps))


def kept(  # noqa: PLR0913 - an experiment has this many parts, each named by its test
    dimension: Dimension,
    better: Better,
    before: Callable[[random.Random], Stretch],
    after: Callable[[random.Random], Stretch],
    *,
    confidence: float = 0.95,
    trials: int = TRIALS,
) -> float:
    """Return the share of simulated experiments that are kept."""
    chance = seeded(2026)
    verdicts = [
        by_evidence(compare(dimension, before(chance), after(chance), confidence=confidence), better)
        for _ in range(trials)
    ]
    return verdicts.count(Verdict.KEEP) / trials


@pytest.mark.parametrize(("before", "after"), [(4, 4), (7, 8), (50, 8), (26, 26)])
def test_an_unchanged_lead_time_is_rarely_kept(before: int, after: int):
    assert kept(Dimension.DURATION, Better.LOWER, lambda c: released(c, before), lambda c: released(c, after)) <= LIMIT


@pytest.mark.parametrize(("before", "after", "share"), [(40, 8, 0.15), (40, 40, 0.15), (10, 10, 0.05), (100, 100, 0.3)])
def test_an_unchanged_failure_rate_is_rarely_kept(before: int, after: int, share: float):
    assert (
        kept(Dimension.SHARE, Better.LOWER, lambda c: failing(c, before, share), lambda c: failing(c, after, share))
        <= LIMIT
    )


@pytest.mark.parametrize("variation", [0.5, 1.0, 2.0])
def test_an_unchanged_rhythm_of_releases_is_rarely_kept(variation: float):
    assert (
        kept(
            Dimension.RATE,
            Better.HIGHER,
            lambda c: rhythm(c, 52, 0.7, variation),
            lambda c: rhythm(c, 16, 0.7, variation),
        )
        <= LIMIT
    )


def test_judged_as_often_as_allowed_an_unchanged_lead_time_is_still_rarely_kept():
    """Four looks at growing numbers of releases, each at the confidence that four looks share."""
    chance, trials, found = seeded(7), 400, 0
    for _ in range(trials):
        before, after = released(chance, 30), released(chance, 32)
        looks = [Stretch(clusters=after.clusters[:count], seconds=1.0) for count in (5, 8, 16, 32)]
        effects = (compare(Dimension.DURATION, before, look, confidence=0.9875) for look in looks)
        found += any(by_evidence(effect, Better.LOWER) is Verdict.KEEP for effect in effects)
    assert found / trials <= LIMIT


def test_the_threshold_keeps_noise_four_times_in_ten():
    """Why `verdict: threshold` is called unproven: no change at all is "15 % better" in this share of pairs."""
    chance, better = seeded(5), 0
    for _ in range(TRIALS):
        before, after = (sorted(chance.lognormvariate(0, 1) for _ in range(10))[4:6] for _ in range(2))
        better += sum(after) < 0.85 * sum(before)
    assert 0.3 < better / TRIALS < 0.45


def test_thirty_per_cent_less_is_found_with_250_independent_values_an_arm():
    found = kept(
        Dimension.DURATION,
        Better.LOWER,
        lambda c: Stretch(clusters=tuple((math.exp(12 + c.gauss(0, 1)),) for _ in range(250)), seconds=1),
        lambda c: Stretch(clusters=tuple((0.7 * math.exp(12 + c.gauss(0, 1)),) for _ in range(250)), seconds=1),
        confidence=0.9875,
        trials=150,
    )
    assert found >= 0.8


def test_half_the_lead_time_is_found_within_half_a_year_of_weekly_releases():
    """Judged after 8, 16 and 24 weeks, as with two extensions, each time at the confidence of one of four looks."""
    chance, trials, found = seeded(9), 200, 0
    for _ in range(trials):
        before, after = released(chance, 40), released(chance, 24, factor=0.5)
        looks = [Stretch(clusters=after.clusters[:count], seconds=1.0) for count in (8, 16, 24)]
        effects = (compare(Dimension.DURATION, before, look, confidence=0.9875) for look in looks)
        found += any(by_evidence(effect, Better.LOWER) is Verdict.KEEP for effect in effects)
    assert found / trials >= 0.7


def test_five_times_as_many_releases_are_found_within_two_months():
    found = kept(
        Dimension.RATE,
        Better.HIGHER,
        lambda c: rhythm(c, 52, 0.2, 1.0),
        lambda c: rhythm(c, 8, 1.0, 1.0),
        confidence=0.9875,
        trials=200,
    )
    assert found >= 0.5
