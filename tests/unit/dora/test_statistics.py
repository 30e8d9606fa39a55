"""The statistics against numbers computed by hand or by others."""

from __future__ import annotations

import itertools
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from scipy import special

from iact.dora.figures import Sample, Unit, Window
from iact.dora.statistics import STATISTICS
from iact.dora.statistics.median import flip_probability, median, median_bounds
from iact.dora.statistics.per_week import garwood
from iact.dora.statistics.share import NORMAL_QUANTILE, wilson

START = datetime(2026, 3, 2, tzinfo=UTC)
TWO_WEEKS = Window(START, START + timedelta(weeks=2))


def samples(*values: int, cluster: str = "") -> list[Sample]:
    """Return a row for each value; each is a release of its own unless `cluster` says otherwise."""
    return [
        Sample(value=Decimal(value), cluster=cluster or str(number), at=START, id=str(number))
        for number, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], None), ([7], 7), ([3, 1], 2), ([9, 1, 5], 5), ([1, 2, 3, 100], Decimal("2.5"))],
)
def test_the_median_of_an_even_number_is_the_mean_of_the_middle_two(values: list[int], expected: Decimal | None):
    assert median(map(Decimal, values)) == expected


def test_a_share_is_never_taken_of_nothing():
    assert STATISTICS["share"]().value([], TWO_WEEKS) is None
    assert STATISTICS["share"]().value(samples(1, 0, 0, 0), TWO_WEEKS) == Decimal("0.25")


def test_a_rate_of_nothing_is_zero_with_an_interval():
    per_week = STATISTICS["per_week"]()

    interval = per_week.interval([], TWO_WEEKS)

    assert per_week.value([], TWO_WEEKS) == 0
    assert not isinstance(interval, str)
    # 3.6889 is -ln 2.5 %: with that mean, nothing happens in one of forty windows.
    assert (interval.low, interval.high) == (Decimal(0), Decimal("1.844440"))


def test_a_mean_has_no_interval_and_says_why():
    mean = STATISTICS["mean"]()

    assert mean.value(samples(1, 2, 6), TWO_WEEKS) == 3
    assert "median" in str(mean.interval(samples(1, 2, 6), TWO_WEEKS))


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, table I, method 3.
    [
        (81, 263, "0.2553", "0.3662"),
        (15, 148, "0.0624", "0.1605"),
        (0, 20, "0.0000", "0.1611"),
        (1, 29, "0.0061", "0.1718"),
    ],
)
def test_wilson_s_interval_is_the_published_one(hits: int, n: int, low: str, high: str):
    assert [f"{bound:.4f}" for bound in wilson(hits, n)] == [low, high]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 17, 100, 2_500])
def test_garwood_s_interval_is_that_of_the_chi_square_quantiles(count: int):
    low, high = garwood(count)

    assert low == pytest.approx(special.chdtri(2 * count, 0.975) / 2 if count else 0, rel=1e-9)
    assert high == pytest.approx(special.chdtri(2 * count + 2, 0.025) / 2, rel=1e-9)


def every_sign(deviations: list[int]) -> float:
    """Return the probability by trying every combination of signs."""
    observed = abs(sum(deviations))
    sums = [
        abs(sum(sign * deviation for sign, deviation in zip(signs, deviations, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(deviations))
    ]
    return sum(total >= observed for total in sums) / len(sums)


@pytest.mark.parametrize("deviations", [[1, 1, 1, 1, 1, 1], [5, -3, 2, 2, 0, -1], [9, 1, -4, 4, 2, 2, 7, 3, 1, 1]])
def test_up_to_ten_releases_every_combination_of_signs_is_tried(deviations: list[int]):
    assert flip_probability(deviations) == every_sign(deviations)


@pytest.mark.parametrize(
    "deviations", [[9, 7, -8, 6, 5, 5, 4, -3, 2, 2, 1, 1, -1, 2, 1], [40, 3, 2, 1, 2, 3, 2, -1, 2, 3, 1, 2, 1, 1, 2, 1]]
)
def test_beyond_ten_releases_the_normal_limit_is_close(deviations: list[int]):
    assert flip_probability(deviations) == pytest.approx(every_sign(deviations), abs=0.02)


def test_six_releases_are_bounded_by_their_extremes_and_five_by_nothing():
    """With six equal releases of one row, only the values beyond all rows are rejected: 2 of 64 cases is 3.1 %."""
    clusters = [[Decimal(value)] for value in (30, 10, 60, 20, 50, 40)]

    assert median_bounds(clusters) == (Decimal(10), Decimal(60))
    assert median_bounds(clusters[:5]) is None


def test_rows_that_were_released_together_do_not_narrow_the_interval():
    apart = [[Decimal(value)] for value in range(1, 21)]
    together = [cluster * 50 for cluster in apart]

    assert median_bounds(together) == median_bounds(apart)


def test_too_few_releases_are_a_reason_and_not_an_interval():
    shown = STATISTICS["median"]().interval(samples(*range(40), cluster="v1"), TWO_WEEKS)

    assert shown == "1 release, too few: needs 6"


def test_the_interval_of_a_median_covers_in_simulation():
    """400 histories of 12 releases with few large ones: the interval holds the true median in about 95 % of them."""
    random = np.random.default_rng(20_260_101)
    held = 0
    for _ in range(400):
        sizes = np.maximum(1, np.round(np.exp(random.normal(2, 1, 12)))).astype(int)
        clusters = [
            [Decimal(round(1000 * value)) for value in random.normal(random.normal(0, 1.1), 1, size)] for size in sizes
        ]
        bounds = median_bounds(clusters)
        assert bounds is not None
        held += bounds[0] <= 0 <= bounds[1]

    assert 0.93 <= held / 400 <= 0.98


def test_every_statistic_names_its_unit():
    assert {name: STATISTICS[name].unit for name in STATISTICS} == {
        "lower_median": Unit.SECONDS,
        "mean": Unit.SECONDS,
        "median": Unit.SECONDS,
        "per_week": Unit.PER_WEEK,
        "share": Unit.SHARE,
    }


def test_the_normal_quantile_is_the_one_of_ninety_five_per_cent():
    assert math.erf(NORMAL_QUANTILE / math.sqrt(2)) == pytest.approx(0.95, abs=1e-15)


def test_the_lower_median_of_an_even_number_is_a_row_and_not_a_mean():
    lower_median = STATISTICS["lower_median"]()

    assert lower_median.value(samples(8, 1, 4, 2), TWO_WEEKS) == Decimal(2)
    assert lower_median.value(samples(4, 1, 2), TWO_WEEKS) == Decimal(2)
    assert lower_median.value([], TWO_WEEKS) is None
