"""The report of one repository's delivery as one JSON document, for terminals, files, HTML and other programs.

Every number is exact decimal text in its base unit beside the same for people, so that the document has one canonical
form; the same history, definitions and window give the same bytes.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy.engine import Connection

from iact.core import instants
from iact.dora import store
from iact.dora.breakdown import amount, breakdown, medians, slowest
from iact.dora.classes import class_record, overall_record
from iact.dora.cycles import Cycle, summary
from iact.dora.definitions import USUAL, NamedBands, NamedDefinition
from iact.dora.figures import ManySamples, Unit, Window, plain, seconds
from iact.dora.measure import read_history
from iact.dora.progress import NamedTargets, progress_record
from iact.dora.records import Change, PullRequest, Repository
from iact.dora.rules import History, Measured, NamedMetric, measured
from iact.dora.selection import ManyChanges
from iact.dora.statistics.median import median
from iact.dora.trend import TrendPoint, trend

FORMAT: Final = "iact/dora-report/v1"


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
        connection,
        request.project,
        request.repository,
        request.window,
        as_of=request.as_of,
        metrics=request.metrics,
        by_column=True,
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
        "breakdown": None if staged is None else _breakdown(connection, request, staged, history),
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


def _breakdown(connection: Connection, request: Request, staged: Measured, history: History) -> dict[str, Any]:
    rows: dict[str, Change | PullRequest]
    if isinstance(staged.samples, ManySamples):
        rows = dict(store.changes_of(connection, request.project, request.repository, slowest(staged.samples)))
    else:
        rows = {} if isinstance(history.changes, ManyChanges) else {change.sha: change for change in history.changes}
        rows |= {each.key: each for each in history.pull_requests or ()}
    return breakdown(staged, rows, {deployment.key: deployment.name for deployment in history.deployments})


def _deployments(history: History, staged: Measured | None) -> list[dict[str, Any]]:
    known = bool(history.failure_sources)
    failed, rework = history.failed, history.rework
    middles = medians(staged.samples if staged else ())
    return [
        {
            "key": deployment.key,
            "name": deployment.name,
            "deployed_at": instants.write(deployment.deployed_at),
            "changes": deployment.changes,
            "failed": deployment.key in failed if known else None,
            "rework": deployment.key in rework if known else None,
            "median": amount(middles.get(deployment.key), Unit.SECONDS),
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
