"""What an experiment could find out before it is started: the smallest effect it would notice, and how long it takes.

The minimum detectable effect is the effect that a test finds with a given power, a multiple of the comparison's
standard error (Bloom, Evaluation Review 19, 1995): the quantiles for the confidence and for the power added up. What
limits it is the number of deployments, not of changes: those that are released together tell the same story, to the
degree of their intra-class correlation (Donner and Klar 2000).
"""

from __future__ import annotations

import functools
import math
import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import special

from iact.core.quantities import Dimension
from iact.pdca.effect import (
    MINIMUM_CLUSTERS,
    SHORTEST,
    Stretch,
    can_decide,
    deployments,
    dispersion,
    mean_and_variance,
)
from iact.pdca.guards import UNGUARDED, YEAR, Belief, Guards, confidence_of_look, guards_of
from iact.pdca.scale import robust_scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

POWER: Final = 0.8
"""How often an effect of the stated size would be noticed; the convention of Cohen (1988)."""

WEEK: Final = 604_800.0

TOO_REGULAR: Final = "the releases before are too regular to tell what chance could do"
"""Why nothing is detectable where all deployments took as long, to what git's dates can show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How much a metric varies from one deployment to the next, on the scale on which it is compared.

    Attributes:
        dimension: what the metric measures.
        clusters: deployments observed.
        values: values observed in them, such as changes.
        per_week: deployments a week.
        deviation: how far one deployment's value strays: for durations the robust scale of its mean logarithm on which
            the rank comparison depends, 0 where it strays less than git's dates could show; for shares the standard
            deviation of its 0 or 1; for rates that of a count.
        between: variance between deployments; None where it has no meaning.
        within: variance within deployments; None where it has no meaning.
        correlation: intra-class correlation, 0 to 1; None where it has no meaning.
        seconds: how long the stretch was in which it varied.
        guards: what a verdict will allow for beside the change.
    """

    dimension: Dimension
    clusters: int
    values: int
    per_week: float
    deviation: float
    seconds: float = 0.0
    guards: Guards = UNGUARDED
    between: float | None = None
    within: float | None = None
    correlation: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detectable:
    """The smallest effect that a stretch of time would show.

    Attributes:
        weeks: how long the stretch is.
        releases: deployments to be expected in it.
        effect: relative for durations and rates (0.3 is 30 %), points for shares; None where nothing could be seen.
        reason: why nothing could be seen; empty otherwise.
    """

    weeks: float
    releases: float
    effect: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """What finding an effect of a given size would take.

    Attributes:
        releases: deployments after the change; None where no number of them would do.
        weeks: how long that takes at the expected rate; None likewise.
        reason: why no number would do; empty otherwise.
    """

    releases: int | None = None
    weeks: float | None = None
    reason: str = ""


def spread_of(dimension: Dimension, stretch: Stretch, belief: Belief | None = None) -> Spread | None:
    """Return how much a metric varied in a stretch of time, or None with fewer than two deployments.

    Args:
        dimension: what the metric measures.
        stretch: the time before the change, with the moment of each deployment where there is a belief.
        belief: what is known of figures beforehand; None to allow for nothing but the change.
    """
    found = _varied(dimension, stretch)
    if found is None or belief is None:
        return found
    return replace(found, seconds=stretch.seconds, guards=guards_of(dimension, belief, stretch))


def _varied(dimension: Dimension, stretch: Stretch) -> Spread | None:
    count = len(stretch.clusters)
    if count < 2 or stretch.seconds <= 0:  # noqa: PLR2004 - a spread needs two
        return None
    per_week = count / stretch.seconds * WEEK
    match dimension:
        case Dimension.DURATION:
            return _duration_spread(stretch, per_week)
        case Dimension.SHARE:
            share = math.fsum(math.fsum(cluster) / len(cluster) for cluster in stretch.clusters) / count
            # A share of exactly 0 has not no variance, but one that these deployments are too few to show
            # (Agresti and Coull, The American Statistician 52, 1998: add two of each).
            softened = (share * count + 2) / (count + 4)
            deviation = math.sqrt(softened * (1 - softened))
        case Dimension.RATE:
            deviation = math.sqrt(dispersion(stretch.gaps))
        case _:
            return None
    return Spread(dimension=dimension, clusters=count, values=stretch.values, per_week=per_week, deviation=deviation)


def detectable(
    spread: Spread, weeks: float, *, per_week: float, confidence: float, before: int | None = None
) -> Detectable:
    """Return the smallest effect that `weeks` after the change would show.

    Args:
        spread: how the metric varied before the change.
        weeks: how long it is observed after the change.
        per_week: deployments a week to be expected after the change.
        confidence: of one look, 0 to 1.
        before: deployments in the baseline; all of `spread` by default.
    """
    earlier = spread.clusters if before is None else before
    later = per_week * weeks
    for count, when in ((earlier, "in the baseline"), (later, "to be expected")):
        if count < MINIMUM_CLUSTERS:
            reason = f"{deployments(count)} {when}, and a comparison needs {MINIMUM_CLUSTERS} on each side"
            return Detectable(weeks=weeks, releases=later, reason=reason)
    if not spread.deviation:
        return Detectable(weeks=weeks, releases=later, reason=TOO_REGULAR)
    asked = float(confidence_of_look(confidence, weeks * WEEK))
    if spread.dimension is Dimension.DURATION and not can_decide(earlier, int(later), asked):
        reason = f"{earlier} before and {deployments(later)} to be expected can never be certain enough"
        return Detectable(weeks=weeks, releases=later, reason=reason)
    reach = float(_reach(spread, earlier, np.array(later), np.array(weeks * WEEK), confidence))
    return Detectable(weeks=weeks, releases=later, effect=_unscaled(spread.dimension, reach))


