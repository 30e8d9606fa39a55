"""The one evaluator: what a decision wants to know (`needs`), and what it comes to (`decide`).

Both are pure. The live engine, dry runs, simulations, tests and explanations call these two functions and no others,
so that they can never disagree about what a rule means.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from iact.core.business_time import NeverOpenError
from iact.core.conditions import FactLimit, Judgement
from iact.core.facts import FactRequest, FactSet
from iact.core.machine import BusinessWait, Decision, Intent, Machine, RunState, State, Timer, Transition, Trigger
from iact.core.quantities import Dimension, Quantity
from iact.core.truth import Truth


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
    obstacle = _obstacle(first, nowhere.known(), now)
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
        obstacle = _obstacle(machine[transition.to], known, now) if judgement.truth.is_true else ""
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


def _obstacle(target: State, known: FactSet, now: datetime) -> str:
    """Return why `target` cannot be entered although its condition is true; empty where it can."""
    for transition in target.transitions:
        if transition.after is not None and isinstance(due := _due(transition.after, known, now), str):
            return f"how long {target.name} waits is not known: {due}"
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
    waits = ((index, each.after) for index, each in enumerate(state.transitions) if each.after is not None)
    times = ((index, _due(after, known, now)) for index, after in waits)
    return tuple(Timer(index, due) for index, due in times if not isinstance(due, str))


def _due(after: Quantity | FactLimit | BusinessWait, known: FactSet, now: datetime) -> datetime | str:
    """Return when a wait that begins now is over, or why that cannot be told."""
    match after:
        case BusinessWait(span=span, calendar=calendar):
            try:
                return calendar.after(now, span)
            except NeverOpenError as error:
                return str(error)
        case FactLimit(name=name):
            length = known[name].value
            if not isinstance(length, Quantity) or length.dimension is not Dimension.DURATION:
                return f"{name} is {known[name].shown()}"
            return now + length.timedelta
        case Quantity():
            return now + after.timedelta


def _holds(state: State, known: FactSet) -> tuple[str, ...]:
    return (f"{state.exclusive}={known[state.exclusive].value}",) if state.exclusive else ()
