"""How long a row took between two moments of its life, and in its stages; decisions only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from iact.core.quantities import Quantity
from iact.dora.figures import rounded, seconds
from iact.dora.records import Change, Failure, PullRequest
from iact.dora.terms import Each, Milestone

if TYPE_CHECKING:
    from iact.dora.model.metric import Metric, Stage

MOMENT: Final[Mapping[Milestone, Callable[[Any], datetime | None]]] = {
    Milestone.AUTHORED: attrgetter("authored_at"),
    Milestone.COMMITTED: attrgetter("committed_at"),
    Milestone.FIRST_COMMIT: attrgetter("first_commit_at"),
    Milestone.OPENED: attrgetter("opened_at"),
    Milestone.REVIEWED: attrgetter("reviewed_at"),
    Milestone.MERGED: attrgetter("merged_at"),
    Milestone.DEPLOYED: attrgetter("deployed_at"),
    Milestone.STARTED: attrgetter("started_at"),
    Milestone.RESTORED: attrgetter("restored_at"),
}
"""When a row passed each milestone; None where it did not."""


def span_of(metric: Metric) -> Callable[[Change | Failure | PullRequest], Decimal | str]:
    """Return what says how many seconds a row took, or why that cannot be said."""
    if metric.sum_of:
        return lambda row: sum((part for _, part in spans_of(metric.sum_of, metric, row) if part), Decimal(0))
    assert metric.from_ is not None  # noqa: S101 - a metric's own check has said so
    assert metric.to is not None  # noqa: S101 - as above
    begins, ends, start_of, end_of = metric.from_, metric.to, MOMENT[metric.from_], MOMENT[metric.to]
    noun, round_up_to = NOUN[metric.each], metric.round_up_to

    def span(row: Change | Failure | PullRequest) -> Decimal | str:
        start, end = start_of(row), end_of(row)
        if start is None or end is None:
            return f"{noun} that were never {begins if start is None else ends}"
        if end < start:
            return f"{ends} before they were {begins}"
        return rounded_up(seconds(end - start), round_up_to)

    return span


NOUN: Final = {
    Each.CHANGE: "changes",
    Each.DEPLOYMENT: "deployments",
    Each.FAILURE: "changes",
    Each.PULL_REQUEST: "pull requests",
}
"""What rows are called where it is said why some are left out."""


def spans_of(
    stages: Iterable[Stage], metric: Metric, row: Change | Failure | PullRequest
) -> list[tuple[str, Decimal | None]]:
    """Return how many seconds each stage of a row took; None where a moment is unknown, or it ends before it begins.

    Args:
        stages: the stages, such as those of the metric.
        metric: which says whether durations are rounded up.
        row: the row.
    """
    found = []
    for stage in stages:
        start, end = MOMENT[stage.from_](row), MOMENT[stage.to](row)
        known = start is not None and end is not None and end >= start
        span = rounded_up(seconds(end - start), metric.round_up_to) if known and start and end else None
        found.append((stage.stage, span))
    return found


def rounded_up(span: Decimal, to: Quantity | None) -> Decimal:
    """Return a span in seconds, rounded up to whole numbers of a duration; None leaves it as it is."""
    if to is None:
        return span
    return rounded(-(-Fraction(span) // to.amount) * to.amount)
