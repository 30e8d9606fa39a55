"""What `iact validate` calls sound never gets stuck and never goes round without waiting, whatever is known and when.

Small agents are made at random. Those that nothing is told about are run by the same evaluator that decides about
runs, with facts that are known or not and change between two happenings, and with holds that other runs may have. No
event comes but how an action ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from iact.agents.story import EndlessStoryError, Standing, entered, passed, started, told
from iact.core.conditions import ALWAYS, AllOf, Condition, Leaf, Not
from iact.core.evaluator import holder_fact
from iact.core.facts import Fact, FactSet, FactValue
from iact.core.instants import EPOCH
from iact.core.quantities import duration, number
from iact.core.tree import Position
from iact.engine.model import Agent, Input, compiled
from iact.engine.soundness import ENDINGS, findings
from iact.engine.states import AgentState, FactName, NextState

HAPPENINGS = 12
TIDINESS = {"unreachable-state", "never-taken", "never-true"}
"""What is told of agents that carry something along which does nothing; the others have to run all the same."""
NAMES = ("a", "b", "c")
NUMBERS = ("input.n", "x.one", "x.two")
TIMES = ("input.pause", "t.pause", "remembered.t.pause", "policy.every")
TEXTS = ("input.what", "h.what", "remembered.h.what")
LEAVES: st.SearchStrategy[Condition] = st.builds(
    lambda name, comparator, limit: Leaf(fact=name, comparator=comparator, limit=number(limit)),
    st.sampled_from(NUMBERS),
    st.sampled_from(["above", "at_most", "is"]),
    st.integers(0, 1),
)
COMPARED: st.SearchStrategy[Condition] = st.sampled_from(
    [
        Leaf(fact="t.pause", comparator="at_least", limit=duration(timedelta(0))),
        Leaf(fact="h.what", comparator="is", limit="thing"),
    ]
)
WHEN: st.SearchStrategy[Condition] = st.one_of(
    st.just(ALWAYS),
    LEAVES,
    LEAVES.map(Not),
    COMPARED,
    st.tuples(LEAVES, COMPARED).map(AllOf),
)
WAYS = st.builds(
    NextState,
    to=st.sampled_from([*NAMES, "end", "end"]),
    event=st.sampled_from(["", "", *ENDINGS]),
    after=st.one_of(
        st.none(),
        st.sampled_from([duration(timedelta(hours=hours)) for hours in (0, 1, 2)]),
        st.sampled_from(TIMES).map(lambda name: FactName(fact=name)),
    ),
    when=WHEN,
    remember=st.sampled_from([(), (), (), ("t.pause",), ("t.pause", "h.what")]),
)
LAST = st.builds(
    NextState,
    to=st.sampled_from([*NAMES, "end"]),
    after=st.sampled_from([None, duration(timedelta(hours=1)), FactName(fact="remembered.t.pause")]),
    when=st.one_of(st.just(ALWAYS), st.just(ALWAYS), WHEN),
)
"""A way out that stands last, as people write it, so that more of the agents are sound."""
STATES = st.builds(
    AgentState,
    do=st.sampled_from(["", "", "apply_change"]),
    next=st.tuples(st.lists(WAYS, max_size=2), st.lists(LAST, min_size=1, max_size=2)).map(
        lambda parts: (*parts[0], *parts[1])
    ),
    exclusive=st.sampled_from(["", "", "", *TEXTS]),
)


@dataclass(frozen=True, slots=True)
class World:
    """What is known while a run goes on.

    Attributes:
        chance: draws it.
        changes: whether it changes between two happenings.
    """

    chance: Random
    changes: bool

    def facts(self) -> FactSet:
        """Return what is known now; another run may hold the thing, and what one policy says never changes."""
        values: dict[str, list[FactValue | None]] = {
            "x.one": [number(0), number(1), None],
            "x.two": [number(0), number(1), None],
            "t.pause": [duration(timedelta(hours=1)), duration(timedelta(hours=3)), None],
            "h.what": ["thing", "other", None],
        }
        drawn = {name: self.chance.choice(found) for name, found in values.items()}
        for fact in TEXTS:
            for text in ("thing", "other"):
                drawn[holder_fact(f"{fact}={text}")] = self.chance.choice(["run-2", None])
        known = {name: value for name, value in drawn.items() if value is not None}
        known["policy.every"] = duration(timedelta(hours=1))
        return FactSet.of(Fact(name=name, value=value, observed_at=EPOCH) for name, value in known.items())


def placed(lines: Iterator[int]) -> Position:
    """Return a place of its own, by which a finding is told from the others."""
    return Position("a.yaml", next(lines), 1)


def agent_of(states: list[AgentState], pause: int) -> Agent:
    """Return an agent whose every state and way out has a line of its own, and which the rest of the checks accept."""
    lines = iter(range(1, 1_000))
    named: dict[str, AgentState] = {}
    for name, state in zip(NAMES, states, strict=True):
        ways = tuple(replace(way, position=placed(lines)) for way in state.next)
        ways = tuple(replace(way, after=None) if way.event else way for way in ways)
        if name == NAMES[0]:  # a run begins where its inputs say all that it needs
            ways = tuple(
                replace(way, after=FactName(fact="input.pause")) if isinstance(way.after, FactName) else way
                for way in ways
            )
            state = replace(state, exclusive="")  # noqa: PLW2901 - the same state as it has to be written there
        named[name] = replace(state, next=ways, key_position=placed(lines))
    named["end"] = AgentState(final=True, key_position=placed(lines))
    inputs = {
        "n": Input(type="number", default="1"),
        "pause": Input(type="duration", default=f"{pause}h"),
        "what": Input(type="text", default="thing"),
    }
    return Agent(start=NAMES[0], inputs=inputs, states=named)


def begun(agent: Agent, world: World, n: int, pause: int) -> Standing:
    """Return a run of an agent that was just started."""
    inputs = FactSet.of(
        [
            Fact(name="input.n", value=number(n)),
            Fact(name="input.pause", value=duration(timedelta(hours=pause))),
            Fact(name="input.what", value="thing"),
        ]
    )
    machine = compiled(agent, name="small", digest="", calendars={})
    return started(machine, inputs, world.facts(), EPOCH)


def seen(standing: Standing, world: World) -> Standing:
    """Return it with what is known now; what it holds itself is held by nobody else."""
    last = [each.holds for each in standing.decisions if each.moved or not each.before.state][-1]
    held = {holder_fact(hold) for hold in last}
    facts = world.facts() if world.changes else standing.facts
    return replace(standing, facts=FactSet.of(fact for fact in facts if fact.name not in held))


def lived(agent: Agent, world: World, n: int, pause: int) -> None:
    """Run an agent for a while, and demand that it moves whenever something is to move it."""
    standing = entered(begun(agent, world, n, pause))
    for _ in range(HAPPENINGS):
        if standing.has_ended:
            return
        before = standing.state.visit
        if standing.machine[standing.state.state].do:
            standing = told(seen(standing, world), world.chance.choice(ENDINGS))
        if standing.state.visit == before:
            standing = passed(seen(standing, world), timedelta(hours=4))
        assert standing.has_ended or standing.state.visit > before, f"it is stuck in {standing.state.state}"


@settings(max_examples=600, deadline=None)
@given(
    st.lists(STATES, min_size=len(NAMES), max_size=len(NAMES)), st.integers(0, 2), st.integers(1, 2), st.integers(0, 9)
)
def test_a_sound_agent_neither_gets_stuck_nor_goes_round(states: list[AgentState], n: int, pause: int, seed: int):
    agent = agent_of(states, pause)
    if any(problem.rule not in TIDINESS for problem in findings(agent)):
        return
    for changes in (False, True):
        try:
            lived(agent, World(Random(seed), changes), n, pause)  # noqa: S311 - a seeded world, no secret
        except EndlessStoryError:
            # A run that remembers something new on its way round is left alone: here, it never learns anything new.
            assert any(way.remember for state in agent.states.values() for way in state.next)
