"""When deployments happened: a bar for each day, week, month, quarter or year, its failed part hatched and crossed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from iact.reports import svg
from iact.reports.scales import Scale, Tick, count_amounts, count_label, date_ticks, month_name, spaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markupsafe import Markup

HEIGHT: Final = 210.0
TOP, BOTTOM, LEFT, RIGHT = 24.0, 30.0, 40.0, 14.0
LOWEST: Final = 3
"""Up to which count the axis reaches at least, so that single deployments do not look like many."""
NARROWEST: Final = 9.0
"""User units that a bar and its gap need at least; decides how long the stretches of time are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One deployment.

    Attributes:
        at: when.
        failed: whether it is known to have failed.
    """

    at: datetime
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """How many deployments a stretch of time held.

    Attributes:
        start: its first moment.
        end: the first moment of the next.
        label: the stretch for people, such as `Mar 2026`.
        count: how many deployments, failed ones among them.
        failed: how many of them failed.
    """

    start: datetime
    end: datetime
    label: str
    count: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Deployments in equal stretches of the calendar.

    Attributes:
        each: what a stretch is: `day`, `week`, `month`, `quarter` or `year`.
        stretches: adjoining, oldest first; the first and the last may reach beyond what was asked for.
    """

    each: str
    stretches: tuple[Stretch, ...]


def timeline_of(happenings: Iterable[Happening], start: datetime, end: datetime, most: int) -> Timeline:
    """Count deployments by the shortest stretch of the calendar of which at most `most` cover the time asked for.

    Args:
        happenings: in any order; those outside the time are not counted.
        start: the first moment.
        end: the first moment after it.
        most: how many stretches there may be, except that years are never put together.

    Raises:
        ValueError: if the time does not end after it starts.
    """
    if end <= start:
        message = f"a timeline must end after it starts, not {start} to {end}"
        raise ValueError(message)
    each, bounds = _calendar(start, end, most)
    inside = sorted((each for each in happenings if start <= each.at < end), key=lambda happening: happening.at)
    stretches = []
    for low, high in pairwise(bounds):
        held = [happening for happening in inside if low <= happening.at < high]
        stretches.append(
            Stretch(
                start=low,
                end=high,
                label=_NAMES[each](low),
                count=len(held),
                failed=sum(happening.failed for happening in held),
            )
        )
    return Timeline(each=each, stretches=tuple(stretches))


def timeline(data: Timeline, canvas: svg.Canvas, *, title: str, description: str) -> Markup:
    """Return the drawing.

    Raises:
        ValueError: if no stretch holds a deployment.
    """
    if not any(stretch.count for stretch in data.stretches):
        message = "a timeline needs at least one deployment"
        raise ValueError(message)
    first, last = data.stretches[0].start, data.stretches[-1].end
    across = Scale(low=first.timestamp(), high=last.timestamp(), start=LEFT, end=canvas.width - RIGHT)
    counts = count_amounts(max(LOWEST, *(stretch.count for stretch in data.stretches)))
    up = Scale(low=0, high=counts[-1], start=HEIGHT - BOTTOM, end=TOP)
    hatch = f"{canvas.key}-hatch"
    shapes = [
        _hatch(hatch),
        *_grid(counts, up, canvas.width),
        *(shape for stretch in data.stretches for shape in _bar(stretch, across, up, hatch)),
        *_dates(first, last, across),
    ]
    return svg.drawing(canvas, title=title, description=description, shapes=shapes)


def _hatch(key: str) -> Markup:
    """Return slanted lines as a fill, so that failure shows without its colour."""
    size = 6.0
    pattern: dict[str, str | float] = {
        "id": key,
        "width": size,
        "height": size,
        "patternUnits": "userSpaceOnUse",
        "patternTransform": "rotate(45)",
    }
    stripes = [svg.rectangle((0, 0), (size, size), "hatch-ground"), svg.line((0, 0), (0, size), "hatch-line")]
    return svg.element("defs", {}, svg.element("pattern", pattern, *stripes))


