"""The kind `Bands`: which class a delivery figure is in, by limits that were published in some year.

What the limits say nothing of has no class, and neither has what is not known: a class is never made of nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Final, Literal

from iact.core.problems import Problem, did_you_mean
from iact.core.quantities import EXPECTED, Quantity
from iact.core.registry import kind
from iact.core.scope import Scope
from iact.core.shape import AnyQuantity, AtLeastOne, Within, part
from iact.core.tree import NOWHERE, Position
from iact.dora.terms import DIMENSION_OF, DeliveryFigure

UNCLASSED: Final = "unclassed"
OVERALL: Final = "overall"
LIMITS: Final = ("above", "at_least", "below", "at_most")


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The values of one class: those that keep all of its limits.

    Attributes:
        class_: the class, such as elite.
        above: the value is greater than this.
        at_least: the value is this or greater.
        below: the value is less than this.
        at_most: the value is this or less.
    """

    class_: str
    above: AnyQuantity | None = None
    at_least: AnyQuantity | None = None
    below: AnyQuantity | None = None
    at_most: AnyQuantity | None = None
    position: Position = NOWHERE

    @property
    def limits(self) -> dict[str, Quantity]:
        """The limits that are set, by their key."""
        every = {key: getattr(self, key) for key in LIMITS}
        return {key: limit for key, limit in every.items() if limit is not None}

    def holds(self, amount: Fraction) -> bool:
        """Return whether a value, in the base unit of its dimension, keeps every limit."""
        return (
            (self.above is None or amount > self.above.amount)
            and (self.at_least is None or amount >= self.at_least.amount)
            and (self.below is None or amount < self.below.amount)
            and (self.at_most is None or amount <= self.at_most.amount)
        )


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class FigureBands:
    """The bands of each delivery figure, the best first; one that is left out is not classed.

    Attributes:
        deployment_frequency: limits are rates, such as 1/week.
        lead_time: limits are durations, such as 2d.
        change_failure_rate: limits are shares, such as 15%.
        time_to_restore: limits are durations.
        rework_rate: limits are shares.
    """

    deployment_frequency: tuple[Band, ...] = ()
    lead_time: tuple[Band, ...] = ()
    change_failure_rate: tuple[Band, ...] = ()
    time_to_restore: tuple[Band, ...] = ()
    rework_rate: tuple[Band, ...] = ()

    @property
    def by_figure(self) -> dict[DeliveryFigure, tuple[Band, ...]]:
        """The bands by figure, of those that have any."""
        every = {figure: getattr(self, figure.value) for figure in DeliveryFigure}
        return {figure: bands for figure, bands in every.items() if bands}


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class BandsExample:
    """Figures, and the classes that they are in. Validation classes them anew.

    Attributes:
        figures: the value of each figure; one that is left out is not known.
        expect: the class of each figure, and of all together as `overall`; `unclassed` where there is none.
    """

    figures: Mapping[DeliveryFigure, AnyQuantity]
    expect: Mapping[str, str]
    position: Position = NOWHERE


