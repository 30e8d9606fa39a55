"""The middle of durations that come in releases."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Final

from iact.dora.figures import CONFIDENCE, Interval, ManySamples, Sample, Unit, Window
from iact.dora.statistics.registry import statistic

SMALLEST: Final = 6
"""Fewer releases cannot reject any value at 95 %: all signs agree in 2 of 2⁵ cases, which is more than 5 %."""

EXACT: Final = 10
"""The releases with the largest deviations whose signs are all tried; the sum of the others is nearly normal."""

METHOD: Final = "cluster sign-flip test inverted"
SOURCE: Final = "Canay, Romano & Shaikh 2017, Randomization tests under an approximate symmetry assumption"


@statistic("median")
class Median:
    """The value that half of the rows do not exceed; the mean of the middle two for an even number of rows.

    Its interval holds every value that a two-sided 5 % randomisation test does not reject as the median. For a
    candidate, each release's deviation is how many of its rows lie below minus how many lie above, halved; if the
    candidate is the median, a deviation is as likely as its opposite. So what counts is the number of releases, not of
    rows: rows released together share their wait (their correlation within a release is 0.52 and 0.55 in two real
    histories), and an interval that took them as independent would be far too narrow. What the interval covers in
    simulation, and what was weighed against it, stands in docs/adr/0010-interval-of-a-clustered-median.md.
    """

    unit = Unit.SECONDS

    def value(self, samples: Sequence[Sample], observed: Window) -> Decimal | None:  # noqa: ARG002 - the protocol's
        """Return the median."""
        return samples.median() if isinstance(samples, ManySamples) else median(sample.value for sample in samples)

    def interval(self, samples: Sequence[Sample], observed: Window) -> Interval | str:  # noqa: ARG002 - the protocol's
        """Return the values that the test does not reject, or why it could reject none."""
        if isinstance(samples, ManySamples):
            bounds, count = samples.median_bounds(), samples.cluster_count()
        else:
            releases: dict[str, list[Decimal]] = defaultdict(list)
            for sample in samples:
                releases[sample.cluster].append(sample.value)
            bounds, count = median_bounds(list(releases.values())), len(releases)
        if bounds is None:
            return f"{count} release{'' if count == 1 else 's'}, too few: needs {SMALLEST}"
        return Interval(low=bounds[0], high=bounds[1], method=METHOD, source=SOURCE)


def median(values: Iterable[Decimal]) -> Decimal | None:
    """Return the median, the mean of the middle two for an even number of values; None for none."""
    ordered = sorted(values)
    if not ordered:
        return None
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def median_bounds(clusters: Sequence[Sequence[Decimal]]) -> tuple[Decimal, Decimal] | None:
    """Return the 95 % interval of the median of values that come in clusters.

    Args:
        clusters: the values of each cluster; none is empty.

    Returns:
        The least and the greatest value that bound what the test does not reject; None for fewer than six clusters.
    """
    if len(clusters) < SMALLEST:
        return None
    ordered = [sorted(cluster) for cluster in clusters]
    distinct = sorted({value for cluster in ordered for value in cluster})
    if len(distinct) == 1:
        return distinct[0], distinct[0]

    def deviations(place: int) -> list[int]:
        # Of a candidate between this distinct value and the next; twice the deviation is a whole number.
        return [2 * bisect_right(cluster, distinct[place]) - len(cluster) for cluster in ordered]

    low, high = accepted(
        len(distinct), lambda place: flip_probability(deviations(place)), lambda place: sum(deviations(place)) >= 0
    )
    return distinct[low], distinct[high]


def accepted(count: int, probability: Callable[[int], float], is_half: Callable[[int], bool]) -> tuple[int, int]:
    """Return the places of the first and the last of all distinct values, in order, that bound what is not rejected.

    Args:
        count: how many distinct values there are.
        probability: what the test gives for a candidate just above the value at a place.
        is_half: whether at least half of all rows do not exceed the value at a place.
    """

    def is_accepted(place: int) -> bool:
        return probability(place) > 1 - float(CONFIDENCE)

    middle = _first(count, is_half)
    low = _first(middle, is_accepted)
    return low, middle + _first(count - 1 - middle, lambda step: not is_accepted(middle + step))


def _first(count: int, is_so: Callable[[int], bool]) -> int:
    """Return the first of `count` places at which something that stays so becomes so; `count` where none is."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if is_so(middle):
            high = middle
        else:
            low = middle + 1
    return low


def flip_probability(deviations: Sequence[int]) -> float:
    """Return how often random signs make the sum of deviations at least as far from zero as it is.

    Every combination of signs of the `EXACT` largest deviations is tried; the others add a normal variable of their
    variance, which is the limit of their sum. Nothing is drawn, so the answer is always the same.
    """
    ordered = sorted(map(abs, deviations), reverse=True)
    largest, rest = ordered[:EXACT], ordered[EXACT:]
    return tail_probability(largest, sum(deviation * deviation for deviation in rest), abs(sum(deviations)))


def tail_probability(largest: Sequence[int], variance: int, observed: int) -> float:
    """Return how often random signs make a sum at least as far from zero as `observed`.

    Args:
        largest: the deviations whose signs are all tried.
        variance: the sum of the squares of the others.
        observed: the distance.
    """
    sums = _signed_sums(largest)
    spread = math.sqrt(2 * variance)
    if not spread:
        return sum(abs(total) >= observed for total in sums) / len(sums)
    # Both tails are as probable as each other, because with every sum its opposite is there too.
    return math.fsum(math.erfc((observed - total) / spread) for total in sums) / len(sums)


def _signed_sums(deviations: Sequence[int]) -> list[int]:
    sums = [0]
    for deviation in deviations:
        sums = list(itertools.chain.from_iterable((total + deviation, total - deviation) for total in sums))
    return sums
