"""Which charts a report document has data for, each drawn for a wide screen and for a telephone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from markupsafe import Markup

from iact.reports import words
from iact.reports.charts.effect import HEIGHT as EFFECT_HEIGHT
from iact.reports.charts.effect import Effect, effect
from iact.reports.charts.histogram import HEIGHT as HISTOGRAM_HEIGHT
from iact.reports.charts.histogram import Bin, Histogram, histogram
from iact.reports.charts.releases import HEIGHT as RELEASES_HEIGHT
from iact.reports.charts.releases import Release, Releases, releases
from iact.reports.charts.stages import HEIGHT as STAGES_HEIGHT
from iact.reports.charts.stages import Part, stages
from iact.reports.charts.timeline import HEIGHT as TIMELINE_HEIGHT
from iact.reports.charts.timeline import LEFT, NARROWEST, RIGHT, Happening, Timeline, timeline, timeline_of
from iact.reports.charts.trend import HEIGHT as TREND_HEIGHT
from iact.reports.charts.trend import Point, has_trend, trend
from iact.reports.svg import Canvas

Document = Mapping[str, Any]

WIDE: Final = 720.0
NARROW: Final = 328.0
TREND_WIDTH: Final = 320.0
FEWEST_RELEASES: Final = 2
"""Releases that a chart of them needs: one is a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One chart, drawn for two widths; the style sheet shows the one that fits."""

    wide: Markup
    narrow: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawings:
    """The charts of a report; None where there is nothing to draw.

    Attributes:
        trends: by the name of the metric; those without a trend are left out.
        distribution: of the lead time.
        stages: where the lead time is spent.
        timeline: deployments over time.
        stretches: what the timeline shows, for its table.
        releases: lead time, release by release.
        effect: what the experiment brought.
    """

    trends: Mapping[str, Markup]
    distribution: Picture | None
    stages: Picture | None
    timeline: Picture | None
    stretches: Timeline | None
    releases: Picture | None
    effect: Picture | None


def drawings_of(document: Document) -> Drawings:
    """Draw every chart that the document has data for."""
    delivery = document["dora"]
    counted = _timeline_data(delivery)
    return Drawings(
        trends=_trends(delivery),
        distribution=_distribution(delivery),
        stages=_stages(delivery),
        timeline=None if counted is None else _timeline(counted, failures_known=_failures_known(delivery)),
        stretches=counted,
        releases=_releases(document),
        effect=_effect(document),
    )


def _both(draw: Callable[[Canvas], Markup], key: str, height: float) -> Picture:
    return Picture(
        wide=draw(Canvas(key=f"{key}-wide", width=WIDE, height=height)),
        narrow=draw(Canvas(key=f"{key}-narrow", width=NARROW, height=height)),
    )


def _trends(delivery: Document) -> dict[str, Markup]:
    drawn = {}
    for place, metric in enumerate(delivery["metrics"]):
        points = tuple(Point(value=_decimal(part["value"])) for part in metric["trend"])
        if has_trend(points):
            known = [part for part in metric["trend"] if part["value"] is not None]
            first, last = known[0], known[-1]
            description = (
                f"{len(known)} of {len(points)} parts of the window are known. "
                f"{words.amount(first['shown'])} from {words.day(first['from'])}, "
                f"{words.amount(last['shown'])} up to {words.day(last['to'])}."
            )
            canvas = Canvas(key=f"trend-{place + 1}", width=TREND_WIDTH, height=TREND_HEIGHT)
            drawn[metric["name"]] = trend(points, canvas, title=f"Trend: {metric['label']}", description=description)
    return drawn


def _distribution(delivery: Document) -> Picture | None:
    breakdown = delivery["breakdown"]
    if breakdown is None or not any(each["count"] for each in breakdown["distribution"]):
        return None
    metric = _metric(delivery, breakdown["metric"])
    interval = None if metric is None else metric["interval"]
    middle = None if metric is None else _decimal(metric["value"])
    data = Histogram(
        bins=tuple(_bin(each) for each in breakdown["distribution"]),
        middle=middle,
        middle_label="" if metric is None or middle is None else f"median {words.amount(metric['shown'])}",
        interval=interval and (float(words.number(interval["low"])), float(words.number(interval["high"]))),
    )
    fullest = max(breakdown["distribution"], key=lambda each: each["count"])
    description = (
        f"{sum(each['count'] for each in breakdown['distribution'])} changes. "
        f"The fullest range holds {fullest['count']}: {words.amount(fullest['shown'])}. "
        + (f"The {data.middle_label}." if data.middle_label else "The median is unknown.")
    )
    return _both(
        lambda canvas: histogram(data, canvas, title="How long changes took", description=description),
        "distribution",
        HISTOGRAM_HEIGHT,
    )


_EDGE_UNITS: Final = ((604_800, "w"), (86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def _bin(each: Document) -> Bin:
    low = words.number(each["low"])
    size, unit = next((pair for pair in _EDGE_UNITS if low >= pair[0] and low % pair[0] == 0), (1, "s"))
    edge = f"{(low / size).normalize():f}{words.THIN_SPACE}{unit}" if low else "0"
    return Bin(low=float(low), high=_decimal(each["high"]), edge=edge, count=each["count"])


def _stages(delivery: Document) -> Picture | None:
    breakdown = delivery["breakdown"]
    known = [each for each in breakdown["stages"] if each["share"] is not None] if breakdown else []
    parts = tuple(
        Part(
            label=words.sentence(each["stage"]),
            share=words.value(each["share"]) or 0.0,
            shown=words.amount(each["share"]["shown"]),
        )
        for each in known
    )
    if not any(part.share > 0 for part in parts):
        return None
    description = ", ".join(f"{part.label} {part.shown}" for part in parts)
    return _both(
        lambda canvas: stages(parts, canvas, title="Where the lead time is spent", description=description),
        "stages",
        STAGES_HEIGHT,
    )


def _failures_known(delivery: Document) -> bool:
    return any(each["failed"] is not None for each in delivery["deployments"])


def _timeline_data(delivery: Document) -> Timeline | None:
    happenings = [
        Happening(at=words.instant(each["deployed_at"]), failed=each["failed"] is True)
        for each in delivery["deployments"]
    ]
    start, end = _window(delivery)
    most = int((WIDE - LEFT - RIGHT) / NARROWEST)
    counted = timeline_of(happenings, start, end, most)
    return counted if any(stretch.count for stretch in counted.stretches) else None


def _timeline(data: Timeline, *, failures_known: bool) -> Picture:
    total = sum(stretch.count for stretch in data.stretches)
    failed = sum(stretch.failed for stretch in data.stretches)
    most = max(data.stretches, key=lambda stretch: stretch.count)
    description = (
        f"{total} deployments, {f'{failed} of them failed' if failures_known else 'whether any failed is unknown'}. "
        f"Most in one {data.each}: {most.count}, {most.label}."
    )
    return _both(
        lambda canvas: timeline(
            data, canvas, title=f"Deployments, {data.each} by {data.each}", description=description
        ),
        "timeline",
        TIMELINE_HEIGHT,
    )


def _releases(document: Document) -> Picture | None:
    delivery, experiment = document["dora"], document["experiment"]
    start, end = _window(delivery)
    known = tuple(
        Release(
            at=words.instant(each["deployed_at"]),
            duration=words.value(each["median"]) or 0.0,
            failed=each["failed"] is True,
        )
        for each in delivery["deployments"]
        if each["median"] is not None
    )
    if len(known) < FEWEST_RELEASES:
        return None
    changed_at = None if experiment is None else words.instant(experiment["started_at"])
    data = Releases(releases=known, start=start, end=end, changed_at=changed_at)
    marked = "" if experiment is None else f" The change was made at {words.moment(experiment['started_at'])}."
    description = f"{len(known)} releases.{marked} The same data is in the table below."
    return _both(
        lambda canvas: releases(data, canvas, title="Lead time by release", description=description),
        "releases",
        RELEASES_HEIGHT,
    )


def _effect(document: Document) -> Picture | None:
    experiment = document["experiment"]
    found = None if experiment is None else experiment["effect"]
    if found is None or found["missing"] or found["estimate"]["value"] is None:
        return None
    shown = found["estimate"]["shown"]
    data = Effect(
        estimate=float(words.number(found["estimate"]["value"])),
        low=_end(found["low"], -math.inf),
        high=_end(found["high"], math.inf),
        shown=words.amount(shown),
        unit="points" if found["scale"] == "points" else "%",
        better=experiment["after"]["better"],
    )
    label = experiment["after"]["label"].lower()
    description = (
        f"{data.shown}, with an interval from {words.amount(found['low']['shown'])} "
        f"to {words.amount(found['high']['shown'])}. "
        "No change is at the vertical line."
    )
    return _both(
        lambda canvas: effect(data, canvas, title=f"Effect on {label}", description=description),
        "effect",
        EFFECT_HEIGHT,
    )


def _end(record: Document, unbounded: float) -> float:
    """Return an end of an interval; a value that is not written has no bound."""
    return unbounded if record["value"] is None else float(words.number(record["value"]))


def _metric(delivery: Document, name: str) -> Document | None:
    return next((metric for metric in delivery["metrics"] if metric["name"] == name), None)


def _window(delivery: Document) -> tuple[datetime, datetime]:
    return words.instant(delivery["window"]["from"]), words.instant(delivery["window"]["to"])


def _decimal(written: str | None) -> float | None:
    return None if written is None else float(words.number(written))
