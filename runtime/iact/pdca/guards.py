"""What a figure may do by itself: releases that resemble their neighbours, and a drift that no experiment caused.

Before and after a change differ also where nothing was changed. Long waits come in runs, so that neighbouring releases
tell less than their number; and a figure that was moving goes on moving. Both are estimated from the releases
themselves, and what the releases are too few to tell is taken from what is known beforehand:

runs: the variance of a mean of neighbours that resemble each other is 1 + 2 (r₁ + r₂ + …) times as large, with rₖ the
    correlation of one release with the k-th after it (Bartlett, JRSS Supplement 8, 1946). The first three are counted;
    of durations and gaps on normal scores (van der Waerden 1952), so that a hot fix does not hide them.
drift: the slope of the figure over the time before the change, in a year, combined with the belief that figures move by
    `Belief.drift` a year, up or down (the normal prior of a regression slope; Lindley and Smith, JRSS B 34, 1972).
    A rate's slope is that of Cox and Lewis (*The Statistical Analysis of Series of Events*, 1966, section 3.3).
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import special

from iact.core.quantities import Dimension
from iact.pdca.effect import MINIMUM_CLUSTERS, Stretch, dispersion
from iact.pdca.scale import robust_scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

YEAR: Final = 365.25 * 86_400.0
"""Seconds in a year."""

DOUBT: Final = 6.0
"""Releases without any effect that the belief in "nothing changed" is worth: a sceptical prior (Spiegelhalter, Freedman
and Parmar, JRSS A 157, 1994). It weighs on the first looks and is soon outweighed, so that looking at every release
errs about as seldom as looking once; docs/pdca.md has the measurement."""

HALF_A_YEAR: Final = 26 * 7 * 86_400.0
"""Seconds within which an experiment may err as often as the policy permits."""

_SPENT_LATER: Final = 3
"""How fast what a look may still err by falls after that: with its third power what all later looks add stays small."""

_RUNS_SPREAD: Final = 0.5
"""Standard deviation of the correlation between neighbouring releases, before they were seen."""

_NEIGHBOURS: Final = 3
"""How many releases onward a resemblance is looked for: further ones add more noise than they tell."""

_KEPT_AT_LEAST: Final = 0.5
"""The least that is left of a variance by measuring from a middle: with fewer values the formula makes no sense."""

_FAR: Final = 2.5
"""Robust scales from the median beyond which a value no longer pulls at the slope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """What is known of figures before one of them is looked at.

    Attributes:
        drift: by which share of its value a figure may fall by itself in a year, one standard deviation; below 1. It
            may rise by as large a factor.
        doubt: releases without any effect that the belief in "nothing changed" is worth.
    """

    drift: float
    doubt: float = DOUBT


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How a figure moves by itself in a year, on the scale on which it is compared: logarithms, or points for shares.

    Attributes:
        mean: by how much, as far as the releases before the change and the belief tell.
        deviation: how uncertain that is, one standard deviation.
        noise: the part of it that chance in the releases before the change contributes.
    """

    mean: float = 0.0
    deviation: float = 0.0
    noise: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """All that a comparison allows for beside the change itself.

    Attributes:
        drift: how the figure moves by itself.
        runs: how many times larger a variance is because neighbouring releases resemble each other, at least 1.
        doubt: releases without any effect that the belief in "nothing changed" is worth.
    """

    drift: Drift = Drift()
    runs: float = 1.0
    doubt: float = 0.0

    def handicap(self, before: float, after: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return how many times as wide what chance does is to be taken as without doubt, for each number `after`.

        It is √(1 + doubt / information), where the information of two groups is that of their difference (Grossman,
        Parmar, Spiegelhalter and Lee, Statistics in Medicine 13, 1994). Releases that resemble their neighbours inform
        like fewer of them.
        """
        uninformed = self.runs * (1 / max(before, 1) + 1 / np.maximum(after, 1))
        handicap: NDArray[np.float64] = np.sqrt(1 + self.doubt * uninformed)
        return handicap


UNGUARDED: Final = Guards()


