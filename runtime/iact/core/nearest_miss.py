"""What would have had to be otherwise for a condition to be true: its nearest miss.

A way out that was not taken is explained by the fewest facts that kept it shut, and by how little. Of several ways to
open it the one that changes the fewest facts is the nearest, then the one that asks for the fewest that are not known
or are no amounts, then the one whose amounts lie closest to their limits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from itertools import chain, islice, product
from typing import Final

from iact.core.conditions import (
    MOVE_COMPARATORS,
    ORDER_COMPARATORS,
    AllOf,
    Always,
    AnyOf,
    Condition,
    Leaf,
    Not,
    resolved,
)
from iact.core.facts import Fact, FactSet, FactValue
from iact.core.quantities import Dimension, Quantity, duration
from iact.core.tree import NOWHERE, Position
from iact.core.truth import Truth

MOST: Final = 32
"""Ways to make one part of a condition true that are followed; the nearest of them."""
_STEP: Final = Fraction(1, 10**9)
"""How far beyond a limit that must be passed the value is that stands for all of them."""
_OTHER: Final = "any other text"
_OPPOSITES: Final = {"above": "at_most", "at_most": "above", "below": "at_least", "at_least": "below"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One fact that would have to be otherwise.

    Attributes:
        fact: the fact as it would have to be; of all such values the nearest.
        wanted: what it would have to be, in words: `at most 2 d`.
        saw: what it is.
        distance: how far it is from there, as a share of the larger of both; None where that is no amount.
        position: the line of YAML that asks for it.
    """

    fact: Fact
    wanted: str
    saw: str
    distance: Fraction | None = None
    position: Position = NOWHERE

    def said(self) -> str:
        """Return it in words: `lead_time would have to be at most 2 d; it is 3 d`."""
        return f"{self.fact.name} would have to be {self.wanted}; it is {self.saw}"

    def to_record(self) -> dict[str, str]:
        """Return it as JSON data."""
        record = {"fact": self.fact.name, "wanted": self.wanted, "saw": self.saw}
        return record if self.position is NOWHERE else record | {"at": str(self.position)}


@dataclass(frozen=True, slots=True)
class Miss:
    """The facts that would all have to be otherwise.

    Attributes:
        changes: each of them once, in the order of the condition.
    """

    changes: tuple[Change, ...]

    @property
    def cost(self) -> tuple[int, int, Fraction]:
        """What it is compared by: the smaller, the nearer."""
        amounts = [change.distance for change in self.changes if change.distance is not None]
        return len(self.changes), len(self.changes) - len(amounts), sum(amounts, Fraction(0))

    def applied_to(self, facts: FactSet) -> FactSet:
        """Return the facts as they would have to be."""
        return facts.joined(FactSet.of(change.fact for change in self.changes))


def nearest_miss(condition: Condition, facts: FactSet, now: datetime) -> Miss | None:
    """Return what would make a condition true that is not, or None where no change of facts is known to.

    Args:
        condition: what is not true.
        facts: what it was judged by.
        now: the moment at which it was judged.
    """
    found = sorted(_ways(condition, facts, now, wanted=True), key=lambda way: way.cost)
    return next((way for way in found if condition.judge(way.applied_to(facts), now).truth.is_true), None)


def _ways(condition: Condition, facts: FactSet, now: datetime, *, wanted: bool) -> Iterator[Miss]:
    """Yield ways to make a condition true, or false where that is wanted; some of them may not do in the end."""
    match condition:
        case AllOf(parts=parts):
            yield from _together(parts, facts, now, wanted=True) if wanted else _either(parts, facts, now, wanted=False)
        case AnyOf(parts=parts):
            yield from _either(parts, facts, now, wanted=True) if wanted else _together(parts, facts, now, wanted=False)
        case Not(part=part):
            yield from _ways(part, facts, now, wanted=not wanted)
        case Always():
            if wanted:
                yield Miss(())
        case Leaf():
            yield from _of_leaf(condition, facts, now, wanted=wanted)
        case _:
            # An expression in CEL shows nothing of what it is made of.
            if condition.judge(facts, now).truth is (Truth.TRUE if wanted else Truth.FALSE):
                yield Miss(())


def _either(parts: Iterable[Condition], facts: FactSet, now: datetime, *, wanted: bool) -> Iterator[Miss]:
    every = chain.from_iterable(_ways(part, facts, now, wanted=wanted) for part in parts)
    yield from _nearest(every)


def _together(parts: Iterable[Condition], facts: FactSet, now: datetime, *, wanted: bool) -> Iterator[Miss]:
    """Yield what does for all parts; two that ask for the same fact may both be met by what either asks for."""
    found = [Miss(())]
    for part in parts:
        own = list(_ways(part, facts, now, wanted=wanted))
        found = _nearest(chain.from_iterable(_joined(before, one) for before, one in product(found, own)))
    yield from found


def _joined(before: Miss, after: Miss) -> Iterator[Miss]:
    asked = {change.fact.name: change for change in before.changes}
    again = {change.fact.name: change for change in after.changes}
    yield Miss(tuple({**asked, **again}.values()))
    if asked.keys() & again.keys():
        yield Miss(tuple({**again, **asked}.values()))


