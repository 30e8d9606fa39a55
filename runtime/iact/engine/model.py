"""The kind `Agent`: a state machine as people write it, its checks, and its compiled form."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, Literal

from iact.core.business_span import BusinessSpan
from iact.core.condition_checks import check_fact
from iact.core.condition_syntax import ConditionField
from iact.core.conditions import ALWAYS, Condition, FactLimit
from iact.core.errors import ConfigurationError
from iact.core.facts import Fact, FactSet, FactType, FactValue
from iact.core.machine import BusinessWait, Machine, State, Transition
from iact.core.pinned_calendar import PinnedCalendar, calendar_from_record
from iact.core.problems import Problem, Problems, did_you_mean
from iact.core.quantities import Dimension, Quantity, parse
from iact.core.registry import ACTIONS, kind
from iact.core.shape import Duration, Name, Ref, Scope, build, part
from iact.core.tree import NOWHERE, Position, Tree
from iact.engine.calendars import YEARS_KNOWN, parted, resolved
from iact.engine.examples import AgentExample
from iact.engine.topology import Edge, Topology
from iact.engine.written import scope_of, unknown_states


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class FactName:
    """The name of a fact, where a value could stand as well.

    Attributes:
        fact: the fact whose value is used.
    """

    fact: str


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """Something that a run is started with; conditions know it as the fact `input.NAME`.

    Attributes:
        type: what its value is.
        default: its value where the start does not say it; without a default the start must.
        description: what it is for.
    """

    type: Literal["duration", "share", "points", "rate", "number", "text", "boolean"]
    default: str | None = None
    description: str = ""
    position: Position = NOWHERE

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
        return parse(text, Dimension(self.type))

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield what is wrong with the default."""
        if self.default is None:
            return
        try:
            self.value(self.default)
        except ValueError as error:
            yield Problem(rule="wrong-unit", position=self.position, message=f"`default`: {error}.")


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class NextState:
    """One way out of a state. The first one in the list whose condition is true is taken.

    Attributes:
        event: the event it waits for, such as `finished`; without `event` and `after` it is tried at once.
        after: how long after entering the state it is due: time such as 30m, business time such as 4 business hours, or
            the fact that says how long.
        when: what must be true.
        decide: what taking it means, such as `GO`; it becomes the outcome of the decision.
        to: the state it leads to.
        remember: the facts that the run carries on with, as `remembered.NAME`.
    """

    to: str
    event: str = ""
    after: Duration | BusinessSpan | FactName | None = None
    when: ConditionField = ALWAYS
    decide: str = ""
    remember: tuple[str, ...] = ()
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    def check(self, scope: Scope) -> Iterator[Problem]:
        """Yield what is wrong with it on its own."""
        if self.event and self.after is not None:
            message = "`event` and `after` stand in one transition; it would wait for either."
            yield self._problem("wrong-transition", "after", message, "Write one transition for each.")
        for name in self.remember:
            yield from self._check_fact("remember", name, scope)
        if isinstance(self.after, FactName):
            yield from self._check_fact("after", self.after.fact, scope, FactType.DURATION)

    def label(self) -> str:
        """Return what it waits for and what it means, in a few words."""
        return " / ".join(word for word in (self.waits_for() or "at once", self.decide) if word)

    def waits_for(self) -> str:
        """Return what it waits for: an event, or a time such as `after 30m`; empty where it is tried at once."""
        return self.event or (f"after {_said(self.after)}" if self.after is not None else "")

    def compiled(self, calendar: PinnedCalendar | None) -> Transition:
        """Return it as the evaluator knows it.

        Args:
            calendar: whose business time it counts; None where it counts none.

        Raises:
            LookupError: if it counts business time and there is no calendar.
        """
        return Transition(
            to=self.to,
            event=self.event,
            after=_wait(self.after, calendar),
            when=self.when,
            decide=self.decide,
            remember=self.remember,
            position=self.position,
        )

    def _check_fact(self, key: str, name: str, scope: Scope, wanted: FactType | None = None) -> Iterator[Problem]:
        yield from check_fact(name, self.positions.get(key, self.position), scope, wanted)

    def _problem(self, rule: str, key: str, message: str, hint: str = "") -> Problem:
        return Problem(rule=rule, position=self.positions.get(key, self.position), message=message, hint=hint)


def _said(after: Quantity | BusinessSpan | FactName | None) -> str:
    return after.fact if isinstance(after, FactName) else str(after)


