"""How often something happens."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction

from iact.core.instants import microseconds
from iact.dora.figures import CONFIDENCE, WEEK, Interval, Sample, Unit, Window, rounded, rounded_float
from iact.dora.statistics.registry import statistic


@statistic("per_week")
class PerWeek:
    """The rows over the weeks that the known history covers; its interval is the exact one of a Poisson count.

    Releases come more evenly than a Poisson process where there is a schedule, so the interval is on the safe side.
    """

    unit = Unit.PER_WEEK

    def value(self, samples: Sequence[Sample], observed: Window) -> Decimal | None:
        """Return the rows a week: 0 where there are none, because nothing happening is an observation too."""
        return rounded(_count(samples) / weeks(observed))

    def interval(self, samples: Sequence[Sample], observed: Window) -> Interval | str:
        """Return the exact interval."""
        low, high = (bound / float(weeks(observed)) for bound in garwood(_count(samples)))
        return Interval(
            low=rounded_float(low),
            high=rounded_float(high),
            method="exact Poisson",
            source="Garwood 1936, Biometrika 28",
        )


def _count(samples: Sequence[Sample]) -> int:
    return sum(sample.value == 1 for sample in samples)


def weeks(observed: Window) -> Fraction:
    """Return how many weeks a window is long, exactly."""
    return Fraction(microseconds(observed.span), microseconds(WEEK))


def garwood(count: int) -> tuple[float, float]:
    """Return the exact 95 % interval of the mean of a Poisson variable that was `count` (Garwood 1936).

    Its ends are the means under which a count at least, or at most, as large has probability 2.5 %: half the 2.5 %
    quantile of chi-square with 2 count degrees of freedom, and half the 97.5 % quantile with 2 count + 2.
    """
    tail = (1 - float(CONFIDENCE)) / 2
    low = _mean_where(lambda mean: 1 - at_most(count - 1, mean) >= tail, count) if count else 0.0
    return low, _mean_where(lambda mean: at_most(count, mean) <= tail, count)


def at_most(count: int, mean: float) -> float:
    """Return the probability that a Poisson variable of `mean` is at most `count`."""
    if count < 0:
        return 0.0
    if mean == 0:
        return 1.0
    upward = count > mean
    # The smaller tail is added up from its largest term on, until terms no longer matter.
    number = count + 1 if upward else count
    term = math.exp(number * math.log(mean) - mean - math.lgamma(number + 1))
    total = 0.0
    while number >= 0 and term > total * 1e-17:
        total += term
        number, term = (number + 1, term * mean / (number + 1)) if upward else (number - 1, term * number / mean)
    return 1 - total if upward else total


def _mean_where(is_beyond: Callable[[float], bool], count: int) -> float:
    """Return the least mean that is beyond, to the last bit that floating point tells apart."""
    low, high = 0.0, count + 10 * math.sqrt(count + 1) + 10
    while low < (middle := (low + high) / 2) < high:
        low, high = (low, middle) if is_beyond(middle) else (middle, high)
    return high
