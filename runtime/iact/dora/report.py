"""The report of one repository's delivery as one JSON document, for terminals, files, HTML and other programs.

Every number is exact decimal text in its base unit beside the same for people, so that the document has one canonical
form; the same history, definitions and window give the same bytes.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from sqlalchemy.engine import Connection

from iact.core import instants
from iact.dora import store
from iact.dora.classes import class_record, overall_record
from iact.dora.cycles import Cycle, summary
from iact.dora.definitions import USUAL, NamedBands, NamedDefinition
from iact.dora.figures import Unit, Window, plain, rounded, seconds
from iact.dora.measure import read_history
from iact.dora.progress import NamedTargets, progress_record
from iact.dora.records import Change, PullRequest, Repository
from iact.dora.rules import History, Measured, NamedMetric, measured
from iact.dora.spans import spans_of
from iact.dora.statistics.median import median
from iact.dora.trend import TrendPoint, trend

FORMAT: Final = "iact/dora-report/v1"
SLOWEST: Final = 5
EDGES: Final = tuple(
    Decimal(edge) for edge in (0, 3600, 21_600, 86_400, 259_200, 604_800, 1_209_600, 2_419_200, 7_862_400, 15_724_800)
)
"""Where the bars of the distribution begin: 0, 1 h, 6 h, 1 d, 3 d, 1, 2, 4, 13 and 26 weeks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a report is asked for.

    Attributes:
        project: the project.
        repository: the repository's key in it.
        name: what people call the repository.
        metrics: what to compute, in this order.
        window: which part of the history.
        definition: the definition that the metrics are of; None where they are of none.
        end_is: how the end of the window came about: `given`, or `now`.
        as_of: what was learnt of failures at or after this moment is not known yet; None knows everything.
        targets: where the figures are to go; None where nobody asks for it.
        cycles: the delivery cycles that agents recorded; None where there are none.
    """

    project: str
    repository: str
    name: str
    metrics: Sequence[NamedMetric]
    window: Window
    definition: NamedDefinition | None = None
    end_is: str = "given"
    as_of: datetime | None = None
    cycles: Sequence[Cycle] | None = None
    targets: NamedTargets | None = None

    @property
    def bands(self) -> NamedBands | None:
        """What classes the figures; None where nothing does."""
        return None if self.definition is None else self.definition.bands


def document(connection: Connection, request: Request) -> dict[str, Any]:
    """Return the report as JSON data.

    Args:
        connection: an open connection; it is only read.
        request: what is asked for.

    Raises:
        LookupError: if the repository was never read.
    """
    known = store.repository(connection, request.project, request.repository)
    if known is None:
        message = f"the repository {request.repository} was never read"
        raise LookupError(message)
    history = read_history(
        connection, request.project, request.repository, request.window, as_of=request.as_of, metrics=request.metrics
    )
    extent = store.extent(connection, request.project, request.repository, request.window.end)
    waiting = list(store.waiting_changes(connection, request.project, request.repository, as_of=request.window.end))
    results, trends, staged = _measured(request, history)
    classes = classes_of(request, results)
    return {
        "format": FORMAT,
        "repository": _repository(known, request.name),
        "definitions": USUAL if request.definition is None else request.definition.name,
        "definition": None if request.definition is None else request.definition.reference.to_record(),
        "window": request.window.to_record() | {"to_is": request.end_is},
        "history": {
            "known_from": None if history.known_from is None else instants.write(history.known_from),
            # Every change of a history was first deployed by one of its deployments, or waits on the mainline.
            "changes": extent.changes + len(waiting),
            "deployments": extent.deployments,
            "first": _named(extent.first),
            "last": _named(extent.last),
        },
        "metrics": [
            _metric(result, points) | {"class": classes.get(result.named.name)}
            for result, points in zip(results, trends, strict=True)
        ],
        "classes": overall_of(request, classes),
        "targets": _progress(request, results),
        "breakdown": None if staged is None else _breakdown(staged, history),
        "deployments": _deployments(history, staged),
        "waiting": _waiting(waiting, request.window.end),
        "missing": _missing(results),
        "cycles": None if request.cycles is None else summary(request.cycles, request.window),
    }


def _measured(
    request: Request, history: History
) -> tuple[list[Measured], list[tuple[TrendPoint, ...]], Measured | None]:
    """Return the figures, the trend of each, and the first one that has stages, which alone keeps its rows.

    Each figure of changes has as many rows as there are changes; all of them at once would be most of what a report
    holds.
    """
    results, trends, staged = [], [], None
    for named in request.metrics:
        result = measured(named, history, request.window)
        trends.append(trend(result, history, request.window))
        if staged is None and named.metric.stages:
            staged = result
        results.append(replace(result, samples=(), excluded=()))
    return results, trends, staged


def to_json(report: Mapping[str, Any]) -> str:
    """Return the document as the bytes of a file: two spaces, keys in the order of the document, one line break."""
    return json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def amount(value: Decimal | None, unit: Unit) -> dict[str, str] | None:
    """Return an amount as exact text in its base unit, with the text for people; None when it is unknown."""
    return None if value is None else {"value": plain(value), "shown": str(unit.quantity(value))}


def classes_of(request: Request, results: Iterable[Measured]) -> dict[str, dict[str, Any] | None]:
    """Return the class of each metric that computes a delivery figure, by the metric's name."""
    definition, bands = request.definition, request.bands
    if definition is None or bands is None:
        return {}
    by_name = {result.named.name: result.figure for result in results}
    return {
        name: class_record(bands, figure, by_name[name])
        for figure, name in definition.figures.items()
        if name in by_name
    }


