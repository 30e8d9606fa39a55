"""The kind `Agent`: a state machine as people write it, its checks, and its compiled form."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Literal

from iact.core.errors import ConfigurationError
from iact.core.facts import Fact, FactSet, FactType, FactValue
from iact.core.machine import Machine, Mode
from iact.core.pinned_calendar import PinnedCalendar, calendar_from_record
from iact.core.problems import Problem, Problems, did_you_mean
from iact.core.quantities import Dimension, Quantity, parse
from iact.core.registry import kind
from iact.core.shape import Name, Ref, Scope, build, part
from iact.core.tree import NOWHERE, Position, Tree
from iact.engine.calendars import YEARS_KNOWN, parted, resolved
from iact.engine.examples import AgentExample
from iact.engine.soundness import findings
from iact.engine.states import AgentState, FactName
from iact.engine.topology import Edge, Topology
from iact.engine.written import scope_of, unknown_states


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """Something that a run is started with; conditions know it as the fact `input.NAME`.

    Attributes:
        type: what its value is.
        default: its value where the start does not say it; without a default the start must.
        at_least: the smallest amount that it may be; an agent that goes round must not wait for nothing.
        description: what it is for.
    """

    type: Literal["duration", "share", "points", "rate", "number", "text", "boolean"]
    default: str | None = None
    at_least: str | None = None
    description: str = ""
    position: Position = NOWHERE

    @property
    def is_always_some(self) -> bool:
        """Whether it is more than nothing, whatever a run is started with."""
        try:
            bound = self._amount(self.at_least) if self.at_least is not None else None
        except ValueError:
            return True  # told where it stands
        return bound is not None and bound.amount > 0

    @property
    def fact_type(self) -> FactType:
        """Its type as a fact."""
        return FactType(self.type)

    def value(self, text: str) -> FactValue:
        """Return `text` as a value of this type.

        Raises:
            ValueError: if it is none; the message says what was expected.
        """
        if self.type == "text":
            return text
        if self.type == "boolean":
            if text not in {"true", "false"}:
                message = f"expected true or false, found {text!r}"
                raise ValueError(message)
            return text == "true"
        found = self._amount(text)
        if self.at_least is not None and found.amount < self._amount(self.at_least).amount:
            message = f"expected at least {self.at_least}, found {text}"
            raise ValueError(message)
        return found

    def _amount(self, text: str) -> Quantity:
        return parse(text, Dimension(self.type))

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield what is wrong with the bound, else with the default."""
        if self.at_least is not None and self.type in {"text", "boolean"}:
            message = f"`at_least` bounds an amount, and a {self.type} is none."
            yield Problem(rule="wrong-unit", position=self.position, message=message, hint="Remove it.")
            return
        key = "at_least"
        try:
            if self.at_least is not None:
                self._amount(self.at_least)
            key = "default"
            if self.default is not None:
                self.value(self.default)
        except ValueError as error:
            yield Problem(rule="wrong-unit", position=self.position, message=f"`{key}`: {error}.")


