"""The figures of one stretch of time, as facts that conditions compare and as rows that statistics compare."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from iact.core.facts import Fact, FactSet
from iact.core.quantities import Dimension, Quantity
from iact.dora.figures import Figure, Sample, Window
from iact.dora.rules import History, NamedMetric, figure, observed_part, select
from iact.dora.statistics import STATISTICS
from iact.dora.terms import Better
from iact.pdca.effect import Stretch


class Cluster(NamedTuple):
    """The rows behind a metric that belong to one deployment.

    Attributes:
        key: of the deployment.
        at: the moment of the first of them.
        values: one for each row, in the order of their ids.
    """

    key: str
    at: datetime
    values: tuple[float, ...]


def clusters_of(rows: Iterable[Sample]) -> list[Cluster]:
    """Return rows grouped by the deployment that they belong to, in the order of its key."""
    grouped: dict[str, list[Sample]] = {}
    for row in sorted(rows, key=attrgetter("id")):
        grouped.setdefault(row.cluster, []).append(row)
    return [
        Cluster(key, min(row.at for row in members), tuple(float(row.value) for row in members))
        for key, members in sorted(grouped.items())
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured of a repository in one window.

    Attributes:
        window: the window.
        history: the rows that it holds.
        metrics: the definitions, by name.
        figures: each metric's figure, by name.
    """

    window: Window
    history: History
    metrics: Mapping[str, NamedMetric]
    figures: Mapping[str, Figure]

    @classmethod
    def of(cls, history: History, window: Window, metrics: Mapping[str, NamedMetric]) -> Measured:
        """Compute every figure of a window."""
        figures = {name: figure(named, history, window) for name, named in sorted(metrics.items())}
        return cls(window=window, history=history, metrics=metrics, figures=figures)

    @property
    def releases(self) -> int:
        """How many deployments the window holds."""
        return len(self.history.deployments)

    def value(self, metric: str) -> Quantity | None:
        """Return a metric's value, or None where it is unknown."""
        found = self.figures.get(metric)
        return None if found is None else found.quantity

    def clusters(self, metric: str) -> int:
        """Return how many deployments a metric is computed from."""
        return self.figures[metric].clusters

    def dimension(self, metric: str) -> Dimension:
        """Return what kind of amount a metric is."""
        return STATISTICS[self.metrics[metric].metric.show].unit.dimension

    def better(self, metric: str) -> Better:
        """Return which way a metric should go."""
        return self.metrics[metric].metric.better

    def facts(self, before: Measured | None = None, names: Collection[str] | None = None) -> FactSet:
        """Return the figures as facts named `metric.…`, with those of `before` as what they have moved from.

        Args:
            before: the figures of an earlier window; None for none.
            names: the facts that are asked for; None for all.
        """
        return FactSet.of(self._facts(before, names))

    def samples(self, metric: str) -> Sequence[Sample]:
        """Return the rows behind a metric."""
        return select(self.metrics[metric].metric, self.history, self.window).samples

    def clustered(self, metric: str) -> Iterable[Cluster]:
        """Return the rows behind a metric, grouped by the deployment that they belong to, in the order of its key."""
        return clusters_of(self.samples(metric))

    def stretch(self, metric: str) -> Stretch:
        """Return the rows behind a metric as statistics compare them."""
        clusters = tuple(self.clustered(metric))
        covered = observed_part(self.history, self.window)
        deployed = sorted(deployment.deployed_at.timestamp() for deployment in self.history.deployments)
        return Stretch(
            clusters=tuple(cluster.values for cluster in clusters),
            seconds=covered.span.total_seconds() if covered else 0.0,
            gaps=tuple(later - earlier for earlier, later in pairwise(deployed)),
            moments=tuple(cluster.at.timestamp() for cluster in clusters),
            until=self.window.end.timestamp(),
        )

    def in_order(self, metric: str) -> Iterator[tuple[float, ...]]:
        """Walk the values of a metric deployment by deployment, in the order in which they were deployed."""
        rows: dict[str, list[float]] = {}
        for row in self.samples(metric):
            rows.setdefault(row.cluster, []).append(float(row.value))
        for deployment in sorted(self.history.deployments, key=lambda one: (one.deployed_at, one.key)):
            if deployment.key in rows:
                yield tuple(sorted(rows[deployment.key]))

    def _facts(self, before: Measured | None, names: Collection[str] | None) -> Iterator[Fact]:
        for name in self.figures:
            if names is not None and f"metric.{name}" not in names:
                continue
            value = self.value(name)
            if value is None:
                found = self.figures[name]
                reason = str(found.missing) if found.missing else "it is unknown"
                yield Fact(name=f"metric.{name}", missing=reason, source="dora")
            else:
                yield Fact(
                    name=f"metric.{name}",
                    value=value,
                    baseline=before.value(name) if before else None,
                    observed_at=self.window.end,
                    source="dora",
                )
