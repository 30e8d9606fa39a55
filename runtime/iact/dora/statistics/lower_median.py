"""The middle of durations as Apache DevLake's dashboards take it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from iact.dora.figures import Sample, Window
from iact.dora.statistics.median import Median
from iact.dora.statistics.registry import statistic


@statistic("lower_median")
class LowerMedian(Median):
    """The largest value of which at most half of the rows are smaller; for an even number the lower of the middle two.

    Apache DevLake's dashboards show it: the greatest value whose `percent_rank` is not above 0.5. Its interval is the
    one of the median, which holds both of the middle two.
    """

    def value(self, samples: Sequence[Sample], observed: Window) -> Decimal | None:  # noqa: ARG002 - the protocol's
        """Return the lower median."""
        ordered = sorted(sample.value for sample in samples)
        return ordered[(len(ordered) - 1) // 2] if ordered else None
