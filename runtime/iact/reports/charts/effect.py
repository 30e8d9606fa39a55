"""What a change brought: the estimate and its interval, drawn against no change."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iact.reports import svg
from iact.reports.scales import Scale, nice_amounts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markupsafe import Markup

HEIGHT: Final = 132.0
MIDDLE: Final = 62.0
BASE: Final = 92.0
LEFT, RIGHT = 16.0, 16.0
WIDEST: Final = 3.0
"""How far the axis reaches at most, 3 being +300 %: what lies beyond is drawn as an arrow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """How much a figure changed.

    Attributes:
        estimate: −0.3 is 30 % or 30 points less than before.
        low: the smallest change that is not excluded.
        high: the largest change that is not excluded; may be infinite.
        shown: the estimate for people.
        unit: what the axis counts in, `%` or `points`.
        better: `lower` or `higher`.
    """

    estimate: float
    low: float
    high: float
    shown: str
    unit: str
    better: str


def effect(data: Effect, canvas: svg.Canvas, *, title: str, description: str) -> Markup:
    """Return the drawing: a vertical line at no change, the interval as a bar, the estimate as a dot.

    Raises:
        ValueError: if the estimate is no finite number or not inside its interval.
    """
    if not (math.isfinite(data.estimate) and data.low <= data.estimate <= data.high):
        message = f"an effect of {data.estimate} cannot be drawn with an interval from {data.low} to {data.high}"
        raise ValueError(message)
    across = _across(data, canvas.width)
    shapes = [
        *_sides(data, across),
        *_axis(data, across),
        *_interval(data, across),
        svg.circle((across(data.estimate), MIDDLE), 6, "estimate"),
        _inside(across, across(data.estimate), MIDDLE - 16, data.shown, "strong"),
    ]
    return svg.drawing(canvas, title=title, description=description, shapes=shapes)


def _across(data: Effect, width: float) -> Scale:
    """Return the axis: it holds no change, the estimate, and those ends of the interval that are not too far off."""
    reach = max(WIDEST, 1.2 * abs(data.estimate))
    ends = [max(-reach, data.low), min(reach, data.high), data.estimate, 0.0]
    low, high = min(ends), max(ends)
    margin = (high - low) * 0.06 or 0.1
    amounts = nice_amounts(low - margin, high + margin, _parts(width))
    return Scale(low=amounts[0], high=amounts[-1], start=LEFT, end=width - RIGHT)


def _parts(width: float) -> int:
    return max(3, int(width / 100))


def _axis(data: Effect, across: Scale) -> Iterator[Markup]:
    yield svg.line((across.start, BASE), (across.end, BASE), "axis")
    for amount in nice_amounts(across.low, across.high, _parts(across.end + RIGHT)):
        x = across(amount)
        yield svg.line((x, BASE), (x, BASE + 4), "axis")
        yield _inside(across, x, BASE + 18, _percent(amount, data.unit), "tick")
    yield svg.line((across(0), 28), (across(0), BASE), "no-change")
    yield _inside(across, across(0), HEIGHT - 6, "no change", "strong")


def _sides(data: Effect, across: Scale) -> Iterator[Markup]:
    """Say in words on which side things got better."""
    left, right = ("better", "worse") if data.better == "lower" else ("worse", "better")
    if across(0) - across.start > 60:  # noqa: PLR2004 - the width of the word
        yield svg.label(across.start, 16, f"← {left}", "note")
    if across.end - across(0) > 60:  # noqa: PLR2004 - the same
        yield svg.label(across.end, 16, f"{right} →", "note", anchor="end")


def _interval(data: Effect, across: Scale) -> Iterator[Markup]:
    left, right = across(data.low), across(data.high)
    yield svg.rectangle((left, MIDDLE - 4), (max(1.0, right - left), 8), "interval", radius=4)
    if not across.holds(data.low):
        yield svg.polygon([(left + 9, MIDDLE - 9), (left - 5, MIDDLE), (left + 9, MIDDLE + 9)], "interval")
    if not across.holds(data.high):
        yield svg.polygon([(right - 9, MIDDLE - 9), (right + 5, MIDDLE), (right - 9, MIDDLE + 9)], "interval")


def _inside(across: Scale, x: float, y: float, text: str, kind: str) -> Markup:
    """Return a label in the middle of `x`, moved as far as it takes to stay on the axis."""
    half = svg.text_width(text) / 2
    return svg.label(min(max(x, across.start + half), across.end - half), y, text, kind, anchor="middle")


def _percent(amount: float, unit: str) -> str:
    number = round(abs(amount) * 100, 6)
    digits = f"{number:g}"
    sign = "−" if amount < 0 else "+" if amount > 0 else ""
    return f"{sign}{digits} %" if unit == "%" else f"{sign}{digits}"