def needed(spread: Spread, effect: float, *, per_week: float, confidence: float) -> Needed:
    """Return what finding `effect` would take: the deployments after the change, and the weeks until they are there.

    Args:
        spread: how the metric varied before the change.
        effect: relative for durations and rates (0.3 is 30 %), points for shares; above 0.
        per_week: deployments a week to be expected after the change.
        confidence: of one look, 0 to 1.
    """
    if spread.clusters < MINIMUM_CLUSTERS:
        return Needed(reason=f"{deployments(spread.clusters)} in the baseline; a comparison needs {MINIMUM_CLUSTERS}")
    if not spread.deviation:
        return Needed(reason=TOO_REGULAR)
    counts = _candidates()
    lasts = counts / per_week * WEEK if per_week > 0 else np.zeros_like(counts)
    found = _reach(spread, spread.clusters, counts, lasts, confidence) <= _scaled(spread.dimension, effect)
    asked = confidence_of_look(confidence, lasts)[found].tolist()
    for count, certain in zip(counts[found].astype(int).tolist(), asked, strict=True):
        if spread.dimension is not Dimension.DURATION or can_decide(spread.clusters, count, certain):
            return Needed(releases=count, weeks=count / per_week if per_week > 0 else None)
    return Needed(
        reason=f"the {spread.clusters} deployments of the baseline, and what the figure may do by itself meanwhile, "
        "leave it less certain than that",
    )


@functools.cache
def _candidates() -> NDArray[np.float64]:
    """Return numbers of deployments, each at most 2 % above the one before."""
    counts = [MINIMUM_CLUSTERS]
    while counts[-1] < _MOST:
        counts.append(max(counts[-1] + 1, int(counts[-1] * 1.02)))
    return np.array(counts, dtype=float)


_MOST: Final = 1_000_000


def _duration_spread(stretch: Stretch, per_week: float) -> Spread:
    """Return the spread with its parts between and within deployments."""
    means, parts = stretch.means, stretch.variance_parts
    total, count = parts.values, parts.clusters
    within = parts.inside / (total - count) if total > count else 0.0
    between = max(0.0, (parts.among - (count - 1) * within) / parts.weight) if parts.weight else 0.0
    return Spread(
        dimension=Dimension.DURATION,
        clusters=count,
        values=total,
        per_week=per_week,
        deviation=_scale(means),
        between=between,
        within=within,
        correlation=between / (between + within) if between + within > 0 else 0.0,
    )


def _scale(means: Sequence[float]) -> float:
    """Return how far one deployment's mean logarithm strays; 0 where it strays less than git's dates could show.

    Where a quarter of all pairs are equal, as with waits of a full minute or a rhythm kept to the second, the density
    says nothing and the standard deviation stands in for it.
    """
    resolution = SHORTEST / math.exp(statistics.median(means)) / math.sqrt(12)
    for scale in (robust_scale(means), math.sqrt(mean_and_variance(means)[1])):
        if scale > resolution:
            return scale
    return 0.0


def _reach(
    spread: Spread, before: float, after: NDArray[np.float64], lasts: NDArray[np.float64], confidence: float
) -> NDArray[np.float64]:
    """Return the smallest effect that is found, on the scale of comparison, for each of several experiments.

    It stands as far from nothing as the verdict asks for, and further by what chance may take from it; `posterior.py`
    has the same parts.

    Args:
        spread: how the metric varied before the change.
        before: deployments before the change.
        after: deployments since, of each experiment.
        lasts: seconds since the change, likewise.
        confidence: of the verdict's interval within half a year, 0 to 1.
    """
    guards, years = spread.guards, (spread.seconds + lasts) / 2 / YEAR
    chance = spread.deviation * np.sqrt(guards.runs * (1 / before + 1 / after))
    asked, power = _quantiles(spread, before + after, confidence_of_look(confidence, lasts))
    uncertain = np.hypot(guards.handicap(before, after) * chance, guards.drift.deviation * years)
    reach: NDArray[np.float64] = asked * uncertain
    return reach + power * np.hypot(chance, guards.drift.noise * years)


def _quantiles(
    spread: Spread, deployments: NDArray[np.float64], confidence: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how many standard errors the verdict asks for, and how many the power adds."""
    quantile = (1 + confidence) / 2
    if spread.dimension is Dimension.DURATION:
        freedom = deployments - 2
        return special.stdtrit(freedom, quantile), special.stdtrit(freedom, POWER)
    return special.ndtri(quantile), special.ndtri(POWER)


def _unscaled(dimension: Dimension, reach: float) -> float:
    """Return a distance on the scale of comparison as an effect that people understand."""
    if dimension is Dimension.SHARE:
        return reach
    return -math.expm1(-reach) if dimension is Dimension.DURATION else math.expm1(reach)


def _scaled(dimension: Dimension, effect: float) -> float:
    if dimension is Dimension.SHARE:
        return effect
    if dimension is Dimension.RATE:
        return math.log1p(effect)
    return -math.log1p(-effect) if effect < 1 else math.inf
