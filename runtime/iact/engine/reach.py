"""Where a run may come with the inputs that it was started with: these never change, so what they close stays closed.

Each case that conditions can tell apart by inputs is a world of its own. In it a way out is open unless its condition
is false whatever else is known, or one that is tried before it is sure to be taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iact.core.cases import Case, Cases, cases_of, is_loosened
from iact.core.quantities import Quantity
from iact.core.truth import Truth

if TYPE_CHECKING:
    from iact.core.conditions import Condition
    from iact.engine.model import Agent
    from iact.engine.states import AgentState, NextState


@dataclass(frozen=True, slots=True)
class World:
    """What may happen to runs that were started with certain inputs.

    Attributes:
        case: the inputs.
        entered: the states that such a run may come to.
        ending: the states from which it may come to its end.
    """

    case: Case
    entered: frozenset[str]
    ending: frozenset[str]


def worlds(agent: Agent, is_taken: Callable[[str, NextState], bool]) -> list[list[World]]:
    """Return the worlds of an agent: in each list all that there are, told apart by all inputs or by one of them.

    Args:
        agent: the agent, whose states and ways all lead somewhere.
        is_taken: whether a way out of a state surely leads on once its condition is true.
    """
    ways = [(name, way) for name, state in agent.states.items() for way in state.next]
    conditions = [way.when for _, way in ways]
    inputs = sorted({fact for one in conditions for fact in one.names() if is_input(fact)})
    if not inputs:
        return []
    found = [cases_of(conditions, is_input, lambda fact: not is_input(fact))]
    if found == [None]:  # too many: each input alone, as if nothing were known of the others
        found = [_by_one(conditions, name) for name in inputs]
    return [[_world(agent, ways, case, is_taken) for case in cases.all] for cases in found if cases is not None]


def _by_one(conditions: Sequence[Condition], name: str) -> Cases | None:
    return cases_of(conditions, lambda fact: fact == name, lambda fact: fact != name)


def never_entered(agent: Agent, found: Sequence[Sequence[World]]) -> Iterator[str]:
    """Yield the first states on each way that no run comes to.

    Args:
        agent: the agent.
        found: its worlds.
    """
    for together in found:
        entered = frozenset[str]().union(*(world.entered for world in together))
        for name in agent.states:
            if name not in entered and any(_leads_to(agent.states[each], name) for each in entered):
                yield name
        if len(entered) < len(agent.states):
            return


def closed_by_inputs(agent: Agent, found: Sequence[Sequence[World]]) -> Iterator[tuple[str, Case]]:
    """Yield the states in which no run ever comes to its end, since the way on is closed, with a case of the inputs.

    A state that is closed for some inputs only may be meant to be: whoever starts a run chooses.

    Args:
        agent: the agent.
        found: its worlds.
    """
    told: set[str] = set()
    for together in found:
        left = frozenset[str]().union(*(world.entered & world.ending for world in together))
        for world in together:
            trapped = world.entered - world.ending - left
            for name in sorted(trapped - told, key=list(agent.states).index):
                if {way.to for way in agent.states[name].next} - trapped:
                    told.add(name)
                    names = {fact for way in agent.states[name].next for fact in way.when.names()}
                    yield name, world.case.about(names)


def is_input(fact: str) -> bool:
    """Return whether a fact stays what a run was started with."""
    return fact.startswith("input.") and not is_loosened(fact)


def _world(
    agent: Agent, ways: Sequence[tuple[str, NextState]], case: Case, is_taken: Callable[[str, NextState], bool]
) -> World:
    judged = {id(way): truth for (_, way), truth in zip(ways, case.truths, strict=True)}

    def is_sure(name: str, way: NextState) -> bool:
        return judged[id(way)].is_true and is_taken(name, way)

    onward = {
        name: {way.to for way in _open_ways(name, state, is_sure) if judged[id(way)] is not Truth.FALSE}
        for name, state in agent.states.items()
    }
    backward: dict[str, set[str]] = {name: set() for name in agent.states}
    for name, targets in onward.items():
        for target in targets:
            backward[target].add(name)
    final = {name for name, state in agent.states.items() if state.final}
    return World(case, _closure({agent.start}, onward), _closure(final, backward))


def _open_ways(name: str, state: AgentState, is_sure: Callable[[str, NextState], bool]) -> Iterator[NextState]:
    """Yield the ways out of a state before which none is sure to be taken."""
    for way in (one for one in state.next if not one.event and one.after is None):
        yield way
        if is_sure(name, way):
            return  # neither an event nor a time finds the run here
    for event in dict.fromkeys(way.event for way in state.next if way.event):
        for way in (one for one in state.next if one.event == event):
            yield way
            if is_sure(name, way):
                break
    timed = [way for way in state.next if way.after is not None and not way.event]
    yield from (way for way in timed if not isinstance(way.after, Quantity))
    fixed = [(way.after.amount, place, way) for place, way in enumerate(timed) if isinstance(way.after, Quantity)]
    for _, _, way in sorted(fixed, key=lambda one: one[:2]):
        yield way
        if is_sure(name, way):
            return


def _leads_to(state: AgentState, name: str) -> bool:
    return any(way.to == name for way in state.next)


def _closure(begin: set[str], onward: Mapping[str, set[str]]) -> frozenset[str]:
    found, waiting = set(begin), list(begin)
    while waiting:
        new = onward[waiting.pop()] - found
        found |= new
        waiting += new
    return frozenset(found)