def _progress(request: Request, results: Iterable[Measured]) -> dict[str, Any] | None:
    if request.targets is None or request.definition is None:
        return None
    by_name = {result.named.name: result.figure for result in results}
    figures = {figure: by_name[name] for figure, name in request.definition.figures.items() if name in by_name}
    return progress_record(request.targets, figures, request.window.end)


def overall_of(request: Request, classes: Mapping[str, dict[str, Any] | None]) -> dict[str, Any] | None:
    """Return the bands and the class of all figures together; None where nothing classes them."""
    if request.definition is None or request.bands is None:
        return None
    by_figure = {figure: classes.get(name) for figure, name in request.definition.figures.items()}
    return overall_record(request.bands, by_figure)


def _repository(known: Repository, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "mainline": known.mainline,
        "changes": known.changes,
        "deployments": known.deployments,
        "reverts": known.reverts,
        "failure_sources": list(known.failure_sources),
        "notes": list(known.notes),
    }


def _named(deployment: tuple[str, datetime] | None) -> dict[str, str] | None:
    return None if deployment is None else {"name": deployment[0], "deployed_at": instants.write(deployment[1])}


def _metric(result: Measured, points: Iterable[TrendPoint]) -> dict[str, Any]:
    unit = result.figure.unit
    return result.figure.to_record() | {
        "trend": [
            {
                "from": instants.write(point.window.start),
                "to": instants.write(point.window.end),
                "value": None if point.value is None else plain(point.value),
                "shown": None if point.value is None else str(unit.quantity(point.value)),
                "n": point.n,
            }
            for point in points
        ]
    }


def _breakdown(result: Measured, history: History) -> dict[str, Any]:
    rows: dict[str, Change | PullRequest] = {change.sha: change for change in history.changes}
    rows |= {request.key: request for request in history.pull_requests or ()}
    return {
        "metric": result.named.name,
        "stages": _stages(result, rows),
        "distribution": _distribution(sample.value for sample in result.samples),
        "slowest": _slowest(result, rows, {deployment.key: deployment.name for deployment in history.deployments}),
        "agents": _agents(result),
    }


def _stages(result: Measured, changes: Mapping[str, Change | PullRequest]) -> list[dict[str, Any]]:
    """Return each stage with its share of the summed time of the changes of which every stage is known."""
    names = [stage.stage for stage in result.named.metric.stages]
    rows = [spans for sample in result.samples if (spans := _spans(result, changes[sample.id])) is not None]
    total = sum((sum(row) for row in rows), start=Decimal(0))
    stages = []
    for place, name in enumerate(names):
        times = [row[place] for row in rows]
        share = rounded(Fraction(sum(times, start=Decimal(0))) / Fraction(total)) if total else None
        stages.append(
            {
                "stage": name,
                "share": amount(share, Unit.SHARE),
                "median": amount(median(times), Unit.SECONDS),
                "n": len(times),
            }
        )
    return stages


