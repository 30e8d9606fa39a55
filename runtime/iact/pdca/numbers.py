"""How statistics, which are computed in floating point, are written down: as text that every machine agrees on."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, Final

from iact.core.quantities import Dimension, Quantity
from iact.dora.figures import plain, rounded, rounded_float
from iact.pdca.effect import Effect, NotComparable, Scale
from iact.pdca.power import Detectable, Needed, Spread


def text(value: float | None) -> str | None:
    """Return a number with six decimals at most; None for none and for what is not finite."""
    if value is None or not math.isfinite(value):
        return None
    return plain(rounded_float(value))


_MANIFOLD: Final = 10
"""From how many times as much on nobody reads percentages."""


def signed_percent(value: float) -> str:
    """Return a relative change as people read it: `−55 %`, `+20 %`, and from ten times as much on `31-fold`."""
    if not math.isfinite(value):
        return "+∞"
    if value >= _MANIFOLD - 1:
        return f"{float(f'{1 + value:.2g}'):,.0f}-fold"
    percent: float = round(value * 100)
    if not percent and value:  # little is not nothing
        percent = float(f"{value * 100:.1g}")
    if percent <= -100 < value * 100:  # noqa: PLR2004 - a fall by nearly everything is not one by everything
        percent = -math.floor(-value * 1000) / 10
    return f"{'−' if percent < 0 else '+' if percent > 0 else '±'}{abs(percent):g} %"


def signed_points(value: float) -> str:
    """Return a change of a share as people read it: `−5 points`."""
    points = round(value * 100, 1)
    sign = "−" if points < 0 else "+" if points > 0 else "±"
    return f"{sign}{abs(points):g} points"


def change(value: float, scale: Scale) -> dict[str, str | None]:
    """Return a change with its text for people."""
    shown = signed_points(value) if scale is Scale.POINTS else signed_percent(value)
    return {"value": text(value), "shown": shown}


def amount(value: Quantity | None) -> dict[str, str] | None:
    """Return an exact amount as decimal text in its base unit with its text for people."""
    return None if value is None else {"value": plain(rounded(value.amount)), "shown": str(value)}


def share(value: Fraction | float) -> dict[str, str]:
    """Return a share with its text for people."""
    exact = Fraction(value)
    return {"value": plain(rounded(exact, 6)), "shown": f"{round(exact * 100)} %"}


def effect_record(effect: Effect | NotComparable) -> dict[str, Any]:
    """Return a comparison as canonical JSON data."""
    if isinstance(effect, NotComparable):
        return {"missing": effect.reason}
    return {
        "scale": effect.scale.value,
        "estimate": change(effect.estimate, effect.scale),
        "low": change(effect.low, effect.scale),
        "high": change(effect.high, effect.scale),
        "confidence": {"value": text(effect.confidence), "shown": f"{effect.confidence * 100:.4g} %"},
        "method": effect.method,
        "before": effect.before,
        "after": effect.after,
        "missing": "",
    }


def spread_record(spread: Spread) -> dict[str, Any]:
    """Return how much a metric varies as canonical JSON data."""
    return {
        "clusters": spread.clusters,
        "values": spread.values,
        "per_week": text(spread.per_week),
        "deviation": text(spread.deviation),
        "between": text(spread.between),
        "within": text(spread.within),
        "correlation": text(spread.correlation),
    }


def detectable_record(found: Detectable, after: str, dimension: Dimension, *, falls: bool) -> dict[str, Any]:
    """Return the smallest effect that a stretch of time would show as canonical JSON data."""
    scale = Scale.POINTS if dimension is Dimension.SHARE else Scale.RELATIVE
    signed = None if found.effect is None else (-found.effect if falls else found.effect)
    return {
        "after": after,
        "releases_expected": text(round(found.releases, 1)),
        "effect": None if signed is None else change(signed, scale),
        "reason": found.reason,
    }


def needed_record(found: Needed) -> dict[str, Any]:
    """Return what finding an effect would take as canonical JSON data."""
    return {
        "releases": found.releases,
        "weeks": None if found.weeks is None else {"value": text(found.weeks), "shown": weeks(found.weeks)},
        "reason": found.reason,
    }


def weeks(count: float) -> str:
    """Return a number of weeks as people read it; years from two on."""
    if count >= 104:  # noqa: PLR2004 - two years
        return f"{count / 52.18:.0f} years"
    return f"{math.ceil(count)} week{'s' if math.ceil(count) != 1 else ''}"
