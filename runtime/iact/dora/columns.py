"""The changes of a large window as columns: one array for each attribute instead of one object for each change.

A million changes as tuples of objects take a gigabyte, as columns a tenth of it, and are counted and ordered twenty
times as quickly. Moments and durations are whole microseconds, so that every figure is exactly the one of the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, overload

import numpy as np

from iact.core import instants
from iact.dora.figures import LeftOut, ManySamples, Sample, seconds
from iact.dora.selection import FIRST_KNOWN, MERGE_COMMITS, ManyChanges, Selection
from iact.dora.spans import NOUN
from iact.dora.statistics.median import EXACT, SMALLEST, accepted, tail_probability
from iact.dora.terms import Exclusion, Milestone

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iact.core.quantities import Quantity
    from iact.dora.model.metric import Metric, Stage

    Whole = NDArray[np.int64]
    Truth = NDArray[np.bool_]

NEVER: Final = np.iinfo(np.int64).min
"""The moment of what did not happen."""
_MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Releases:
    """The deployments that changes were first deployed by.

    Attributes:
        keys: of each; columns name a deployment by its place here.
        deployed_at: when each was.
        is_first_known: whether it is the first known one of its environment.
    """

    keys: Sequence[str]
    deployed_at: Sequence[datetime]
    is_first_known: Truth


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChangeColumns(ManyChanges):
    """Changes that were first deployed in a window, ordered by their deployment.

    Attributes:
        releases: their deployments.
        ids: the commits.
        release: the place of the deployment of each.
        moments: when each was authored, committed, merged and deployed, in microseconds since 1970; `NEVER`.
        is_merge: whether each merges branches.
        by_agent: whether an AI agent made it.
    """

    releases: Releases
    ids: NDArray[np.bytes_]
    release: NDArray[np.int32]
    moments: Mapping[Milestone, Whole]
    is_merge: Truth
    by_agent: Truth

    def select(self, metric: Metric) -> Selection:
        """Return the rows of a metric of changes, and how many are left out and why, as `rules.select` does."""
        reasons: list[tuple[str, Truth]] = []
        if Exclusion.FIRST_KNOWN_DEPLOYMENT in metric.leave_out:
            reasons.append((FIRST_KNOWN, self.releases.is_first_known[self.release]))
        if Exclusion.MERGES in metric.leave_out:
            reasons.append((MERGE_COMMITS, self.is_merge))
        values, unknown = self._spans(metric)
        chosen = np.ones(len(self.ids), dtype=np.bool_)
        left_out = []
        for reason, concerned in (*reasons, *unknown):
            count = int(np.count_nonzero(chosen & concerned))
            chosen &= ~concerned
            left_out += [LeftOut(reason=reason, count=count)] if count else []
        places = np.flatnonzero(chosen)
        samples = SampleColumns(changes=self, places=places, values=values[places])
        return Selection(samples=samples, counted=tuple(sorted(left_out, key=lambda one: one.reason)))

    def _spans(self, metric: Metric) -> tuple[Whole, list[tuple[str, Truth]]]:
        """Return how long each row took, and for which rows it cannot be said and why, the first reason first."""
        if metric.sum_of:
            total = np.zeros(len(self.ids), dtype=np.int64)
            for span, is_known in (self.stage(stage, metric) for stage in metric.sum_of):
                total += np.where(is_known, span, 0)
            return total, []
        assert metric.from_ is not None  # noqa: S101 - a metric's own check has said so
        assert metric.to is not None  # noqa: S101 - as above
        start, end = self.moments[metric.from_], self.moments[metric.to]
        noun = NOUN[metric.each]
        unknown = [
            (f"{noun} that were never {metric.from_}", start == NEVER),
            (f"{noun} that were never {metric.to}", end == NEVER),
            (f"{metric.to} before they were {metric.from_}", end < start),
        ]
        return _rounded_up(end - start, metric.round_up_to), unknown

    def stage(self, stage: Stage, metric: Metric) -> tuple[Whole, Truth]:
        """Return how long a stage of each change was, and for which changes that is known."""
        start, end = self.moments[stage.from_], self.moments[stage.to]
        is_known = (start != NEVER) & (end != NEVER) & (end >= start)
        return _rounded_up(end - start, metric.round_up_to), is_known


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampleColumns(ManySamples):
    """The rows behind a figure of changes, ordered by their deployment.

    Attributes:
        changes: of which they are some.
        places: which.
        values: how long each took, in microseconds.
    """

    changes: ChangeColumns
    places: NDArray[np.intp]
    values: Whole

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.places)

    @overload
    def __getitem__(self, place: int) -> Sample: ...

    @overload
    def __getitem__(self, place: slice) -> SampleColumns: ...

    def __getitem__(self, place: int | slice) -> Sample | SampleColumns:
        """Return one row, or some of them as columns."""
        if isinstance(place, slice):
            return self._at(place)
        changes, index = self.changes, self.places[place]
        release = changes.release[index]
        return Sample(
            value=_exact(int(self.values[place])),
            cluster=changes.releases.keys[release],
            at=changes.releases.deployed_at[release],
            id=changes.ids[index].decode(),
            agent=bool(changes.by_agent[index]),
        )

    def __iter__(self) -> Iterator[Sample]:
        """Walk the rows one by one, which a statistic does that knows nothing of columns."""
        return (self[place] for place in range(len(self)))

    def _at(self, wanted: Any) -> SampleColumns:
        return SampleColumns(changes=self.changes, places=self.places[wanted], values=self.values[wanted])

    def of_makers(self, *, agents: bool) -> SampleColumns:
        """Return those that agents made, or those that people did."""
        return self._at(self.changes.by_agent[self.places] == agents)

    def between(self, start: datetime, end: datetime) -> SampleColumns:
        """Return those from one moment to just before another."""
        deployed = self.changes.moments[Milestone.DEPLOYED][self.places]
        first, after = np.searchsorted(deployed, [_since_1970(start), _since_1970(end)])
        return self._at(slice(int(first), int(after)))

    def cluster_count(self) -> int:
        """Return how many deployments they belong to."""
        return len(self._starts())

    def median(self) -> Decimal | None:
        """Return the median, as `statistics.median` computes it of the rows."""
        return _middle(np.sort(self.values))

    def median_bounds(self) -> tuple[Decimal, Decimal] | None:
        """Return the interval of the median, as `statistics.median` computes it of the rows."""
        starts = self._starts()
        if len(starts) < SMALLEST:
            return None
        sizes = np.diff(np.append(starts, len(self)))
        distinct = np.unique(self.values)

        def deviations(place: int) -> Whole:
            return 2 * np.add.reduceat((self.values <= distinct[place]).astype(np.int64), starts) - sizes

        low, high = accepted(
            len(distinct),
            lambda place: _probability(deviations(place)),
            lambda place: int(deviations(place).sum()) >= 0,
        )
        return _exact(int(distinct[low])), _exact(int(distinct[high]))

    def medians(self) -> dict[str, Decimal]:
        """Return the median of each deployment, by its key."""
        if not len(self):
            return {}
        release = self.changes.release[self.places]
        ordered = self.values[np.lexsort((self.values, release))]
        starts = self._starts()
        ends = np.append(starts[1:], len(self))
        low, high = ordered[(starts + ends - 1) // 2], ordered[(starts + ends) // 2]
        keys = self.changes.releases.keys
        return {
            keys[place]: _exact(one) if one == other else (_exact(one) + _exact(other)) / 2
            for place, one, other in zip(release[starts].tolist(), low.tolist(), high.tolist(), strict=True)
        }

    def counts(self, edges: Sequence[Decimal]) -> list[int]:
        """Return how many lie between each edge and the next, and how many beyond the last."""
        bounds = np.array([int(edge * _MICROSECONDS) for edge in edges], dtype=np.int64)
        places = np.searchsorted(bounds, self.values, side="right") - 1
        return [int(count) for count in np.bincount(places, minlength=len(edges))]

    def slowest(self, count: int) -> list[Sample]:
        """Return the rows that took longest, the longest first; of those that took as long, by their id."""
        if not len(self):
            return []
        least = np.partition(self.values, -count)[-count] if len(self) > count else self.values.min()
        places = np.flatnonzero(self.values >= least)
        order = np.lexsort((self.changes.ids[self.places[places]], -self.values[places]))[:count]
        return [self[place] for place in places[order].tolist()]

    def stage_times(self, metric: Metric) -> list[tuple[Decimal, Decimal | None, int]]:
        """Return the sum, the median and the number of each stage of the rows of which every stage is known."""
        spans = [self.changes.stage(one, metric) for one in metric.stages]
        all_known = np.logical_and.reduce([is_known[self.places] for _, is_known in spans])
        chosen = [span[self.places][all_known] for span, _ in spans]
        return [(_sum(span), _middle(np.sort(span)), len(span)) for span in chosen]

    def _starts(self) -> NDArray[np.intp]:
        """Return the place of the first row of each deployment."""
        release = self.changes.release[self.places]
        if not len(release):
            return np.zeros(0, dtype=np.intp)
        return np.concatenate(([0], np.flatnonzero(np.diff(release)) + 1))


def _rounded_up(spans: Whole, to: Quantity | None) -> Whole:
    if to is None:
        return spans
    step = int(to.amount * _MICROSECONDS)
    return -(-spans // step) * step


def _middle(ordered: Whole) -> Decimal | None:
    if not len(ordered):
        return None
    low, high = int(ordered[(len(ordered) - 1) // 2]), int(ordered[len(ordered) // 2])
    return _exact(low) if len(ordered) % 2 else (_exact(low) + _exact(high)) / 2


def _sum(spans: Whole) -> Decimal:
    # In two parts: a million spans of years, in microseconds, are more than 64 bits hold.
    whole, rest = np.divmod(spans, _MICROSECONDS)
    return Decimal(int(whole.sum())) + Decimal(int(rest.sum())).scaleb(-6)


def _probability(deviations: Whole) -> float:
    """Return how often random signs make the sum of deviations at least as far from zero as it is."""
    sizes = np.abs(deviations)
    cut = max(len(sizes) - EXACT, 0)
    ordered = np.partition(sizes, cut) if cut else sizes
    largest, rest = np.sort(ordered[cut:])[::-1], ordered[:cut]
    return tail_probability(largest.tolist(), int((rest * rest).sum()), abs(int(deviations.sum())))


def _exact(microseconds: int) -> Decimal:
    whole, rest = divmod(microseconds, _MICROSECONDS)
    return seconds(timedelta(seconds=whole, microseconds=rest)) if rest else Decimal(whole)


def _since_1970(moment: datetime) -> int:
    return instants.microseconds(moment - instants.EPOCH)