@kind("Agent", folder="agents")
@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A state machine that carries work from state to state by rules and keeps every decision with its reasons.

    A run of an agent begins in the state `start`. Entering a state starts its action. A transition is taken when what
    it waits for has come and its condition is true; a fact that is missing leaves a condition unknown, and unknown
    never moves a run.

    Example:
        apiVersion: iact/v1
        kind: Agent
        metadata: {name: reminder}
        spec:
          start: waiting
          inputs:
            patience: {type: duration, default: 48h}
          states:
            waiting:
              next:                           # in this order
                - {event: answered, decide: GO, to: done}
                - {after: {fact: input.patience}, decide: ESCALATE, to: done}
            done: {final: true}
          examples:
            - {in: waiting, event: answered, decide: GO, expect: done}
            - {in: waiting, after: 47h, expect: stay}
            - {in: waiting, after: 48h, decide: ESCALATE, expect: done}

    Attributes:
        start: the state in which a run begins.
        mode: what becomes of the actions that it decides: `observe` only notes what would have been done, `propose`
            asks a person each time, `enforce` does it. Left out, it observes.
        calendar: whose business time `after: 4 business hours` counts.
        inputs: what a run is started with, by name.
        states: the states by name.
        examples: what is known in a state, and where a run then goes.
    """

    start: str
    mode: Mode | None = None
    calendar: Annotated[str, Ref("BusinessCalendar")] | None = None
    inputs: Mapping[Name, Input] = field(default_factory=dict)
    states: Mapping[Name, AgentState]
    examples: tuple[AgentExample, ...] = ()
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    @staticmethod
    def local_scope(tree: Tree, scope: Scope) -> Scope:
        """Return the scope with the facts that only this agent's runs have, as far as its `spec` can be read."""
        return scope_of(tree, scope)

    @staticmethod
    def check_names(tree: Tree) -> Iterator[Problem]:
        """Yield every name of a state that the agent, as far as its `spec` can be read, does not have."""
        yield from unknown_states(tree)

    @property
    def acts(self) -> bool:
        """Whether it decides actions at all."""
        return any(state.do for state in self.states.values())

    def calendar_of(self, state: AgentState) -> str | None:
        """Return the name of the calendar whose business time a state counts; None where nobody says one."""
        return state.calendar or self.calendar

    def calendars(self) -> frozenset[str]:
        """Return the names of the calendars whose business time is counted somewhere."""
        counting = (state for state in self.states.values() if any(state.counts_business_time()))
        return frozenset(name for state in counting if (name := self.calendar_of(state)) is not None)

    def topology(self) -> Topology:
        """Return which states lead where; a name that no state has leads to every state that it may mean."""
        edges = tuple(
            Edge(transition.label(), name, target)
            for name, state in self.states.items()
            for transition in state.next
            for target in self._meant(transition.to)
        )
        return Topology(self.start, tuple(self.states), edges)

    def _meant(self, name: str) -> tuple[str, ...]:
        """Return the states that a name may mean: the one that has it, else those like it, else any."""
        if name in self.states:
            return (name,)
        return tuple(difflib.get_close_matches(name, self.states, n=len(self.states)) or self.states)

    def run_examples(self, scope: Scope) -> Iterator[Problem]:
        """Yield the examples that come out otherwise than they say."""
        if not self.examples:
            return
        years = [example.at.year for example in self.examples]
        try:
            machine = compiled_in(self, scope, name=scope.name, years=range(min(years) - 1, max(years) + YEARS_KNOWN))
        except LookupError:
            return  # a calendar is broken, and is told where it stands
        given = ((name, each) for name, each in self.inputs.items() if each.default is not None)
        inputs = FactSet.of(_input(scope.name, name, each, each.default) for name, each in given)
        for example in self.examples:
            yield from example.run(machine, inputs, scope)

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield what is wrong with the states taken together."""
        yield from self._first_times()
        yield from self._no_calendar()
        yield from findings(self)

    def _first_times(self) -> Iterator[Problem]:
        first = self.states.get(self.start)
        for transition in first.next if first else ():
            if isinstance(transition.after, FactName) and not transition.after.fact.startswith("input."):
                message = f"the first state's times are set before any fact is known; `{transition.after.fact}` is none"
                place = transition.positions.get("after", transition.position)
                yield Problem(rule="wrong-state", position=place, message=f"{message} of the run's inputs.")

    def _no_calendar(self) -> Iterator[Problem]:
        for state in self.states.values():
            for transition in state.counts_business_time() if self.calendar_of(state) is None else ():
                place = transition.positions.get("after", transition.position)
                message = f"`after: {transition.after}` counts business time, and nothing says whose."
                hint = "Add `calendar:` with the name of a BusinessCalendar to the agent or to the state."
                yield Problem(rule="no-calendar", position=place, message=message, hint=hint)


def compile_agent(tree: Tree, *, name: str, digest: str) -> Machine:
    """Compile the `spec` of an agent.

    Args:
        tree: the `spec`, as it was loaded or as a run pinned it.
        name: the agent's name.
        digest: digest of the definition.

    Raises:
        ConfigurationError: if it is no agent, which a loaded or pinned one always is.
        LookupError: if it counts business time and does not hold its calendars (`iact.engine.calendars`).
    """
    problems = Problems()
    own, calendars = parted(tree)
    agent = build(Agent, own, problems)
    if agent is None:
        raise ConfigurationError("\n".join(str(problem) for problem in problems))
    return compiled(agent, name=name, digest=digest, calendars=calendars)


def compiled(agent: Agent, *, name: str, digest: str, calendars: Mapping[str, PinnedCalendar]) -> Machine:
    """Return an agent as the evaluator knows it.

    Args:
        agent: as it is written.
        name: its name.
        digest: digest of its definition.
        calendars: those whose business time it counts, by name.

    Raises:
        LookupError: if one of these is not there.
    """
    states = {
        state: spec.compiled(state, calendars.get(agent.calendar_of(spec) or ""))
        for state, spec in agent.states.items()
    }
    # Whoever starts a run pins the mode unless it is this one; what was pinned before there were modes was done.
    mode = agent.mode or Mode.ENFORCE
    return Machine(name=name, digest=digest, start=agent.start, states=MappingProxyType(states), mode=mode)


def parse_inputs(agent: Agent, given: Mapping[str, str], name: str = "the agent") -> FactSet:
    """Return what a run is started with, as facts named `input.…`.

    Args:
        agent: the agent that is started.
        given: the inputs as texts, such as `{"window": "48h"}`; defaults stand in for the rest.
        name: the agent's name, for messages.

    Raises:
        ConfigurationError: if one is unknown, missing or of another type.
    """
    for key in given:
        if key not in agent.inputs:
            message = f"{name} has no input `{key}`. {did_you_mean(key, agent.inputs)}".rstrip()
            raise ConfigurationError(message)
    return FactSet.of(_input(name, key, each, given.get(key, each.default)) for key, each in agent.inputs.items())


def _input(agent: str, key: str, described: Input, text: str | None) -> Fact:
    if text is None:
        message = f"{agent} cannot start without the input `{key}`"
        raise ConfigurationError(message)
    try:
        return Fact(name=f"input.{key}", value=described.value(text), source="input")
    except ValueError as error:
        message = f"{agent}: input `{key}`: {error}"
        raise ConfigurationError(message) from None


def compiled_in(agent: Agent, scope: Scope, *, name: str, years: range, digest: str = "") -> Machine:
    """Return an agent as the evaluator knows it, with its calendars as the project around it has them now.

    Args:
        agent: as it is written.
        scope: the project.
        name: its name.
        years: the years whose holidays it may need.
        digest: digest of its definition.

    Raises:
        LookupError: if a calendar cannot be resolved.
    """
    records = resolved(agent.calendars(), scope, years)
    calendars = {each: calendar_from_record(record) for each, record in records.items()}
    return compiled(agent, name=name, digest=digest, calendars=calendars)


__all__ = [
    "Agent",
    "Input",
    "compile_agent",
    "compiled",
    "compiled_in",
    "parse_inputs",
]
