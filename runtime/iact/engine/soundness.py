"""Whether an agent can be carried out without ever getting stuck: every finding is certain, none is a guess.

- Each state can be reached, and from each a run can come to its end; so it is with the inputs, too, that it was
  started with, which never change.
- Whatever the facts are, something is sure to move a run on: ways out of which one is true in every case, each to a
  state that can certainly be entered, at once, after a time, or by what comes of the state's action, however that ends.
  A state that is meant to wait without end says so.
- What waits for a person to approve it does not wait for ever.
- No run goes round without ever waiting, whatever its inputs are, nor does it repeat an action without a pause and
  without an end.
- Each way out can be taken. `next` is in order: the first way whose condition is true is taken. One behind another that
  is true whenever it is can never be.
- Where a state says that the order does not matter, no two ways of one trigger are true at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iact.core.business_span import BusinessSpan
from iact.core.cases import Case, cases_of, is_loosened
from iact.core.conditions import ALWAYS
from iact.core.machine import Mode
from iact.core.problems import Problem
from iact.core.tree import Position
from iact.engine.known import Known, known_in
from iact.engine.reach import closed_by_inputs, never_entered, worlds
from iact.engine.rounds import busy_rounds, input_waited_for, rounds

if TYPE_CHECKING:
    from iact.engine.model import Agent
    from iact.engine.states import AgentState, NextState

ENDINGS: Final = ("finished", "failed", "unknown")
"""The events of which one comes when a state's action has ended: it did, it did not, or nobody can tell."""


@dataclass(frozen=True, slots=True)
class _Stuck:
    """Why nothing is sure to move a run on.

    Attributes:
        case: in which no condition is true, or only those of ways that lead to what may be closed.
        way: the first of these ways; None where no condition is true.
        why: what may keep a run from entering where it leads.
    """

    case: Case
    way: NextState | None = None
    why: str = ""


def findings(agent: Agent) -> Iterator[Problem]:
    """Yield everything for which an agent is not sound."""
    found = list(_of_each_state(agent))
    yield from found
    if not found:
        # What closes one way also keeps a run from all that lies behind it: one slip is one problem.
        yield from _closed(agent)


def _of_each_state(agent: Agent) -> Iterator[Problem]:
    known = known_in(agent)
    lost = [*(_dead_ends(agent) if agent.start in agent.states else ()), *_circles(agent)]
    yield from lost
    told = {problem.position for problem in lost}
    for name, state in agent.states.items():
        for trigger, ways in _triggers(state):
            yield from _never_taken(known, name, trigger, ways)
            if state.order == "does not matter":
                yield from _overlaps(name, trigger, ways)
        if state.key_position not in told:
            yield from _unbounded(known, name, state)
    yield from (problem for problem in _busy(known) if problem.position not in told)


def _dead_ends(agent: Agent) -> Iterator[Problem]:
    topology = agent.topology()
    reachable = topology.reachable()
    ending = topology.leading_to([name for name, state in agent.states.items() if state.final])
    for name, state in agent.states.items():
        if name not in reachable:
            message = f"no way leads from `{agent.start}` to the state `{name}`."
            hint = "Remove it, or let a transition lead `to` it."
            yield _problem("unreachable-state", state.key_position, message, hint)
        elif not state.final and not state.next:
            message = f"the state `{name}` can never be left, and it is not final."
            hint = "Add `next`, or `final: true` if the run ends here."
            yield _problem("dead-end", state.key_position, message, hint)
        elif name not in ending:
            message = f"no way leads from the state `{name}` to the end of a run."
            hint = "Let a transition lead to a state with `final: true`."
            yield _problem("dead-end", state.key_position, message, hint)


def _circles(agent: Agent) -> Iterator[Problem]:
    """Yield the states from which a run would go round without ever waiting."""
    told: set[str] = set()
    for found in rounds(agent):
        message = f"these states lead to each other at once, for ever{found.case.where()}: {found}."
        hint = "Let one of them wait for an `event` or a time (`after`), or give a way out a condition (`when`)."
        yield _problem("endless", agent.states[found.states[0]].key_position, message, hint)
        told.update(found.states)
    for found in rounds(agent, at_worst=True):
        if found.unbounded and not told & set(found.states):
            way = found.unbounded[0]
            name = input_waited_for(way)
            case = found.case.about(fact.name for fact in found.case.facts if fact.name != f"input.{name}")
            where = " and".join([f" where `input.{name}` is 0s, which nothing forbids", case.where()[len(" where") :]])
            message = f"these states lead to each other at once, for ever,{where.removesuffix(' and')}: {found}."
            hint = f"Bound the input: `{name}: {{type: duration, at_least: 1m}}`."
            yield _problem("endless", way.positions.get("after", way.position), message, hint)


