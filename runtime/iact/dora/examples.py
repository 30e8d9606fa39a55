"""Computing the examples that a metric's definition carries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from iact.core.instants import EPOCH
from iact.dora.figures import DefinitionReference, Figure, Window, rounded
from iact.dora.pull_requests import FIRST_OF_CHAIN, UNDEPLOYED, UNMERGED
from iact.dora.records import Change, Deployment, Failure, PullRequest
from iact.dora.rules import History, NamedMetric, figure
from iact.dora.terms import Each, Source

if TYPE_CHECKING:
    from iact.dora.model import Example, Metric, Row

_JUST_AFTER = timedelta(microseconds=1)


def outcome_of(name: str, metric: Metric, example: Example) -> str:
    """Return what is wrong with an example; empty where it comes out as it says."""
    rows = (example,) if example.rows is None else example.rows
    if not all(_key_moment(metric, row) for row in rows):
        return f"each row of an example of `each: {metric.each}` needs {_KEY_MOMENTS[metric.each]}."
    found = compute(name, metric, example, rows)
    expected = example.expect
    if expected is None:
        return "" if found.quantity is None else f"expected no figure, computed {found.shown}."
    if found.quantity is None:
        return f"expected {expected}, computed none: {found.missing}."
    if found.quantity.dimension is not expected.dimension:
        return f"expected {expected}, a {expected.dimension}; the metric is a {found.quantity.dimension}."
    if rounded(found.quantity.amount) != rounded(expected.amount):
        return f"expected {expected}, computed {found.shown}."
    return ""


def compute(name: str, metric: Metric, example: Example, rows: Iterable[Row]) -> Figure:
    """Return the figure of an example."""
    rows = tuple(rows)
    moments = sorted(moment for row in rows for moment in _moments(row))
    start = moments[0] if moments else EPOCH
    end = moments[-1] + _JUST_AFTER if moments else EPOCH + metric.window.timedelta
    window = Window(start, start + example.over.timedelta if example.over else end)
    named = NamedMetric(reference=DefinitionReference(name=name, version="", digest=""), metric=metric)
    return figure(named, _history(metric, example, rows, window), window)


_KEY_MOMENTS = {
    Each.CHANGE: "`deployed`",
    Each.DEPLOYMENT: "`deployed`",
    Each.FAILURE: "`started`",
    Each.PULL_REQUEST: "`opened`",
}


def _key_moment(metric: Metric, row: Row) -> datetime | None:
    if metric.each is Each.PULL_REQUEST:
        return row.opened
    return row.started if metric.each is Each.FAILURE else row.deployed


def _moments(row: Row) -> Iterator[datetime]:
    every = (
        *(row.authored, row.committed, row.merged, row.deployed, row.started, row.restored),
        *(row.first_commit, row.opened, row.reviewed),
    )
    return (moment for moment in every if moment is not None)


def _history(metric: Metric, example: Example, rows: tuple[Row, ...], window: Window) -> History:
    has_deployments = Source.DEPLOYMENTS not in example.without
    has_failures = Source.FAILURES not in example.without
    deployments = {
        row.deployed: _deployment(row, row.deployed) for row in rows if row.deployed is not None and has_deployments
    }
    numbered = [(f"{number:04}", row) for number, row in enumerate(rows)]
    changes = [_change(key, row, row.deployed) for key, row in numbered if metric.each is Each.CHANGE and row.deployed]
    requests = [_request(key, row) for key, row in numbered if metric.each is Each.PULL_REQUEST]
    has_requests = Source.PULL_REQUESTS not in example.without
    failures = [_failure(key, row, metric) for key, row in numbered if _is_failure(row, metric)]
    return History(
        known_from=window.start if has_deployments else None,
        deployments=tuple(deployment for deployed, deployment in sorted(deployments.items()) if deployed in window),
        changes=tuple(change for change in changes if change.deployed_at in deployments),
        failures=tuple(failures) if has_failures else (),
        failure_sources=("example",) if has_failures else (),
        pull_requests=tuple(requests) if has_requests else None,
    )


def _deployment(row: Row, deployed: datetime) -> Deployment:
    return Deployment(
        key=_key(deployed),
        name=_key(deployed),
        names=(),
        sha="",
        deployed_at=deployed,
        previous=None,
        environment="example",
        source="example",
        changes=1,
        is_hotfix=row.rework,
        first_known=row.first,
    )


def _change(key: str, row: Row, deployed: datetime) -> Change:
    written = row.authored or row.committed or row.merged or deployed
    return Change(
        sha=key,
        subject="",
        authored_at=written,
        committed_at=row.committed or written,
        merged_at=row.merged,
        merged_by=None,
        is_merge=row.merge,
        by_agent=False,
        deployment=_key(deployed),
        deployed_at=deployed,
    )


def _request(key: str, row: Row) -> PullRequest:
    assert row.opened is not None  # noqa: S101 - every row was found to have its key moment
    why_not = UNMERGED if row.merged is None else UNDEPLOYED if row.deployed is None else FIRST_OF_CHAIN
    counts = row.merged is not None and row.deployed is not None and not row.first
    return PullRequest(
        key=key,
        id=key,
        subject="",
        opened_at=row.opened,
        first_commit=None,
        first_commit_at=row.first_commit,
        first_review=None,
        reviewed_at=row.reviewed,
        merged_at=row.merged,
        sha=None,
        deployment=_key(row.deployed) if row.deployed and counts else None,
        deployment_id=None,
        deployed_at=row.deployed if counts else None,
        not_deployed="" if counts else why_not,
    )


def _is_failure(row: Row, metric: Metric) -> bool:
    return metric.each is Each.FAILURE or row.failed


def _failure(key: str, row: Row, metric: Metric) -> Failure:
    started = row.started or row.deployed
    assert started is not None  # noqa: S101 - every row was found to have its key moment
    return Failure(
        key=key,
        kind="incident",
        # Each row of failures is one of its own, of a deployment that need not be named.
        deployment=_key(row.deployed) if row.deployed and metric.each is not Each.FAILURE else key,
        started_at=started,
        restored_at=row.restored,
        restored_by=None,
        evidence="",
        source="example",
    )


def _key(deployed: datetime) -> str:
    return deployed.isoformat()
