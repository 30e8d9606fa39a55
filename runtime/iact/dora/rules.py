"""How a metric's rows are chosen and become a figure; decisions only.

A row belongs to a window by its own moment: a change and a deployment by when it was deployed, a restored failure by
when it was restored. So windows that adjoin share no row, and moving a window by a day moves only what lies at its
edges.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Final

from iact.core.quantities import Quantity
from iact.dora.figures import DefinitionReference, Figure, ManySamples, Missing, Sample, Window
from iact.dora.records import Change, Deployment, Failure, PullRequest, Unattributed
from iact.dora.selection import FIRST_KNOWN, MERGE_COMMITS, Excluded, ManyChanges, Selection
from iact.dora.spans import span_of
from iact.dora.statistics import STATISTICS
from iact.dora.terms import Each, Exclusion, NoData, Source, Where

if TYPE_CHECKING:
    from iact.dora.model import Metric

STILL_OPEN: Final = "failures that were not restored by the end of the window"
NO_PULL_REQUEST: Final = Missing(reason="no pull request was told; take them in with `iact ingest` (docs/ingest.md)")
NO_HISTORY: Final = "the history known begins after this window"
NO_DEPLOYMENT: Final = Missing(
    reason="no deployment is known",
    add=("sources:", "  git:", "    tags: v*  # or, where every merge is one, merges_to: main"),
    see="docs/metrics.md",
)
NO_FAILURE_SOURCE: Final = Missing(
    reason="no incident source",
    add=("sources:", "  git:", "    failures: {reverts: true}"),
    see="docs/incidents.md",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is known of a repository that a window needs.

    Attributes:
        known_from: the moment from which on a deployment would be known; None when no deployment is known at all.
        deployments: those of the window, the earliest first.
        changes: those first deployed in the window; many of them perhaps as columns.
        failures: every one that had started, but perhaps those that ended before the window and concern none of its
            deployments; what was restored later counts as open.
        failure_sources: the kinds of failure that are looked for; none means that failures are unknown.
        unattributed: the incidents that opened in the window and are the fault of no known deployment.
        pull_requests: every one that was told, whenever it was; None where none was, or nobody asked for them.
    """

    known_from: datetime | None
    deployments: tuple[Deployment, ...]
    changes: tuple[Change, ...] | ManyChanges
    failures: tuple[Failure, ...]
    failure_sources: tuple[str, ...]
    unattributed: tuple[Unattributed, ...] = ()
    pull_requests: tuple[PullRequest, ...] | None = None

    @property
    def failed(self) -> frozenset[str]:
        """The keys of the deployments that failed, once each however often."""
        return frozenset(failure.deployment for failure in self.failures)

    @property
    def rework(self) -> frozenset[str]:
        """The keys of the deployments that were made to mend what users saw: hot fixes, and what ended a failure."""
        mended = {failure.restored_by for failure in self.failures if failure.restored_by is not None}
        return frozenset(mended | {deployment.key for deployment in self.deployments if deployment.is_hotfix})


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedMetric:
    """A metric with the name, version and digest of its definition.

    Attributes:
        reference: which definition it is.
        metric: what the definition says.
    """

    reference: DefinitionReference
    metric: Metric

    @property
    def name(self) -> str:
        """The metric's name."""
        return self.reference.name

    @property
    def label(self) -> str:
        """The name for people: `Lead time`."""
        return self.name.replace("_", " ").replace("-", " ").capitalize()


