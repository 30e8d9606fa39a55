"""How a figure developed: a small line with its intervals, broken where nothing is known."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from iact.reports import svg
from iact.reports.scales import Scale

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markupsafe import Markup

HEIGHT: Final = 64.0
MARGIN: Final = 6.0
FOOT: Final = 12.0
MINIMUM_KNOWN: Final = 2
"""Known values that a trend needs: one is a figure, not a trend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The figure in one part of the window.

    Attributes:
        value: in any unit; None when it is unknown.
        interval: where the true value lies, in the same unit; None when it is unknown.
    """

    value: float | None
    interval: tuple[float, float] | None = None


def has_trend(points: tuple[Point, ...]) -> bool:
    """Return whether enough values are known to draw a line."""
    return sum(point.value is not None for point in points) >= MINIMUM_KNOWN


def trend(points: tuple[Point, ...], canvas: svg.Canvas, *, title: str, description: str) -> Markup:
    """Return the drawing; a part of which nothing is known has a hollow mark on the foot line, never a value of 0.

    Raises:
        ValueError: if fewer than two values are known.
    """
    if not has_trend(points):
        message = f"a trend needs {MINIMUM_KNOWN} known values"
        raise ValueError(message)
    across = Scale(low=0, high=len(points) - 1, start=MARGIN, end=canvas.width - MARGIN)
    up = _up(points)
    shapes = [
        svg.line((0, HEIGHT - 1), (canvas.width, HEIGHT - 1), "axis"),
        *_whiskers(points, across, up),
        *_lines(points, across, up),
        *_marks(points, across, up),
    ]
    return svg.drawing(canvas, title=title, description=description, shapes=shapes)


def _up(points: tuple[Point, ...]) -> Scale:
    """Return the vertical scale: of the values, because one wide interval would flatten them all."""
    values = [point.value for point in points if point.value is not None]
    low, high = min(values), max(values)
    margin = (high - low) * 0.25 or abs(high) * 0.5 or 1.0
    return Scale(low=low - margin, high=high + margin, start=HEIGHT - FOOT, end=MARGIN)


def _whiskers(points: tuple[Point, ...], across: Scale, up: Scale) -> Iterator[Markup]:
    for place, point in enumerate(points):
        if point.value is not None and point.interval:
            low, high = point.interval
            yield svg.line((across(place), up(low)), (across(place), up(high)), "whisker")


def _lines(points: tuple[Point, ...], across: Scale, up: Scale) -> Iterator[Markup]:
    for known, run in groupby(enumerate(points), key=lambda item: item[1].value is not None):
        places = [(across(place), up(point.value)) for place, point in run if point.value is not None]
        if known and len(places) >= MINIMUM_KNOWN:
            yield svg.polyline(places, "trend")


def _marks(points: tuple[Point, ...], across: Scale, up: Scale) -> Iterator[Markup]:
    last = max(place for place, point in enumerate(points) if point.value is not None)
    for place, point in enumerate(points):
        if point.value is None:
            yield svg.circle((across(place), HEIGHT - 5), 1.75, "unknown-mark")
        else:
            yield svg.circle((across(place), up(point.value)), 3.5 if place == last else 2, "trend-mark")
