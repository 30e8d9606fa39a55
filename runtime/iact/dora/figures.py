"""What a delivery metric comes to: a figure with its window, its interval, and what it does not know."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from iact.core import instants
from iact.core.quantities import Dimension, Quantity
from iact.core.quantities import duration as duration_quantity

if TYPE_CHECKING:
    from iact.dora.model.metric import Metric

CONFIDENCE: Final = Decimal("0.95")
"""The confidence of every interval, two-sided."""

WEEK: Final = timedelta(weeks=1)
SECONDS_A_WEEK: Final = 604_800


class Unit(StrEnum):
    """The unit in which figures are stored and computed; people are shown another one."""

    SECONDS = "seconds"
    PER_WEEK = "per week"
    SHARE = "share"
    NUMBER = "number"

    @property
    def dimension(self) -> Dimension:
        """What kind of amount it is."""
        return _DIMENSIONS[self]

    def quantity(self, value: Decimal) -> Quantity:
        """Return `value` of this unit as an exact amount in the base unit of its dimension."""
        amount = Fraction(value)
        return Quantity(amount / SECONDS_A_WEEK if self is Unit.PER_WEEK else amount, self.dimension)


_DIMENSIONS: Final = {
    Unit.SECONDS: Dimension.DURATION,
    Unit.PER_WEEK: Dimension.RATE,
    Unit.SHARE: Dimension.SHARE,
    Unit.NUMBER: Dimension.NUMBER,
}


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A span of time that holds its start and not its end, so that adjoining windows share nothing.

    Attributes:
        start: its first moment.
        end: the first moment after it.

    Raises:
        ValueError: if it does not end after it starts.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end <= self.start:
            message = f"a window must end after it starts, not {instants.show(self.start)} to {instants.show(self.end)}"
            raise ValueError(message)

    @classmethod
    def ending(cls, end: datetime, span: timedelta) -> Window:
        """Return the window of length `span` that ends at `end`."""
        return cls(end - span, end)

    @property
    def span(self) -> timedelta:
        """How long it is."""
        return self.end - self.start

    def __contains__(self, moment: datetime) -> bool:
        """Return whether `moment` lies in it."""
        return self.start <= moment < self.end

    def parts(self, count: int) -> tuple[Window, ...]:
        """Return it as `count` adjoining windows of equal length, to the microsecond."""
        bounds = [self.start + self.span * number // count for number in range(count + 1)]
        return tuple(Window(low, high) for low, high in pairwise(bounds))

    def to_record(self) -> dict[str, Any]:
        """Return it as canonical JSON data."""
        return {
            "from": instants.write(self.start),
            "to": instants.write(self.end),
            "length": {"value": plain(seconds(self.span)), "shown": str(duration_quantity(self.span))},
        }


class Sample(NamedTuple):
    """One row behind a figure; a tuple, since there are as many as there are commits.

    Attributes:
        value: seconds for durations; 1 or 0 for shares; 1 for what is counted.
        cluster: key of the deployment; what was released together is not independent.
        at: the moment by which the row belongs to a window.
        id: commit, deployment or failure.
        agent: whether an AI agent made the change; False for what is no change.
    """

    value: Decimal
    cluster: str
    at: datetime
    id: str
    agent: bool = False


class ManySamples(Sequence[Sample]):
    """So many rows that they are held otherwise than one by one, and say themselves what is asked of all of them."""

    __slots__ = ()

    @abstractmethod
    def between(self, start: datetime, end: datetime) -> ManySamples:
        """Return those from one moment to just before another."""

    @abstractmethod
    def of_makers(self, *, agents: bool) -> ManySamples:
        """Return those that agents made, or those that people did."""

    @abstractmethod
    def cluster_count(self) -> int:
        """Return how many clusters they belong to."""

    @abstractmethod
    def median(self) -> Decimal | None:
        """Return the median of their values; None where there are none."""

    @abstractmethod
    def median_bounds(self) -> tuple[Decimal, Decimal] | None:
        """Return the 95 % interval of the median; None for too few clusters."""

    @abstractmethod
    def medians(self) -> Mapping[str, Decimal]:
        """Return the median of each cluster, by its key."""

    @abstractmethod
    def counts(self, edges: Sequence[Decimal]) -> Sequence[int]:
        """Return how many lie from each edge to just below the next, and how many from the last one on."""

    @abstractmethod
    def slowest(self, count: int) -> Sequence[Sample]:
        """Return those with the greatest values, the greatest first, and of equal ones in the order of their ids."""

    @abstractmethod
    def stage_times(self, metric: Metric) -> Sequence[tuple[Decimal, Decimal | None, int]]:
        """Return the sum, the median and the number of each stage of the rows of which every stage is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Rows that a figure does not use.

    Attributes:
        reason: why, as a phrase such as `merge commits`.
        count: how many.
    """

    reason: str
    count: int

    def to_record(self) -> dict[str, Any]:
        """Return it as canonical JSON data."""
        return {"reason": self.reason, "count": self.count}


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Why there is no value.

    Attributes:
        reason: a sentence without its full stop.
        add: the lines of YAML that would add the missing source; empty where no configuration would help.
        see: the document that explains them; empty likewise.
    """

    reason: str
    add: tuple[str, ...] = ()
    see: str = ""

    def __str__(self) -> str:
        """Return it for people: `no incident source (add 3 lines: docs/incidents.md)`."""
        return f"{self.reason} (add {len(self.add)} lines: {self.see})" if self.add else self.reason

    def to_record(self) -> dict[str, Any]:
        """Return it as canonical JSON data."""
        return {"reason": self.reason, "add": list(self.add), "see": self.see}


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Where the true value lies with 95 % confidence.

    Attributes:
        low: its lower end, in the unit of the figure.
        high: its upper end, in the unit of the figure.
        method: how it was computed.
        source: where the method is published.
        confidence: of both sides together, 0.95 being 95 %.
    """

    low: Decimal
    high: Decimal
    method: str
    source: str
    confidence: Decimal = CONFIDENCE

    def to_record(self, unit: Unit) -> dict[str, Any]:
        """Return it as canonical JSON data."""
        return {
            "low": plain(self.low),
            "high": plain(self.high),
            "shown": _range(str(unit.quantity(self.low)), str(unit.quantity(self.high))),
            "method": self.method,
            "source": self.source,
            "confidence": plain(self.confidence),
        }


def _range(low: str, high: str) -> str:
    """Return two amounts as people read a range: `[2h, 3d]`, but `[0.5, 2]/week`."""
    (start, _, unit), (end, _, other) = low.partition("/"), high.partition("/")
    return f"[{start}, {end}]/{unit}" if unit and unit == other else f"[{low}, {high}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionReference:
    """Which definition a figure was computed by.

    Attributes:
        name: of the `Metric`.
        version: as its author counts; empty where it was not said.
        digest: of its content, `sha256:…`.
    """

    name: str
    version: str
    digest: str

    def to_record(self) -> dict[str, Any]:
        """Return it as canonical JSON data."""
        return {"name": self.name, "version": self.version, "digest": self.digest}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One metric of one repository in one window.

    Attributes:
        name: of the metric, such as `lead_time`.
        label: the same for people, such as `Lead time`.
        question: what it answers.
        value: in `unit`; None when it is unknown, and then `missing` says why.
        unit: in which value and interval are stored.
        n: how many rows it was computed from.
        clusters: how many deployments those belong to.
        interval: where the true value lies; None when it cannot be said, and then `no_interval` says why.
        no_interval: why there is no interval; empty when there is one or no value either.
        window: what was asked for.
        observed: the part of it that the known history covers, by which rates are divided.
        definition: by which it was computed.
        missing: why there is no value.
        better: `lower` or `higher`.
        left_out: the rows that were not used, by reason.
        statistic: such as `median`.
        shown_in: the unit that the definition wants people to be shown, such as `days`.
    """

    name: str
    label: str
    question: str
    value: Decimal | None
    unit: Unit
    n: int
    clusters: int
    interval: Interval | None
    no_interval: str
    window: Window
    observed: Window
    definition: DefinitionReference
    missing: Missing | None
    better: str
    left_out: tuple[LeftOut, ...]
    statistic: str
    shown_in: str

    @property
    def dimension(self) -> Dimension:
        """What kind of amount it is."""
        return self.unit.dimension

    @property
    def quantity(self) -> Quantity | None:
        """The value as an amount that conditions compare; None when it is unknown."""
        return None if self.value is None else self.unit.quantity(self.value)

    @property
    def shown(self) -> str:
        """The value for people, or `unknown`."""
        return "unknown" if self.quantity is None else str(self.quantity)

    def to_record(self) -> dict[str, Any]:
        """Return it as canonical JSON data; numbers are decimal text in `unit`."""
        return {
            "name": self.name,
            "label": self.label,
            "question": self.question,
            "value": None if self.value is None else plain(self.value),
            "unit": self.unit.value,
            "shown": self.shown,
            "presented": presented(self.value, self.shown_in),
            "n": self.n,
            "clusters": self.clusters,
            "interval": None if self.interval is None else self.interval.to_record(self.unit),
            "no_interval": self.no_interval,
            "missing": None if self.missing is None else self.missing.to_record(),
            "better": self.better,
            "statistic": self.statistic,
            "window": self.window.to_record(),
            "observed": self.observed.to_record(),
            "definition": self.definition.to_record(),
            "left_out": [reason.to_record() for reason in self.left_out],
        }


