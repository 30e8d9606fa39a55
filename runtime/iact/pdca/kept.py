"""Windows of one history, measured once each: for looking at the same history from many moments."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Final, TypeVar

from iact.core.quantities import Quantity
from iact.dora.archive import Archive
from iact.dora.figures import Figure, Sample, Window
from iact.dora.rules import History, NamedMetric, figure, quantity, select
from iact.dora.selection import Excluded, Selection
from iact.dora.terms import Each
from iact.pdca.effect import Stretch
from iact.pdca.measured import Cluster, Measured, clusters_of

AT_ONCE: Final = 100
"""How many windows are kept: an experiment looks at one before its change and at a few dozen after it."""

_AT: Final = attrgetter("at")
Row = TypeVar("Row", Sample, Excluded, Cluster)


class Windows:
    """The windows of one history.

    What was measured of a window stays the same until more is learnt of the failures, so it is kept until then. The row
    of a change is the same in every window, so those are made once.
    """

    def __init__(self, archive: Archive, metrics: Mapping[str, NamedMetric]) -> None:
        """Prepare to measure.

        Args:
            archive: the history.
            metrics: what to measure, by name.
        """
        self._archive = archive
        self._metrics = metrics
        self._kept: dict[tuple[Window, int], Measured] = {}
        whole = archive.history(archive.whole)
        self._rows = {
            name: _Rows(select(named.metric, whole, archive.whole))
            for name, named in metrics.items()
            if named.metric.each is Each.CHANGE
        }

    def measured(self, window: Window, as_of: datetime) -> Measured:
        """Return what was measured of a window, knowing no more than was known at a moment.

        Args:
            window: the window.
            as_of: the moment.
        """
        key = window, self._archive.learnt_by(as_of)
        if key not in self._kept:
            if len(self._kept) >= AT_ONCE:
                self._kept.clear()
            history = self._archive.history(window, as_of)
            chosen = _Chosen(history, window, self._metrics, self._rows)
            figures = _Figures(chosen)
            self._kept[key] = _Kept(
                window=window, history=history, metrics=self._metrics, figures=figures, chosen=chosen
            )
        return self._kept[key]


class _Rows:
    """The rows of a metric in the order of their moments."""

    def __init__(self, selection: Selection) -> None:
        self._samples: Sequence[Sample] = sorted(selection.samples, key=_AT)
        self._excluded: Sequence[Excluded] = sorted(selection.excluded, key=_AT)
        self._clusters: Sequence[Cluster] = sorted(clusters_of(selection.samples), key=_AT)

    def of(self, window: Window) -> Selection:
        return Selection(samples=_between(self._samples, window), excluded=_between(self._excluded, window))

    def clusters(self, window: Window) -> list[Cluster]:
        # What was released together lies in a window together: its moment is that of the deployment.
        return sorted(_between(self._clusters, window))


def _between(rows: Sequence[Row], window: Window) -> tuple[Row, ...]:
    first, after = (bisect_left(rows, moment, key=_AT) for moment in (window.start, window.end))
    return tuple(rows[first:after])


class _Chosen:
    """The rows of each metric in one window, chosen when somebody asks for them."""

    def __init__(
        self, history: History, window: Window, metrics: Mapping[str, NamedMetric], rows: Mapping[str, _Rows]
    ) -> None:
        self.history = history
        self.window = window
        self.metrics = metrics
        self._rows = rows
        self._chosen: dict[str, Selection] = {}

    def __getitem__(self, name: str) -> Selection:
        if name not in self._chosen:
            known = self._rows.get(name)
            self._chosen[name] = (
                known.of(self.window) if known else select(self.metrics[name].metric, self.history, self.window)
            )
        return self._chosen[name]

    def clusters(self, name: str) -> list[Cluster]:
        known = self._rows.get(name)
        return known.clusters(self.window) if known else clusters_of(self[name].samples)


class _Figures(Mapping[str, Figure]):
    """Figures that are computed when somebody looks at them."""

    def __init__(self, chosen: _Chosen) -> None:
        self._chosen = chosen
        self._computed: dict[str, Figure] = {}

    def __getitem__(self, name: str) -> Figure:
        if name not in self._computed:
            chosen = self._chosen
            named = chosen.metrics[name]
            self._computed[name] = figure(named, chosen.history, chosen.window, chosen[name])
        return self._computed[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._chosen.metrics))

    def __len__(self) -> int:
        return len(self._chosen.metrics)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept(Measured):
    """What was measured, with its rows and what statistics compare kept."""

    chosen: _Chosen
    stretches: dict[str, Stretch] = field(default_factory=dict, init=False, compare=False, repr=False)
    values: dict[str, Quantity | None] = field(default_factory=dict, init=False, compare=False, repr=False)

    def value(self, metric: str) -> Quantity | None:
        if self.history is not self.chosen.history or metric not in self.metrics:
            return Measured.value(self, metric)
        if metric not in self.values:
            rows = self.chosen[metric]
            self.values[metric] = quantity(self.metrics[metric], self.history, self.window, rows)
        return self.values[metric]

    def clusters(self, metric: str) -> int:
        if self.value(metric) is None:
            return Measured.clusters(self, metric)
        return len({sample.cluster for sample in self.samples(metric)})

    def samples(self, metric: str) -> Sequence[Sample]:
        # Another history was put in where deployments are followed up; its rows are others.
        if self.history is not self.chosen.history:
            return Measured.samples(self, metric)
        return self.chosen[metric].samples

    def clustered(self, metric: str) -> Iterable[Cluster]:
        if self.history is not self.chosen.history:
            return Measured.clustered(self, metric)
        return self.chosen.clusters(metric)

    def stretch(self, metric: str) -> Stretch:
        if metric not in self.stretches:
            self.stretches[metric] = Measured.stretch(self, metric)
        return self.stretches[metric]
