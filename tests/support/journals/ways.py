"""How to lead a run through each way out of an agent: found by trying, with the evaluator that decides about runs.

Nothing here names an agent: what an agent asks for says which facts to try. So an agent that is shipped tomorrow is
played without anybody thinking of it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import product
from typing import Final, TypeAlias
from unittest import mock

from iact.agents import story
from iact.core.conditions import AllOf, AnyOf, Condition, FactLimit, Leaf, Not
from iact.core.evaluator import needs
from iact.core.facts import EMPTY, Fact, FactSet, FactType, FactValue
from iact.core.machine import Machine, Transition, Trigger
from iact.core.quantities import Dimension, Quantity
from iact.engine.soundness import ENDINGS

Way: TypeAlias = tuple[str, int]
"""A state, and the place in its `next`."""

MOST: Final = 50_000
"""So many ways in which the facts may be are tried at most, for one happening."""
WEEKS: Final = Quantity(Fraction(6 * 604_800), Dimension.DURATION)
"""How long a run waits where it waits for that."""
YEARS: Final = Quantity(Fraction(520 * 604_800), Dimension.DURATION)
"""How long where it waits for something else."""
STEPS: Final = 20
"""Facts that lead further than so many states at once lead round and round, and are none of a run."""
_OTHER: Final = "something else"
_AMOUNTS: Final = (Fraction(1, 10), Fraction(3, 20), Fraction(1, 5))
"""Below, at and above what is compared with another fact; that one is in the middle."""
_BROUGHT: Final = ("event.", "receipt.")


@dataclass(frozen=True, slots=True)
class Happening:
    """What happens to a run.

    Attributes:
        facts: what is known from then on.
        event: what it is told, or how its action ends; empty for none.
        after: how much time passes; None where none does. With neither it looks at the facts.
    """

    facts: tuple[Fact, ...]
    event: str = ""
    after: timedelta | None = None

    @property
    def ends_an_action(self) -> bool:
        """Whether it is how an action ends, in a state that has one."""
        return self.event in ENDINGS


@dataclass(frozen=True, slots=True)
class _Reached:
    standing: story.Standing
    path: tuple[Happening, ...]


def ways(machine: Machine) -> set[Way]:
    """Return every way out of an agent."""
    return {(name, place) for name, state in machine.states.items() for place in range(len(state.transitions))}


def paths(
    machine: Machine, inputs: FactSet, now: datetime, type_of: Callable[[str], FactType]
) -> dict[Way, tuple[Happening, ...]]:
    """Return for each way out that can be taken what has to happen, from the start of a run, fewest happenings first.

    Args:
        machine: the compiled agent.
        inputs: what runs are started with.
        now: when they start.
        type_of: the type of a fact.
    """
    guesses = _Guesses(machine, type_of)
    found: dict[Way, tuple[Happening, ...]] = {}
    reached: set[tuple[str, tuple[int, ...]]] = set()
    waiting: deque[_Reached] = deque()

    def note(standing: story.Standing, path: tuple[Happening, ...]) -> None:
        for each in standing.decisions:
            if each.taken is not None:
                found.setdefault((each.before.state, each.taken), path)
        first = min((timer.due_at for timer in standing.timers), default=None)
        where = standing.state.state, tuple(timer.transition for timer in standing.timers if timer.due_at == first)
        if where not in reached and not standing.has_ended:
            reached.add(where)
            waiting.append(_Reached(standing.silent(), path))

    beginning = story.started(machine, inputs, EMPTY, now)
    with mock.patch.object(story, "MOST_STEPS", STEPS):
        for facts in guesses.of(machine.start, beginning, Trigger.entered()):
            with suppress(story.EndlessStoryError):
                note(story.entered(beginning.knowing(facts)), (Happening(facts),))
        while waiting and found.keys() != ways(machine):
            here = waiting.popleft()
            for trigger, happening in _happenings(here.standing):
                for facts in guesses.of(here.standing.state.state, here.standing, trigger):
                    told = replace(happening, facts=facts)
                    with suppress(story.EndlessStoryError):
                        note(_after(here.standing.knowing(facts), told), (*here.path, told))
    return found


def _happenings(standing: story.Standing) -> Iterator[tuple[Trigger, Happening]]:
    """Yield what can happen to a run that waits."""
    state = standing.machine[standing.state.state]
    if state.moves_at_once:
        yield Trigger.looked(), Happening(())
    for event in dict.fromkeys(way.event for way in state.transitions if way.event):
        if not (state.do and event not in ENDINGS):  # what comes while an action is made waits for its end
            yield Trigger.event(event), Happening((), event=event)
    for timer in standing.timers:
        yield Trigger.timer(timer.transition), Happening((), after=timer.due_at - standing.now)


def _after(standing: story.Standing, happening: Happening) -> story.Standing:
    if happening.event:
        return story.told(standing, happening.event)
    if happening.after is not None:
        return story.passed(standing, happening.after)
    return story.looked(standing)


class _Guesses:
    """Which values of facts make a difference to an agent."""

    def __init__(self, machine: Machine, type_of: Callable[[str], FactType]) -> None:
        self._machine, self._type_of = machine, type_of
        self._leaves: dict[str, list[Leaf]] = {}
        self._limits: dict[str, str] = {}
        """Facts that others are compared with, by their names, and one of the others."""
        every = [way for state in machine.states.values() for way in state.transitions]
        for leaf in (leaf for way in every for leaf in _leaves(way.when)):
            self._leaves.setdefault(leaf.fact, []).append(leaf)
            if isinstance(leaf.limit, FactLimit):
                self._limits[leaf.limit.name] = leaf.fact
        self._waits = {way.after.name for way in every if isinstance(way.after, FactLimit)}

    def of(self, state: str, standing: story.Standing, trigger: Trigger) -> Iterator[tuple[Fact, ...]]:
        """Yield every way in which the facts may be that decide about a happening, and about what follows at once."""
        names = sorted(self._names(state, standing, trigger))
        values = [self._values(name) for name in names]
        assert math.prod(map(len, values)) <= MOST, f"{self._machine.name}: {state} asks for too much: {names}"
        for chosen in product(*values):
            yield tuple(Fact(name=name, value=value) for name, value in zip(names, chosen, strict=True))

    def _names(self, state: str, standing: story.Standing, trigger: Trigger) -> set[str]:
        names: set[str] = set()
        left: list[tuple[str, Trigger]] = [(state, trigger)]
        seen: set[str] = set()
        while left:
            name, why = left.pop()
            asked = needs(self._machine, replace(standing.state, state=name), why)
            names |= {one.name for one in asked if not one.name.startswith(_BROUGHT)}
            for way in self._answering(name, why):
                if way.to not in seen:
                    seen.add(way.to)
                    left.append((way.to, Trigger.entered()))
        return names

    def _answering(self, state: str, trigger: Trigger) -> Iterator[Transition]:
        transitions = self._machine[state].transitions
        return (way for place, way in enumerate(transitions) if way.answers(trigger, place))

    def _values(self, name: str) -> list[FactValue]:
        limits = [leaf.limit for leaf in self._leaves.get(name, ())]
        values: list[FactValue] = []
        if any(isinstance(limit, bool) for limit in limits):
            values += [False, True]
        texts = sorted({limit for limit in limits if isinstance(limit, str)})
        values += [*texts, _OTHER] if texts else []
        for limit in limits:
            if isinstance(limit, Quantity):
                values += [Quantity(limit.amount + step, limit.dimension) for step in (-1, 0, 1)]
        if any(isinstance(limit, FactLimit) for limit in limits):
            values += [Quantity(amount, self._dimension(name)) for amount in _AMOUNTS]
        if name in self._limits:
            values.append(Quantity(_AMOUNTS[1], self._dimension(name)))
        if name in self._waits:
            values += [WEEKS, YEARS]
        return values or [self._any(name)]

    def _dimension(self, name: str) -> Dimension:
        """Return what a fact that is compared with another one is measured in: the same as that."""
        others = [leaf.limit.name for leaf in self._leaves.get(name, ()) if isinstance(leaf.limit, FactLimit)]
        for each in (name, self._limits.get(name, ""), *others):
            if each and self._type_of(each).value in {*Dimension}:
                return Dimension(self._type_of(each).value)
        return Dimension.NUMBER

    def _any(self, name: str) -> FactValue:
        match self._type_of(name):
            case FactType.BOOLEAN:
                return True
            case FactType.RECORD:
                return {"given": "by hand"}
            case FactType.TEXT | FactType.ANY:
                return _OTHER
            case FactType.QUANTITY:
                return Quantity(Fraction(1), Dimension.NUMBER)
            case known:
                return Quantity(Fraction(1), Dimension(known.value))


def _leaves(condition: Condition) -> Iterable[Leaf]:
    match condition:
        case AllOf(parts=parts) | AnyOf(parts=parts):
            return [leaf for part in parts for leaf in _leaves(part)]
        case Not(part=part):
            return _leaves(part)
        case Leaf():
            return [condition]
        case _:
            return []
