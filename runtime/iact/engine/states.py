"""The states of an agent and the ways out of them, as people write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from iact.core.business_span import BusinessSpan
from iact.core.condition_checks import check_fact
from iact.core.condition_syntax import ConditionField
from iact.core.conditions import ALWAYS, FactLimit
from iact.core.facts import FactType
from iact.core.machine import BusinessWait, State, Transition
from iact.core.pinned_calendar import PinnedCalendar
from iact.core.problems import Problem, Problems, did_you_mean
from iact.core.quantities import Quantity
from iact.core.registry import ACTIONS
from iact.core.shape import Duration, Outcome, Ref, Scope, part, read
from iact.core.tree import NOWHERE, Position, from_plain


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
        order: whether the order of `next` matters: then the first way out whose condition is true is taken; else no two
            may be true at once, which is checked.
        waits: `for ever` where nothing is sure to come, and that is meant.
        final: whether the run ends here.
        exclusive: the fact whose text only one run at a time may hold while it is in this state.
    """

    do: str = ""
    with_: Mapping[str, Any] = field(default_factory=dict)
    next: tuple[NextState, ...] = ()
    calendar: Annotated[str, Ref("BusinessCalendar")] | None = None
    order: Literal["matters", "does not matter"] = "matters"
    waits: Literal["for ever"] | None = None
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
        elif self.do:
            yield from self._wrong_arguments(scope)
        if self.exclusive:
            yield from check_fact(self.exclusive, self.positions["exclusive"], scope, FactType.TEXT)
        if self.final and self.next:
            yield self._problem("wrong-state", "next", "a final state ends the run, so nothing can come `next`.")

    def _wrong_arguments(self, scope: Scope) -> Iterator[Problem]:
        """Yield what an action cannot be told, of one that says what it can."""
        declared: type | None = getattr(ACTIONS[self.do], "arguments", None)
        if declared is None:
            return
        problems = Problems()
        place = self.positions.get("with", self.positions["do"])
        outcome: Outcome[Any] = read(declared, from_plain(dict(self.with_), place), problems)
        yield from problems
        for check in outcome.checks:
            yield from check(scope)

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