def figure(named: NamedMetric, history: History, window: Window, rows: Selection | None = None) -> Figure:
    """Compute one figure.

    Args:
        named: the metric.
        history: what is known.
        window: what is asked for.
        rows: what `select` chooses of it, where somebody knows that already.
    """
    return measured(named, history, window, rows).figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A figure with the rows behind it.

    Attributes:
        named: the metric.
        figure: its figure.
        samples: the rows; none where the figure lacks its source.
        excluded: the rows that it is not computed from.
    """

    named: NamedMetric
    figure: Figure
    samples: Sequence[Sample]
    excluded: tuple[Excluded, ...] = ()


def measured(named: NamedMetric, history: History, window: Window, rows: Selection | None = None) -> Measured:
    """Compute one figure and return it with its rows; the parameters are those of `figure`."""
    metric, observed = named.metric, observed_part(history, window)
    missing = missing_source(metric, history, observed)
    selection = Selection(samples=()) if missing else rows or select(metric, history, window)
    if missing is None and not selection.samples and metric.no_data is NoData.UNKNOWN:
        missing = Missing(reason=_nothing_in_window(metric, history, selection))
    found = _figure(named, selection, window, observed, missing)
    return Measured(named=named, figure=found, samples=selection.samples, excluded=selection.excluded)


def quantity(named: NamedMetric, history: History, window: Window, rows: Selection) -> Quantity | None:
    """Return the value of a figure alone, without its interval, which takes most of the time of computing one.

    Args:
        named: the metric.
        history: what is known.
        window: what is asked for.
        rows: what `select` chooses of it.
    """
    metric, observed = named.metric, observed_part(history, window)
    known = observed if missing_source(metric, history, observed) is None else None
    value = value_of(metric, rows.samples, known)
    return None if value is None else STATISTICS[metric.show].unit.quantity(value)


def value_of(metric: Metric, samples: Sequence[Sample], observed: Window | None) -> Decimal | None:
    """Return what a metric's statistic makes of rows; None where that is unknown.

    Args:
        metric: the metric.
        samples: its rows of a window.
        observed: the part of the window that the known history covers; None where it covers nothing.
    """
    if observed is None or (not samples and metric.no_data is NoData.UNKNOWN):
        return None
    return STATISTICS[metric.show]().value(samples, observed)


def _figure(
    named: NamedMetric, selection: Selection, window: Window, observed: Window | None, missing: Missing | None
) -> Figure:
    metric, statistic = named.metric, STATISTICS[named.metric.show]()
    known = observed if missing is None else None
    value = None if known is None else statistic.value(selection.samples, known)
    interval = "" if known is None else statistic.interval(selection.samples, known)
    return Figure(
        name=named.name,
        label=named.label,
        question=metric.question,
        value=value,
        unit=statistic.unit,
        n=len(selection.samples),
        clusters=_cluster_count(selection.samples),
        interval=None if isinstance(interval, str) else interval,
        no_interval=interval if isinstance(interval, str) else "",
        window=window,
        observed=observed or window,
        definition=named.reference,
        missing=missing,
        better=metric.better.value,
        left_out=selection.left_out,
        statistic=metric.show,
        shown_in=metric.unit,
    )


def _cluster_count(samples: Sequence[Sample]) -> int:
    if isinstance(samples, ManySamples):
        return samples.cluster_count()
    return len({sample.cluster for sample in samples})


def observed_part(history: History, window: Window) -> Window | None:
    """Return the part of a window that the known history covers; None where it covers nothing."""
    if history.known_from is None or history.known_from >= window.end:
        return None
    return Window(max(window.start, history.known_from), window.end)


def missing_source(metric: Metric, history: History, observed: Window | None) -> Missing | None:
    """Return which source a metric lacks, and how to add it; None when it lacks none."""
    if history.known_from is None:
        return NO_DEPLOYMENT
    if observed is None:
        return Missing(reason=NO_HISTORY)
    if Source.FAILURES in metric.sources and not history.failure_sources:
        return NO_FAILURE_SOURCE
    if Source.PULL_REQUESTS in metric.sources and history.pull_requests is None:
        return NO_PULL_REQUEST
    return None


def _nothing_in_window(metric: Metric, history: History, selection: Selection) -> str:
    if metric.each is Each.FAILURE:
        count = sum(row.reason == STILL_OPEN for row in selection.excluded)
        return "no failure was restored in the window" + (f", and {count} not restored yet" if count else "")
    if not history.deployments:
        return "no releases in the window"
    if selection.left_out:
        return "every row in the window was left out: " + ", ".join(
            f"{left.count} {left.reason}" for left in selection.left_out
        )
    return "the releases in the window hold no changes"


def select(metric: Metric, history: History, window: Window) -> Selection:
    """Return the rows of a metric that belong to a window, and why others are left out."""
    match metric.each:
        case Each.CHANGE:
            if isinstance(history.changes, ManyChanges):
                return history.changes.select(metric)
            return _of_changes(metric, history, history.changes)
        case Each.DEPLOYMENT:
            counted = _counted(metric, history)
            rows = (_of_deployment(deployment, counted) for deployment in history.deployments)
            nobodys = _of_no_deployment(history, window) if metric.where is Where.FAILED else ()
            return _gather(chain(rows, nobodys))
        case Each.FAILURE:
            return _gather(chain(_of_failures(metric, history.failures, window), _of_no_deployment(history, window)))
        case Each.PULL_REQUEST:
            return _gather(_of_pull_requests(metric, history.pull_requests or (), window))


def _gather(rows: Iterable[Sample | Excluded]) -> Selection:
    """Part the rows that are used from those that are not."""
    samples: list[Sample] = []
    excluded: list[Excluded] = []
    for row in rows:
        if isinstance(row, Sample):
            samples.append(row)
        else:
            excluded.append(row)
    return Selection(samples=tuple(samples), excluded=tuple(excluded))


def _of_changes(metric: Metric, history: History, changes: Iterable[Change]) -> Selection:
    # Parted here and not by `_gather`: changes are so many more than other rows that asking twice what one is shows.
    samples: list[Sample] = []
    excluded: list[Excluded] = []
    first_known = {deployment.key for deployment in history.deployments if deployment.first_known}
    without_first = Exclusion.FIRST_KNOWN_DEPLOYMENT in metric.leave_out
    without_merges = Exclusion.MERGES in metric.leave_out
    took = span_of(metric)
    for change in changes:
        assert change.deployment is not None  # noqa: S101 - only deployed changes are asked for
        assert change.deployed_at is not None  # noqa: S101 - as above
        if without_first and change.deployment in first_known:
            excluded.append(Excluded(change.sha, change.deployed_at, FIRST_KNOWN))
        elif without_merges and change.is_merge:
            excluded.append(Excluded(change.sha, change.deployed_at, MERGE_COMMITS))
        elif isinstance(span := took(change), str):
            excluded.append(Excluded(change.sha, change.deployed_at, span))
        else:
            samples.append(Sample(span, change.deployment, change.deployed_at, change.sha, change.by_agent))
    return Selection(samples=tuple(samples), excluded=tuple(excluded))


def moment_of(request: PullRequest) -> datetime:
    """Return the moment by which a pull request belongs to a window: the last that is known of it."""
    return request.deployed_at or request.merged_at or request.opened_at


def _of_pull_requests(metric: Metric, requests: Iterable[PullRequest], window: Window) -> Iterator[Sample | Excluded]:
    took = span_of(metric)
    for request in requests:
        at = moment_of(request)
        if at not in window:
            continue
        if request.deployment is None:
            yield Excluded(request.key, at, request.not_deployed)
        elif isinstance(span := took(request), str):
            yield Excluded(request.key, at, span)
        else:
            yield Sample(value=span, cluster=request.deployment, at=at, id=request.key)


def _counted(metric: Metric, history: History) -> frozenset[str]:
    match metric.where:
        case Where.FAILED:
            return history.failed
        case Where.REWORK:
            return history.rework
        case None:
            return frozenset(deployment.key for deployment in history.deployments)


def _of_deployment(deployment: Deployment, counted: frozenset[str]) -> Sample:
    return Sample(
        value=Decimal(int(deployment.key in counted)),
        cluster=deployment.key,
        at=deployment.deployed_at,
        id=deployment.key,
    )


def _of_no_deployment(history: History, window: Window) -> Iterator[Excluded]:
    """Walk the incidents that count as no failure: a figure says how many it leaves out."""
    return (Excluded(one.key, one.opened_at, one.reason) for one in history.unattributed if one.opened_at in window)


def _of_failures(metric: Metric, failures: Iterable[Failure], window: Window) -> Iterator[Sample | Excluded]:
    seen: set[tuple[str, str]] = set()
    took = span_of(metric)
    for failure in sorted(failures, key=lambda failure: (failure.started_at, failure.key)):
        if failure.restored_at is None or failure.restored_at >= window.end:
            if failure.started_at < window.end:
                yield Excluded(failure.key, failure.started_at, STILL_OPEN)
            continue
        if failure.restored_at < window.start:
            continue
        # A revert that ships in a hot fix is seen twice, and restored once, by one deployment.
        if failure.restored_by is not None:
            if (failure.deployment, failure.restored_by) in seen:
                reason = "further signs of a failure that is counted already"
                yield Excluded(failure.key, failure.restored_at, reason)
                continue
            seen.add((failure.deployment, failure.restored_by))
        span = took(failure)
        if isinstance(span, str):
            yield Excluded(failure.key, failure.restored_at, span)
        else:
            yield Sample(value=span, cluster=failure.deployment, at=failure.restored_at, id=failure.key)


SEEN_WHEN_MENDED: Final = frozenset({"revert", "hotfix"})
"""Kinds of failure that nothing shows before the deployment that mends them."""


def known_at(failures: Iterable[Failure], as_of: datetime | None) -> tuple[Failure, ...]:
    """Return the failures as they were known at a moment.

    One that had not started is not there, one that was restored later is open, and one that only its repair gives away
    is not there before the repair was.

    Args:
        failures: all that are known now.
        as_of: the moment; None for now.
    """
    if as_of is None:
        return tuple(failures)
    known = []
    for failure in failures:
        is_over = failure.restored_at is None or failure.restored_at < as_of
        if failure.started_at < as_of and is_over:
            known.append(failure)
        elif failure.started_at < as_of and failure.kind not in SEEN_WHEN_MENDED:
            known.append(replace(failure, restored_at=None, restored_by=None))
    return tuple(known)
