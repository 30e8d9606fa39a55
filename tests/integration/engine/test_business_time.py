"""A run that waits in business time, in a real store."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from iact.calendars.pinning import pinned_agent
from iact.config.opening import open_project
from iact.core.instants import parse
from iact.engine.clocks import ManualClock
from iact.engine.model import compile_agent
from iact.engine.replay import first_difference
from iact.engine.runtime import Runtime
from tests.support.configuration import resource, write_project
from tests.support.kept import open_kept

OFFICE = resource("BusinessCalendar", "  hours: {weekdays: 09:00-17:00}\n  days: {2026-03-09: closed}\n", "office")
AGENT = resource(
    "Agent",
    """\
  start: asked
  calendar: office
  states:
    asked: {next: [{event: answered, to: done}, {after: 4 business hours, decide: ESCALATE, to: escalated}]}
    escalated: {next: [{after: 1 business day, decide: CLOSE, to: done}]}
    done: {final: true}
""",
    "question",
)
FRIDAY_AFTERNOON = parse("2026-03-06 15:00Z")


def test_a_run_keeps_the_calendar_that_it_was_started_under(tmp_path: Path):
    """Monday the 9th is closed when it starts, and open when it goes on; the run waits for Tuesday."""
    folder = write_project(tmp_path / "project", {"office.yaml": OFFICE, "agent.yaml": AGENT})
    clock = ManualClock(FRIDAY_AFTERNOON)
    project = open_project(folder)
    definition = pinned_agent(project, project.get("Agent", "question"), clock.moment)
    runtime = Runtime(open_kept(tmp_path / "iact.db"), project="shop", clock=clock)
    run = runtime.start("question", definitions=[definition], subject="it")
    (folder / "office.yaml").write_text(OFFICE.replace("  days: {2026-03-09: closed}\n", ""))

    states = {}
    for moment in (
        "2026-03-09 16:00Z",
        "2026-03-10 10:59Z",
        "2026-03-10 11:00Z",
        "2026-03-11 10:59Z",
        "2026-03-11 11:00Z",
    ):
        clock.moment = parse(moment)
        runtime.tick()
        states[moment] = runtime.get(run).state

    assert list(states.values()) == ["asked", "asked", "escalated", "escalated", "done"]
    machine = compile_agent(definition.tree, name="question", digest=definition.digest)
    assert first_difference(machine, runtime.journal(run)) is None


def test_a_changed_holiday_is_another_definition(tmp_path: Path):
    folder = write_project(tmp_path, {"office.yaml": OFFICE, "agent.yaml": AGENT})
    before = open_project(folder)
    (folder / "office.yaml").write_text(OFFICE.replace("2026-03-09", "2026-03-10"))
    after = open_project(folder)

    pinned = [pinned_agent(one, one.get("Agent", "question"), FRIDAY_AFTERNOON) for one in (before, after)]

    assert before.get("Agent", "question").digest == after.get("Agent", "question").digest
    assert len({definition.digest for definition in pinned}) == 2
    assert pinned_agent(before, before.get("Agent", "question"), FRIDAY_AFTERNOON + timedelta(days=1)) == pinned[0]
