"""The facts `metric.NAME`: what a delivery metric is at the moment of a decision."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from iact.core.facts import Fact, FactRequest, FactType
from iact.core.quantities import Dimension, Quantity
from iact.core.registry import fact_source
from iact.dora.figures import Figure, Window

FAMILY = "metric."


@fact_source("metric", within_store=True)
class MetricFacts:
    """Answers `metric.NAME` with the figure of the window that ends now, and `baseline` where the run remembers one.

    The window is as long as the run's input `window` says, else as the metric's own definition does. The repository is
    the run's input `repository`, else the run's subject. The baseline is the remembered fact, or the input,
    `baseline.NAME`.
    """

    provides: ClassVar[Mapping[str, FactType]] = MappingProxyType({"metric.*": FactType.QUANTITY})

    def observe(self, requests: tuple[FactRequest, ...], context: Any) -> Mapping[str, Fact]:
        """Return the figures asked for; one that is unknown says why.

        Args:
            requests: the facts that a decision wants.
            context: the engine's: connection, project, subject, moment, inputs and pinned definitions.
        """
        return {request.name: _observe(request.name, context) for request in requests}


def _observe(name: str, context: Any) -> Fact:
    # Checking rules needs no store, so that SQLAlchemy is loaded only when a figure is wanted.
    from iact.dora.definitions import of_definition  # noqa: PLC0415 - as above
    from iact.dora.measure import measure  # noqa: PLC0415 - as above

    metric = name.removeprefix(FAMILY)
    definition = context.definitions.get(f"Metric/{metric}")
    if definition is None:
        return Fact(name=name, missing=f"the run has not pinned a Metric named {metric}", source="metric")
    named = of_definition(definition)
    length = context.inputs["window"].value
    span = length if _is_duration(length) else named.metric.window
    window = Window.ending(context.now, span.timedelta)
    repository = context.inputs["repository"].value or context.subject
    figure, *_ = measure(context.connection, context.project, str(repository), [named], window, as_of=context.now)
    return fact_of(figure, baseline=_baseline(metric, context))


def fact_of(figure: Figure, baseline: Quantity | None = None) -> Fact:
    """Return a figure as the fact that conditions on `metric.NAME` look at.

    Args:
        figure: the figure.
        baseline: what it was before, in the same dimension.
    """
    name = f"{FAMILY}{figure.name}"
    if figure.quantity is None:
        return Fact(name=name, missing=str(figure.missing), source="metric")
    comparable = baseline if baseline is not None and baseline.dimension is figure.dimension else None
    return Fact(name=name, value=figure.quantity, observed_at=figure.window.end, baseline=comparable, source="metric")


def _is_duration(value: object) -> bool:
    return isinstance(value, Quantity) and value.dimension is Dimension.DURATION and value.amount > 0


def _baseline(metric: str, context: Any) -> Quantity | None:
    for facts in (context.remembered, context.inputs):
        value = facts[f"baseline.{metric}"].value
        if isinstance(value, Quantity):
            return value
    return None
