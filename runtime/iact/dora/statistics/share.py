"""How many of the rows are so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

from iact.dora.figures import Interval, Sample, Unit, Window, rounded, rounded_float
from iact.dora.statistics.registry import statistic

NORMAL_QUANTILE: Final = 1.959963984540054
"""The standard normal distribution exceeds it with probability 2.5 %."""


@statistic("share")
class Share:
    """The rows that are so, over all rows: never more than 1. Its interval is Wilson's score interval."""

    unit = Unit.SHARE

    def value(self, samples: Sequence[Sample], observed: Window) -> Decimal | None:  # noqa: ARG002 - the protocol's
        """Return the share, or None where there is nothing to take a share of."""
        return rounded(Fraction(_hits(samples), len(samples))) if samples else None

    def interval(self, samples: Sequence[Sample], observed: Window) -> Interval | str:  # noqa: ARG002 - the protocol's
        """Return Wilson's interval."""
        if not samples:
            return "no rows"
        low, high = wilson(_hits(samples), len(samples))
        return Interval(
            low=low,
            high=high,
            method="Wilson score",
            source="Wilson 1927, JASA 22; recommended by Brown, Cai & DasGupta 2001, Statistical Science 16",
        )


def _hits(samples: Sequence[Sample]) -> int:
    return sum(sample.value == 1 for sample in samples)


def wilson(hits: int, n: int) -> tuple[Decimal, Decimal]:
    """Return the 95 % score interval of a share of `hits` in `n` (Wilson 1927; n at least 1)."""
    squared = NORMAL_QUANTILE * NORMAL_QUANTILE
    middle = (hits + squared / 2) / (n + squared)
    half = NORMAL_QUANTILE / (n + squared) * math.sqrt(hits * (n - hits) / n + squared / 4)
    # At the ends the formula gives exactly 0 and 1, which floating point misses by a hair.
    low = 0.0 if hits == 0 else middle - half
    high = 1.0 if hits == n else middle + half
    return rounded_float(low), rounded_float(high)
