"""The kind `Targets`: from where to where delivery figures are to go, and by when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from iact.core.problems import Problem
from iact.core.quantities import EXPECTED, Quantity, share
from iact.core.registry import kind
from iact.core.scope import Scope
from iact.core.shape import AnyQuantity, Duration, Moment, Share, part
from iact.core.tree import NOWHERE, Position
from iact.dora.terms import DIMENSION_OF, DeliveryFigure


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """From where to where one figure is to go.

    Attributes:
        baseline: what it was at the beginning.
        target: what it is to be at the end.
    """

    baseline: AnyQuantity
    target: AnyQuantity
    position: Position = NOWHERE

    def share_of_way(self, value: Quantity) -> Fraction:
        """Return how much of the way from the baseline to the target is gone; below 0 it went the other way."""
        return (value.amount - self.baseline.amount) / (self.target.amount - self.baseline.amount)


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class FigureTargets:
    """The target of each delivery figure; one that is left out has none.

    Attributes:
        deployment_frequency: rates, such as 1/week.
        lead_time: durations, such as 2d.
        change_failure_rate: shares, such as 15%.
        time_to_restore: durations.
        rework_rate: shares.
    """

    deployment_frequency: Target | None = None
    lead_time: Target | None = None
    change_failure_rate: Target | None = None
    time_to_restore: Target | None = None
    rework_rate: Target | None = None

    @property
    def by_figure(self) -> dict[DeliveryFigure, Target]:
        """The targets by figure, of those that have any."""
        every = {figure: getattr(self, figure.value) for figure in DeliveryFigure}
        return {figure: target for figure, target in every.items() if target is not None}


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class TargetExample:
    """A value of a figure, and how much of the way to its target that is.

    Attributes:
        figure: the delivery figure.
        value: its value.
        expect: the share of the way.
    """

    figure: DeliveryFigure
    value: AnyQuantity
    expect: Share
    position: Position = NOWHERE


@kind("Targets", folder="catalog/targets")
@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """From where to where delivery figures are to go, and in which time.

    `iact dora report --targets NAME` says how far each figure has come, and how sure that is.

    Example:
        apiVersion: iact/v1
        kind: Targets
        metadata: {name: this-year}
        spec:
          begins: 2026-01-01
          over: 52w
          figures:
            lead_time: {baseline: 7d, target: 2d}
          examples:
            - {figure: lead_time, value: 4.5d, expect: 50%}

    Attributes:
        over: how long it is to take from the beginning.
        figures: the target of each delivery figure.
        begins: when the baseline was; left out, nobody can say whether a figure is on track.
        examples: values, and how much of the way they are, which validation computes anew.
    """

    over: Duration
    figures: FigureTargets
    begins: Moment | None = None
    examples: tuple[TargetExample, ...] = ()
    position: Position = NOWHERE

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check is handed the project
        """Say which targets are of another dimension than their figure, or are where they began."""
        if not self.over.amount:
            yield self._problem(self.position, "`over` is no time at all.", "Write a duration such as 26w.")
        for figure, target in self.figures.by_figure.items():
            dimension = DIMENSION_OF[figure]
            if target.baseline.dimension is not dimension or target.target.dimension is not dimension:
                message = f"`{figure}` does not go from {target.baseline} to {target.target}."
                yield self._problem(target.position, message, f"Expected {EXPECTED[dimension]}.")
            elif target.baseline == target.target:
                message = f"`{figure}` begins where it is to end: {target.target}."
                yield self._problem(target.position, message, "Set another target, or leave the figure out.")

    def run_examples(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - as above
        """Compute each example, and say which came out otherwise."""
        for example in self.examples:
            target = self.figures.by_figure.get(example.figure)
            if target is None or example.value.dimension is not target.target.dimension:
                found = "none"
            elif (way := target.share_of_way(example.value)) == example.expect.amount:
                continue
            else:
                found = str(share(way))
            message = f"`{example.figure}`: expected {example.expect} of the way, computed {found}."
            yield Problem(rule="failed-example", position=example.position, message=message)

    @staticmethod
    def _problem(position: Position, message: str, hint: str) -> Problem:
        return Problem(rule="targets", position=position, message=message, hint=hint)
