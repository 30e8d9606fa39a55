"""What holds of every comparison of two stretches of time, whatever was observed in them."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iact.core.quantities import Dimension
from iact.dora.terms import Better
from iact.pdca.effect import Effect, Stretch, compare
from iact.pdca.guards import DOUBT, Belief
from iact.pdca.posterior import posterior
from iact.pdca.verdict import Verdict, by_evidence

SECONDS = st.floats(min_value=120, max_value=1e8)
DURATIONS = st.lists(st.lists(SECONDS, min_size=1, max_size=4).map(tuple), min_size=4, max_size=12)
OUTCOMES = st.lists(st.sampled_from([(0.0,), (1.0,)]), min_size=4, max_size=40)
OPPOSITE = {
    Verdict.KEEP: Verdict.REVERT,
    Verdict.REVERT: Verdict.KEEP,
    Verdict.INCONCLUSIVE: Verdict.INCONCLUSIVE,
}


def stretch(clusters: list[tuple[float, ...]]) -> Stretch:
    """Return a stretch of a thousand seconds with these deployments."""
    return Stretch(clusters=tuple(clusters), seconds=1000.0)


def compared(dimension: Dimension, *arms: list[tuple[float, ...]]) -> Effect:
    """Return the effect; both arms are large enough for one."""
    found = compare(dimension, *map(stretch, arms), confidence=0.95)
    assert isinstance(found, Effect)
    return found


@given(DURATIONS, DURATIONS)
def test_an_interval_holds_its_own_estimate(before: list[tuple[float, ...]], after: list[tuple[float, ...]]):
    found = compared(Dimension.DURATION, before, after)

    assert -1 <= found.low <= found.estimate <= found.high


@given(OUTCOMES, OUTCOMES)
def test_a_difference_of_shares_stays_between_minus_one_and_one(
    before: list[tuple[float, ...]], after: list[tuple[float, ...]]
):
    found = compared(Dimension.SHARE, before, after)

    assert -1 <= found.low <= found.estimate + 1e-9
    assert found.estimate - 1e-9 <= found.high <= 1


@given(DURATIONS, DURATIONS)
def test_what_is_kept_would_be_reverted_the_other_way_round(
    before: list[tuple[float, ...]], after: list[tuple[float, ...]]
):
    forward = by_evidence(compared(Dimension.DURATION, before, after), Better.LOWER)
    backward = by_evidence(compared(Dimension.DURATION, after, before), Better.LOWER)

    assert backward is OPPOSITE[forward]


@given(DURATIONS, DURATIONS, st.randoms())
def test_the_order_in_which_releases_are_listed_does_not_matter(
    before: list[tuple[float, ...]], after: list[tuple[float, ...]], chance: random.Random
):
    shuffled = [chance.sample(arm, len(arm)) for arm in (before, after)]

    assert compared(Dimension.DURATION, *shuffled) == compared(Dimension.DURATION, before, after)


@given(DURATIONS, DURATIONS, st.floats(min_value=1, max_value=1000))
def test_the_unit_of_time_does_not_matter(
    before: list[tuple[float, ...]], after: list[tuple[float, ...]], factor: float
):
    scaled = [[tuple(value * factor for value in cluster) for cluster in arm] for arm in (before, after)]
    one, other = compared(Dimension.DURATION, before, after), compared(Dimension.DURATION, *scaled)

    assert (other.low, other.high) == pytest.approx((one.low, one.high), rel=1e-6, abs=1e-9)


@given(DURATIONS)
def test_nothing_is_found_between_a_stretch_and_itself(releases: list[tuple[float, ...]]):
    found = compared(Dimension.DURATION, releases, releases)

    assert by_evidence(found, Better.LOWER) is Verdict.INCONCLUSIVE
    assert math.isclose(found.estimate, 0, abs_tol=1e-9)


def believed(dimension: Dimension, *arms: list[tuple[float, ...]], drift: float = 0.2, doubt: float = DOUBT) -> Effect:
    """Return the posterior effect; the deployments of the arms follow each other day by day."""
    first, stretches = 0, []
    for arm in arms:
        moments = tuple((first + place) * 86_400.0 for place in range(len(arm)))
        seconds = len(arm) * 86_400.0
        stretches.append(Stretch(clusters=tuple(arm), seconds=seconds, moments=moments, until=moments[-1]))
        first += len(arm)
    belief = Belief(drift=drift, doubt=doubt)
    found = posterior(dimension, *stretches, confidence=0.95, belief=belief)
    assert isinstance(found, Effect)
    return found


@given(DURATIONS, DURATIONS)
def test_a_posterior_interval_holds_its_own_estimate(before: list[tuple[float, ...]], after: list[tuple[float, ...]]):
    found = believed(Dimension.DURATION, before, after)

    assert -1 <= found.low <= found.estimate <= found.high


@given(OUTCOMES, OUTCOMES)
def test_a_posterior_difference_of_shares_stays_between_minus_one_and_one(
    before: list[tuple[float, ...]], after: list[tuple[float, ...]]
):
    found = believed(Dimension.SHARE, before, after)

    assert -1 <= found.low <= found.high <= 1


@given(DURATIONS, DURATIONS)
def test_allowing_for_more_never_makes_a_verdict_of_none(
    before: list[tuple[float, ...]], after: list[tuple[float, ...]]
):
    """What is kept or reverted with all guards is so without doubt, which changes nothing but how sure one must be."""
    guarded = by_evidence(believed(Dimension.DURATION, before, after), Better.LOWER)
    without = by_evidence(believed(Dimension.DURATION, before, after, doubt=0.0), Better.LOWER)

    assert guarded in {without, Verdict.INCONCLUSIVE}


@given(DURATIONS, DURATIONS, st.randoms())
def test_the_order_in_which_releases_are_listed_does_not_matter_where_their_moments_are_known(
    before: list[tuple[float, ...]], after: list[tuple[float, ...]], chance: random.Random
):
    belief = Belief(drift=0.2)
    ordered: list[Stretch] = []
    listed: list[Stretch] = []
    for first, arm in ((0.0, before), (1e7, after)):
        pairs = [(first + 86_400.0 * place, cluster) for place, cluster in enumerate(arm)]
        for found, some in ((ordered, pairs), (listed, chance.sample(pairs, len(pairs)))):
            moments, clusters = zip(*some, strict=True)
            found.append(Stretch(clusters=clusters, seconds=1e6, moments=moments, until=first + 1e6))
    one, other = (posterior(Dimension.DURATION, *arms, confidence=0.95, belief=belief) for arms in (ordered, listed))

    assert isinstance(one, Effect)
    assert isinstance(other, Effect)
    assert (one.low, one.estimate, one.high) == pytest.approx((other.low, other.estimate, other.high), nan_ok=True)