def confidence_of_look(confidence: float, since: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Return what confidence a look at an experiment asks for.

    Looks within half a year ask for that of the policy. Each later one is another chance to be misled, by a drift that
    went on as well, and the error that is permitted is permitted to all of them together: what is left to a later look
    falls with the third power of its age (spending of error over time: Lan and DeMets, Biometrika 70, 1983).

    Args:
        confidence: of the policy, 0 to 1.
        since: seconds since the change, of one look or of several.
    """
    permitted = (1 - confidence) * np.minimum(1.0, HALF_A_YEAR / np.maximum(since, 1.0)) ** _SPENT_LATER
    asked: NDArray[np.float64] = 1 - permitted
    return asked


def guards_of(dimension: Dimension, belief: Belief, before: Stretch, after: Stretch | None = None) -> Guards:
    """Return what a comparison of a figure has to allow for.

    Args:
        dimension: what the figure measures.
        belief: what is known beforehand.
        before: what was observed before the change, with the moment of each deployment.
        after: what has been observed since; None before the change is made.
    """
    return Guards(
        drift=_drift(dimension, belief, before),
        runs=_runs_of(dimension, before, *([] if after is None else [after])),
        doubt=belief.doubt,
    )


def runs(series: Sequence[float], middles: int = 1, *, ranked: bool = True) -> float:
    """Return how many times larger the variance of a mean is because neighbours resemble each other.

    It is below 1 where neighbours differ more than others. Values that were measured from their own middle resemble
    each other less than they did before: each correlation comes out too low by the variance of that middle, which is
    itself larger where neighbours resemble each other (Marriott and Pope, Biometrika 41, 1954). That is given back. The
    correlations of a short series are drawn to none.

    Args:
        series: the values in the order of their moments.
        middles: how many middles were taken from them, one for each stretch that was measured from its own.
        ranked: whether their ranks are compared instead, so that one value far out hides nothing. Of outcomes that are
            0 or 1 the ranks would tell little but which middle was taken.
    """
    count = len(series)
    if count < MINIMUM_CLUSTERS:
        return 1.0
    values = _normal_scores(series) if ranked else np.asarray(series, dtype=float)
    values = values - values.mean()
    total = float(values @ values)
    if total <= 0:
        return 1.0
    seen = math.fsum(float(values[:-step] @ values[step:]) for step in range(1, _NEIGHBOURS + 1)) / total
    given_back = max(1 - 2 * _NEIGHBOURS * middles / count, _KEPT_AT_LEAST)
    return 1 + ((1 + 2 * seen) / given_back - 1) * count / (count + 1 / _RUNS_SPREAD**2)


def _normal_scores(values: Sequence[float]) -> NDArray[np.float64]:
    """Return the normal quantiles of the ranks of values; equal values share the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    scores: NDArray[np.float64] = special.ndtri((ranks - 0.5) / len(values))
    return scores


def _runs_of(dimension: Dimension, *stretches: Stretch) -> float:
    """Return how many times larger the variance of a figure is because neighbouring deployments resemble each other."""
    known = [values for stretch in stretches if (values := _values(dimension, stretch))]
    series = [value for values in known for value in _from_their_middle(dimension, values)]
    return max(runs(series, len(known), ranked=dimension is not Dimension.SHARE), 1.0)


def _values(dimension: Dimension, stretch: Stretch) -> list[float]:
    """Return the value of each deployment in their order; of a rate, the logarithm of the time until the next."""
    if dimension is Dimension.RATE:
        return [math.log(max(gap, 1.0)) for gap in stretch.gaps]
    return [value for _, value in _in_order(dimension, stretch)]


def _from_their_middle(dimension: Dimension, values: Sequence[float]) -> list[float]:
    middle = statistics.median(values) if dimension is Dimension.DURATION else _mean(values)
    return [value - middle for value in values]


def _in_order(dimension: Dimension, stretch: Stretch) -> list[tuple[float, float]]:
    """Return the moment and the value of each deployment, in the order of their moments."""
    if dimension is Dimension.DURATION:
        values = list(stretch.means)
    else:
        values = [math.fsum(cluster) / len(cluster) for cluster in stretch.clusters]
    return sorted(zip(stretch.moments, values, strict=True))


def _drift(dimension: Dimension, belief: Belief, before: Stretch) -> Drift:
    expected = _expected(dimension, belief, before)
    slope = _slope(dimension, before)
    if slope is None or not expected:
        return Drift(deviation=expected)
    seen, error = slope
    weight = expected**2 / (expected**2 + error**2)
    return Drift(mean=weight * seen, deviation=math.sqrt(weight) * error, noise=weight * error)


def _expected(dimension: Dimension, belief: Belief, before: Stretch) -> float:
    """Return how far a figure is believed to move in a year, on the scale on which it is compared."""
    if dimension is not Dimension.SHARE:
        return -math.log1p(-belief.drift)
    count = len(before.clusters)
    failed = math.fsum(math.fsum(cluster) / len(cluster) for cluster in before.clusters)
    # A share of exactly 0 may move too (Agresti and Coull, The American Statistician 52, 1998: add two of each).
    return belief.drift * (failed + 2) / (count + 4)


def _slope(dimension: Dimension, before: Stretch) -> tuple[float, float] | None:
    """Return by how much a figure moved in a year, and the standard error of that; None where nothing tells."""
    count = len(before.clusters)
    if count < MINIMUM_CLUSTERS:
        return None
    if dimension is Dimension.RATE:
        return _rate_slope(before)
    moments, values = (np.array(column) for column in zip(*_in_order(dimension, before), strict=True))
    years = (moments - moments.mean()) / YEAR
    length = float(years @ years)
    if dimension is Dimension.DURATION:
        middle, scale = float(np.median(values)), robust_scale(values.tolist())
        values = np.clip(values, middle - _FAR * scale, middle + _FAR * scale)
    else:
        share = (float(values.sum()) + 2) / (count + 4)
        scale = math.sqrt(share * (1 - share))
    if length <= 0 or scale <= 0:
        return None
    alike = _runs_of(dimension, before)
    return float(years @ (values - values.mean())) / length, scale * math.sqrt(alike / length)


def _rate_slope(before: Stretch) -> tuple[float, float] | None:
    """Return the slope of a logarithmic rate, from where in the stretch its deployments lie on average.

    Cox and Lewis 1966, section 3.3: the moments of a steady series lie around the middle of the time observed, with
    variance T² / 12 n; a slope b moves their mean by b T² / 12.
    """
    years, count = before.seconds / YEAR, len(before.moments)
    if years <= 0:
        return None
    place = math.fsum(before.moments) / count - (before.until - before.seconds / 2)
    return 12 * place / YEAR / years**2, math.sqrt(12 * dispersion(before.gaps) / count) / years


def distance(dimension: Dimension, before: Stretch, after: Stretch) -> float:
    """Return how much later the observations since the change were made than those before it, in years.

    Those of a rate are made all along; the two stretches are taken to meet at the change.
    """
    if dimension is Dimension.RATE or not (before.moments and after.moments):
        return (before.seconds + after.seconds) / 2 / YEAR
    return (_mean(after.moments) - _mean(before.moments)) / YEAR


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
