"""Circles in which a run of an agent would go round without ever waiting, and when it would.

A way out needs no time where it waits for nothing, or for a time of no length. Which of them are taken is decided by
the conditions, so each case that these can tell apart is gone through. What the run itself changes on its way round,
since it remembers something new, is left alone: the next round may be another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iact.core.business_span import BusinessSpan
from iact.core.cases import Case, cases_of, is_loosened
from iact.core.conditions import ALWAYS
from iact.core.facts import FactSet
from iact.core.instants import EPOCH
from iact.core.quantities import Quantity
from iact.core.truth import Truth
from iact.engine.states import FactName

if TYPE_CHECKING:
    from iact.engine.model import Agent, Input
    from iact.engine.states import AgentState, NextState

COMES_ALONG: Final = ("event.", "receipt.")
"""Facts that come with an event, and are unknown as soon as it has moved the run."""
ENDED: Final = ("finished", "failed")
"""How an action ends where nothing is wrong with the process that does it."""


@dataclass(frozen=True, slots=True)
class Round:
    """A circle.

    Attributes:
        states: the states that lead to each other, in their order.
        case: what must be so for it, of all that its conditions compare.
        unbounded: the ways on it whose time is an input that may be none at all.
    """

    states: tuple[str, ...]
    case: Case
    unbounded: tuple[NextState, ...] = ()

    def __str__(self) -> str:
        """Return it as it is drawn: `a → b → a`."""
        return " → ".join((*self.states, self.states[0]))


def rounds(agent: Agent, *, at_worst: bool = False) -> Iterator[Round]:
    """Yield the circles that need no time, no state twice.

    Args:
        agent: the agent.
        at_worst: whether a time that an input says counts as none where nothing forbids that; else its default counts.
    """
    is_hasty = _may_be_no_time if at_worst else is_no_time
    hasty = {name: _without_time(agent, state, is_hasty) for name, state in agent.states.items()}
    told: set[str] = set()
    for name in agent.states:
        together = _together(name, {state: [way.to for way in ways] for state, ways in hasty.items()})
        if name not in told and together:
            found = next(_in_some_case(agent, name, {state: hasty[state] for state in together}), None)
            if found is not None:
                told.update(found.states)
                yield found


def busy_rounds(agent: Agent, moves_on: Callable[[str, str], bool]) -> Iterator[Round]:
    """Yield the circles in which an action is done again and again, without a pause and without an end.

    From there on a run does nothing else: however its actions end, it comes back without waiting for a time or for
    somebody. Each begins with a state that has an action.

    Args:
        agent: the agent.
        moves_on: whether a run is certain to move on, by its state and by how its action ended (empty for none).
    """
    onward: dict[str, set[str]] = {}
    asked: dict[str, tuple[str, ...]] = {}
    for name, state in agent.states.items():
        at_once = {way.to for way in _without_time(agent, state)}
        if at_once or state.do:
            events = {way.to for way in state.next if way.event and way.event != "unknown"} if state.do else set()
            onward[name], asked[name] = at_once | events, ENDED if state.do else ("",)
    # Most agents have no such circle, and which ways are sure takes long to tell.
    _keep_closed(onward)
    for name in list(onward):
        if not all(moves_on(name, event) for event in asked[name]):
            del onward[name]
    _keep_closed(onward)
    told: set[str] = set()
    for name in onward:
        together = _together(name, {state: sorted(targets) for state, targets in onward.items()})
        if name not in told and agent.states[name].do and together:
            told |= together
            yield Round(_shortest(name, onward), Case(FactSet.empty(), ()))


def _keep_closed(onward: dict[str, set[str]]) -> None:
    """Remove the states from which a run may come to one that is not there."""
    while leaving := [name for name, targets in onward.items() if not targets <= set(onward)]:
        for name in leaving:
            del onward[name]


def _without_time(
    agent: Agent, state: AgentState, is_hasty: Callable[[Agent, NextState], bool] | None = None
) -> list[NextState]:
    """Return the ways out of a state that need no time, in the order in which they are tried."""
    if state.final:
        return []
    is_hasty = is_hasty or is_no_time
    waits_for_nothing = [way for way in state.next if not way.event and way.after is None]
    return [*waits_for_nothing, *(way for way in state.next if not way.event and is_hasty(agent, way))]


def is_no_time(agent: Agent, way: NextState) -> bool:
    """Return whether the time that a way waits for is none at all; of an input its default counts."""
    match way.after:
        case Quantity() as span:
            return not span.timedelta
        case BusinessSpan(count=count):
            return not count
        case FactName(fact=fact) if fact.startswith("input."):
            described = agent.inputs.get(fact.removeprefix("input."))
            return described is not None and _is_nothing(described)
        case _:
            return False


def _may_be_no_time(agent: Agent, way: NextState) -> bool:
    """Return whether the time that a way waits for may be none at all, since nothing bounds the input that says it."""
    described = agent.inputs.get(input_waited_for(way))
    return is_no_time(agent, way) or (described is not None and not described.is_always_some)


def input_waited_for(way: NextState) -> str:
    """Return the name of the input that says how long a way waits; empty where none does."""
    named = way.after.fact if isinstance(way.after, FactName) else ""
    return named.removeprefix("input.") if named.startswith("input.") else ""


def _is_nothing(described: Input) -> bool:
    try:
        value = described.value(described.default) if described.default is not None else None
    except ValueError:
        return False  # told where it stands
    return isinstance(value, Quantity) and not value.amount


def _together(name: str, onward: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Return the states that a state leads to and that lead back to it; none where it does not come back."""
    return frozenset(state for state in _reached(name, onward) if name in _reached(state, onward))