def _grid(counts: tuple[int, ...], up: Scale, width: float) -> Iterator[Markup]:
    for count in counts:
        yield svg.line((LEFT, up(count)), (width - RIGHT, up(count)), "axis" if count == 0 else "grid")
        yield svg.label(LEFT - 8, up(count) + 4, count_label(count), "tick", anchor="end")


def _bar(stretch: Stretch, across: Scale, up: Scale, hatch: str) -> Iterator[Markup]:
    if not stretch.count:
        return
    left, right = across(stretch.start.timestamp()), across(stretch.end.timestamp())
    extent = min(28.0, max(1.0, (right - left) * 0.78))
    x = (left + right - extent) / 2
    succeeded = up(stretch.failed) - up(stretch.count)
    if succeeded > 0:
        yield svg.rectangle((x, up(stretch.count)), (extent, succeeded), "bar", radius=1.5)
    if stretch.failed:
        failed: dict[str, str | float] = {"class": "failed", "fill": f"url(#{hatch})"}
        place: dict[str, str | float] = {"x": x, "y": up(stretch.failed), "width": extent}
        yield svg.element("rect", failed | place | {"height": up(0) - up(stretch.failed)})
        yield svg.cross((left + right) / 2, up(stretch.count) - 9, min(8.0, max(4.0, extent)), "failed-mark")


def _dates(first: datetime, last: datetime, across: Scale) -> Iterator[Markup]:
    base = HEIGHT - BOTTOM
    ticks: list[Tick] = list(date_ticks(first, last, max(2, int((across.end - across.start) / 56))))
    for tick in spaced(across, ticks, 40):
        half = svg.text_width(tick.label, 11) / 2
        if across(tick.at) + half <= across.end + RIGHT:
            yield svg.line((across(tick.at), base), (across(tick.at), base + 4), "axis")
            yield svg.label(across(tick.at), base + 18, tick.label, "tick", anchor="middle")


def _calendar(start: datetime, end: datetime, most: int) -> tuple[str, list[datetime]]:
    bounds: list[datetime] = []
    each = ""
    for each, (floor, following) in _STRETCHES.items():
        bounds = [floor(start)]
        while bounds[-1] < end and (len(bounds) <= most or each == "year"):
            bounds.append(following(bounds[-1]))
        if bounds[-1] >= end:
            break
    return each, bounds


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _monday(moment: datetime) -> datetime:
    return _midnight(moment) - timedelta(days=moment.weekday())


def _first_of_months(months: int) -> Callable[[datetime], datetime]:
    def floor(moment: datetime) -> datetime:
        return _midnight(moment).replace(day=1, month=(moment.month - 1) // months * months + 1)

    return floor


def _later_by_months(months: int) -> Callable[[datetime], datetime]:
    def following(moment: datetime) -> datetime:
        number = moment.year * 12 + moment.month - 1 + months
        return moment.replace(year=number // 12, month=number % 12 + 1)

    return following


_STRETCHES: Final[dict[str, tuple[Callable[[datetime], datetime], Callable[[datetime], datetime]]]] = {
    "day": (_midnight, lambda moment: moment + timedelta(days=1)),
    "week": (_monday, lambda moment: moment + timedelta(days=7)),
    "month": (_first_of_months(1), _later_by_months(1)),
    "quarter": (_first_of_months(3), _later_by_months(3)),
    "year": (_first_of_months(12), _later_by_months(12)),
}

_NAMES: Final[dict[str, Callable[[datetime], str]]] = {
    "day": lambda moment: f"{moment.day} {month_name(moment)} {moment.year}",
    "week": lambda moment: f"week of {moment.day} {month_name(moment)} {moment.year}",
    "month": lambda moment: f"{month_name(moment)} {moment.year}",
    "quarter": lambda moment: f"quarter {(moment.month + 2) // 3} of {moment.year}",
    "year": lambda moment: str(moment.year),
}