def _closed(agent: Agent) -> Iterator[Problem]:
    """Yield the states that no run comes to, or comes away from, with the inputs that it was started with."""
    if not {agent.start, *(way.to for state in agent.states.values() for way in state.next)} <= set(agent.states):
        return  # told where it stands
    known = known_in(agent)
    found = worlds(agent, lambda name, way: _shadows(known, name, way))
    for name in never_entered(agent, found):
        message = f"no run ever comes to the state `{name}`: the ways there ask one input to be two things."
        hint = "Mend the conditions on the way there, or remove the state."
        yield _problem("unreachable-state", agent.states[name].key_position, message, hint)
    for name, case in closed_by_inputs(agent, found):
        message = f"a run in `{name}` never comes to its end{case.where()}: an input stays what it is."
        hint = "Add a way out for that case, or mend the conditions on the way there."
        yield _problem("dead-end", agent.states[name].key_position, message, hint)


def _busy(known: Known) -> Iterator[Problem]:
    """Yield the states from which a run would do nothing but repeat what it did."""
    agent = known.agent

    def moves_on(name: str, event: str) -> bool:
        return _stuck(known, name, event, timed=False) is None

    for found in busy_rounds(agent, moves_on):
        state = agent.states[found.states[0]]
        message = f"`{state.do}` is repeated without a pause and without an end, however it ends: {found}."
        hint = "Let a state between wait for a time (`after`), or let one of the endings lead on."
        yield _problem("endless", state.positions.get("do", state.key_position), message, hint)


def _triggers(state: AgentState) -> Iterator[tuple[str, list[NextState]]]:
    """Yield the ways out that one trigger tries, in their order; times that come due together try theirs together."""
    yield "at once", [way for way in state.next if not way.event and way.after is None]
    for event in dict.fromkeys(way.event for way in state.next if way.event):
        yield f"on `{event}`", [way for way in state.next if way.event == event]
    timed = [way for way in state.next if way.after is not None and not way.event]
    for wait in dict.fromkeys(way.after for way in timed):
        together = [way for way in timed if way.after == wait]
        yield together[0].waits_for(), together


def _never_taken(known: Known, name: str, trigger: str, ways: Sequence[NextState]) -> Iterator[Problem]:
    cases = cases_of((way.when for way in ways), _always_known)
    if cases is None:
        return
    for place, way in enumerate(ways):
        true = [case for case in cases.all if case.truths[place].is_true]
        position = way.positions.get("when", way.position)
        if not true:
            message = "this condition can never be true, so the way out is never taken."
            yield _problem("never-true", position, message, "Remove it, or mend its limits.")
            continue
        before = [number for number in range(place) if _shadows(known, name, ways[number])]
        if all(any(case.truths[number].is_true for number in before) for case in true):
            sure = [number for number in before if all(case.truths[number].is_true for case in true)]
            others = [ways[number] for number in (sure[:1] or before)]
            lines = " and ".join(str(other.position.line) for other in others)
            said = f"line {lines}" if len(others) == 1 else f"those of lines {lines}"
            message = f"this way out is never taken: whenever it could be, the one before it ({said}) is, {trigger}."
            hint = "`next` is tried in its order. Move it up, remove it, or give the one before it a condition."
            yield _problem("never-taken", way.position, message, hint)


def _overlaps(name: str, trigger: str, ways: Sequence[NextState]) -> Iterator[Problem]:
    cases = cases_of((way.when for way in ways), _always_known)
    if cases is None:
        message = f"whether two ways out of `{name}` can be true at once is too much to go through, {trigger}."
        yield _problem("overlap", ways[0].position, message, "Say `order: matters`, and put them in their order.")
        return
    told: set[tuple[int, int]] = set()
    for case in cases.all:
        true = [place for place, truth in enumerate(case.truths) if truth.is_true]
        if len(true) > 1 and (true[0], true[1]) not in told:
            told.add((true[0], true[1]))
            first, second = ways[true[0]], ways[true[1]]
            can = "are" if cases.is_exact else "may be"
            both = f"this way out of `{name}` and the one of line {first.position.line}"
            message = f"{both} {can} both true{case.where() or ' at any time'}."
            hint = "Give one of them a narrower condition, or say `order: matters`: then the first of them is taken."
            yield _problem("overlap", second.position, message, hint)


