"""Every case that conditions can tell apart: so few that a check can go through all of them.

A leaf with a fixed limit changes at its limit alone. Between two neighbouring limits one value stands for all others,
beside them one text stands for every text that no leaf names, and every fact may be unknown. So what holds in each of
these cases holds always, by the same `judge` that decides about a run.

What depends on more than the value of one fact is loosened until it does not: `above {fact: y}` asks how the fact
stands to y, which is below, at or above it; `for: 5m` may hold or not; an expression in CEL may be anything. There are
then more cases than can happen, never fewer: that something holds in none of them is certain, that it holds in one is
not, unless nothing was loosened.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, product
from typing import Final

from iact.core.conditions import (
    MOVE_COMPARATORS,
    AllOf,
    Always,
    AnyOf,
    Condition,
    FactLimit,
    Leaf,
    Not,
    Relative,
)
from iact.core.facts import EMPTY, Fact, FactSet, FactValue
from iact.core.instants import EPOCH
from iact.core.quantities import Dimension, Quantity, number
from iact.core.truth import Truth

MOST: Final = 20_000
"""Cases that are gone through at most; conditions that tell more apart are not judged."""
_OTHER: Final = "any other text"
_AGAINST: Final = " against "
_NOWHERE: Final = "nothing is known"


@dataclass(frozen=True, slots=True)
class Case:
    """One way in which the facts may be.

    Attributes:
        facts: what is known.
        truths: what each condition comes to, in the order in which they were given.
    """

    facts: FactSet
    truths: tuple[Truth, ...]

    def said(self) -> str:
        """Return it in words: `a is unknown and b is 5`."""
        return " and ".join(_said(fact) for fact in self.facts)

    def where(self) -> str:
        """Return it as the end of a sentence: ` where a is unknown and b is 5`; empty where nothing is told apart."""
        return f" where {self.said()}" if len(self.facts) else ""

    def about(self, names: Iterable[str]) -> Case:
        """Return it without the facts that are not named."""
        kept = set(names)
        return Case(FactSet.of(fact for fact in self.facts if fact.name in kept), self.truths)


def _said(fact: Fact) -> str:
    if fact.value is None:
        return f"{fact.name} is unknown"
    return f"{fact.name} is {fact.shown()}"


@dataclass(frozen=True, slots=True)
class Cases:
    """All cases of some conditions.

    Attributes:
        all: every case; the unknown ones come last.
        is_exact: whether each of them can happen: nothing was loosened.
    """

    all: tuple[Case, ...]
    is_exact: bool


def cases_of(
    conditions: Iterable[Condition],
    always_known: Callable[[str], bool],
    never_known: Callable[[str], bool] = lambda _: False,
) -> Cases | None:
    """Return every case that conditions can tell apart, or None where there are too many.

    Args:
        conditions: the conditions.
        always_known: whether the fact of a name has a value whenever somebody looks.
        never_known: whether only the cases matter in which the fact of a name is unknown.
    """
    written = list(conditions)
    loosened = [_loosened(condition) for condition in written]
    values = {name: _values(leaves) for name, leaves in _leaves_by_fact(loosened).items()}
    possible = [
        [
            *(Fact(name=name, value=value) for value in (() if never_known(name) else found)),
            *(() if always_known(name) else [_unknown(name)]),
        ]
        for name, found in sorted(values.items())
    ]
    if math.prod(len(facts) for facts in possible) > MOST:
        return None
    cases = (FactSet.of(facts) for facts in product(*possible))
    judged = (Case(facts, tuple(one.judge(facts, EPOCH).truth for one in loosened)) for facts in cases)
    return Cases(tuple(judged), is_exact=loosened == written)


def _unknown(name: str) -> Fact:
    return Fact(name=name, missing=_NOWHERE)


def _loosened(condition: Condition) -> Condition:
    """Return a condition whose every leaf depends on the value of one fact alone."""
    match condition:
        case AllOf(parts=parts, position=position):
            return AllOf(tuple(_loosened(part) for part in parts), position)
        case AnyOf(parts=parts, position=position):
            return AnyOf(tuple(_loosened(part) for part in parts), position)
        case Not(part=part, position=position):
            return Not(_loosened(part), position)
        case Leaf():
            return _loosened_leaf(condition)
        case Always():
            return condition
        case _:
            return _anything(condition)


def _loosened_leaf(leaf: Leaf) -> Condition:
    if leaf.held_for is not None:
        # It can only be true while the comparison itself is; for how long it has been is anybody's guess.
        now = Leaf(fact=leaf.fact, comparator=leaf.comparator, limit=leaf.limit, position=leaf.position)
        return AllOf((_loosened_leaf(now), _anything(leaf)), leaf.position)
    if leaf.comparator in MOVE_COMPARATORS:
        return _anything(leaf)
    if isinstance(leaf.limit, Relative | FactLimit):
        against = f"{leaf.fact}{_AGAINST}{leaf.limit}"
        return Leaf(fact=against, comparator=leaf.comparator, limit=number(0), position=leaf.position)
    return leaf


def _anything(condition: Condition) -> Leaf:
    """Return a leaf that may be true, false or unknown whatever the facts are; of equal conditions the same."""
    return Leaf(fact=f"“{condition.judge(EMPTY, EPOCH).text}”", comparator="is", limit=True)


def is_loosened(name: str) -> bool:
    """Return whether the fact of a case is no fact of a run, but what stands for a condition that was loosened."""
    return name.startswith("“") or _AGAINST in name


def _leaves_by_fact(conditions: Iterable[Condition]) -> dict[str, list[Leaf]]:
    found: dict[str, list[Leaf]] = {}
    for condition in conditions:
        for leaf in _leaves(condition):
            found.setdefault(leaf.fact, []).append(leaf)
    return found


def _leaves(condition: Condition) -> Iterator[Leaf]:
    match condition:
        case AllOf(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from _leaves(part)
        case Not(part=part):
            yield from _leaves(part)
        case Leaf():
            yield condition
        case _:
            return


def _values(leaves: Iterable[Leaf]) -> list[FactValue]:
    """Return values of a fact, one for each case that its leaves can tell apart."""
    limits = [leaf.limit for leaf in leaves]
    texts = sorted({limit for limit in limits if isinstance(limit, str)})
    values: list[FactValue] = [*texts, _OTHER] if texts else []
    if any(isinstance(limit, bool) for limit in limits):
        values += [True, False]
    for dimension in Dimension:
        amounts = sorted({each.amount for each in limits if isinstance(each, Quantity) and each.dimension is dimension})
        values += [Quantity(amount, dimension) for amount in _around(amounts)]
    return values


def _around(limits: list[Fraction]) -> Iterator[Fraction]:
    """Yield each limit, one value between each two neighbours, one below all and one above."""
    if not limits:
        return
    yield limits[0] - 1
    for lower, upper in pairwise(limits):
        yield lower
        yield (lower + upper) / 2
    yield limits[-1]
    yield limits[-1] + 1
