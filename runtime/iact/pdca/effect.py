"""How much a figure changed between two stretches of time, with an interval that says how sure that is.

It takes the two stretches to differ by nothing but the change; `posterior.py` allows for what else may have moved.

Changes that were released together share their fate: they waited for the same release. A deployment is therefore one
observation (a cluster), however many changes it holds; counting changes would find differences in pure noise
(Donner and Klar, *Design and Analysis of Cluster Randomization Trials*, 2000). Three sorts of figures, three methods:

durations: the mean logarithm of each deployment's changes is one value; the two stretches are compared by the shift of
    Hodges and Lehmann (Annals of Mathematical Statistics 34, 1963), whose interval holds every shift that the test of
    Wilcoxon, Mann and Whitney (1947) does not reject. It asks for no distribution, and a hot fix that was out within
    minutes counts as one short deployment and not as a tenfold one. Where releases became smaller or larger, and vary
    more or less for that reason alone, the interval is widened by it. The effect is a ratio.
shares: each deployment failed or not; the difference has Newcombe's hybrid score interval, corrected for continuity
    (Statistics in Medicine 17, 1998, method 11), which stays honest near 0 and with few deployments.
rates: given the total, how many deployments fall into the second stretch is binomial (Przyborowski and Wilenski,
    Biometrika 31, 1940), with the exact interval of Clopper and Pearson (Biometrika 26, 1934). Releases that come in
    bursts tell less than their number: the counts are divided by their dispersion (Cox and Lewis, *The Statistical
    Analysis of Series of Events*, 1966).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

from iact.core.quantities import Dimension

MINIMUM_CLUSTERS: Final = 4
"""Deployments that each stretch needs before its spread can be taken seriously."""

SHORTEST: Final = 60.0
"""Seconds that a duration counts at least: zero has no logarithm, and git's dates do not mean single seconds."""


