"""Whether an agent can be carried out without ever getting stuck: every finding is certain, none is a guess.

- Each state can be reached, and from each a run can come to its end.
- Whatever the facts are, something is sure to move a run on: a way out that asks for nothing, a time, or what comes of
  the state's action, however that ends. A state that is meant to wait without end says so.
- Each way out can be taken. `next` is in order: the first way whose condition is true is taken. One behind another that
  is true whenever it is can never be.
- Where a state says that the order does not matter, no two ways of one trigger are true at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from iact.core.cases import Case, cases_of
from iact.core.conditions import ALWAYS
from iact.core.problems import Problem
from iact.core.quantities import Quantity
from iact.core.tree import Position

if TYPE_CHECKING:
    from iact.engine.model import Agent
    from iact.engine.states import AgentState, NextState

ENDINGS: Final = ("finished", "failed", "unknown")
"""The events of which one comes when a state's action has ended: it did, it did not, or nobody can tell."""


def findings(agent: Agent) -> Iterator[Problem]:
    """Yield everything for which an agent is not sound."""
    lost = [*(_dead_ends(agent) if agent.start in agent.states else ()), *_circles(agent)]
    yield from lost
    told = {problem.position for problem in lost}
    for name, state in agent.states.items():
        for trigger, ways in _triggers(state):
            yield from _never_taken(agent, trigger, ways)
            if state.order == "does not matter":
                yield from _overlaps(name, trigger, ways)
        if state.key_position not in told:
            yield from _unbounded(name, state)


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
    for name in agent.states:
        path = [name]
        while (onward := agent.states[path[-1]].leads_at_once_to()) in agent.states and onward not in path:
            path.append(onward)
        if onward == name and name not in told:
            told.update(path)
            round_trip = " → ".join((*path, name))
            message = f"these states lead to each other at once, for ever: {round_trip}."
            hint = "Let one of them wait for an `event` or a time (`after`), or give a way out a condition (`when`)."
            yield _problem("endless", agent.states[name].key_position, message, hint)


def _triggers(state: AgentState) -> Iterator[tuple[str, list[NextState]]]:
    """Yield the ways out that one trigger tries, in their order; a time tries its own way alone."""
    yield "at once", [way for way in state.next if not way.event and way.after is None]
    for event in dict.fromkeys(way.event for way in state.next if way.event):
        yield f"on `{event}`", [way for way in state.next if way.event == event]
    for way in state.next:
        if way.after is not None and not way.event:
            yield way.waits_for(), [way]


def _never_taken(agent: Agent, trigger: str, ways: Sequence[NextState]) -> Iterator[Problem]:
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
        before = [number for number in range(place) if _can_always_be_entered(agent, ways[number].to)]
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
            message = f"{both} {can} both true where {case.said()}."
            hint = "Give one of them a narrower condition, or say `order: matters`: then the first of them is taken."
            yield _problem("overlap", second.position, message, hint)


def _unbounded(name: str, state: AgentState) -> Iterator[Problem]:
    """Yield that nothing is sure to move a run on, and in which case."""
    if state.final or not state.next or state.waits == "for ever" or _is_timed(state):
        return
    stuck = _stuck(state, "")
    if stuck is None:
        return
    place = state.positions.get("do", state.key_position)
    ended = {event: _stuck(state, event) for event in ENDINGS} if state.do else {}
    open_endings = {event: case for event, case in ended.items() if case is not None}
    hint = "Add a time (`after`) that leads on, or `waits: for ever` where that is meant."
    if state.do and not open_endings:
        return
    if state.do:
        told = ", ".join(f"`{event}`{_where(case)}" for event, case in open_endings.items())
        message = f"a run may stay in `{name}` for ever: nothing in `next` answers when `{state.do}` comes to {told}."
        yield _problem("unbounded-wait", place, message, f"Answer it, last without a condition. {hint}")
    elif any(way.event for way in state.next):
        message = f"a run may stay in `{name}` for ever: no event is sure to come."
        yield _problem("unbounded-wait", place, message, hint)
    else:
        message = f"a run may stay in `{name}` for ever: nothing in `next` is true{_where(stuck)}."
        yield _problem("not-total", place, message, f"Let the last way in `next` have no `when`. {hint}")


def _is_timed(state: AgentState) -> bool:
    return any(way.after is not None and way.when is ALWAYS for way in state.next)


def _stuck(state: AgentState, event: str) -> Case | None:
    """Return a case in which no way out is taken, of those that an event tries (or none); None where there is none."""
    ways = [way for way in state.next if way.event == event and way.after is None]
    if any(way.when is ALWAYS for way in ways):
        return None
    cases = cases_of((way.when for way in ways), _always_known)
    if cases is None:
        return None  # too much to go through: nothing is said that is not certain
    return next((case for case in cases.all if not any(truth.is_true for truth in case.truths)), None)


def _where(case: Case) -> str:
    return f" where {case.said()}" if len(case.facts) else ""


def _always_known(fact: str) -> bool:
    return fact.startswith("input.") and " against " not in fact


def _can_always_be_entered(agent: Agent, name: str) -> bool:
    """Return whether nothing keeps a run from entering a state; where something may, the next way out is tried."""
    state = agent.states.get(name)
    if state is None:
        return False
    return not state.exclusive and all(way.after is None or isinstance(way.after, Quantity) for way in state.next)


def _problem(rule: str, position: Position, message: str, hint: str) -> Problem:
    return Problem(rule=rule, position=position, message=message, hint=hint)
