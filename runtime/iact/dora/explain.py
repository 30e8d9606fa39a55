"""Where a figure comes from: every row behind it, and every row that was left out with the reason why."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy.engine import Connection

from iact.core import instants
from iact.dora.definitions import USUAL
from iact.dora.explain_requests import deployments_record, requests_record, show_requests
from iact.dora.figures import Unit, plain
from iact.dora.measure import read_history
from iact.dora.records import Failure
from iact.dora.report import Request
from iact.dora.rules import History, NamedMetric, measured
from iact.dora.terms import Each, Where
from iact.dora.told_requests import read_requests

FORMAT: Final = "iact/dora-explanation/v1"
CONFIDENCES: Final = ("high", "medium", "low")
"""How sure it can be which deployment failed, the surest first."""
_ABBREVIATED: Final = 12
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
SEVERAL: Final = "iact/dora-explanations/v1"


def explanation(connection: Connection, request: Request, metric: NamedMetric) -> dict[str, Any]:
    """Return a figure with its rows as JSON data; the rows that weigh most come first.

    What failed is told with each sign of it: what it was, whose fault that is taken to be and how sure that is.

    Args:
        connection: an open connection; it is only read.
        request: which repository and window; its metrics do not matter.
        metric: which figure.
    """
    place = (request.project, request.repository)
    of_requests = metric.metric.each is Each.PULL_REQUEST
    told = read_requests(connection, *place) if of_requests else None
    history = read_history(connection, *place, request.window, as_of=request.as_of, metrics=[metric])
    result = measured(metric, history, request.window)
    names = {deployment.key: deployment.name for deployment in history.deployments}
    unit = Unit.NUMBER if result.figure.unit is not Unit.SECONDS else Unit.SECONDS
    failures = _failures_by_row(metric, history)
    ordered = sorted(result.samples, key=lambda sample: (-sample.value, sample.at, sample.id))
    return {
        "format": FORMAT,
        "repository": request.name,
        "by_definition": USUAL if request.definition is None else request.definition.name,
        "metric": result.figure.to_record(),
        "rows": [
            {
                "id": sample.id,
                "value": plain(sample.value),
                "shown": str(unit.quantity(sample.value)),
                "deployment": names.get(sample.cluster, sample.cluster),
                "at": instants.write(sample.at),
                "agent": sample.agent,
                "failures": [_failure(failure) for failure in failures.get(sample.id, ())],
            }
            for sample in ordered
        ],
        "left_out": [
            {"id": row.id, "at": instants.write(row.at), "reason": row.reason}
            for row in sorted(result.excluded, key=lambda row: (row.reason, row.at, row.id))
        ],
        "pull_requests": None if told is None else requests_record(metric.metric, told, request.window),
        "deployments": None if told is None else deployments_record(told),
    }


def _failures_by_row(metric: NamedMetric, history: History) -> Mapping[str, list[Failure]]:
    """Return the failures behind each row by its id: those of a deployment, or the one that the row is."""
    found: dict[str, list[Failure]] = defaultdict(list)
    for failure in history.failures:
        if metric.metric.each is Each.FAILURE:
            found[failure.key].append(failure)
        elif metric.metric.where is Where.FAILED:
            found[failure.deployment].append(failure)
    return found


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "id": failure.key,
        "kind": failure.kind,
        "source": failure.source,
        "started_at": instants.write(failure.started_at),
        "restored_at": None if failure.restored_at is None else instants.write(failure.restored_at),
        "confidence": failure.confidence,
        "evidence": failure.evidence,
    }


def explanations(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the explanations of one figure by several definitions as one document."""
    return {"format": SEVERAL, "explanations": list(found)}


def show_explanations(found: Mapping[str, Any], console: Console | None = None) -> None:
    """Print the explanations of several definitions, one after the other.

    Args:
        found: what `explanations` returned.
        console: where to; None for the terminal.
    """
    console = console or Console(highlight=False)
    for number, one in enumerate(found["explanations"]):
        console.print(("\n" if number else "") + f"By the definition {escape(one['by_definition'])}:")
        show_explanation(one, console)


def show_explanation(found: Mapping[str, Any], console: Console | None = None) -> None:
    """Print an explanation for people.

    Args:
        found: what `explanation` returned.
        console: where to; None for the terminal.
    """
    console = console or Console(highlight=False)
    for line in (*_heading(found["repository"], found["metric"]), *_confidences(found["rows"])):
        console.print(line)
    if found["pull_requests"] is not None:
        show_requests(found, console)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    with_failures = any(row["failures"] for row in found["rows"])
    for title in ("row", "value", "release", "at"):
        table.add_column(title, no_wrap=True)
    if with_failures:
        table.add_column("confidence and what says so", overflow="fold")
    for row in found["rows"]:
        cells = [_id(row["id"]), row["shown"], escape(row["deployment"]), _moment(row["at"])]
        table.add_row(*cells, *([_signs(row["failures"])] if with_failures else []))
    console.print(table)
    for row in found["left_out"]:
        console.print(f"[dim]left out {_id(row['id'])} of {_moment(row['at'])}: {escape(row['reason'])}[/dim]")


def _id(text: str) -> str:
    """Return an id as people know it: a commit abbreviated, everything else in full."""
    return text[:_ABBREVIATED] if _COMMIT.fullmatch(text) else escape(text)


def _signs(failures: Iterable[Mapping[str, Any]]) -> str:
    return "\n".join(f"{one['confidence']}: {escape(one['kind'])}, {escape(one['evidence'])}" for one in failures)


def _heading(repository: str, metric: Mapping[str, Any]) -> Iterator[str]:
    window, definition = metric["window"], metric["definition"]
    yield f"[bold]{escape(metric['question'])}[/bold]"
    value = metric["shown"] if metric["missing"] is None else f"unknown, {metric['missing']['reason']}"
    yield (
        f"{escape(repository)}: {escape(metric['label'].lower())} {escape(value)}, the {metric['statistic']} of "
        f"{metric['n']} rows in {metric['clusters']} releases, {_moment(window['from'])} to {_moment(window['to'])}"
    )
    if metric["interval"]:
        interval = metric["interval"]
        yield f"95 % interval {escape(interval['shown'])}: {interval['method']} ({escape(interval['source'])})"
    elif metric["no_interval"]:
        yield f"No interval: {escape(metric['no_interval'])}"
    if metric["left_out"]:
        left_out = sum(one["count"] for one in metric["left_out"])
        yield f"Left out: {left_out} rows, each with its reason below"
    version = f" version {definition['version']}" if definition["version"] else ""
    yield f"By the definition {escape(definition['name'])}{version}, {definition['digest']}"


def _confidences(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Say how sure it is what failed: of each row the surest of its signs."""
    surest = Counter(
        min((one["confidence"] for one in row["failures"]), key=CONFIDENCES.index) for row in rows if row["failures"]
    )
    if surest:
        counts = ", ".join(f"{surest[name]} with {name} confidence" for name in CONFIDENCES if surest[name])
        yield f"What failed: {counts} (docs/incidents.md says what that means)"


def _moment(text: str) -> str:
    return instants.show(instants.parse(text))
