"""Structured conditions: `all`, `any`, `not` over leaves, judged in three-valued logic, each able to say why.

A leaf is one line of YAML, such as `{fact: error_rate, above: 10/min, for: 5m}`. It is typed and has units, so it can
be explained with the value it saw and the line it stands on.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from iact.core.quantities import Dimension, Quantity, duration
from iact.core.tree import NOWHERE, Position
from iact.core.truth import Truth, every, some, truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from iact.core.facts import Fact, FactSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a condition came to, and why.

    Attributes:
        truth: true, false or unknown.
        text: the condition as a person would say it.
        saw: the value that was seen, or why there was none; empty for `all`, `any` and `not`.
        position: the line of YAML.
        parts: the judgements below an `all`, `any` or `not`.
    """

    truth: Truth
    text: str
    saw: str = ""
    position: Position = NOWHERE
    parts: tuple[Judgement, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Return it as canonical JSON data."""
        record: dict[str, Any] = {"truth": self.truth.value, "text": self.text}
        if self.position is not NOWHERE:
            record["at"] = str(self.position)
        if self.saw:
            record["saw"] = self.saw
        if self.parts:
            record["parts"] = [part.to_record() for part in self.parts]
        return record


class Condition(Protocol):
    """Something that facts make true, false or leave unknown."""

    def judge(self, facts: FactSet, now: datetime) -> Judgement:
        """Return what it comes to, with the reason."""

    def names(self) -> Iterator[str]:
        """Walk the names of the facts that it wants."""


@dataclass(frozen=True, slots=True)
class Always:
    """The condition that was not written: true."""

    def judge(self, facts: FactSet, now: datetime) -> Judgement:  # noqa: ARG002 - the protocol's parameters
        """Return true."""
        return Judgement(truth=Truth.TRUE, text="always")

    def names(self) -> Iterator[str]:
        """Walk nothing: it wants no facts."""
        return iter(())


ALWAYS: Final = Always()


@dataclass(frozen=True, slots=True)
class AllOf:
    """True when every part is."""

    parts: tuple[Condition, ...]
    position: Position = NOWHERE

    def judge(self, facts: FactSet, now: datetime) -> Judgement:
        """Return *and* over the parts; each is judged, so that the explanation is whole."""
        parts = tuple(part.judge(facts, now) for part in self.parts)
        return Judgement(truth=every(p.truth for p in parts), text="all of", position=self.position, parts=parts)

    def names(self) -> Iterator[str]:
        """Walk the names that any part wants."""
        return (name for part in self.parts for name in part.names())


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True when at least one part is."""

    parts: tuple[Condition, ...]
    position: Position = NOWHERE

    def judge(self, facts: FactSet, now: datetime) -> Judgement:
        """Return *or* over the parts; each is judged, so that the explanation is whole."""
        parts = tuple(part.judge(facts, now) for part in self.parts)
        return Judgement(truth=some(p.truth for p in parts), text="any of", position=self.position, parts=parts)

    def names(self) -> Iterator[str]:
        """Walk the names that any part wants."""
        return (name for part in self.parts for name in part.names())


@dataclass(frozen=True, slots=True)
class Not:
    """True when its part is known to be false."""

    part: Condition
    position: Position = NOWHERE

    def judge(self, facts: FactSet, now: datetime) -> Judgement:
        """Return *not* of the part; what is unknown stays unknown."""
        inner = self.part.judge(facts, now)
        return Judgement(truth=inner.truth.negated(), text="not", position=self.position, parts=(inner,))

    def names(self) -> Iterator[str]:
        """Walk the names that the part wants."""
        return self.part.names()


@dataclass(frozen=True, slots=True)
class Relative:
    """A limit that is a share of another fact, such as `50% of lead_time`."""

    share: Fraction
    of: str

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{Quantity(self.share, Dimension.SHARE)} of {self.of}"


@dataclass(frozen=True, slots=True)
class FactLimit:
    """A limit that is another fact, such as `{fact: policy.min_improvement}`."""

    name: str

    def __str__(self) -> str:
        """Return it as a person would say it."""
        return self.name


ResolvedLimit: TypeAlias = "Quantity | str | bool"
Limit: TypeAlias = "ResolvedLimit | Relative | FactLimit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One comparison of one fact.

    Attributes:
        fact: the name of the fact.
        comparator: one of `COMPARATORS`.
        limit: what it is compared with.
        held_for: how long the comparison must have held; None when now is enough.
        position: the line of YAML.
    """

    fact: str
    comparator: str
    limit: Limit
    held_for: Quantity | None = None
    position: Position = NOWHERE

    def names(self) -> Iterator[str]:
        """Walk the fact itself and the one that its limit refers to."""
        yield self.fact
        match self.limit:
            case Relative(of=name) | FactLimit(name=name):
                yield name
            case _:
                return

    def judge(self, facts: FactSet, now: datetime) -> Judgement:
        """Compare the fact with its limit; a missing one, or one of another unit, is unknown."""
        fact = facts[self.fact]
        outcome, saw = self._compare(fact, facts)
        if outcome is Truth.TRUE and self.held_for is not None:
            outcome, saw = _held(fact, self.held_for, now, saw)
        return Judgement(truth=outcome, text=str(self), saw=saw, position=self.position)

    def __str__(self) -> str:
        """Return it as a person would say it: `error_rate above 10/min for 5m`."""
        said = f"{self.fact} {self.comparator.replace('_', ' ')} {_say(self.limit)}"
        return f"{said} for {self.held_for}" if self.held_for else said

    def _compare(self, fact: Fact, facts: FactSet) -> tuple[Truth, str]:
        if fact.value is None:
            return Truth.UNKNOWN, fact.shown()
        limit = _resolve(self.limit, facts)
        if isinstance(limit, _Unresolved):
            return Truth.UNKNOWN, limit.reason
        outcome, saw = COMPARATORS[self.comparator](fact, limit)
        if outcome is not Truth.UNKNOWN and isinstance(self.limit, Relative | FactLimit):
            # The condition names the limit; whoever reads the reason wants to see what it came to.
            saw = f"{saw}, against {_say(limit)}"
        return outcome, saw


@dataclass(frozen=True, slots=True)
class _Unresolved:
    reason: str


def _say(limit: Limit) -> str:
    if isinstance(limit, bool):
        return "true" if limit else "false"
    return str(limit)


def _resolve(limit: Limit, facts: FactSet) -> ResolvedLimit | _Unresolved:
    match limit:
        case Relative(share=share, of=name):
            whole = facts[name]
            if not isinstance(whole.value, Quantity):
                return _Unresolved(f"{name} is {whole.shown()}")
            return Quantity(whole.value.amount * share, whole.value.dimension)
        case FactLimit(name=name):
            other = facts[name]
            if isinstance(other.value, (Quantity, str, bool)):
                return other.value
            return _Unresolved(f"{name} is {other.shown()}")
        case _:
            return limit


def resolved(limit: Limit, facts: FactSet) -> ResolvedLimit | None:
    """Return what a limit comes to, or None where the fact that it refers to is not known.

    Args:
        limit: as it is written.
        facts: what is known.
    """
    found = _resolve(limit, facts)
    return None if isinstance(found, _Unresolved) else found


def _held(fact: Fact, span: Quantity, now: datetime, saw: str) -> tuple[Truth, str]:
    if fact.held_since is None:
        return Truth.UNKNOWN, f"{saw}, since when is not known"
    held = now - fact.held_since
    return truth(held >= span.timedelta), f"{saw}, for {duration(held)}"


Comparator: TypeAlias = "Callable[[Fact, ResolvedLimit], tuple[Truth, str]]"


def _ordered(compare: Callable[[Fraction, Fraction], bool]) -> Comparator:
    def judge(fact: Fact, limit: ResolvedLimit) -> tuple[Truth, str]:
        value = fact.value
        if not isinstance(value, Quantity) or not isinstance(limit, Quantity):
            return Truth.UNKNOWN, f"{fact.shown()}, which has no order with {_say(limit)}"
        if value.dimension is not limit.dimension:
            return Truth.UNKNOWN, f"{value} is a {value.dimension}, the limit {limit} a {limit.dimension}"
        return truth(compare(value.amount, limit.amount)), str(value)

    return judge


def _equal(*, wanted: bool) -> Comparator:
    def judge(fact: Fact, limit: ResolvedLimit) -> tuple[Truth, str]:
        return truth((fact.value == limit) is wanted), fact.shown()

    return judge


def _moved(direction: int) -> Comparator:
    """Return the comparator for a fall (-1) or a rise (1) against the fact's baseline.

    A share limit is relative to the baseline; a limit of points is the difference of two shares; any other limit is a
    difference in the fact's own unit.
    """

    def judge(fact: Fact, limit: ResolvedLimit) -> tuple[Truth, str]:
        value, before = fact.value, fact.baseline
        if not isinstance(value, Quantity) or not isinstance(limit, Quantity):
            return Truth.UNKNOWN, f"{fact.shown()}, which cannot move by {_say(limit)}"
        if before is None:
            return Truth.UNKNOWN, f"{value}, with nothing to compare it to"
        saw = f"{value}, was {before}"
        moved = _movement(value, before, limit.dimension)
        if moved is None:
            return Truth.UNKNOWN, f"{saw}, which does not move by {limit}"
        return truth(moved * direction >= limit.amount), saw

    return judge


def _movement(value: Quantity, before: Quantity, unit: Dimension) -> Fraction | None:
    """Return how far `value` is from `before` in `unit`, or None where that says nothing."""
    change = value.amount - before.amount
    if unit is Dimension.SHARE and value.dimension is not Dimension.POINTS:
        return change / abs(before.amount) if before.amount else None
    if unit is value.dimension or (unit is Dimension.POINTS and value.dimension is Dimension.SHARE):
        return change
    return None


COMPARATORS: Final[dict[str, Comparator]] = {
    "above": _ordered(lambda value, limit: value > limit),
    "below": _ordered(lambda value, limit: value < limit),
    "at_least": _ordered(lambda value, limit: value >= limit),
    "at_most": _ordered(lambda value, limit: value <= limit),
    "is": _equal(wanted=True),
    "is_not": _equal(wanted=False),
    "falls_by": _moved(-1),
    "rises_by": _moved(1),
}
ORDER_COMPARATORS: Final = frozenset({"above", "below", "at_least", "at_most"})
MOVE_COMPARATORS: Final = frozenset({"falls_by", "rises_by"})
