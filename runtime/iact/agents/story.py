"""A run that is only thought: what happens to it, and what the one evaluator decides, without a store.

It goes on as the engine would: entering a state tries the ways out that wait for nothing, an event those that name it,
and times come due in their order while time passes. Nothing is done; an action that was decided is an intent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Final

from iact.core.evaluator import begin, decide, timers
from iact.core.facts import Fact, FactSet
from iact.core.machine import Decision, Machine, RunState, Timer, Trigger

MOST_STEPS: Final = 1_000
"""Decisions that one happening may lead to; a machine that goes round is stopped, not followed for ever."""
_BROUGHT: Final = ("event.", "receipt.")
"""What comes along with an event, and is gone after it."""


class EndlessStoryError(Exception):
    """States lead to each other without ever waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a run stands between two happenings.

    Attributes:
        machine: the compiled agent.
        state: where the run stands.
        timers: the times that it waits for.
        facts: what is known, until somebody says otherwise.
        now: the present moment.
        decisions: what was decided on the way here, in order.
    """

    machine: Machine
    state: RunState
    timers: tuple[Timer, ...]
    facts: FactSet
    now: datetime
    decisions: tuple[Decision, ...] = ()

    @property
    def has_ended(self) -> bool:
        """Whether the run is over."""
        return self.machine[self.state.state].final

    def silent(self) -> Standing:
        """Return it without the decisions that led here, and without what came along with an event."""
        kept = FactSet.of(fact for fact in self.facts if not fact.name.startswith(_BROUGHT))
        return replace(self, decisions=(), facts=kept)

    def knowing(self, facts: Iterable[Fact]) -> Standing:
        """Return it with what is known now."""
        return replace(self, facts=self.facts.joined(FactSet.of(facts)))


def started(machine: Machine, inputs: FactSet, facts: FactSet, now: datetime) -> Standing:
    """Return a run that was just started, before anything was tried.

    Args:
        machine: the compiled agent.
        inputs: what it is started with, as facts named `input.…`.
        facts: what is known.
        now: the moment of the start.

    Raises:
        ValueError: if the first state waits for a time that the inputs do not supply.
    """
    decision = begin(machine, inputs, now)
    return Standing(
        machine=machine,
        state=decision.after,
        timers=decision.timers,
        facts=facts,
        now=now,
        decisions=(decision,),
    )


def standing_in(machine: Machine, name: str, inputs: FactSet, facts: FactSet, now: datetime) -> Standing:
    """Return a run that has just entered a state, as if what led there had happened before.

    Args:
        machine: the compiled agent.
        name: the state.
        inputs: what the run was started with, as facts named `input.…`.
        facts: what is known.
        now: the moment at which the state was entered.
    """
    state = RunState(state=name, visit=1, entered_at=now, inputs=inputs)
    waits = timers(machine[name], facts.joined(state.known()), now)
    return Standing(machine=machine, state=state, timers=waits, facts=facts, now=now)


def entered(standing: Standing) -> Standing:
    """Return it after the ways out that wait for nothing were tried, again in each state that they lead to."""
    for _ in range(MOST_STEPS):
        if standing.has_ended or not standing.machine[standing.state.state].moves_at_once:
            return standing
        after = _decided(standing, Trigger.entered())
        if not after.decisions[-1].moved:
            return after
        standing = after
    message = f"{standing.machine.name} took {MOST_STEPS} steps without waiting"
    raise EndlessStoryError(message)


def told(standing: Standing, event: str) -> Standing:
    """Return it after an event, and all that follows at once."""
    return standing if standing.has_ended else _and_on(standing, Trigger.event(event))


def looked(standing: Standing) -> Standing:
    """Return it after another look at the facts, and all that follows at once."""
    return standing if standing.has_ended else _and_on(standing, Trigger.looked())


def passed(standing: Standing, span: timedelta) -> Standing:
    """Return it after some time, in which every time that came due was tried, the earliest first."""
    until = standing.now + span
    for _ in range(MOST_STEPS):
        due = [timer for timer in standing.timers if timer.due_at <= until]
        if standing.has_ended or not due:
            return replace(standing, now=until)
        timer = min(due, key=attrgetter("due_at", "transition"))
        left = tuple(each for each in standing.timers if each != timer)
        standing = _and_on(replace(standing, timers=left, now=timer.due_at), Trigger.timer(timer.transition))
    message = f"{standing.machine.name} took {MOST_STEPS} steps by {until}"
    raise EndlessStoryError(message)


def _and_on(standing: Standing, trigger: Trigger) -> Standing:
    after = _decided(standing, trigger)
    return entered(after) if after.decisions[-1].moved else after


def _decided(standing: Standing, trigger: Trigger) -> Standing:
    decision = decide(standing.machine, standing.state, trigger, standing.facts, standing.now)
    decisions = (*standing.decisions, decision)
    if not decision.moved:
        return replace(standing, decisions=decisions)
    return replace(standing, state=decision.after, timers=decision.timers, decisions=decisions)
