"""The arithmetic mean."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from iact.dora.figures import Interval, Sample, Unit, Window, rounded
from iact.dora.statistics.registry import statistic


@statistic("mean")
class Mean:
    """The sum of the rows over their number. One very slow change moves it far, so the shipped metrics show medians."""

    unit = Unit.SECONDS

    def value(self, samples: Sequence[Sample], observed: Window) -> Decimal | None:  # noqa: ARG002 - the protocol's
        """Return the mean."""
        if not samples:
            return None
        return rounded(sum((Fraction(sample.value) for sample in samples), start=Fraction(0)) / len(samples))

    def interval(self, samples: Sequence[Sample], observed: Window) -> Interval | str:  # noqa: ARG002 - the protocol's
        """Return why there is none: durations are too skewed for the usual interval of a mean to cover 95 %."""
        return "a mean of skewed durations has no trustworthy interval; show the median"
