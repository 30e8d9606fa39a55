"""Going through a history step by step: what would have been proposed, and what its verdicts would have been.

Every decision is the one of the live path: the agent's own machine is asked (`needs`, `decide`), and its facts come
from the sources that a run asks, which call `rules.py` and `judging.py`. What is different is the clock, which jumps to
the next moment that the machine waits for, and that nothing is done: an action is taken to have succeeded at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from iact.core import instants
from iact.core.errors import ConfigurationError
from iact.core.evaluator import begin, decide, needs
from iact.core.facts import EMPTY, Fact, FactSet, FactValue
from iact.core.machine import Decision, Machine, RunState, Trigger
from iact.engine.context import FactContext
from iact.engine.observe import observe
from iact.pdca.experiments import UNCHANGED
from iact.pdca.facts import CHECKS, PLANS, kept_plan
from iact.pdca.plan import Check, Trial

START: Final = "start_requested"
"""The event by which a person starts what was proposed."""
TURNS_AT_MOST: Final = 10_000
"""Decisions that one experiment takes at most: states that lead back to each other are told, not followed for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One time at which the outcome of an experiment would have been judged, or at which it would have been stopped.

    Attributes:
        check: how it stood.
        judged: whether the outcome was judged; otherwise it was stopped for the harm it did.
        decision: what was decided, such as `keep` or `extend`.
    """

    check: Check
    judged: bool
    decision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What would have become of an experiment.

    Attributes:
        trial: what would have been tried; None where nothing could be.
        conditions: what the figures said to the condition of each improvement: `true`, `false` or `unknown`, by name.
        looks: its looks, in order.
        state: the state of the machine at the end, such as `kept`.
        decision: what was decided last.
        ended_at: when it would have ended; None where the history ends before.
    """

    trial: Trial | None
    conditions: Mapping[str, str]
    looks: tuple[Look, ...]
    state: str
    decision: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One moment of the history.

    Attributes:
        at: the moment.
        proposal: what planning would have come to by itself.
        course: what would have become of the experiment, had it been started then; None where nothing was to be tried.
    """

    at: datetime
    proposal: Course
    course: Course | None

    @property
    def proposed(self) -> str:
        """The improvement that planning came to by itself; empty where it left everything as it is."""
        trial, state = self.proposal.trial, self.proposal.state
        return trial.improvement if trial is not None and state not in UNCHANGED else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    at: datetime
    decision: Decision
    facts: FactSet


def moments(start: datetime, end: datetime, every: timedelta) -> list[datetime]:
    """Return the moments to stop at: `start`, and on from there in steps of `every`, up to `end`."""
    return [start + number * every for number in range((end - start) // every + 1)]


def step(machine: Machine, context: FactContext, end: datetime, improvement: str = "") -> Step:
    """Return what would have been proposed at `context.now`, and what would have become of it.

    Each step stands for itself: as if nothing had been tried before it.

    Args:
        machine: the agent.
        context: what its facts are made from; its services hold the history.
        end: where the history ends: nothing is looked at later.
        improvement: the improvement to try; empty for the one that is proposed.
    """
    now = context.now
    context = replace(context, services={**context.services, PLANS: {}, CHECKS: {}})
    planned = Step(at=now, proposal=_course(list(_follow(machine, context, until=now))), course=None)
    if not improvement and not planned.proposed:
        return planned
    named = FactSet.of([_fact("input.improvement", improvement, now)])
    asked = replace(context, inputs=context.inputs.joined(named))
    return replace(planned, course=_course(list(_follow(machine, asked, until=end, starts=True))))


def _follow(machine: Machine, context: FactContext, *, until: datetime, starts: bool = False) -> Iterator[_Turn]:
    """Walk the decisions of a run that begins at `context.now`, until it ends, waits for a person, or time is up.

    Args:
        machine: the agent.
        context: what its facts are made from.
        until: when time is up.
        starts: whether a person starts what is proposed.
    """
    now = context.now
    decision = begin(machine, context.inputs, now)
    for _ in range(TURNS_AT_MOST):
        for at, trigger in _wakes(machine, decision, now, starts=starts):
            if at > until:
                return
            turn = _decide(machine, decision.after, trigger, replace(context, now=at))
            if turn.decision.moved:
                break
        else:
            return
        yield turn
        decision, now = turn.decision, turn.at
        if decision.final:
            return
    message = f"the agent {machine.name} took {TURNS_AT_MOST} decisions: its states lead back to each other."
    raise ConfigurationError(message)


def _wakes(machine: Machine, decision: Decision, now: datetime, *, starts: bool) -> Iterator[tuple[datetime, Trigger]]:
    """Walk what a run is woken by in the state it just entered, in the order of the engine."""
    state = machine[decision.after.state]
    for intent in decision.intents:
        yield now, Trigger.event("finished", _receipt(intent.action, now))
    if state.moves_at_once:
        yield now, Trigger.entered()
    if starts and any(one.event == START for one in state.transitions):
        yield now, Trigger.event(START)
    for timer in sorted(decision.timers, key=lambda timer: (timer.due_at, timer.transition)):
        yield timer.due_at, Trigger.timer(timer.transition)


def _decide(machine: Machine, state: RunState, trigger: Trigger, context: FactContext) -> _Turn:
    asked = replace(context, remembered=state.remembered)
    facts = observe(needs(machine, state, trigger), asked)
    return _Turn(at=context.now, decision=decide(machine, state, trigger, facts, context.now), facts=facts)


def _receipt(action: str, at: datetime) -> FactSet:
    """Return what an action would have said, had it been done."""
    said = {"applied_at": instants.write(at), "what": action, "message": f"{action} is taken to have succeeded"}
    return FactSet.of(_fact(f"receipt.{name}", value, at) for name, value in said.items())


def _fact(name: str, value: FactValue, at: datetime) -> Fact:
    return Fact(name=name, value=value, observed_at=at, source="replay")


def _course(turns: list[_Turn]) -> Course:
    last = turns[-1].decision if turns else None
    remembered = last.after.remembered if last else EMPTY
    plan = kept_plan(remembered)
    outcomes = [turn.decision.outcome for turn in turns if turn.decision.outcome]
    is_over = last is not None and last.final
    return Course(
        trial=plan.trial if plan else None,
        conditions={one["improvement"]: one["truth"] for one in plan.considered} if plan else {},
        looks=tuple(look for turn in turns if (look := _look(turn)) is not None),
        state=last.after.state if last else "",
        decision=outcomes[-1] if outcomes else "",
        ended_at=turns[-1].at if is_over else None,
    )


def _look(turn: _Turn) -> Look | None:
    """Return the look that a decision rested on: one that judged, or one that found harm."""
    value: Any = turn.facts["check"].value
    judged = turn.facts["check.verdict"].is_known
    if not isinstance(value, Mapping) or not (judged or value["harmed"]):
        return None
    return Look(check=Check.from_record(value), judged=judged, decision=turn.decision.outcome)