@kind("Bands", folder="catalog/bands")
@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    """Which class a delivery figure is in, such as elite or low, by the limits of one source and year.

    A figure is in the first class of its list whose limits it keeps. One that keeps none of them, and one that is not
    known, is in no class.

    Example:
        apiVersion: iact/v1
        kind: Bands
        metadata: {name: ours}
        spec:
          year: 2026
          source: our handbook
          classes: [good, poor]
          bands:
            lead_time:
              - {class: good, below: 2d}
              - {class: poor, at_least: 2d}
          examples:
            - {figures: {lead_time: 2d}, expect: {lead_time: poor}}

    Attributes:
        year: the year that the limits are of; it is shown with every class.
        source: where they are published.
        classes: the classes, the best first.
        bands: the bands of each figure.
        overall: how all figures together are classed; left out, they are not. `majority` is the class that most
            figures are in, and of several as frequent ones the worst; a figure without a class counts as the worst.
        examples: figures with their classes, which validation determines anew.
    """

    year: Annotated[int, Within(2000, 2200)]
    source: str
    bands: FigureBands
    classes: AtLeastOne[str] = ("elite", "high", "medium", "low")
    overall: Literal["majority"] | None = None
    examples: tuple[BandsExample, ...] = ()
    position: Position = NOWHERE

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check is handed the project
        """Say which bands are of no class, have no limit, or have one of another dimension than the figure."""
        for figure, bands in self.bands.by_figure.items():
            for band in bands:
                for message, hint in self._faults(figure, band):
                    yield Problem(rule="bands", position=band.position, message=message, hint=hint)

    def run_examples(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - as above
        """Class each example, and say which came out otherwise."""
        for example in self.examples:
            for message in self._outcomes(example):
                yield Problem(rule="failed-example", position=example.position, message=message)

    def class_of(self, figure: str, value: Quantity | None) -> str | None:
        """Return the class of a value; None where it is not known, or no band holds it.

        Args:
            figure: which delivery figure it is.
            value: what it is.
        """
        if value is None or value.dimension is not DIMENSION_OF.get(DeliveryFigure(figure)):
            return None
        bands = self.bands.by_figure.get(DeliveryFigure(figure), ())
        return next((band.class_ for band in bands if band.holds(value.amount)), None)

    def classes_between(self, figure: str, low: Quantity, high: Quantity) -> tuple[str | None, ...]:
        """Return every class that a value from `low` to `high` can be in, the best first and None, for no class, last.

        Between two limits the class stays the same, so the limits, what lies between them, and the ends say it all.
        """
        edges = {
            limit.amount
            for band in self.bands.by_figure.get(DeliveryFigure(figure), ())
            for limit in band.limits.values()
            if low.amount <= limit.amount <= high.amount
        }
        places = sorted({low.amount, high.amount} | edges)
        between = [(first + then) / 2 for first, then in pairwise(places)]
        found = {self.class_of(figure, Quantity(place, low.dimension)) for place in (*places, *between)}
        ordered = [name for name in self.classes if name in found]
        return (*ordered, None) if None in found else tuple(ordered)

    def overall_of(self, classes: Sequence[str | None]) -> str | None:
        """Return the class of all figures together; None where most are in none, or nobody says how."""
        return majority(self.classes, classes) if self.overall else None

    def _faults(self, figure: DeliveryFigure, band: Band) -> Iterator[tuple[str, str]]:
        if band.class_ not in self.classes:
            hint = did_you_mean(band.class_, self.classes) or f"`classes` has {', '.join(self.classes)}."
            yield f"`class: {band.class_}` is none of `classes`.", hint
        if not band.limits:
            yield "the band has no limit, so that everything would be in it.", f"Add one of {', '.join(LIMITS)}."
        for key, limit in band.limits.items():
            if limit.dimension is not DIMENSION_OF[figure]:
                expected = EXPECTED[DIMENSION_OF[figure]]
                yield f"`{key}: {limit}` does not fit {figure}: expected {expected}.", "Write it with its unit."

    def _outcomes(self, example: BandsExample) -> Iterator[str]:
        known = {figure.value: self.class_of(figure, example.figures.get(figure)) for figure in self.bands.by_figure}
        found = {**known, OVERALL: self.overall_of(tuple(known.values()))}
        for name, expected in example.expect.items():
            if name not in found:
                yield f"`{name}` is no figure of these bands. There is {', '.join(found)}."
            elif (found[name] or UNCLASSED) != expected:
                yield f"`{name}`: expected {expected}, classed {found[name] or UNCLASSED}."


def majority(order: Sequence[str], classes: Iterable[str | None]) -> str | None:
    """Return the class that most are in, of several as frequent ones the worst; None, for no class, is the worst.

    Args:
        order: the classes, the best first.
        classes: the class of each figure.
    """
    counts = Counter(classes)
    most = max(counts.values(), default=0)
    worst_first = (None, *reversed(order))
    return next((name for name in worst_first if most and counts[name] == most), None)
