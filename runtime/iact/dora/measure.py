"""Reading what is stored and computing figures of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.engine import Connection

from iact.dora import store, unattributed
from iact.dora.figures import Figure, Sample, Window
from iact.dora.records import Deployment
from iact.dora.rules import History, NamedMetric, figure, known_at, select
from iact.dora.selection import ManyChanges
from iact.dora.terms import Source
from iact.dora.told_requests import read_requests

MANY_CHANGES: Final = 50_000
MICROSECONDS: Final = 1_000_000
"""In a second."""


def measure(  # noqa: PLR0913 - whose rows, of what, when and as known when: a caller knows these and no object of them
    connection: Connection,
    project: str,
    repository: str,
    metrics: Sequence[NamedMetric],
    window: Window,
    *,
    as_of: datetime | None = None,
) -> tuple[Figure, ...]:
    """Compute the figures of a window.

    Args:
        connection: an open connection; it is only read.
        project: the project.
        repository: the repository's key in it.
        metrics: what to compute, in the order in which it is returned.
        window: which deployments, changes and restored failures count.
        as_of: what was learnt of failures at or after this moment is not known yet; None knows everything.
    """
    history = read_history(connection, project, repository, window, as_of=as_of, metrics=metrics)
    return tuple(figure(named, history, window) for named in metrics)


def samples(  # noqa: PLR0913 - as for `measure`
    connection: Connection,
    project: str,
    repository: str,
    metric: NamedMetric,
    window: Window,
    *,
    as_of: datetime | None = None,
) -> tuple[Sample, ...]:
    """Return the rows behind one figure, ordered by moment and id.

    Args:
        connection: an open connection; it is only read.
        project: the project.
        repository: the repository's key in it.
        metric: whose rows.
        window: which rows.
        as_of: as in `measure`.
    """
    history = read_history(connection, project, repository, window, as_of=as_of, metrics=[metric])
    rows = select(metric.metric, history, window).samples
    return tuple(sorted(rows, key=lambda sample: (sample.at, sample.id)))


def read_history(  # noqa: PLR0913 - as for `measure`
    connection: Connection,
    project: str,
    repository: str,
    window: Window,
    *,
    as_of: datetime | None = None,
    metrics: Iterable[NamedMetric] = (),
    by_column: bool = False,
) -> History:
    """Return what is known of a repository that figures of a window need.

    Args:
        connection: an open connection; it is only read.
        project: the project.
        repository: the repository's key in it; one that was never read is one of which nothing is known.
        window: which deployments and changes.
        as_of: as in `measure`.
        metrics: for which figures; pull requests are read only where one of them is made of them.
        by_column: whether the caller can do with columns of changes where there are many.
    """
    metrics = tuple(metrics)
    asks_for_requests = any(Source.PULL_REQUESTS in named.metric.sources for named in metrics)
    known = store.repository(connection, project, repository)
    deployments = store.deployments(connection, project, repository, window.start, window.end)
    return History(
        known_from=_known_from(connection, project, repository, window),
        deployments=tuple(deployments),
        changes=_changes(connection, project, repository, window, deployments)
        if by_column and _may_be_columns(deployments, metrics)
        else tuple(store.deployed_changes(connection, project, repository, window.start, window.end)),
        failures=known_at(
            store.failures_about(connection, project, repository, window.start, window.end, as_of), as_of
        ),
        failure_sources=() if known is None else known.failure_sources,
        pull_requests=read_requests(connection, project, repository).requests if asks_for_requests else None,
        unattributed=unattributed.opened_in(connection, project, repository, window),
    )


def _may_be_columns(deployments: Iterable[Deployment], metrics: Iterable[NamedMetric]) -> bool:
    """Return whether changes are so many that loading NumPy pays, and durations whole microseconds."""
    steps = [named.metric.round_up_to for named in metrics if named.metric.round_up_to is not None]
    return sum(deployment.changes for deployment in deployments) >= MANY_CHANGES and all(
        (step.amount * MICROSECONDS).denominator == 1 for step in steps
    )


def _changes(
    connection: Connection, project: str, repository: str, window: Window, deployments: Sequence[Deployment]
) -> ManyChanges:
    from iact.dora.column_reading import read_columns  # noqa: PLC0415 - loads NumPy, which small windows do without

    return read_columns(connection, project, repository, window, deployments)


def _known_from(connection: Connection, project: str, repository: str, window: Window) -> datetime | None:
    """Return since when a deployment would be known: since the first commit, where there is any deployment at all.

    Where the first deployment names no commit of the history, since that deployment.
    """
    first = store.first_deployed_at(connection, project, repository)
    if first is None:
        return None
    if first < window.start:
        return window.start
    just_after = first + timedelta(microseconds=1)
    changes = store.deployed_changes(connection, project, repository, first, just_after)
    return min((change.committed_at for change in changes), default=first)