def _nearest(ways: Iterable[Miss]) -> list[Miss]:
    return list(islice(sorted(set(ways), key=lambda way: way.cost), MOST))


def _of_leaf(leaf: Leaf, facts: FactSet, now: datetime, *, wanted: bool) -> Iterator[Miss]:
    judged = leaf.judge(facts, now)
    if judged.truth is (Truth.TRUE if wanted else Truth.FALSE):
        yield Miss(())
        return
    plain = replace(leaf, held_for=None)
    fact = facts[leaf.fact]
    compared = plain.judge(facts, now).truth
    if wanted and leaf.held_for is not None:
        values = [fact] if compared.is_true else [one.fact for one in _values(plain, facts, wanted=True)]
        since = now - leaf.held_for.timedelta
        for value in values:
            held = replace(value, held_since=since)
            said = (
                _longer(fact, leaf.held_for, now)
                if compared.is_true
                else f"{_limit_said(leaf, facts)} for {leaf.held_for}"
            )
            yield Miss((Change(fact=held, wanted=said, saw=judged.saw, position=leaf.position),))
        return
    yield from (Miss((replace(change, saw=judged.saw),)) for change in _values(plain, facts, wanted=wanted))


def _longer(fact: Fact, span: Quantity, now: datetime) -> str:
    if fact.held_since is None:
        return f"known to have been so for {span}"
    return f"so for {duration(span.timedelta - (now - fact.held_since))} more"


def _limit_said(leaf: Leaf, facts: FactSet) -> str:
    limit = resolved(leaf.limit, facts)
    return f"{leaf.comparator.replace('_', ' ')} {'unknown' if limit is None else limit}"


def _values(leaf: Leaf, facts: FactSet, *, wanted: bool) -> Iterator[Change]:
    """Yield the fact of a leaf as it would have to be for the comparison to come out as wanted."""
    limit = resolved(leaf.limit, facts)
    if limit is None:
        return
    if leaf.comparator in ORDER_COMPARATORS:
        if isinstance(limit, Quantity):
            yield _ordered(leaf, facts[leaf.fact], leaf.comparator if wanted else _OPPOSITES[leaf.comparator], limit)
    elif leaf.comparator in MOVE_COMPARATORS:
        yield from _moved(leaf, facts[leaf.fact], limit, wanted=wanted)
    else:
        yield _equal(leaf, facts[leaf.fact], limit, alike=(leaf.comparator == "is") is wanted)


def _ordered(leaf: Leaf, fact: Fact, comparator: str, limit: Quantity) -> Change:
    beyond = {"above": _STEP, "below": -_STEP}.get(comparator, Fraction(0))
    value = Quantity(limit.amount + beyond, limit.dimension)
    return _change(leaf, fact, value, f"{comparator.replace('_', ' ')} {limit}")


def _equal(leaf: Leaf, fact: Fact, limit: Quantity | str | bool, *, alike: bool) -> Change:  # noqa: FBT001 - a fact's value
    said = ("true" if limit else "false") if isinstance(limit, bool) else str(limit)
    if alike:
        return _change(leaf, fact, limit, said)
    other: FactValue
    if isinstance(limit, bool):
        return _change(leaf, fact, not limit, "false" if limit else "true")
    other = _OTHER if isinstance(limit, str) else Quantity(limit.amount + _STEP, limit.dimension)
    return _change(leaf, fact, other, f"anything but {said}")


def _moved(leaf: Leaf, fact: Fact, limit: Quantity | str | bool, *, wanted: bool) -> Iterator[Change]:  # noqa: FBT001 - a fact's value
    value, before = fact.value, fact.baseline
    if before is None or not isinstance(limit, Quantity):
        return
    is_relative = limit.dimension is Dimension.SHARE and before.dimension is not Dimension.POINTS
    step = abs(before.amount) * limit.amount if is_relative else limit.amount
    falls = leaf.comparator == "falls_by"
    edge = before.amount - step if falls else before.amount + step
    # What is wanted lies below where it falls and is meant to, and where it rises and is not meant to.
    below = falls is wanted
    amount = edge if wanted else edge + (-_STEP if below else _STEP)
    unit = value.dimension if isinstance(value, Quantity) else before.dimension
    nearest = Quantity(edge, unit)
    said = f"{'at most' if below else 'at least'} {nearest}" if wanted else f"{'below' if below else 'above'} {nearest}"
    yield _change(leaf, fact, Quantity(amount, unit), said)


def _change(leaf: Leaf, fact: Fact, value: FactValue, wanted: str) -> Change:
    said = f"known, and {wanted}" if fact.value is None else wanted
    return Change(
        fact=replace(fact, value=value, missing=""),
        wanted=said,
        saw=fact.shown(),
        distance=_distance(fact.value, value),
        position=leaf.position,
    )


def _distance(is_now: FactValue | None, becomes: FactValue) -> Fraction | None:
    if (
        not isinstance(is_now, Quantity)
        or not isinstance(becomes, Quantity)
        or is_now.dimension is not becomes.dimension
    ):
        return None
    larger = max(abs(is_now.amount), abs(becomes.amount))
    return abs(is_now.amount - becomes.amount) / larger if larger else Fraction(0)
