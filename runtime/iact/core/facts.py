"""What a decision knows: named facts, each a value or the reason why there is none.

A fact that could not be had is not a zero and not a false. It is carried along with its reason, so that the decision
can say what it lacked, and three-valued logic can refuse to act on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from iact.core import instants
from iact.core.canonical import digest_of
from iact.core.quantities import Dimension, Quantity
from iact.core.quantities import from_record as quantity_from_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

FactValue: TypeAlias = "Quantity | str | bool | Mapping[str, Any]"


class FactType(StrEnum):
    """What a fact's value is; the quantities by their dimension, and the others."""

    DURATION = Dimension.DURATION.value
    SHARE = Dimension.SHARE.value
    POINTS = Dimension.POINTS.value
    RATE = Dimension.RATE.value
    NUMBER = Dimension.NUMBER.value
    TEXT = "text"
    BOOLEAN = "boolean"
    RECORD = "record"
    QUANTITY = "quantity"
    """A quantity whose dimension depends on what it is about, such as the change of whichever metric is tried."""
    ANY = "any"
    """A value whose type nothing declares, such as what came along with an event."""

    @property
    def is_quantity(self) -> bool:
        """Whether values of this type certainly compare as more or less."""
        return self not in {FactType.TEXT, FactType.BOOLEAN, FactType.RECORD, FactType.ANY}


@dataclass(frozen=True, slots=True)
class FactRequest:
    """A fact that a decision wants.

    Attributes:
        name: dotted name, such as `plan.expected_improvement` or `metric.lead_time`.
    """

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing known, or known to be missing.

    Attributes:
        name: dotted name.
        value: what was observed; None where it is missing.
        missing: why there is no value, as a sentence without its full stop; empty where there is one.
        observed_at: when it was true; None where it is missing.
        held_since: since when the value has been at least as far on its present side, for `for:`; None if not known.
        baseline: what it was before, for `falls_by` and `rises_by`; None if not known.
        source: who says so, such as `git` or `person`.
    """

    name: str
    value: FactValue | None = None
    missing: str = ""
    observed_at: datetime | None = None
    held_since: datetime | None = None
    baseline: Quantity | None = None
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse a fact that is both there and missing, or neither.

        Raises:
            ValueError: if so.
        """
        if (self.value is None) == (not self.missing):
            message = f"fact {self.name} must have either a value or the reason why it is missing"
            raise ValueError(message)

    @property
    def is_known(self) -> bool:
        """Whether there is a value."""
        return self.value is not None

    def named(self, name: str) -> Fact:
        """Return the same under another name."""
        return Fact(
            name=name,
            value=self.value,
            missing=self.missing,
            observed_at=self.observed_at,
            held_since=self.held_since,
            baseline=self.baseline,
            source=self.source,
        )

    def shown(self) -> str:
        """Return the value as people read it, or the reason why it is missing."""
        if self.value is None:
            return f"unknown: {self.missing}"
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        if isinstance(self.value, (str, Quantity)):
            return str(self.value)
        return digest_of(self.value)[:19]

    def to_record(self) -> dict[str, Any]:
        """Return it as canonical JSON data."""
        record: dict[str, Any] = {"name": self.name, "source": self.source}
        if self.value is None:
            return record | {"missing": self.missing}
        record["value"] = value_to_record(self.value)
        for key, moment in (("observed_at", self.observed_at), ("held_since", self.held_since)):
            if moment is not None:
                record[key] = instants.write(moment)
        if self.baseline is not None:
            record["baseline"] = self.baseline.to_record()
        return record


def fact_from_record(record: Mapping[str, Any]) -> Fact:
    """Return the fact that `Fact.to_record` wrote."""
    return Fact(
        name=record["name"],
        source=record.get("source", ""),
        missing=record.get("missing", ""),
        value=value_from_record(record["value"]) if "value" in record else None,
        observed_at=instants.parse(record["observed_at"]) if "observed_at" in record else None,
        held_since=instants.parse(record["held_since"]) if "held_since" in record else None,
        baseline=quantity_from_record(record["baseline"]) if "baseline" in record else None,
    )


def value_to_record(value: FactValue) -> Any:
    """Return a value as canonical JSON data that tells quantities, texts, booleans and records apart."""
    if isinstance(value, Quantity):
        return {"quantity": value.to_record()}
    if isinstance(value, (str, bool)):
        return value
    return {"record": dict(value)}


def value_from_record(record: Any) -> FactValue:
    """Return the value that `value_to_record` wrote."""
    if isinstance(record, (str, bool)):
        return record
    if "quantity" in record:
        return quantity_from_record(record["quantity"])
    found: Mapping[str, Any] = record["record"]
    return found


@dataclass(frozen=True, slots=True)
class FactSet:
    """The facts that one decision was handed, by name."""

    facts: Mapping[str, Fact] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, facts: Iterable[Fact]) -> FactSet:
        """Return the set of `facts`; a later one replaces an earlier one of the same name."""
        return cls(MappingProxyType({fact.name: fact for fact in facts}))

    @classmethod
    def empty(cls) -> FactSet:
        """Return the set that knows nothing."""
        return EMPTY

    def __getitem__(self, name: str) -> Fact:
        """Return the fact of that name; one that nobody resolved is missing, and says so."""
        return self.facts.get(name) or Fact(name=name, missing="nothing supplied it")

    def __iter__(self) -> Iterator[Fact]:
        """Walk the facts by name."""
        return (self.facts[name] for name in sorted(self.facts))

    def __len__(self) -> int:
        """Return how many facts there are."""
        return len(self.facts)

    def joined(self, other: FactSet) -> FactSet:
        """Return both sets as one; `other` wins where both know a name."""
        return FactSet(MappingProxyType({**self.facts, **other.facts}))

    def to_record(self) -> list[dict[str, Any]]:
        """Return it as canonical JSON data, by name."""
        return [fact.to_record() for fact in self]


EMPTY: Final = FactSet()
