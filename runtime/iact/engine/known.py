"""What a run of an agent certainly knows in each state, and which states it can therefore certainly enter.

A state is entered only where everything is known that its times and its hold depend on, and where nobody else holds it;
else the next way out is tried, and where there is none, the run stays. A fact that is known at one moment may be
unknown at the next, so what counts is what cannot be lost any more: the inputs, what was remembered while it was known,
and what a source promises to keep (`iact.core.registry.FactSource.lasting`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from iact.core.conditions import ORDER_COMPARATORS, AllOf, Condition, Leaf
from iact.core.facts import FactType
from iact.core.quantities import Quantity
from iact.core.registry import FACT_SOURCES
from iact.engine.states import FactName

if TYPE_CHECKING:
    from iact.engine.model import Agent
    from iact.engine.states import AgentState, NextState

TypedName: TypeAlias = "tuple[str, FactType]"
"""The name of a fact with the type that its value has."""
REMEMBERED: Final = "remembered."


@dataclass(frozen=True, slots=True)
class Known:
    """What runs of an agent certainly know.

    Attributes:
        agent: the agent.
        by_state: by state the facts that a run which stands there knows and does not lose while it stands there; of a
            state that no way leads to there is nothing.
    """

    agent: Agent
    by_state: Mapping[str, frozenset[TypedName]]

    def knows(self, state: str, name: str) -> bool:
        """Return whether a fact is known in a state, whenever somebody looks, and always the same."""
        return any(known == name for known, _ in self.by_state.get(state, ()))

    def obstacle(self, state: str, way: NextState) -> str:
        """Return what may keep a run from entering the state that a way leads to; empty where nothing does.

        Args:
            state: the state that it leads out of.
            way: the way, whose condition is true.
        """
        target = self.agent.states.get(way.to)
        if target is None:
            return ""  # told where it stands
        known = self.by_state.get(state, frozenset()) | frozenset(_compared(way.when))
        for fact in sorted({fact for fact in _waits(target) if (fact, FactType.DURATION) not in known}):
            return f"`{way.to}` cannot be entered while `{fact}` is unknown"
        if not target.exclusive:
            return ""
        if (target.exclusive, FactType.TEXT) not in known:
            return f"`{way.to}` cannot be entered while `{target.exclusive}` is unknown"
        if not self._holds(state, target.exclusive):
            return f"`{way.to}` cannot be entered while another run holds the same `{target.exclusive}`"
        return ""

    def _holds(self, state: str, fact: str) -> bool:
        """Return whether a run in a state certainly holds what the fact says now."""
        if self.agent.states[state].exclusive != fact or not self.knows(state, fact):
            return False
        # What the way in remembers counts behind it, so what was held then may be another thing than it says now.
        ways = (way for each in self.agent.states.values() for way in each.next if way.to == state)
        return not any(f"{REMEMBERED}{name}" == fact for way in ways for name in way.remember)


def known_in(agent: Agent) -> Known:
    """Return what the runs of an agent certainly know, however they came to where they are."""
    inputs = {(f"input.{name}", each.fact_type) for name, each in agent.inputs.items()}
    always = frozenset(inputs | set(_lasting(""))) if agent.start in agent.states else frozenset()
    found: dict[str, frozenset[TypedName]] = {agent.start: always}
    waiting = [agent.start]
    while waiting:
        name = waiting.pop()
        for way in agent.states[name].next if name in agent.states else ():
            target = agent.states.get(way.to)
            if target is None:
                continue
            brought = always | _brought(found[name], way, target)
            # Over several ways in, only what each of them brings is sure.
            new = found[way.to] & brought if way.to in found else brought
            if way.to not in found or new != found[way.to]:
                found[way.to] = new
                waiting.append(way.to)
    return Known(agent, found)


def _brought(known: frozenset[TypedName], way: NextState, target: AgentState) -> frozenset[TypedName]:
    """Return what a run that takes a way knows behind it and does not lose."""
    seen = known | frozenset(_compared(way.when)) | frozenset(_wanted(target))
    overwritten = {f"{REMEMBERED}{name}" for name in way.remember}
    kept = {(name, sort) for name, sort in known if name not in overwritten}
    kept |= {(f"{REMEMBERED}{name}", sort) for name, sort in seen if name in way.remember}
    kept |= {(f"{REMEMBERED}{name}", FactType.RECORD) for name in way.remember if any(_lasting(name))}
    for key in {key for source in FACT_SOURCES for key in FACT_SOURCES[source].lasting if key}:
        together = frozenset(_lasting(key))
        if together & seen and (f"{REMEMBERED}{key}", FactType.RECORD) in kept:
            kept |= together
    return frozenset(kept)


def _lasting(key: str) -> Iterator[TypedName]:
    """Yield the facts that last once the one of that name is remembered; of an empty one, those that always do."""
    for name in FACT_SOURCES:
        source = FACT_SOURCES[name]
        yield from ((fact, source.provides[fact]) for fact in source.lasting.get(key, ()))


def _wanted(state: AgentState) -> Iterator[TypedName]:
    """Yield the facts that must be known to enter a state."""
    yield from ((fact, FactType.DURATION) for fact in _waits(state))
    if state.exclusive:
        yield state.exclusive, FactType.TEXT


def _waits(state: AgentState) -> Iterator[str]:
    return (way.after.fact for way in state.next if isinstance(way.after, FactName))


def _compared(condition: Condition) -> Iterator[TypedName]:
    """Yield the facts without which a condition could not be true."""
    match condition:
        case AllOf(parts=parts):
            for part in parts:
                yield from _compared(part)
        case Leaf(fact=fact, comparator=comparator, limit=Quantity() as limit):
            if comparator in ORDER_COMPARATORS | {"is"}:
                yield fact, FactType(limit.dimension.value)
        case Leaf(fact=fact, comparator="is", limit=str()):
            yield fact, FactType.TEXT
        case _:
            return
