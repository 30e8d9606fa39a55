"""How durations are distributed: a column for each range, with the median and its interval marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iact.reports import svg
from iact.reports.scales import Edges, Scale, count_amounts, count_label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markupsafe import Markup

HEIGHT: Final = 244.0
TOP, BOTTOM, LEFT, RIGHT = 36.0, 46.0, 40.0, 18.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """How many durations lie in a range.

    Attributes:
        low: its shortest duration, in seconds.
        high: its end, in seconds, which belongs to the next range; None if it has no end.
        edge: `low` for people, such as `1 h`.
        count: how many.
    """

    low: float
    high: float | None
    edge: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Durations in ranges.

    Attributes:
        bins: adjoining, shortest first; only the last may have no end.
        middle: the typical duration in seconds; None when it is unknown.
        middle_label: what it is called and how long it is, such as `median 19 d`.
        interval: between which durations the typical one lies, in seconds; None when it is unknown.
    """

    bins: tuple[Bin, ...]
    middle: float | None
    middle_label: str
    interval: tuple[float, float] | None


def histogram(data: Histogram, canvas: svg.Canvas, *, title: str, description: str) -> Markup:
    """Return the drawing.

    Columns are equally wide, because the ranges are chosen for people and grow with the durations: a scale that is
    true to length would show either the hours or the months.

    Raises:
        ValueError: if nothing was counted.
    """
    if not any(each.count for each in data.bins):
        message = "a histogram needs at least one duration"
        raise ValueError(message)
    lows = [each.low for each in data.bins]
    across = Edges.of(lows, data.bins[-1].high, start=LEFT, end=canvas.width - RIGHT)
    counts = count_amounts(max(each.count for each in data.bins))
    up = Scale(low=0, high=counts[-1], start=HEIGHT - BOTTOM, end=TOP)
    shapes = [
        *_interval_band(data, across),
        *_grid(counts, up, across),
        *_bars(data.bins, across, up),
        *_axis(data, across),
        *_middle(data, across),
    ]
    return svg.drawing(canvas, title=title, description=description, shapes=shapes)


def _grid(counts: tuple[int, ...], up: Scale, across: Edges) -> Iterator[Markup]:
    for count in counts:
        yield svg.line((across.start, up(count)), (across.end, up(count)), "axis" if count == 0 else "grid")
        yield svg.label(across.start - 8, up(count) + 4, count_label(count), "tick", anchor="end")


def _bars(bins: tuple[Bin, ...], across: Edges, up: Scale) -> Iterator[Markup]:
    for place, each in enumerate(bins):
        if each.count:
            left, right = across.column(place)
            yield svg.rectangle((left + 1, up(each.count)), (right - left - 2, up(0) - up(each.count)), "bar", radius=2)


def _axis(data: Histogram, across: Edges) -> Iterator[Markup]:
    base = HEIGHT - BOTTOM
    for place, each in enumerate(data.bins):
        left, _ = across.column(place)
        yield svg.line((left, base), (left, base + 4), "axis")
        yield svg.label(left, base + 18, each.edge, "tick", anchor="middle")
    yield svg.label(across.start, HEIGHT - 6, "by duration; ranges grow to the right", "note")


def _interval_band(data: Histogram, across: Edges) -> Iterator[Markup]:
    if data.interval:
        left, right = across(data.interval[0]), across(data.interval[1])
        yield svg.rectangle((left, TOP), (max(1.0, right - left), HEIGHT - BOTTOM - TOP), "band")
        for x in (left, right):
            yield svg.line((x, TOP), (x, HEIGHT - BOTTOM), "band-edge")


def _middle(data: Histogram, across: Edges) -> Iterator[Markup]:
    if data.middle is None:
        return
    x = across(data.middle)
    yield svg.line((x, TOP - 10), (x, HEIGHT - BOTTOM), "middle")
    half = svg.text_width(data.middle_label) / 2
    at = min(max(x, across.start + half), across.end - half)
    yield svg.label(at, TOP - 17, data.middle_label, "strong", anchor="middle")
