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
NOMINAL = 0.025
TRIALS = 600
SAMPLING = 2 * math.sqrt(NOMINAL * (1 - NOMINAL) / TRIALS)
"""What counting so many simulations may add to a share: two standard errors."""


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


def alike(chance: random.Random, releases: int, size: int, *, shared: float, factor: float = 1.0) -> Stretch:
    """Return releases of equal size; `shared` is the part of the variance that the changes of a release share."""
    clusters = []
    for _ in range(releases):
        together = chance.gauss(12, math.sqrt(shared))
        clusters.append(tuple(factor * math.exp(chance.gauss(together, math.sqrt(1 - shared))) for _ in range(size)))
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


@pytest.mark.parametrize("shared", [0.0, 0.2, 0.5])
@pytest.mark.parametrize(("before", "after"), [((50, 20), (10, 2)), ((20, 30), (8, 4)), ((8, 2), (50, 20))])
def test_releases_that_only_became_smaller_or_larger_are_rarely_kept(
    before: tuple[int, int], after: tuple[int, int], shared: float
):
    """Without widening the interval, eight in a hundred are kept where the changes of a release share nothing."""
    old, new = (lambda c, side=side: alike(c, *side, shared=shared) for side in (before, after))

    assert kept(Dimension.DURATION, Better.LOWER, old, new) <= NOMINAL + SAMPLING


def test_half_the_lead_time_is_found_in_smaller_releases_too():
    found = kept(
        Dimension.DURATION,
        Better.LOWER,
        lambda c: alike(c, 50, 20, shared=0.2),
        lambda c: alike(c, 10, 2, shared=0.2, factor=0.5),
    )

    assert found > 0.6


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
