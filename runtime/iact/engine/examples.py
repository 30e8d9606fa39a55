"""Examples of an agent: a state, what is known in it, and where the run then goes. `iact validate` runs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final

from iact.core.condition_checks import check_fact
from iact.core.conditions import Judgement
from iact.core.evaluator import decide, timers
from iact.core.facts import Fact, FactSet, FactType, FactValue
from iact.core.instants import EPOCH
from iact.core.machine import Decision, Machine, RunState, Trigger
from iact.core.problems import Problem
from iact.core.quantities import Dimension, number, parse
from iact.core.scope import Scope
from iact.core.shape import Duration, Moment, part
from iact.core.tree import NOWHERE, Position
from iact.core.truth import Truth

STAY: Final = "stay"
_SHOWN: Final = 3
"""How many comparisons a failed example names."""


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class AgentExample:
    """What is known in a state, and where the run then goes.

    Attributes:
        in_: the state that the run is in.
        at: the moment at which it entered the state, which matters to business time.
        event: the event that comes; without `event` and `after` it is what happens at once.
        after: how long the run has been in the state: the times that have come by then are tried, the earliest first.
        facts: what is known, by the name of each fact; all else is unknown.
        decide: what taking the transition means; left out, whatever it does.
        expect: the state that follows, or `stay`.
    """

    in_: str
    at: Moment = EPOCH
    event: str = ""
    after: Duration | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    decide: str = ""
    expect: str
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    def check(self, scope: Scope) -> Iterator[Problem]:
        """Yield facts that nothing supplies, and values of another type than their facts."""
        place = self.positions.get("facts", self.position)
        for name in self.facts:
            yield from check_fact(name, place, scope)
            wanted = scope.fact_type(name)
            try:
                value_of(self.facts[name], wanted or FactType.ANY)
            except ValueError as error:
                yield Problem(rule="wrong-unit", position=place, message=f"`{name}`: {error}.")

    def run(self, machine: Machine, inputs: FactSet, scope: Scope) -> Iterator[Problem]:
        """Yield that it comes out otherwise, where it does.

        Args:
            machine: the compiled agent.
            inputs: what a run is started with where the example says nothing else.
            scope: the project, with the facts that the agent's runs have.
        """
        facts = FactSet.of(
            Fact(
                name=name,
                value=value_of(value, scope.fact_type(name) or FactType.ANY),
                observed_at=self.at,
                source="example",
            )
            for name, value in self.facts.items()
        )
        started = FactSet.of(fact for fact in inputs if fact.name not in self.facts)
        state = RunState(state=self.in_, visit=1, entered_at=self.at, inputs=started)
        decision = self._decision(machine, state, facts)
        came_to = decision.after.state if decision.moved else STAY
        if came_to != self.expect or (self.decide and decision.outcome != self.decide.lower()):
            wanted = f"{self.decide} and `{self.expect}`" if self.decide else f"`{self.expect}`"
            found = f"{decision.outcome.upper()} and `{came_to}`" if self.decide else f"`{came_to}`"
            message = f"the example expects {wanted}, and the agent says {found}."
            hint = " ".join(_reasons(decision))
            yield Problem(rule="failed-example", position=self.position, message=message, hint=hint)

    def _decision(self, machine: Machine, state: RunState, facts: FactSet) -> Decision:
        if self.event:
            return decide(machine, state, Trigger.event(self.event), facts, self.at)
        decision = decide(machine, state, Trigger.entered(), facts, self.at)
        if self.after is None:
            return decision
        now = self.at + self.after.timedelta
        due = (
            timer for timer in timers(machine[self.in_], facts.joined(state.known()), self.at) if timer.due_at <= now
        )
        for timer in sorted(due, key=attrgetter("due_at")):
            decision = decide(machine, state, Trigger.timer(timer.transition), facts, now)
            if decision.moved:
                break
        return decision


def value_of(written: Any, wanted: FactType) -> FactValue:
    """Return what is written as a value of a fact's type.

    Raises:
        ValueError: if it is none; the message says what was expected.
    """
    match written:
        case bool() if wanted in {FactType.BOOLEAN, FactType.ANY}:
            return written
        case dict() if wanted in {FactType.RECORD, FactType.ANY}:
            return written
        case str() if wanted is FactType.TEXT:
            return written
        case str() | int() if wanted.is_quantity and not isinstance(written, bool):
            return parse(str(written), None if wanted is FactType.QUANTITY else Dimension(wanted.value))
        case str() if wanted is FactType.ANY:
            return _guessed(written)
        case int() if wanted is FactType.ANY:
            return number(written)
        case _:
            message = f"the fact is of the type {wanted}, found {written!r}"
            raise ValueError(message)


def _guessed(text: str) -> FactValue:
    try:
        return parse(text)
    except ValueError:
        return text


def _reasons(decision: Decision) -> list[str]:
    """Return the comparisons that kept the run from a transition, a sentence each."""
    leaves = [leaf for judgement in decision.considered for leaf in _leaves(judgement)]
    return [f"{leaf.text}: saw {leaf.saw}." for leaf in leaves if leaf.truth is not Truth.TRUE and leaf.saw][:_SHOWN]


def _leaves(judgement: Judgement) -> Iterator[Judgement]:
    if judgement.saw or not judgement.parts:
        yield judgement
    else:
        for each in judgement.parts:
            yield from _leaves(each)
