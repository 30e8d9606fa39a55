"""A story decides as a run does: the same happenings give the same decisions, byte for byte."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from iact.agents import story
from iact.core.facts import EMPTY, Fact, FactSet
from iact.core.instants import parse
from iact.engine.clocks import ManualClock
from iact.engine.journal import EntryKind
from iact.engine.model import compile_agent
from iact.engine.runtime import Runtime
from tests.support.agents import World, agent_definition
from tests.support.kept import open_kept

BEGINNING = parse("2026-03-06 15:00Z")
AGENT = """
start: looking
states:
  looking:
    next:
      - {when: {fact: world.ready, is: "yes"}, decide: READY, to: waiting, remember: [world.ready]}
      - {after: 2h, decide: SLOW, to: waiting}
  waiting:
    next:
      - {event: asked, when: {fact: event.what, is: more}, decide: MORE, to: looking}
      - {event: asked, when: {not: {fact: world.closed, is: "yes"}}, decide: GO, to: passing}
      - {after: 30m, to: waiting}
      - {after: 90m, decide: NEVER, to: ended}
  passing: {next: [{when: {fact: remembered.world.ready, is: "yes"}, to: ended}, {after: 1h, to: ended}]}
  ended: {final: true}
"""
SILENT = {
    "world.ready": "the source world does not know it",
    "world.closed": "the source world does not know it",
    "remembered.world.ready": "no source supplies facts named remembered.",
}
"""What a run is told of facts that nothing supplies; a story says it in words of its own."""
STORIES: list[list[tuple[str, Any]]] = [
    [("pass", 1), ("pass", 2), ("tell", "less"), ("pass", 3)],
    [("know", {"world.ready": "yes"}), ("look", None), ("tell", "more"), ("look", None), ("pass", 1)],
    [("know", {"world.ready": "no", "world.closed": "no"}), ("pass", 5), ("tell", "less"), ("pass", 1), ("tell", "x")],
    [("know", {"world.closed": "yes"}), ("pass", 2), ("tell", "less"), ("tell", "more"), ("pass", 9)],
]


def as_run(folder: Path, happenings: list[tuple[str, Any]]) -> list[Any]:
    """Return what a real run decides, hour by hour."""
    world, clock = World(), ManualClock(BEGINNING)
    runtime = Runtime(open_kept(folder / "iact.db"), project="shop", clock=clock, services={"world": world})
    definition = agent_definition(AGENT)
    run = runtime.start("test-agent", definitions=[definition], subject="it")
    runtime.advance(run)
    for number, (what, given) in enumerate(happenings):
        if what == "know":
            world.facts |= {fact.name: fact for fact in known(given)}
        elif what == "look":
            runtime.look(run, key=str(number))
        elif what == "tell":
            runtime.tell(run, "asked", facts=FactSet.of(known({"event.what": given})), key=str(number))
        else:
            for _ in range(given * 12):
                clock.advance(timedelta(minutes=5))
                runtime.advance(run)
        runtime.advance(run)
    return [entry.body["decision"] for entry in runtime.journal(run) if entry.kind is EntryKind.DECISION]


def as_story(happenings: list[tuple[str, Any]]) -> list[Any]:
    """Return what the story decides."""
    definition = agent_definition(AGENT)
    machine = compile_agent(definition.tree, name="test-agent", digest=definition.digest)
    silent = [Fact(name=name, missing=reason) for name, reason in SILENT.items()]
    standing = story.entered(story.started(machine, EMPTY, FactSet.of(silent), BEGINNING))
    decisions = [decision.to_record() for decision in standing.decisions[1:]]
    for what, given in happenings:
        standing = standing.silent()
        if what == "know":
            standing = standing.knowing(known(given))
        elif what == "look":
            standing = story.looked(standing)
        elif what == "tell":
            standing = story.told(standing.knowing(known({"event.what": given})), "asked")
        else:
            standing = story.passed(standing, timedelta(hours=given))
        decisions += [decision.to_record() for decision in standing.decisions]
    return decisions


def known(facts: dict[str, str]) -> list[Fact]:
    return [Fact(name=name, value=value, observed_at=BEGINNING, source="test") for name, value in facts.items()]


@pytest.mark.parametrize("happenings", STORIES)
def test_a_story_decides_as_a_run_does(tmp_path: Path, happenings: list[tuple[str, Any]]):
    decided = as_run(tmp_path, happenings)

    assert decided
    assert as_story(happenings) == decided
