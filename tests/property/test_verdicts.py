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
from iact.pdca.verdict import Looks, Verdict, by_evidence

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


@given(st.fractions(min_value="0.5", max_value="0.999"), st.integers(min_value=0, max_value=10))
def test_all_looks_together_permit_no_more_error_than_one(confidence, extensions: int):
    looks = Looks(confidence=confidence, extensions=extensions)

    assert looks.allowed * (1 - looks.each) == 1 - confidence