class Scale(StrEnum):
    """What an effect's numbers mean."""

    RELATIVE = "relative"
    """−0.3 is 30 % less than before."""
    POINTS = "points"
    """−0.05 is five percentage points less than before."""


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """What was observed in one stretch of time.

    Attributes:
        clusters: the values of each deployment: seconds for durations, 0 or 1 for shares, anything for rates.
        seconds: how long the stretch was.
        gaps: seconds between one deployment and the next, for rates.
        moments: when each of the clusters was deployed, in seconds since 1970, in the same order; empty where nobody
            asks for what its order tells.
        until: when the stretch ended, in seconds since 1970.
    """

    clusters: tuple[tuple[float, ...], ...]
    seconds: float
    gaps: tuple[float, ...] = ()
    moments: tuple[float, ...] = ()
    until: float = 0.0

    @property
    def values(self) -> int:
        """How many values there are in all clusters."""
        return sum(len(cluster) for cluster in self.clusters)

    @functools.cached_property
    def logarithms(self) -> tuple[tuple[float, ...], ...]:
        """The logarithms of each deployment's durations."""
        return tuple(tuple(math.log(max(value, SHORTEST)) for value in cluster) for cluster in self.clusters)

    @functools.cached_property
    def means(self) -> tuple[float, ...]:
        """The mean logarithm of each deployment's durations."""
        return tuple(math.fsum(cluster) / len(cluster) for cluster in self.logarithms)

    @functools.cached_property
    def variance_parts(self) -> VarianceParts:
        """How the logarithms of the durations vary between and within deployments."""
        return _variance_parts(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """How much a figure changed.

    Attributes:
        scale: what the next three numbers mean.
        estimate: the change that fits the observations best.
        low: the smallest change that they do not exclude.
        high: the largest change that they do not exclude.
        confidence: how often such an interval holds the true change, 0 to 1.
        method: the name of the method and who published it.
        before: how many deployments were observed before.
        after: how many deployments were observed after.
    """

    scale: Scale
    estimate: float
    low: float
    high: float
    confidence: float
    method: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class NotComparable:
    """There is no effect to speak of yet.

    Attributes:
        reason: why, as a sentence without its full stop.
    """

    reason: str


Comparison: TypeAlias = "Effect | NotComparable"


def compare(dimension: Dimension, before: Stretch, after: Stretch, *, confidence: float) -> Comparison:
    """Return how much a figure of `dimension` changed from `before` to `after`.

    Args:
        dimension: what the figure measures; decides the method.
        before: what was observed before the change.
        after: what has been observed since.
        confidence: of the interval, 0 to 1.
    """
    method = _METHODS.get(dimension)
    if method is None:
        return NotComparable(f"figures that are a {dimension.value} have no method of comparison")
    return method(before, after, confidence)


def dispersion(gaps: Sequence[float]) -> float:
    """Return how many times more a count varies than if its events were independent, at least 1.

    For a renewal process that is the squared coefficient of variation of its gaps (Cox and Lewis 1966, section 4.2).
    """
    if len(gaps) < MINIMUM_CLUSTERS:
        return 1.0
    mean, variance = mean_and_variance(gaps)
    return max(1.0, variance / mean**2) if mean > 0 else float(len(gaps))


def mean_and_variance(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and the unbiased variance of at least two values."""
    mean = math.fsum(values) / len(values)
    return mean, math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def can_decide(before: int, after: int, confidence: float) -> bool:
    """Return whether so many deployments on each side could ever exclude that nothing changed."""
    tail = (1 - confidence) / 2
    if before * after > _EXACT_PAIRS:
        return _critical(before, after, tail) > 0
    # The most extreme of all arrangements has to be rare enough; counting the others would tell no more.
    return tail * math.comb(before + after, after) >= 1


def _durations(before: Stretch, after: Stretch, confidence: float) -> Comparison:
    if short := _too_few(before, after):
        return short
    shifts = np.subtract.outer(after.means, before.means).ravel()
    place = _widened(_critical(len(before.clusters), len(after.clusters), (1 - confidence) / 2), before, after)
    middle = ((len(shifts) - 1) // 2, len(shifts) // 2)
    ends = (place - 1, len(shifts) - place) if place else middle
    shifts.partition(sorted({*middle, *ends}))
    return Effect(
        scale=Scale.RELATIVE,
        estimate=math.expm1(float(shifts[middle[0]] + shifts[middle[1]]) / 2),
        low=math.expm1(float(shifts[ends[0]])) if place else -1.0,
        high=math.expm1(float(shifts[ends[1]])) if place else math.inf,
        confidence=confidence,
        method="Hodges-Lehmann shift of the mean logarithm of each deployment (Hodges and Lehmann 1963)",
        before=len(before.clusters),
        after=len(after.clusters),
    )


def _widened(place: int, before: Stretch, after: Stretch) -> int:
    """Return the place in which an interval ends where releases became larger or smaller; never one further in.

    The mean of two changes varies more than that of twenty, and the test of Mann and Whitney takes both sides to vary
    alike (the problem of Behrens and Fisher; Brunner and Munzel, Biometrical Journal 42, 2000). Its standard deviation
    is therefore multiplied by how many times larger it is for normal means of these variances than for equal ones.
    """
    if not place:
        return 0
    middle = len(before.clusters) * len(after.clusters) / 2 + 0.5
    return max(0, math.floor(middle - (middle - place) * _inflation(before, after)))


def _inflation(before: Stretch, after: Stretch) -> float:
    """Return how many times more the statistic of Mann and Whitney varies than with equal variances, at least 1.

    Two pairs that share a value are both positive with probability 1/4 + arcsin(r) / 2π (Sheppard, Philosophical
    Transactions A 192, 1899), where r is the part of that value in the variance of a difference.
    """
    first, second = _variances(before, after)
    if first + second <= 0:
        return 1.0
    share, rest = first / (first + second), second / (first + second)
    n, m = len(before.clusters), len(after.clusters)
    unequal = 1 / 4 + ((m - 1) * math.asin(share) + (n - 1) * math.asin(rest)) / (2 * math.pi)
    return max(1.0, math.sqrt(unequal / ((n + m + 1) / 12)))


def _variances(*stretches: Stretch) -> tuple[float, ...]:
    """Return the variance of a deployment's mean logarithm in each stretch, as the sizes of its deployments make it.

    What varies between deployments and within them is taken to be the same everywhere (analysis of variance, by the
    method of moments; Donner and Klar 2000), so that only the sizes tell the stretches apart: estimated for each by
    itself, the variances of a few deployments would be noise.
    """
    parts = [stretch.variance_parts for stretch in stretches]
    freedom = sum(part.values - part.clusters for part in parts)
    within = math.fsum(part.inside for part in parts) / freedom if freedom else 0.0
    expected = within * sum(part.clusters - 1 for part in parts)
    weight = math.fsum(part.weight for part in parts)
    between = max(0.0, (math.fsum(part.among for part in parts) - expected) / weight) if weight else 0.0
    return tuple(between + within * part.inverse_size for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceParts:
    """How the logarithms of the durations of one stretch vary (one-way analysis of variance; Fisher 1925).

    Attributes:
        clusters: how many deployments there are.
        values: how many values there are in them.
        among: the sum of squares between deployments.
        inside: the sum of squares within deployments.
        weight: what the variance between deployments is multiplied by in the expectation of `among`.
        inverse_size: the mean of 1 / size of the deployments.
    """

    clusters: int
    values: int
    among: float
    inside: float
    weight: float
    inverse_size: float


def _variance_parts(stretch: Stretch) -> VarianceParts:
    logarithms, means = stretch.logarithms, stretch.means
    sizes = [len(cluster) for cluster in logarithms]
    pairs = list(zip(logarithms, means, strict=True))
    total = sum(sizes)
    grand = math.fsum(math.fsum(cluster) for cluster in logarithms) / total
    return VarianceParts(
        clusters=len(sizes),
        values=total,
        among=math.fsum(len(cluster) * (mean - grand) ** 2 for cluster, mean in pairs),
        inside=math.fsum((value - mean) ** 2 for cluster, mean in pairs for value in cluster),
        weight=total - math.fsum(size * size for size in sizes) / total,
        inverse_size=math.fsum(1 / size for size in sizes) / len(sizes),
    )


@functools.cache
def _critical(before: int, after: int, tail: float) -> int:
    """Return which pairwise shift, counted from either end, bounds the interval; 0 where no interval is bounded.

    It is the largest number k for which the statistic of Mann and Whitney is below k with probability `tail` at most:
    exactly for small numbers, and by its normal limit with correction for continuity for large ones.
    """
    pairs = before * after
    if pairs > _EXACT_PAIRS:
        deviation = math.sqrt(pairs * (before + after + 1) / 12)
        return max(0, math.floor(pairs / 2 + 0.5 - float(special.ndtri(1 - tail)) * deviation))
    allowed = tail * math.comb(before + after, after)
    total = 0
    for value, count in enumerate(_arrangements(before, after)):
        total += count
        if total > allowed:
            return value
    return pairs


_EXACT_PAIRS: Final = 1500


def _arrangements(before: int, after: int) -> list[int]:
    """Return in how many arrangements of two groups the statistic of Mann and Whitney takes each value.

    They are the coefficients of the Gaussian binomial: the product of (1 − q^(before + i)) / (1 − q^i) over i up to
    `after` (Mann and Whitney, Annals of Mathematical Statistics 18, 1947).
    """
    counts = [1] + [0] * (before * after)
    for i in range(1, after + 1):
        for value in range(len(counts) - 1, before + i - 1, -1):
            counts[value] -= counts[value - before - i]
        for value in range(i, len(counts)):
            counts[value] += counts[value - i]
    return counts


def _shares(before: Stretch, after: Stretch, confidence: float) -> Comparison:
    if short := _too_few(before, after):
        return short
    share_0, low_0, high_0 = _score_interval(before, confidence)
    share_1, low_1, high_1 = _score_interval(after, confidence)
    difference = share_1 - share_0
    return Effect(
        scale=Scale.POINTS,
        estimate=difference,
        low=difference - math.hypot(share_1 - low_1, high_0 - share_0),
        high=difference + math.hypot(high_1 - share_1, share_0 - low_0),
        confidence=confidence,
        method="hybrid score interval of a difference, corrected for continuity (Newcombe 1998, method 11)",
        before=len(before.clusters),
        after=len(after.clusters),
    )


def _score_interval(stretch: Stretch, confidence: float) -> tuple[float, float, float]:
    """Return the share of a stretch with its interval, corrected for continuity.

    Wilson, JASA 22, 1927; the correction is that of method 4 of Newcombe, Statistics in Medicine 17, 1998, 857–872.
    """
    count = len(stretch.clusters)
    failed = math.fsum(math.fsum(cluster) / len(cluster) for cluster in stretch.clusters)
    z = float(special.ndtri((1 + confidence) / 2))
    low = _score_end(failed, count, z)
    return failed / count, max(0.0, low), min(1.0, 1 - _score_end(count - failed, count, z))


def _score_end(failed: float, count: int, z: float) -> float:
    """Return the lower end of the interval of a share; the upper end is that of the share of the others."""
    if failed <= 0:
        return 0.0
    rest = 1 - failed / count
    root = math.sqrt(max(0.0, z * z - 2 - 1 / count + 4 * failed / count * (count * rest + 1)))
    return (2 * failed + z * z - 1 - z * root) / (2 * (count + z * z))


def _rates(before: Stretch, after: Stretch, confidence: float) -> Comparison:
    count_0, count_1 = len(before.clusters), len(after.clusters)
    if before.seconds <= 0 or after.seconds <= 0:
        return NotComparable("no time has passed yet")
    if count_0 + count_1 < MINIMUM_CLUSTERS:
        return NotComparable(f"{deployments(count_0 + count_1)} before and after: too few to compare")
    spread = dispersion(before.gaps)
    told_0, told_1 = count_0 / spread, count_1 / spread
    outside = (1 - confidence) / 2
    low = float(special.betaincinv(told_1, told_0 + 1, outside)) if told_1 else 0.0
    high = float(special.betaincinv(told_1 + 1, told_0, 1 - outside)) if told_0 else 1.0
    scale = before.seconds / after.seconds
    return Effect(
        scale=Scale.RELATIVE,
        estimate=_odds(count_1, count_0) * scale - 1,
        low=_odds(low, 1 - low) * scale - 1,
        high=_odds(high, 1 - high) * scale - 1,
        confidence=confidence,
        method="exact conditional interval of a ratio of rates, counts divided by their dispersion "
        "(Przyborowski and Wilenski 1940; Clopper and Pearson 1934)",
        before=count_0,
        after=count_1,
    )


def _odds(part: float, rest: float) -> float:
    return part / rest if rest > 0 else math.inf


def _too_few(before: Stretch, after: Stretch) -> NotComparable | None:
    for stretch, when in ((before, "before"), (after, "since")):
        if len(stretch.clusters) < MINIMUM_CLUSTERS:
            found = len(stretch.clusters)
            reason = f"{deployments(found)} {when}, and a comparison needs {MINIMUM_CLUSTERS} on each side"
            return NotComparable(reason)
    return None


def deployments(count: float) -> str:
    """Return a number of deployments for people: `1 deployment`, `2.5 deployments`."""
    number = f"{count:.1f}" if count != int(count) else f"{int(count)}"
    return f"{number} deployment{'s' if number != '1' else ''}"


_METHODS: Final[dict[Dimension, Callable[[Stretch, Stretch, float], Comparison]]] = {
    Dimension.DURATION: _durations,
    Dimension.SHARE: _shares,
    Dimension.RATE: _rates,
}