def _reached(name: str, onward: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = {target for target in onward.get(waiting.pop(), ()) if target in onward} - found
        found |= new
        waiting += new
    return found


def _shortest(name: str, onward: Mapping[str, set[str]]) -> tuple[str, ...]:
    """Return the shortest way round from a state, which is on one."""
    paths: list[tuple[str, ...]] = [(name,)]
    while True:
        for path in paths:
            if name in onward[path[-1]]:
                return path
        paths = [(*path, target) for path in paths for target in sorted(onward[path[-1]]) if target not in path]


def _in_some_case(agent: Agent, first: str, hasty: Mapping[str, list[NextState]]) -> Iterator[Round]:
    ways = [(name, way) for name, found in hasty.items() for way in found]
    conditions = [way.when for _, way in ways]
    # Whatever it remembers on every way round cannot be what the circle depends on: fewer cases to go through.
    onward = [way for way in hasty[first] if way.to in hasty]
    changed = _families(onward) | _families([way for _, way in ways if way.to == first])
    cases = cases_of(conditions, _is_input, lambda name: _is_left_alone(name) or name.partition(".")[0] in changed)
    if cases is None:  # too much to go through: what holds where all else is unknown holds always
        cases = cases_of(conditions, _is_input, lambda name: not _is_input(name))
    for case in cases.all if cases else ():
        taken: dict[str, NextState] = {}
        tried: dict[str, list[NextState]] = {name: [] for name in hasty}
        for (name, way), truth in zip(ways, case.truths, strict=True):
            if name not in taken:
                tried[name].append(way)
                if truth.is_true:
                    taken[name] = way
        path = _round_from(first, taken)
        names = {fact for state in path for way in tried[state] for fact in way.when.names()}
        told = case.about(names)
        on_it = [taken[state] for state in path]
        if not path or _changes_itself(told, on_it) or not _comes_to(agent, path, told):
            continue
        unbounded = tuple(way for way in on_it if input_waited_for(way) and not is_no_time(agent, way))
        if not any(_is_some(case, way) for way in on_it if input_waited_for(way)):
            yield Round(path, told, unbounded)


def _is_some(case: Case, way: NextState) -> bool:
    """Return whether the input that a way waits for is more than nothing in a case."""
    value = case.facts[f"input.{input_waited_for(way)}"].value
    return isinstance(value, Quantity) and value.amount > 0


def _round_from(first: str, taken: Mapping[str, NextState]) -> tuple[str, ...]:
    """Return the circle that a run is on which leaves a state by these ways; empty where it does not come back."""
    path = [first]
    while (way := taken.get(path[-1])) is not None:
        if way.to == first:
            return tuple(path)
        if way.to in path:
            return ()
        path.append(way.to)
    return ()


def _families(ways: Sequence[NextState]) -> set[str]:
    """Return the beginnings of the names of facts that each of some ways changes."""
    return set.intersection(*map(_changed_by, ways)) if ways else set()


def _changed_by(way: NextState) -> set[str]:
    """Return the beginnings of the names of facts that may be others once a way is taken; inputs stay what they are."""
    families = {name.partition(".")[0] for name in way.remember if not _is_input(name)}
    return families | {"remembered"} if way.remember else families


def _changes_itself(case: Case, ways: Sequence[NextState]) -> bool:
    """Return whether a run that goes round remembers what the conditions may depend on."""
    families = {family for way in ways for family in _changed_by(way)}
    return any(fact.is_known and fact.name.partition(".")[0] in families for fact in case.facts)


def _comes_to(agent: Agent, path: Sequence[str], case: Case) -> bool:
    """Return whether a run that is started with the inputs of a case may come to a circle."""
    if agent.start not in agent.states:
        return True
    inputs = FactSet.of(fact for fact in case.facts if _is_input(fact.name))
    onward = {
        name: [way.to for way in state.next if way.when is ALWAYS or _may_be(way, inputs)]
        for name, state in agent.states.items()
    }
    return bool({agent.start, *_reached(agent.start, onward)} & set(path))


def _may_be(way: NextState, inputs: FactSet) -> bool:
    return way.when.judge(inputs, EPOCH).truth is not Truth.FALSE


def _is_input(name: str) -> bool:
    return name.startswith("input.") and not is_loosened(name)


def _is_left_alone(name: str) -> bool:
    return is_loosened(name) or name.startswith(COMES_ALONG)
