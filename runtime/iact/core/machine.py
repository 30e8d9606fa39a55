"""The one evaluator: what a decision wants to know (`needs`), and what it comes to (`decide`).

Both are pure. The live engine, dry runs, simulations, tests and explanations call these two functions and no others,
so that they can never disagree about what a rule means.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from iact.core import instants
from iact.core.conditions import ALWAYS, Condition, FactLimit, Judgement
from iact.core.facts import EMPTY, Fact, FactRequest, FactSet
from iact.core.quantities import Dimension, Quantity
from iact.core.tree import NOWHERE, Position
from iact.core.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime


class TriggerKind(StrEnum):
    """Why a machine is asked to decide."""

    ENTERED = "entered"
    """The state was just entered; transitions without an event are tried."""
    EVENT = "event"
    """Something happened: a person asked, an action finished."""
    TIMER = "timer"
    """A time that a transition's `after` named has come."""
    LOOKED = "looked"
    """Somebody looked again; transitions without an event are tried, in case the facts have changed."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """One reason to decide.

    Attributes:
        kind: why.
        name: the event's name; empty for the other kinds.
        transition: index of the transition whose time has come; -1 for the other kinds.
        facts: what came along with it, such as an action's receipt.
    """

    kind: TriggerKind
    name: str = ""
    transition: int = -1
    facts: FactSet = EMPTY

    @classmethod
    def entered(cls) -> Trigger:
        """Return the trigger of a state that was just entered."""
        return cls(TriggerKind.ENTERED)

    @classmethod
    def event(cls, name: str, facts: FactSet = EMPTY) -> Trigger:
        """Return the trigger of an event with what it brought along."""
        return cls(TriggerKind.EVENT, name=name, facts=facts)

    @classmethod
    def timer(cls, transition: int) -> Trigger:
        """Return the trigger of a transition whose time has come."""
        return cls(TriggerKind.TIMER, transition=transition)

    @classmethod
    def looked(cls) -> Trigger:
        """Return the trigger of another look."""
        return cls(TriggerKind.LOOKED)

    def to_record(self) -> dict[str, Any]:
        """Return it as canonical JSON data."""
        record: dict[str, Any] = {"kind": self.kind.value}
        if self.name:
            record["name"] = self.name
        if self.kind is TriggerKind.TIMER:
            record["transition"] = self.transition
        return record


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One way out of a state.

    Attributes:
        to: the state it leads to.
        event: the event it waits for; empty when it waits for none.
        after: how long after entering it is due, or the fact that says how long; None when no time is waited for.
        when: what must be true.
        decide: what taking it means, such as `GO`; empty when it needs no name.
        remember: names of facts that the run carries on with.
        position: the line of YAML.
    """

    to: str
    event: str = ""
    after: Quantity | FactLimit | None = None
    when: Condition = ALWAYS
    decide: str = ""
    remember: tuple[str, ...] = ()
    position: Position = NOWHERE

    def answers(self, trigger: Trigger, index: int) -> bool:
        """Return whether this transition is to be tried for `trigger`; `index` is its own place in the state."""
        match trigger.kind:
            case TriggerKind.TIMER:
                return index == trigger.transition
            case TriggerKind.EVENT:
                return self.event == trigger.name
            case TriggerKind.ENTERED | TriggerKind.LOOKED:
                return not self.event and self.after is None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One state of a machine.

    Attributes:
        name: its name.
        do: the action that entering it starts; empty for none.
        arguments: what the action is told, as canonical JSON data.
        transitions: the ways out, in the order in which they are tried.
        final: whether the run ends here.
        exclusive: name of the fact whose text only one run at a time may hold while in this state; empty for none.
    """

    name: str
    do: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    transitions: tuple[Transition, ...] = ()
    final: bool = False
    exclusive: str = ""

    @property
    def moves_at_once(self) -> bool:
        """Whether it has a way out that waits neither for an event nor for a time."""
        return any(not transition.event and transition.after is None for transition in self.transitions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A compiled agent.

    Attributes:
        name: the agent's name.
        digest: digest of the definition that it was compiled from.
        start: the state a run begins in.
        states: every state by name.
    """

    name: str
    digest: str
    start: str
    states: Mapping[str, State]

    def __getitem__(self, name: str) -> State:
        """Return the state of that name."""
        return self.states[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """Where a run stands.

    Attributes:
        state: name of the state.
        visit: how many states the run has entered, this one included; tells two visits of one state apart.
        entered_at: when it entered this state.
        inputs: what the run was started with, as facts named `input.…`.
        remembered: the facts that it carries on with, under their own names.
    """

    state: str
    visit: int
    entered_at: datetime
    inputs: FactSet = EMPTY
    remembered: FactSet = EMPTY

    def known(self) -> FactSet:
        """Return what the run itself brings to a decision: its inputs, and what it remembered as `remembered.…`."""
        return self.inputs.joined(FactSet.of(_renamed(self.remembered)))


def _renamed(facts: FactSet) -> Iterator[Fact]:
    return (replace(fact, name=f"remembered.{fact.name}") for fact in facts)


@dataclass(frozen=True, slots=True)
class Intent:
    """An action that was decided and is yet to be done.

    Attributes:
        action: registered name of the action.
        arguments: what it is told, as canonical JSON data.
    """

    action: str
    arguments: Mapping[str, Any]

    def to_record(self) -> dict[str, Any]:
        """Return it as canonical JSON data."""
        return {"action": self.action, "arguments": dict(self.arguments)}


@dataclass(frozen=True, slots=True)
class Timer:
    """A time that a transition of the present state waits for."""

    transition: int
    due_at: datetime

    def to_record(self) -> dict[str, Any]:
        """Return it as canonical JSON data."""
        return {"transition": self.transition, "due_at": instants.write(self.due_at)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What `decide` came to.

    Attributes:
        before: where the run stood.
        after: where it stands now; the same object as `before` when nothing moved.
        taken: index of the transition that was taken; None when none was.
        outcome: what taking it means, in lower case; empty when it has no name.
        intents: what is to be done, in order.
        timers: the times that the new state waits for.
        holds: names that this run alone may hold from now on; those of the state before are given back.
        final: whether the run ends here.
        considered: the judgement of each transition that was tried, in the order of the file.
    """

    before: RunState
    after: RunState
    taken: int | None = None
    outcome: str = ""
    intents: tuple[Intent, ...] = ()
    timers: tuple[Timer, ...] = ()
    holds: tuple[str, ...] = ()
    final: bool = False
    considered: tuple[Judgement, ...] = ()

    @property
    def moved(self) -> bool:
        """Whether a transition was taken."""
        return self.taken is not None

    def to_record(self) -> dict[str, Any]:
        """Return it as canonical JSON data, explanation included."""
        return {
            "from": self.before.state,
            "to": self.after.state,
            "visit": self.after.visit,
            "moved": self.moved,
            "taken": self.taken,
            "outcome": self.outcome,
            "final": self.final,
            "intents": [intent.to_record() for intent in self.intents],
            "timers": [timer.to_record() for timer in self.timers],
            "holds": list(self.holds),
            "considered": [judgement.to_record() for judgement in self.considered],
        }


def begin(machine: Machine, inputs: FactSet, now: datetime) -> Decision:
    """Return the decision that puts a new run into the machine's first state.

    Args:
        machine: the compiled agent.
        inputs: what the run is started with, as facts named `input.…`.
        now: the moment of the start.

    Raises:
        ValueError: if the first state wants to hold something, or waits for a time that the inputs do not supply.
    """
    nowhere = RunState(state="", visit=0, entered_at=now, inputs=inputs)
    first = machine[machine.start]
    obstacle = _obstacle(first, nowhere.known())
    if obstacle or first.exclusive:
        message = f"{machine.name}: the first state depends on more than the run's inputs. {obstacle}".rstrip()
        raise ValueError(message)
    after = RunState(state=first.name, visit=1, entered_at=now, inputs=inputs)
    return Decision(
        before=nowhere,
        after=after,
        intents=_intents(first),
        timers=timers(first, nowhere.known(), now),
        final=first.final,
    )


def needs(machine: Machine, state: RunState, trigger: Trigger) -> tuple[FactRequest, ...]:
    """Return the facts that deciding `trigger` wants and that the run and the trigger do not bring along, by name."""
    supplied = state.known().joined(trigger.facts)
    wanted = {
        name
        for index, transition in enumerate(machine[state.state].transitions)
        if transition.answers(trigger, index)
        for name in _names(machine, transition)
    }
    return tuple(FactRequest(name) for name in sorted(wanted - set(supplied.facts)))


def decide(machine: Machine, state: RunState, trigger: Trigger, facts: FactSet, now: datetime) -> Decision:
    """Choose the transition that `trigger` takes from `state`, if any.

    Transitions are tried in the order of the file; the first whose condition is true is taken. Unknown is not true
    (three-valued logic, Kleene 1952): a missing fact never moves a machine.

    Args:
        machine: the compiled agent.
        state: where the run stands.
        trigger: why a decision is asked for.
        facts: what `needs` named, each with a value or the reason why it is missing.
        now: the moment of the decision.

    Returns:
        The decision, with the judgement of every transition that was tried.
    """
    known = facts.joined(state.known()).joined(trigger.facts)
    considered: list[Judgement] = []
    for index, transition in enumerate(machine[state.state].transitions):
        if not transition.answers(trigger, index):
            continue
        judgement = transition.when.judge(known, now)
        obstacle = _obstacle(machine[transition.to], known) if judgement.truth.is_true else ""
        considered.append(_blocked(judgement, transition, obstacle) if obstacle else judgement)
        if judgement.truth.is_true and not obstacle:
            return _take(machine, state, index, known, now, tuple(considered))
    return Decision(before=state, after=state, considered=tuple(considered))


def _take(  # noqa: PLR0913, PLR0917 - a decision's six ingredients, private to this module
    machine: Machine,
    state: RunState,
    index: int,
    known: FactSet,
    now: datetime,
    considered: tuple[Judgement, ...],
) -> Decision:
    transition = machine[state.state].transitions[index]
    target = machine[transition.to]
    remembered = state.remembered.joined(FactSet.of(known[name] for name in transition.remember))
    after = RunState(
        state=target.name,
        visit=state.visit + 1,
        entered_at=now,
        inputs=state.inputs,
        remembered=remembered,
    )
    return Decision(
        before=state,
        after=after,
        taken=index,
        outcome=transition.decide.lower(),
        intents=_intents(target),
        timers=timers(target, known, now),
        holds=_holds(target, known),
        final=target.final,
        considered=considered,
    )


def holder_fact(hold: str) -> str:
    """Return the name of the fact that says which other run holds `hold`; it is missing while nobody does."""
    return f"hold.{hold}"


def _obstacle(target: State, known: FactSet) -> str:
    """Return why `target` cannot be entered although its condition is true; empty where it can."""
    for transition in target.transitions:
        if isinstance(transition.after, FactLimit) and _span(transition.after, known) is None:
            return f"how long {target.name} waits is not known: {transition.after.name} is {_shown(transition, known)}"
    if target.exclusive and not isinstance(known[target.exclusive].value, str):
        return f"what {target.name} would hold is not known: {target.exclusive} is {known[target.exclusive].shown()}"
    for hold in _holds(target, known):
        holder = known[holder_fact(hold)]
        if holder.is_known:
            return f"{hold} is held by {holder.shown()}"
    return ""


def _blocked(judgement: Judgement, transition: Transition, obstacle: str) -> Judgement:
    return Judgement(
        truth=Truth.UNKNOWN,
        text=f"{transition.to} can be entered",
        saw=obstacle,
        position=transition.position,
        parts=(judgement,),
    )


def _shown(transition: Transition, known: FactSet) -> str:
    return known[transition.after.name].shown() if isinstance(transition.after, FactLimit) else ""


def _names(machine: Machine, transition: Transition) -> Iterator[str]:
    yield from transition.when.names()
    yield from transition.remember
    target = machine[transition.to]
    if target.exclusive:
        yield target.exclusive
    for onward in target.transitions:
        if isinstance(onward.after, FactLimit):
            yield onward.after.name


def _intents(state: State) -> tuple[Intent, ...]:
    return (Intent(state.do, state.arguments),) if state.do else ()


def timers(state: State, known: FactSet, now: datetime) -> tuple[Timer, ...]:
    """Return the times that a state entered at `now` waits for, without those whose length is not known."""
    spans = ((index, _span(transition.after, known)) for index, transition in enumerate(state.transitions))
    return tuple(Timer(index, now + span.timedelta) for index, span in spans if span is not None)


def _span(after: Quantity | FactLimit | None, known: FactSet) -> Quantity | None:
    if not isinstance(after, FactLimit):
        return after
    value = known[after.name].value
    return value if isinstance(value, Quantity) and value.dimension is Dimension.DURATION else None


def _holds(state: State, known: FactSet) -> tuple[str, ...]:
    return (f"{state.exclusive}={known[state.exclusive].value}",) if state.exclusive else ()
