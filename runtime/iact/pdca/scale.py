"""How far values stray, by a measure that a few outliers hardly move."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_CLOSE: Final = 0.25
"""The share of pairs that count as close: few enough for the density to be even there, enough to be counted."""

_MOST: Final = 2_000
"""Values that are paired with each other; of more, so many are taken evenly from the sorted ones."""


def robust_scale(values: Sequence[float]) -> float:
    """Return the scale that the standard error of a Hodges-Lehmann shift is a multiple of.

    It is 1 / (√12 ∫ f²), with the integral of the squared density estimated from how many pairs of values lie close to
    each other (Hettmansperger and McKean, *Robust Nonparametric Statistical Methods*, 2011, section 3.7). For a normal
    distribution that is 1.02 standard deviations.

    Args:
        values: at least two.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    if len(ordered) > _MOST:
        ordered = ordered[np.linspace(0, len(ordered) - 1, _MOST).astype(int)]
    first, second = np.triu_indices(len(ordered), k=1)
    distances = ordered[second] - ordered[first]
    place = max(1, math.ceil(_CLOSE * len(distances)))
    distance = float(np.partition(distances, place - 1)[place - 1])
    return 2 * distance / (place / len(distances) * math.sqrt(12))
