"""Release by release: when it was, and how long its changes took, on a logarithmic axis of durations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from iact.reports import svg
from iact.reports.scales import Scale, date_ticks, duration_ticks, spaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markupsafe import Markup

HEIGHT: Final = 248.0
TOP, BOTTOM, LEFT, RIGHT = 28.0, 30.0, 52.0, 18.0
SHORTEST: Final = 60.0
"""Seconds at which the axis starts at the earliest; nothing has no logarithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One deployment.

    Attributes:
        at: when.
        duration: how long its changes took, in seconds.
        failed: whether it is known to have failed.
    """

    at: datetime
    duration: float
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Releases:
    """Releases in a stretch of time.

    Attributes:
        releases: in any order; at least one.
        start: the first moment of the stretch.
        end: the first moment after it.
        changed_at: when an experiment's change was made; None if there was none. Drawn if it lies in the stretch.
    """

    releases: tuple[Release, ...]
    start: datetime
    end: datetime
    changed_at: datetime | None = None


def releases(data: Releases, canvas: svg.Canvas, *, title: str, description: str) -> Markup:
    """Return the drawing: a dot for each release, a cross in a ring for one that failed.

    Raises:
        ValueError: if there are no releases.
    """
    if not data.releases:
        message = "a chart of releases needs at least one"
        raise ValueError(message)
    start, end = data.start.timestamp(), data.end.timestamp()
    across = Scale(low=start, high=end, start=LEFT + 6, end=canvas.width - RIGHT)
    durations = [max(SHORTEST, release.duration) for release in data.releases]
    low, high = min(durations), max(durations)
    up = Scale(low=low / 1.6, high=high * 1.6, start=HEIGHT - BOTTOM, end=TOP, logarithmic=True)
    shapes = [
        *_grid(up, across),
        *_dates(data, across),
        *_change(data, across),
        *_marks(data.releases, across, up),
    ]
    return svg.drawing(canvas, title=title, description=description, shapes=shapes)


def _grid(up: Scale, across: Scale) -> Iterator[Markup]:
    base = HEIGHT - BOTTOM
    yield svg.line((LEFT, base), (across.end, base), "axis")
    for tick in duration_ticks(up, 26):
        yield svg.line((LEFT, up(tick.at)), (across.end, up(tick.at)), "grid")
        yield svg.label(LEFT - 8, up(tick.at) + 4, tick.label, "tick", anchor="end")


def _change(data: Releases, across: Scale) -> Iterator[Markup]:
    if data.changed_at is None or not across.holds(data.changed_at.timestamp()):
        return
    x, label = across(data.changed_at.timestamp()), "the change"
    half = svg.text_width(label) / 2
    yield svg.line((x, TOP - 4), (x, HEIGHT - BOTTOM), "no-change")
    yield svg.label(min(max(x, across.start + half), across.end - half), TOP - 10, label, "strong", anchor="middle")


def _dates(data: Releases, across: Scale) -> Iterator[Markup]:
    base = HEIGHT - BOTTOM
    ticks = list(date_ticks(data.start, data.end, max(2, int((across.end - across.start) / 56))))
    for tick in spaced(across, ticks, 44):
        if across(tick.at) + svg.text_width(tick.label, 11) / 2 <= across.end + RIGHT:
            yield svg.line((across(tick.at), base), (across(tick.at), base + 4), "axis")
            yield svg.label(across(tick.at), base + 18, tick.label, "tick", anchor="middle")


def _marks(data: tuple[Release, ...], across: Scale, up: Scale) -> Iterator[Markup]:
    for release in data:
        x, y = across(release.at.timestamp()), up(max(SHORTEST, release.duration))
        if release.failed:
            yield svg.circle((x, y), 7, "failed-ring")
            yield svg.cross(x, y, 6, "failed-mark")
        else:
            yield svg.circle((x, y), 5, "release-mark")
