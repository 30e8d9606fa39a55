"""What is believed of an effect after both stretches of time were seen: the posterior that a verdict rests on.

The observations say how far a figure shifted, by the methods of `effect.py`. Not all of a shift is the work of the
change: the figure may have drifted, neighbouring releases resemble each other, and "nothing changed" is the more likely
explanation to begin with. With a normal belief about each (`guards.py`) what remains for the change is again close to
normal. Doubt widens the interval by its handicap instead of drawing the estimate to nothing: the interval excludes that
nothing changed exactly where the posterior under the sceptical belief does (Grossman, Parmar, Spiegelhalter and Lee,
Statistics in Medicine 13, 1994), and an effect far beyond all noise is told as large as it is. Only what chance does is
widened by it: each look is another chance to be misled by chance, while a drift is the same at all of them.

Instead of the likelihood of every value, which one hot fix within minutes would rule, the belief is updated by the
likelihood of the robust shift and its interval (Pratt, JRSS B 27, 1965; Lewis, MacEachern and Lee, *Bayesian Restricted
Likelihood Methods*, Bayesian Analysis 16, 2021). The two sides of that interval are kept apart and each is joined with
the uncertainty of the drift (the square-and-add of Zou and Donner, Statistics in Medicine 27, 2008).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from scipy import special

from iact.core.quantities import Dimension
from iact.pdca.effect import Effect, NotComparable, Scale, compare
from iact.pdca.guards import Belief, Guards, confidence_of_look, distance, guards_of

if TYPE_CHECKING:
    from iact.pdca.effect import Comparison, Stretch


def posterior(
    dimension: Dimension, before: Stretch, after: Stretch, *, confidence: float, belief: Belief
) -> Comparison:
    """Return what is believed of the effect of a change made between two stretches of time.

    Args:
        dimension: what the figure measures.
        before: what was observed before the change, with the moment of each deployment.
        after: what has been observed since, likewise.
        confidence: the probability with which the interval holds the effect, 0 to 1; of a look after half a year it
            is higher (`guards.confidence_of_look`).
        belief: what was known beforehand.
    """
    confidence = float(confidence_of_look(confidence, after.seconds))
    seen = compare(dimension, before, after, confidence=confidence)
    if isinstance(seen, NotComparable):
        return seen
    guards = guards_of(dimension, belief, before, after)
    years = distance(dimension, before, after)
    since: float = seen.after
    if dimension is Dimension.RATE:  # that none came tells as much as those that would have come
        since = max(since, seen.before * after.seconds / before.seconds)
    return _updated(_softened(seen, before, after), guards, years, float(guards.handicap(seen.before, since)))


def _updated(seen: Effect, guards: Guards, years: float, handicap: float) -> Effect:
    """Return what remains of an observed shift for the change itself."""
    into, out = (math.log1p, math.expm1) if seen.scale is Scale.RELATIVE else (float, float)
    quantile = float(special.ndtri((1 + seen.confidence) / 2))
    middle = into(seen.estimate)
    drifted = quantile * guards.drift.deviation * years
    chance = handicap * math.sqrt(guards.runs)
    below, above = (
        math.hypot((into(end) - middle) * chance, drifted) if -1 < end < math.inf else math.inf
        for end in (seen.low, seen.high)
    )
    shift = middle - guards.drift.mean * years
    low, high = shift - below, shift + above
    least, most = (-1.0, math.inf) if seen.scale is Scale.RELATIVE else (-1.0, 1.0)
    return replace(
        seen,
        estimate=out(shift),
        low=max(least, out(low)),
        high=min(most, out(high) if high < math.inf else math.inf),
        method=f"{seen.method}; {_allowed_for(guards, seen.scale, years)}",
    )


def _softened(seen: Effect, before: Stretch, after: Stretch) -> Effect:
    """Return an effect whose estimate is finite: none at all counts as half of one (Haldane 1956; Anscombe 1956)."""
    if seen.scale is Scale.POINTS or -1 < seen.estimate < math.inf:
        return seen
    odds = (seen.after + 0.5) / (seen.before + 0.5) * before.seconds / after.seconds
    return replace(seen, estimate=odds - 1)


def _allowed_for(guards: Guards, scale: Scale, years: float) -> str:
    """Return what was allowed for, for people."""
    drift, spread = guards.drift.mean * years * 100, guards.drift.deviation * years * 100
    unit = "%" if scale is Scale.RELATIVE else "points"
    sign = "−" if round(drift, 1) < 0 else ""
    return (
        f"posterior that allows for a drift of {sign}{abs(drift):.1f} ± {spread:.1f} {unit} between the two, "
        f"a variance {guards.runs:.2f} times as large because neighbouring releases resemble each other, "
        f"and a doubt worth {guards.doubt:g} releases (Lewis, MacEachern and Lee 2021; Grossman et al. 1994)"
    )
