"""State machines as data: what they are made of, where a run stands, why it is asked, and what was decided.

`iact.core.evaluator` decides; nothing here does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from iact.core import instants
from iact.core.business_span import BusinessSpan
from iact.core.conditions import ALWAYS, Condition, FactLimit, Judgement
from iact.core.facts import EMPTY, Fact, FactSet
from iact.core.pinned_calendar import PinnedCalendar
from iact.core.quantities import Quantity
from iact.core.tree import NOWHERE, Position

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime


class Mode(StrEnum):
    """What becomes of the actions that a rule decides; the first is the strictest."""

    OBSERVE = "observe"
    """They are not done; what would have been done is written down."""
    PROPOSE = "propose"
    """A person approves or rejects each of them."""
    ENFORCE = "enforce"
    """They are done."""


def strictest(modes: Iterable[Mode]) -> Mode:
    """Return the strictest of some modes, of which there is at least one."""
    return min(modes, key=list(Mode).index)


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


@dataclass(frozen=True, slots=True)
class BusinessWait:
    """How long a transition waits in business time, and whose.

    Attributes:
        span: how long.
        calendar: whose time is counted.
    """

    span: BusinessSpan
    calendar: PinnedCalendar

    def __str__(self) -> str:
        """Return it as a person would say it: `4 business hours of office`."""
        return f"{self.span} of {self.calendar.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One way out of a state.

    Attributes:
        to: the state it leads to.
        event: the event it waits for; empty when it waits for none.
        after: how long after entering it is due, in time or business time, or the fact that says how long; None when no
            time is waited for.
        when: what must be true.
        decide: what taking it means, such as `GO`; empty when it needs no name.
        remember: names of facts that the run carries on with.
        position: the line of YAML.
    """

    to: str
    event: str = ""
    after: Quantity | FactLimit | BusinessWait | None = None
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

    @property
    def leaves_something(self) -> bool:
        """Whether a run that leaves it may have times to forget, or something held to give back."""
        return bool(self.exclusive) or any(transition.after is not None for transition in self.transitions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A compiled agent.

    Attributes:
        name: the agent's name.
        digest: digest of the definition that it was compiled from.
        start: the state a run begins in.
        states: every state by name.
        mode: what becomes of the actions that it decides.
    """

    name: str
    digest: str
    start: str
    states: Mapping[str, State]
    mode: Mode = Mode.ENFORCE

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
    return (fact.named(f"remembered.{fact.name}") for fact in facts)


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