PRESENTED: Final[Mapping[str, tuple[Unit, Fraction]]] = {
    "minutes": (Unit.SECONDS, Fraction(1, 60)),
    "hours": (Unit.SECONDS, Fraction(1, 3600)),
    "days": (Unit.SECONDS, Fraction(1, 86_400)),
    "weeks": (Unit.SECONDS, Fraction(1, SECONDS_A_WEEK)),
    "per day": (Unit.PER_WEEK, Fraction(1, 7)),
    "per week": (Unit.PER_WEEK, Fraction(1)),
    "percent": (Unit.SHARE, Fraction(100)),
    "number": (Unit.NUMBER, Fraction(1)),
}
"""For each unit that people are shown: the unit it is stored in, and what to multiply by."""


def presented(value: Decimal | None, unit: str) -> dict[str, str | None]:
    """Return a stored value in the unit that its definition wants people to be shown."""
    if value is None:
        return {"value": None, "unit": unit}
    return {"value": plain(rounded(Fraction(value) * PRESENTED[unit][1])), "unit": unit}


def seconds(span: timedelta) -> Decimal:
    """Return a time span in seconds, exactly."""
    if not span.microseconds:
        return Decimal(span.days * 86_400 + span.seconds)
    return Decimal(instants.microseconds(span)).scaleb(-6)


def rounded(amount: Fraction, places: int = 9) -> Decimal:
    """Return `amount` rounded half to even to `places` decimals."""
    return Decimal(round(amount * 10**places)).scaleb(-places)


def rounded_float(amount: float) -> Decimal:
    """Return what floating point computed, to the six decimals that are the same on every machine."""
    return rounded(Fraction(amount), 6)


def plain(value: Decimal) -> str:
    """Return the one decimal text of `value`: no exponent, no needless zeros, no negative zero."""
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text