def _unbounded(known: Known, name: str, state: AgentState) -> Iterator[Problem]:
    """Yield that nothing is sure to move a run on, and in which case."""
    if state.final or not state.next or state.waits == "for ever":
        return
    stuck = _stuck(known, name, "")
    if stuck is None:
        return
    ended = {event: _stuck(known, name, event) for event in ENDINGS} if state.do else {}
    open_endings = {event: each for event, each in ended.items() if each is not None}
    place = state.positions.get("do", state.key_position)
    hint = "Add a time (`after`) that leads on, or `waits: for ever` where that is meant."
    if state.do and not open_endings:
        if known.agent.mode is Mode.PROPOSE:
            mode = known.agent.positions.get("mode", place)
            message = f"a run may stay in `{name}` for ever: `{state.do}` is proposed, and nobody is sure to answer."
            yield _problem("unbounded-wait", mode, message, f"In `{name}`: {hint[0].lower()}{hint[1:]}")
        return
    closed = next((each for each in (open_endings.values() if state.do else (stuck,)) if each.way), None)
    if closed is not None and closed.way is not None:
        message = f"a run may stay in `{name}` for ever: {closed.why}{closed.case.where()}."
        help_ = "Add a way out behind it that leads elsewhere, or depend on what is surely known: an input, or what"
        yield _problem("not-total", closed.way.position, message, f"{help_} was remembered once it was compared.")
    elif state.do:
        told = ", ".join(f"`{event}`{each.case.where()}" for event, each in open_endings.items())
        message = f"a run may stay in `{name}` for ever: nothing in `next` answers when `{state.do}` comes to {told}."
        yield _problem("unbounded-wait", place, message, f"Answer it, last without a condition. {hint}")
    elif any(way.event for way in state.next):
        message = f"a run may stay in `{name}` for ever: no event is sure to come."
        yield _problem("unbounded-wait", place, message, hint)
    else:
        message = f"a run may stay in `{name}` for ever: nothing in `next` is true{stuck.case.where()}."
        yield _problem("not-total", place, message, f"Let the last way in `next` have no `when`. {hint}")


def _stuck(known: Known, name: str, event: str, *, timed: bool = True) -> _Stuck | None:
    """Return a case in which no way out is sure to be taken, of those that wait for an event (or none); None if none.

    All of them count together, although a time may come long after the entering. For what is known never changes, and
    a condition that is true while all else is unknown is true whatever the rest comes to.

    Args:
        known: what runs certainly know.
        name: the state.
        event: the event that comes; empty where none does.
        timed: whether times count that the state waits for.
    """
    state = known.agent.states[name]
    ways = [way for way in state.next if way.event in {"", event} and (timed or way.after is None)]
    closed = {place: why for place, way in enumerate(ways) if (why := known.obstacle(name, way))}
    if any(way.when is ALWAYS for place, way in enumerate(ways) if place not in closed):
        return None

    def is_sure(fact: str) -> bool:
        return _always_known(fact) or known.knows(name, fact)

    cases = cases_of((way.when for way in ways), is_sure)
    if cases is None:  # too much to go through: a run that is ever stuck is stuck where all else is unknown
        cases = cases_of((way.when for way in ways), is_sure, lambda fact: not is_sure(fact))
    if cases is None:
        return None  # nothing is said that is not certain
    stuck = [
        (case, [place for place, truth in enumerate(case.truths) if truth.is_true])
        for case in cases.all
        if not any(truth.is_true and place not in closed for place, truth in enumerate(case.truths))
    ]
    for case, true in stuck:
        if not true:
            return _Stuck(case)
    return next((_Stuck(case, ways[true[0]], closed[true[0]]) for case, true in stuck), None)


def _always_known(fact: str) -> bool:
    return fact.startswith("input.") and not is_loosened(fact)


def _shadows(known: Known, name: str, way: NextState) -> bool:
    """Return whether a way that is true surely keeps those behind it from being tried."""
    if way.after is not None and not all(_always_known(fact) for fact in way.when.names()):
        return False  # of two times that come due together the second looks at the facts anew
    target = known.agent.states.get(way.to)
    if target is None or any(isinstance(onward.after, BusinessSpan) for onward in target.next):
        return False  # a calendar may come to its end
    return not known.obstacle(name, way)


def _problem(rule: str, position: Position, message: str, hint: str) -> Problem:
    return Problem(rule=rule, position=position, message=message, hint=hint)
