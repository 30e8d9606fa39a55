"""Keep, revert or inconclusive: by evidence, and by the owner's threshold."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from iact.core.quantities import Dimension
from iact.dora.terms import Better
from iact.pdca.effect import Effect, NotComparable, Scale, Stretch, compare, dispersion
from iact.pdca.verdict import Reading, Verdict, by_evidence, by_threshold, is_proven

FIFTEEN = Fraction(15, 100)


def effect(low: float, high: float) -> Effect:
    """Return an effect with this interval."""
    return Effect(
        scale=Scale.RELATIVE,
        estimate=(low + high) / 2,
        low=low,
        high=high,
        confidence=0.95,
        method="given",
        before=10,
        after=10,
    )


def reading(before: str | None, after: str | None, better: Better = Better.LOWER) -> Reading:
    """Return a metric before and after."""
    return Reading(
        metric="some",
        before=None if before is None else Fraction(before),
        after=None if after is None else Fraction(after),
        better=better,
    )


@pytest.mark.parametrize(
    ("low", "high", "lower_is_better", "higher_is_better"),
    [
        (-0.5, -0.1, Verdict.KEEP, Verdict.REVERT),
        (0.1, 0.5, Verdict.REVERT, Verdict.KEEP),
        (-0.5, 0.1, Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE),
        (-0.5, 0.0, Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE),
        (0.0, 0.0, Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE),
    ],
)
def test_only_an_interval_that_excludes_no_change_decides(
    low: float, high: float, lower_is_better: Verdict, higher_is_better: Verdict
):
    assert by_evidence(effect(low, high), Better.LOWER) is lower_is_better
    assert by_evidence(effect(low, high), Better.HIGHER) is higher_is_better


def test_a_credible_improvement_below_fifteen_per_cent_is_kept():
    """The 15 % say what is worth trying; they do not say what is kept."""
    assert by_evidence(effect(-0.10, -0.02), Better.LOWER) is Verdict.KEEP


def test_what_cannot_be_compared_is_inconclusive():
    assert by_evidence(NotComparable("no releases"), Better.LOWER) is Verdict.INCONCLUSIVE
    assert not is_proven(NotComparable("no releases"))


def test_worked_example_5_more_releases_and_a_shorter_lead_time_are_kept():
    """Deployment frequency 0.5 to 0.8 a day (+60 %), lead time 1.5 to 1.2 days (-20 %)."""
    assert by_threshold([reading("0.5", "0.8", Better.HIGHER), reading("1.5", "1.2")], FIFTEEN) is Verdict.KEEP


@pytest.mark.parametrize(
    ("before", "after", "better"),
    [("100", "85", Better.LOWER), ("100", "115", Better.HIGHER), ("100", "100", Better.LOWER)],
)
def test_exactly_fifteen_per_cent_is_not_enough(before: str, after: str, better: Better):
    assert by_threshold([reading(before, after, better)], FIFTEEN) is Verdict.REVERT


def test_a_hair_more_than_fifteen_per_cent_is_enough():
    assert by_threshold([reading("100", "84.999999")], FIFTEEN) is Verdict.KEEP


def test_the_threshold_looks_at_the_baseline_and_not_at_the_goal():
    """0.8 is below the goal of 1.0 and still 60 % above the baseline of 0.5."""
    assert by_threshold([reading("0.5", "0.8", Better.HIGHER)], FIFTEEN) is Verdict.KEEP


def test_one_metric_that_did_not_improve_is_enough_to_revert():
    assert by_threshold([reading("0.5", "0.8", Better.HIGHER), reading("1.5", "1.6")], FIFTEEN) is Verdict.REVERT


@pytest.mark.parametrize("missing", [reading(None, "1"), reading("1", None), reading("0", "1")])
def test_a_metric_that_is_not_known_leaves_the_threshold_inconclusive(missing: Reading):
    assert by_threshold([reading("1.5", "1.0"), missing], FIFTEEN) is Verdict.INCONCLUSIVE
    assert by_threshold([], FIFTEEN) is Verdict.INCONCLUSIVE


def test_changes_released_together_count_once():
    """Two stretches of four releases say the same with one change each as with a thousand equal ones."""
    few = [
        Stretch(clusters=tuple((value,) for value in times), seconds=1)
        for times in ((1e5, 2e5, 3e5, 4e5), (1e4, 2e4, 3e4, 4e4))
    ]
    many = [Stretch(clusters=tuple((value,) * 1000 for (value,) in stretch.clusters), seconds=1) for stretch in few]
    one, other = (compare(Dimension.DURATION, *pair, confidence=0.95) for pair in (few, many))

    assert isinstance(one, Effect)
    assert isinstance(other, Effect)
    assert (other.low, other.high) == pytest.approx((one.low, one.high))


@pytest.mark.parametrize("dimension", [Dimension.DURATION, Dimension.SHARE])
def test_three_releases_are_too_few_to_compare(dimension: Dimension):
    short, long = (Stretch(clusters=((1.0,), (0.0,)) * count, seconds=1) for count in (1, 4))

    assert isinstance(compare(dimension, long, short, confidence=0.95), NotComparable)
    assert isinstance(compare(dimension, short, long, confidence=0.95), NotComparable)


def test_a_single_release_is_not_called_several():
    four, one = (Stretch(clusters=((3600.0,),) * count, seconds=1) for count in (4, 1))
    found = compare(Dimension.DURATION, four, one, confidence=0.95)

    assert found == NotComparable("1 deployment since, and a comparison needs 4 on each side")


def test_with_few_releases_no_difference_is_certain_enough_for_many_looks():
    """Four against four: even complete separation happens by chance in 2 of 70 arrangements, 2.9 %."""
    slow = Stretch(clusters=((4e5,), (5e5,), (6e5,), (7e5,)), seconds=1)
    quick = Stretch(clusters=((1e3,), (2e3,), (3e3,), (4e3,)), seconds=1)
    one_look, four_looks = (compare(Dimension.DURATION, slow, quick, confidence=each) for each in (0.95, 0.9875))

    assert by_evidence(one_look, Better.LOWER) is Verdict.KEEP
    assert by_evidence(four_looks, Better.LOWER) is Verdict.INCONCLUSIVE


def test_a_hot_fix_is_one_short_release_and_no_more():
    """A release out within a minute, among others of days, does not move the effect as its logarithm would."""
    before = Stretch(clusters=tuple((86_400.0 * days,) for days in (3, 4, 5, 6, 7, 8, 9, 10)), seconds=1)
    after = Stretch(clusters=(*(tuple(value / 2 for value in one) for one in before.clusters), (60.0,)), seconds=1)
    found = compare(Dimension.DURATION, before, after, confidence=0.95)

    assert isinstance(found, Effect)
    assert -0.65 < found.estimate < -0.45


@pytest.mark.parametrize(("before", "after", "place"), [(10, 10, 24), (5, 5, 3), (4, 4, 1), (8, 5, 7)])
def test_the_bounds_of_the_interval_are_those_of_the_tables(before: int, after: int, place: int):
    """Critical values of the Mann-Whitney statistic at two-sided 5 %, one above them: 23, 2, 0 and 6."""
    clusters = [tuple((float(value),) for value in range(1, count + 1)) for count in (before, after)]
    arms = [Stretch(clusters=tuple((math.exp(20 + value),) for (value,) in arm), seconds=1) for arm in clusters]
    found = compare(Dimension.DURATION, *arms, confidence=0.95)
    shifts = sorted(one - other for other in range(1, before + 1) for one in range(1, after + 1))

    assert isinstance(found, Effect)
    assert math.log1p(found.low) == pytest.approx(shifts[place - 1])
    assert math.log1p(found.high) == pytest.approx(shifts[-place])


def test_a_difference_of_shares_has_newcombes_interval():
    """Newcombe 1998, table II, example (a): 56 of 70 against 48 of 80 gives 0.0428 to 0.3422 by method 11."""
    arms = [
        Stretch(clusters=((1.0,),) * hits + ((0.0,),) * (count - hits), seconds=1)
        for hits, count in ((48, 80), (56, 70))
    ]
    found = compare(Dimension.SHARE, *arms, confidence=0.95)

    assert isinstance(found, Effect)
    assert (found.estimate, found.low, found.high) == pytest.approx((0.2, 0.0428, 0.3422), abs=5e-5)


def test_twice_as_many_releases_in_the_same_time_are_a_rate_twice_as_high():
    before, after = (Stretch(clusters=((1.0,),) * count, seconds=100.0) for count in (20, 40))
    found = compare(Dimension.RATE, before, after, confidence=0.95)

    assert isinstance(found, Effect)
    assert found.estimate == pytest.approx(1.0)
    assert found.low < 1 < found.high


def test_no_release_since_the_change_can_be_seen_to_be_fewer():
    before, after = Stretch(clusters=((1.0,),) * 30, seconds=100.0), Stretch(clusters=(), seconds=100.0)
    found = compare(Dimension.RATE, before, after, confidence=0.95)

    assert isinstance(found, Effect)
    assert (found.estimate, found.low) == (-1.0, -1.0)
    assert found.high < -0.5


def test_releases_that_come_in_bursts_tell_less_than_their_number():
    assert dispersion([1.0, 1.0, 1.0, 1.0]) == 1.0
    assert dispersion([0.1, 0.1, 0.1, 0.1, 10.0]) > 4
