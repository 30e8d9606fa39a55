"""Playing every shipped agent through all of its ways out, in each mode, and keeping what this release writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from iact.calendars.pinning import pinned_agent
from iact.config.opening import open_project
from iact.config.project import Project
from iact.config.scoping import scope_of
from iact.core.facts import Fact, FactSet, FactType
from iact.core.machine import Machine, Mode
from iact.engine.definitions import Definition
from iact.engine.model import Agent, compile_agent, parse_inputs
from iact.stores.connect import open_sqlite
from tests.support.journals.keeping import History, in_time, numbered_salts, save
from tests.support.journals.playing import Player, Stage, What
from tests.support.journals.ways import Happening, paths, ways
from tests.support.project import ROOT

BEGIN: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)
_INPUTS: Final = {
    FactType.DURATION: "48h",
    FactType.SHARE: "15%",
    FactType.POINTS: "5 points",
    FactType.RATE: "1/week",
    FactType.NUMBER: "3",
    FactType.BOOLEAN: "true",
}


@dataclass(frozen=True, slots=True)
class Played:
    """An agent that is played.

    Attributes:
        definition: as its runs pin it.
        machine: compiled.
        inputs: what its runs are started with.
        paths: what leads through its ways out, each a list of happenings.
    """

    definition: Definition
    machine: Machine
    inputs: FactSet
    paths: tuple[tuple[Happening, ...], ...]


def shipped_agents() -> list[Played]:
    """Return every shipped agent with what leads through its ways out.

    Raises:
        AssertionError: if there is one of which not every way out can be taken.
    """
    project = open_project(ROOT)
    agents = sorted(project.resources("Agent"), key=attrgetter("name"))
    return [_shipped(project, agent.spec, pinned_agent(project, agent, BEGIN)) for agent in agents]


def _shipped(project: Project, agent: Agent, definition: Definition) -> Played:
    missing = {name: each for name, each in agent.inputs.items() if each.default is None}
    given = {name: _INPUTS.get(each.fact_type, "given") for name, each in missing.items()}
    scope = scope_of(project)
    inputs = parse_inputs(agent, given, definition.name)
    return with_ways(definition, inputs, lambda name: scope.fact_type(name) or FactType.ANY)


def with_ways(definition: Definition, inputs: FactSet, type_of: Callable[[str], FactType]) -> Played:
    """Return an agent with what leads through its ways out.

    Args:
        definition: as its runs pin it.
        inputs: what its runs are started with.
        type_of: the type of a fact.

    Raises:
        AssertionError: if not every way out can be taken.
    """
    machine = compile_agent(definition.tree, name=definition.name, digest=definition.digest)
    found = paths(machine, inputs, BEGIN, type_of)
    left = ways(machine) - {*found}
    assert not left, f"{definition.name}: nothing was found that leads through {sorted(left)}"
    return Played(definition, machine, inputs, tuple({id(path): path for path in found.values()}.values()))


def stages_of(played: Played) -> Iterator[tuple[Stage, ...]]:
    """Yield what happens to each run of an agent: every path in each mode that allows it, from the start."""
    exclusive = {state.exclusive for state in played.machine.states.values() if state.exclusive}
    for mode in Mode:
        number = 0
        for path in played.paths:
            for stages in _staged(path, mode):
                number += 1
                run = f"run-{played.definition.name}-{number:03}"
                yield tuple(_of_run(stage, run, exclusive) for stage in stages)


def _staged(path: tuple[Happening, ...], mode: Mode) -> Iterator[list[Stage]]:
    """Yield the stages of a path in a mode: how an action ends comes with what it was decided by, or is approved."""
    if mode is not Mode.ENFORCE and not any(each.ends_an_action for each in path):
        return  # the mode is about actions, and none ends here
    first, *others = path
    stages = [_stage(mode, BEGIN, What.LOOK, first.facts)]
    known = first.facts
    for each in others:
        last, ending, before = stages[-1], (each.event, each.facts), known
        known = _joined(known, each.facts)
        if not each.ends_an_action:
            what = What.TELL if each.event else What.WAIT if each.after is not None else What.LOOK
            stages.append(_stage(mode, last.at + (each.after or DAY), what, known, event=each.event))
        elif mode is Mode.PROPOSE:
            stages.append(_stage(mode, last.at + DAY, What.APPROVE, before, endings=(ending,)))
        elif mode is Mode.ENFORCE:
            stages[-1] = replace(last, endings=(*last.endings, ending))
        elif each.event == "finished":
            stages[-1] = replace(last, facts=_joined(last.facts, each.facts))
        else:
            return  # what is only observed never fails
    yield stages
    if stages[-1].what == What.APPROVE and path[-1].event == "failed":
        yield [*stages[:-1], replace(stages[-1], what=What.REJECT, facts=known, endings=())]


def _stage(mode: Mode, at: datetime, what: What, facts: tuple[Fact, ...], **more: Any) -> Stage:
    """Return a stage of a run that has no name yet; the runs of each mode are a project."""
    return Stage(project=mode.value, run="", mode=mode, at=at, what=what, facts=facts, **more)


def _joined(first: Iterable[Fact], second: Iterable[Fact]) -> tuple[Fact, ...]:
    return tuple({fact.name: fact for fact in (*first, *second)}.values())


def _of_run(stage: Stage, run: str, exclusive: set[str]) -> Stage:
    """Return a stage of a run; what only one run may hold is its own name, so that each can hold it."""

    def own(facts: Iterable[Fact]) -> tuple[Fact, ...]:
        return tuple(replace(fact, value=run) if fact.name in exclusive else fact for fact in facts)

    endings = tuple((event, own(facts)) for event, facts in stage.endings)
    return replace(stage, run=run, facts=own(stage.facts), endings=endings)


@numbered_salts()
def record(agents: Iterable[Played], folder: Path, store: Path) -> None:
    """Play agents and keep what they leave: first with most runs parked, then to the end.

    Args:
        agents: the agents.
        folder: where to; it is there.
        store: the file of a store that is not there yet.
    """
    agents = list(agents)
    runs = [(played, stages) for played in agents for stages in stages_of(played)]
    engine = open_sqlite(store)
    player = Player(engine, BEGIN, [each.definition.name for each in agents], is_given=True)
    for played, (first, *_) in runs:
        player.know(first)
        runtime = player.runtime(first)
        agent, inputs = played.definition.name, played.inputs
        runtime.start(agent, definitions=[played.definition], subject=first.run, inputs=inputs, name=first.run)
        runtime.advance(first.run)
    for stage in in_time(stage for _, stages in runs for stage in stages[1:-1]):
        player.play(stage)
    later = player.clock.moment + DAY
    last = (stages[-1] for _, stages in runs if len(stages) > 1)
    ahead = in_time(replace(stage, at=max(stage.at, later)) for stage in last)
    history = History(folder, player.agents, tuple(ahead), is_given=True)
    save(engine, history.parked, player.clock.moment)
    for stage in ahead:
        player.play(stage)
    save(engine, history.played, player.clock.moment)
    engine.dispose()
    history.write()
