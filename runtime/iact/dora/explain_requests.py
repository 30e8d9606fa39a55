"""Where a figure of pull requests comes from: every pull request with its stages, and what deployments were told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from iact.core import instants
from iact.dora.figures import Unit, Window, plain
from iact.dora.model import Metric
from iact.dora.pull_requests import DeploymentStep
from iact.dora.records import PullRequest
from iact.dora.rules import moment_of
from iact.dora.spans import span_of, spans_of
from iact.dora.told_requests import ToldRequests
from iact.sources.events.model import Status


def requests_record(metric: Metric, told: ToldRequests, window: Window) -> list[dict[str, Any]]:
    """Return the pull requests of a window, those that were left out among them, with their stages.

    Args:
        metric: which says what the stages are.
        told: what was told.
        window: which pull requests.
    """
    requests = [request for request in told.requests or () if moment_of(request) in window]
    return [_request(metric, request) for request in requests]


def deployments_record(told: ToldRequests) -> list[dict[str, Any]]:
    """Return every deployment that was told, whether it counts or not, with the one before it in its chain."""
    ids = {step.key: step.id for step in told.steps}
    return [_step(step, ids) for step in told.steps]


def _request(metric: Metric, request: PullRequest) -> dict[str, Any]:
    took = span_of(metric)(request)
    return {
        "id": request.id,
        "key": request.key,
        "used": request.deployment is not None and not isinstance(took, str),
        "left_out": request.not_deployed or (took if isinstance(took, str) else ""),
        "value": _seconds(None if isinstance(took, str) or request.merged_at is None else took),
        "stages": [
            {"stage": stage, "time": _seconds(span)} for stage, span in spans_of(metric.stages, metric, request)
        ],
        "first_commit": request.first_commit,
        "first_commit_at": _written(request.first_commit_at),
        "opened_at": _written(request.opened_at),
        "first_review": request.first_review,
        "reviewed_at": _written(request.reviewed_at),
        "merged_at": _written(request.merged_at),
        "sha": request.sha,
        "deployment": request.deployment_id,
        "deployed_at": _written(request.deployed_at),
    }


def _step(step: DeploymentStep, ids: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": step.id,
        "key": step.key,
        "status": step.status.value,
        "scope": step.scope,
        "repository": step.repository,
        "environment": step.environment,
        "sha": step.sha,
        "started_at": _written(step.started_at),
        "finished_at": _written(step.finished_at),
        "previous": None if step.previous is None else ids[step.previous],
    }


def _seconds(span: Decimal | None) -> dict[str, str] | None:
    return None if span is None else {"value": plain(span), "shown": str(Unit.SECONDS.quantity(span))}


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else instants.write(moment)


def show_requests(found: Mapping[str, Any], console: Console) -> None:
    """Print the pull requests and deployments of an explanation.

    Args:
        found: what `iact.dora.explain.explanation` returned.
        console: where to.
    """
    requests = found["pull_requests"]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    stages = [stage["stage"] for stage in requests[0]["stages"]] if requests else []
    for title in ("pull request", *stages, "total", "deployment"):
        table.add_column(escape(title), no_wrap=True)
    for request in requests:
        times = [_shown(stage["time"]) for stage in request["stages"]]
        table.add_row(escape(request["id"]), *times, _shown(request["value"]), escape(request["deployment"] or "–"))
    console.print(table)
    for request in requests:
        if request["left_out"]:
            console.print(f"[dim]left out {escape(request['id'])}: {escape(request['left_out'])}[/dim]")
    window = found["metric"]["window"]
    for line in _chains(one for one in found["deployments"] if _is_within(one["finished_at"], window)):
        console.print(line)


def _is_within(moment: str | None, window: Mapping[str, Any]) -> bool:
    """Return whether a moment as it is written lies in a window; all are written alike, so texts compare."""
    return moment is not None and window["from"] <= moment < window["to"]


def _shown(time: Mapping[str, str] | None) -> str:
    return "–" if time is None else time["shown"]


def _chains(steps: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield each told deployment with the one before it, or why it has none."""
    for step in steps:
        chain = ", ".join(str(part) for part in (step["scope"], step["repository"], step["environment"]) if part)
        if step["previous"] is not None:
            said = f"follows {step['previous']}"
        elif step["status"] == Status.SUCCESS.value:
            said = "is the first of its scope, repository and environment"
        else:
            said = f"does not count: {step['status']}"
        yield f"[dim]deployment {escape(step['id'])} ({escape(chain)}) {escape(said)}[/dim]"