def _spans(result: Measured, row: Change | PullRequest) -> tuple[Decimal, ...] | None:
    """Return how long each stage of a row was; None where one of them is unknown or ends before it begins."""
    metric = result.named.metric
    spans = [span for _, span in spans_of(metric.stages, metric, row) if span is not None]
    return tuple(spans) if len(spans) == len(metric.stages) else None


def _distribution(values: Iterable[Decimal]) -> list[dict[str, Any]]:
    """Return how many values lie in each bar, from its lower edge to just below its upper one."""
    counts = Counter(bisect_right(EDGES, value) - 1 for value in values)
    bars = [*pairwise(EDGES), (EDGES[-1], None)]
    return [
        {
            "low": plain(low),
            "high": None if high is None else plain(high),
            "shown": _bar(low, high),
            "count": counts[place],
        }
        for place, (low, high) in enumerate(bars)
    ]


def _bar(low: Decimal, high: Decimal | None) -> str:
    if high is None:
        return f"{Unit.SECONDS.quantity(low)} or more"
    return f"under {Unit.SECONDS.quantity(high)}"


def _slowest(
    result: Measured, changes: Mapping[str, Change | PullRequest], names: Mapping[str, str]
) -> list[dict[str, Any]]:
    ordered = sorted(result.samples, key=lambda sample: (-sample.value, sample.id))[:SLOWEST]
    return [
        {
            "sha": sample.id,
            "subject": changes[sample.id].subject,
            "deployment": names[sample.cluster],
            "deployed_at": instants.write(sample.at),
            "total": amount(sample.value, Unit.SECONDS),
            "stages": _stages_of(result, changes[sample.id]),
            "agent": sample.agent,
        }
        for sample in ordered
    ]


def _stages_of(result: Measured, change: Change | PullRequest) -> list[dict[str, Any]] | None:
    spans = _spans(result, change)
    if spans is None:
        return None
    stages = result.named.metric.stages
    return [
        {"stage": stage.stage, "time": amount(span, Unit.SECONDS)} for stage, span in zip(stages, spans, strict=True)
    ]


def _agents(result: Measured) -> dict[str, Any] | None:
    """Return the figure for changes by AI agents and by people; None where no agent made any."""
    if not any(sample.agent for sample in result.samples):
        return None
    by_maker: dict[bool, list[Decimal]] = defaultdict(list)
    for sample in result.samples:
        by_maker[sample.agent].append(sample.value)
    return {
        name: {"median": amount(median(by_maker[is_agent]), Unit.SECONDS), "n": len(by_maker[is_agent])}
        for name, is_agent in (("by_agent", True), ("by_people", False))
    }


def _deployments(history: History, staged: Measured | None) -> list[dict[str, Any]]:
    known = bool(history.failure_sources)
    failed, rework = history.failed, history.rework
    spans: dict[str, list[Decimal]] = defaultdict(list)
    for sample in staged.samples if staged else ():
        spans[sample.cluster].append(sample.value)
    return [
        {
            "key": deployment.key,
            "name": deployment.name,
            "deployed_at": instants.write(deployment.deployed_at),
            "changes": deployment.changes,
            "failed": deployment.key in failed if known else None,
            "rework": deployment.key in rework if known else None,
            "median": amount(median(spans[deployment.key]), Unit.SECONDS),
        }
        for deployment in history.deployments
    ]


def _waiting(changes: Iterable[Change], now: datetime) -> dict[str, Any]:
    waiting = [change for change in changes if not change.is_merge and change.merged_at is not None]
    ages = [seconds(now - change.merged_at) for change in waiting if change.merged_at is not None]
    oldest = waiting[0] if waiting else None
    return {
        "count": len(waiting),
        "median": amount(median(ages), Unit.SECONDS),
        "oldest": None
        if oldest is None
        else {"sha": oldest.sha, "subject": oldest.subject, "waited": amount(ages[0], Unit.SECONDS)},
    }


def _missing(results: Iterable[Measured]) -> list[dict[str, Any]]:
    """Return each reason why figures are unknown, once, with the figures that it concerns."""
    concerned = defaultdict(list)
    for result in results:
        if result.figure.missing is not None:
            concerned[result.figure.missing].append(result.figure.label)
    return [{"metrics": labels} | missing.to_record() for missing, labels in concerned.items()]