def _wait(
    after: Quantity | BusinessSpan | FactName | None, calendar: PinnedCalendar | None
) -> Quantity | FactLimit | BusinessWait | None:
    match after:
        case FactName(fact=name):
            return FactLimit(name)
        case BusinessSpan():
            if calendar is None:
                message = f"`after: {after}` counts by a calendar that the definition does not hold"
                raise LookupError(message)
            return BusinessWait(after, calendar)
        case _:
            return after


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class AgentState:
    """One state of an agent.

    Attributes:
        do: the action that entering the state starts; when it is done the event `finished` or `failed` comes.
        with_: what the action is told.
        next: the ways out, in the order in which they are tried.
        calendar: whose business time its `after` counts; left out, the agent's.
        final: whether the run ends here.
        exclusive: the fact whose text only one run at a time may hold while it is in this state.
    """

    do: str = ""
    with_: Mapping[str, Any] = field(default_factory=dict)
    next: tuple[NextState, ...] = ()
    calendar: Annotated[str, Ref("BusinessCalendar")] | None = None
    final: bool = False
    exclusive: str = ""
    position: Position = NOWHERE
    key_position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    def check(self, scope: Scope) -> Iterator[Problem]:
        """Yield what is wrong with it on its own."""
        if self.do and self.do not in ACTIONS:
            hint = did_you_mean(self.do, ACTIONS)
            yield self._problem("unknown-action", "do", f"`{self.do}`: there is no action of that name.", hint)
        if self.exclusive:
            yield from check_fact(self.exclusive, self.positions["exclusive"], scope, FactType.TEXT)
        if self.final and self.next:
            yield self._problem("wrong-state", "next", "a final state ends the run, so nothing can come `next`.")

    def leads_at_once_to(self) -> str:
        """Return the state that a run moves on to without waiting for anything; empty where it may wait."""
        at_once = (each.to for each in self.next if not each.event and each.after is None and each.when is ALWAYS)
        return next(at_once, "")

    def counts_business_time(self) -> Iterator[NextState]:
        """Walk the ways out that wait for business time."""
        return (transition for transition in self.next if isinstance(transition.after, BusinessSpan))

    def compiled(self, name: str, calendar: PinnedCalendar | None) -> State:
        """Return it as the evaluator knows it.

        Args:
            name: its name.
            calendar: whose business time it counts; None where it counts none.

        Raises:
            LookupError: if it counts business time and there is no calendar.
        """
        return State(
            name=name,
            do=self.do,
            arguments=self.with_,
            transitions=tuple(transition.compiled(calendar) for transition in self.next),
            final=self.final,
            exclusive=self.exclusive,
        )

    def _problem(self, rule: str, key: str, message: str, hint: str = "") -> Problem:
        return Problem(rule=rule, position=self.positions.get(key, self.position), message=message, hint=hint)


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
        calendar: whose business time `after: 4 business hours` counts.
        inputs: what a run is started with, by name.
        states: the states by name.
        examples: what is known in a state, and where a run then goes.
    """

    start: str
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
        if self.start in self.states:
            yield from self._dead_ends()
        yield from self._circles()

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

    def _circles(self) -> Iterator[Problem]:
        """Yield the states from which a run would go round without ever waiting."""
        told: set[str] = set()
        for name in self.states:
            path = [name]
            while (onward := self.states[path[-1]].leads_at_once_to()) in self.states and onward not in path:
                path.append(onward)
            if onward == name and name not in told:
                told.update(path)
                round_trip = " → ".join((*path, name))
                message = f"these states lead to each other at once, for ever: {round_trip}."
                hint = (
                    "Let one of them wait for an `event` or a time (`after`), or give a way out a condition (`when`)."
                )
                yield Problem(rule="endless", position=self.states[name].key_position, message=message, hint=hint)

    def _dead_ends(self) -> Iterator[Problem]:
        topology = self.topology()
        reachable = topology.reachable()
        final = [name for name, state in self.states.items() if state.final]
        ending = topology.leading_to(final)
        for name, state in self.states.items():
            if name not in reachable:
                message = f"no way leads from `{self.start}` to the state `{name}`."
                hint = "Remove it, or let a transition lead `to` it."
                yield Problem(rule="unreachable-state", position=state.key_position, message=message, hint=hint)
            elif not state.final and not state.next:
                message = f"the state `{name}` can never be left, and it is not final."
                hint = "Add `next`, or `final: true` if the run ends here."
                yield Problem(rule="dead-end", position=state.key_position, message=message, hint=hint)
            elif name not in ending:
                message = f"no way leads from the state `{name}` to the end of a run."
                hint = "Let a transition lead to a state with `final: true`."
                yield Problem(rule="dead-end", position=state.key_position, message=message, hint=hint)


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
    return Machine(name=name, digest=digest, start=agent.start, states=MappingProxyType(states))


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


__all__ = [
    "Agent",
    "AgentState",
    "Condition",
    "FactName",
    "Input",
    "NextState",
    "compile_agent",
    "compiled",
    "parse_inputs",
]


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
