"""Whether a comparison can ever mean something: its fact exists, and its limit is of the same type and unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from iact.core.conditions import MOVE_COMPARATORS, ORDER_COMPARATORS, FactLimit, Leaf, Relative
from iact.core.facts import FactType
from iact.core.problems import Problem, did_you_mean
from iact.core.quantities import EXPECTED, Dimension, Quantity
from iact.core.scope import Scope
from iact.core.tree import Position


@dataclass(frozen=True, slots=True)
class WrittenLeaf:
    """A leaf with the places of its parts.

    Attributes:
        leaf: the comparison.
        subject: where the fact's name stands.
        limit: where the limit stands.
    """

    leaf: Leaf
    subject: Position
    limit: Position


def check_leaf(written: WrittenLeaf, scope: Scope) -> Iterator[Problem]:
    """Yield what keeps the comparison from ever being true or false."""
    leaf = written.leaf
    fact_type = scope.fact_type(leaf.fact)
    if fact_type is None:
        yield _unknown(leaf.fact, written.subject, scope)
    other = leaf.limit.of if isinstance(leaf.limit, Relative) else None
    other = leaf.limit.name if isinstance(leaf.limit, FactLimit) else other
    other_type = scope.fact_type(other) if other else None
    if other and other_type is None:
        yield _unknown(other, written.limit, scope)
        return
    if fact_type is None or fact_type is FactType.ANY:
        return
    wrong = _mismatch(leaf, fact_type, other_type)
    if wrong:
        yield Problem(rule="wrong-unit", position=written.limit, message=wrong)


def check_fact(name: str, position: Position, scope: Scope, wanted: FactType | None = None) -> Iterator[Problem]:
    """Yield what is wrong with the name of a fact, or with its type where only one is right."""
    found = scope.fact_type(name)
    if found is None:
        message = f"`{name}`: nothing supplies a fact of that name."
        hint = did_you_mean(name, scope.fact_names())
        yield Problem(rule="unknown-fact", position=position, message=message, hint=hint)
    elif wanted and found not in {wanted, FactType.ANY}:
        expected = EXPECTED[Dimension(wanted.value)] if wanted.is_quantity else f"a {wanted.value}"
        yield Problem(
            rule="wrong-unit",
            position=position,
            message=f"expected a fact that is {expected}; `{name}` is a {found.value}.",
        )


def check_subject(name: str, position: Position, scope: Scope) -> Iterator[Problem]:
    """Yield that nothing supplies the fact of a comparison whose other parts could not be read."""
    if scope.fact_type(name) is None:
        yield _unknown(name, position, scope)


def _unknown(name: str, position: Position, scope: Scope) -> Problem:
    sort, shown = ("metric", name.removeprefix("metric.")) if name.startswith("metric.") else ("fact", name)
    known = [fact.removeprefix("metric.") if sort == "metric" else fact for fact in scope.fact_names()]
    message = (
        f"`{shown}`: there is no Metric of that name."
        if sort == "metric"
        else f"`{shown}`: nothing supplies a fact of that name."
    )
    return Problem(rule=f"unknown-{sort}", position=position, message=message, hint=did_you_mean(shown, known))


def _mismatch(leaf: Leaf, fact_type: FactType, other_type: FactType | None) -> str:
    comparator = leaf.comparator.replace("_", " ")
    if leaf.comparator in ORDER_COMPARATORS | MOVE_COMPARATORS and not fact_type.is_quantity:
        return f"`{leaf.fact}` is {_a(fact_type)}, which is never {comparator} anything; use `is` or `is_not`."
    limit_type = other_type or _type_of(leaf)
    if limit_type is FactType.ANY or _comparable(leaf, fact_type, limit_type):
        return ""
    hint = " (in quotes it is a text)" if fact_type is FactType.TEXT and limit_type.is_quantity else ""
    return f"`{leaf.fact}` is {_a(fact_type)}; `{_said(leaf)}` is {_a(limit_type)}{hint}."


def _comparable(leaf: Leaf, fact_type: FactType, limit_type: FactType) -> bool:
    if isinstance(leaf.limit, Relative) and not limit_type.is_quantity:
        return False
    if fact_type is limit_type or FactType.QUANTITY in {fact_type, limit_type}:
        return fact_type.is_quantity == limit_type.is_quantity
    if leaf.comparator not in MOVE_COMPARATORS:
        return False
    relative = limit_type is FactType.SHARE and fact_type is not FactType.POINTS
    return relative or (limit_type is FactType.POINTS and fact_type is FactType.SHARE)


def _type_of(leaf: Leaf) -> FactType:
    match leaf.limit:
        case Quantity(dimension=dimension):
            return FactType(dimension.value)
        case bool():
            return FactType.BOOLEAN
        case _:
            return FactType.TEXT


def _said(leaf: Leaf) -> str:
    return str(leaf.limit).lower() if isinstance(leaf.limit, bool) else str(leaf.limit)


_ARTICLED = {
    FactType.DURATION: "a duration",
    FactType.SHARE: "a share",
    FactType.POINTS: "a difference in percentage points",
    FactType.RATE: "a rate",
    FactType.NUMBER: "a number",
    FactType.TEXT: "a text",
    FactType.BOOLEAN: "true or false",
    FactType.RECORD: "a record",
    FactType.QUANTITY: "an amount",
    FactType.ANY: "anything",
}


def _a(fact_type: FactType) -> str:
    return _ARTICLED[fact_type]
