"""The kind `Definition`: which metric computes each delivery figure, and which bands class it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from iact.core.problems import Problem
from iact.core.registry import kind
from iact.core.scope import Scope
from iact.core.shape import Ref, part
from iact.core.tree import NOWHERE, Position
from iact.dora.terms import DIMENSION_OF, DeliveryFigure

MetricName: TypeAlias = Annotated[str, Ref("Metric")]


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class FigureMetrics:
    """The metric that computes each delivery figure; one that is left out is not reported.

    Attributes:
        deployment_frequency: how often changes reach users.
        lead_time: how long until a change does.
        change_failure_rate: the share of deployments that fail.
        time_to_restore: how long until a failure has ended.
        rework_rate: the share of deployments that only mend earlier ones.
    """

    deployment_frequency: MetricName | None = None
    lead_time: MetricName | None = None
    change_failure_rate: MetricName | None = None
    time_to_restore: MetricName | None = None
    rework_rate: MetricName | None = None

    @property
    def by_figure(self) -> dict[DeliveryFigure, str]:
        """The metrics by figure, in the order of a report."""
        every = {figure: getattr(self, figure.value) for figure in DeliveryFigure}
        return {figure: metric for figure, metric in every.items() if metric is not None}


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionExample:
    """A delivery figure, and the metric that computes it.

    Attributes:
        figure: the delivery figure.
        expect: the metric's name; null where the definition says nothing of the figure.
    """

    figure: DeliveryFigure
    expect: str | None
    position: Position = NOWHERE


@kind("Definition", folder="catalog/definitions")
@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionSet:
    """By which metrics the delivery figures are computed, so that one history can be measured in several ways.

    `iact dora report --definition NAME` reports by it. Several names stand side by side.

    Example:
        apiVersion: iact/v1
        kind: Definition
        metadata: {name: merged-to-live}
        spec:
          figures:
            deployment_frequency: deployment_frequency
            lead_time: wait_for_release
          bands: dora-2023
          examples:
            - {figure: lead_time, expect: wait_for_release}

    Attributes:
        figures: the metric that computes each delivery figure.
        bands: the bands that class the figures; left out, they are not classed.
        examples: figures with their metrics, which validation looks up.
    """

    figures: FigureMetrics
    bands: Annotated[str, Ref("Bands")] | None = None
    examples: tuple[DefinitionExample, ...] = ()
    position: Position = NOWHERE

    def check(self, scope: Scope) -> Iterator[Problem]:
        """Say which metric is of another dimension than the figure that it is to compute."""
        if not self.figures.by_figure:
            yield Problem(
                rule="definition",
                position=self.position,
                message="`figures` is empty: the definition computes nothing.",
                hint=f"It may have {', '.join(DeliveryFigure)}.",
            )
        for figure, name in self.figures.by_figure.items():
            metric = scope.spec("Metric", name)
            if metric is None or metric.fact_type.value == DIMENSION_OF[figure].value:
                continue
            yield Problem(
                rule="definition",
                position=self.position,
                message=f"`{figure}: {name}`: that metric is a {metric.fact_type.value}.",
                hint=f"A {figure} is a {DIMENSION_OF[figure].value}.",
            )

    def run_examples(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every run is handed the project
        """Look up the metric of each example, and say which is another one."""
        for example in self.examples:
            found = self.figures.by_figure.get(example.figure)
            if found != example.expect:
                message = f"`{example.figure}`: expected {example.expect or 'none'}, found {found or 'none'}."
                yield Problem(rule="failed-example", position=example.position, message=message)
