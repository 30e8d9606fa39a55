"""`iact simulate`: a project played forward on a copy of its store, and what is done then is what was played."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import select

from iact.agents.modes import modes_of
from iact.agents.starting import start
from iact.config.opening import open_project
from iact.core.document_schema import text_of
from iact.core.errors import ConfigurationError
from iact.core.facts import Fact
from iact.dora.repository import open_store
from iact.engine import claims
from iact.engine.clocks import ManualClock
from iact.engine.retrying import ATTEMPTS
from iact.engine.runtime import Runtime
from iact.engine.worker import Worker
from iact.serving.service import Schedule
from iact.serving.simulation_schema import FILE, simulation_schema
from iact.stores.connect import reading
from iact.stores.metadata import METADATA
from tests.support.agents import World
from tests.support.databases import command
from tests.support.kept import KIND, write_settings
from tests.support.project import ROOT

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: shop}
spec:
  paths: [agents, scenarios]
%s"""
SCHEDULE = """\
  schedule:
    - {run: rollout, at: ["09:00", "15:00"]}
    - {do: health, every: 6h}
    - {do: alerts, every: 1h, with: {more_than: 1, within: 2h}}
"""
ROLLOUT = """\
apiVersion: iact/v1
kind: Agent
metadata: {name: rollout}
spec:
  mode: %s
  start: waiting
  states:
    waiting:
      next:
        - {when: {fact: world.light, is: green, for: 1h}, decide: GO, to: working}
        - {event: stopped, decide: STOP, to: over}
        - {after: 30h, decide: GIVE-UP, to: over}
    working:
      do: change_world
      with: {size: 3}
      waits: for ever
      next:
        - {event: finished, when: {fact: receipt.size, above: 2}, decide: LARGE, to: resting}
        - {event: finished, decide: DONE, to: resting}
        - {event: failed, decide: FAILED, to: resting}
        - {event: unknown, decide: ESCALATE, to: over}
    resting:
      next: [{after: 2h, to: over}]
    over: {final: true}
"""
BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)
BEGINS = "2026-03-02 08:00Z"


@pytest.fixture(autouse=True)
def _shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a project the current folder, with an agent that enforces."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    Path("agents").mkdir()
    Path("scenarios").mkdir()
    write_settings(tmp_path, PROJECT % SCHEDULE)
    write_agent("enforce")


def write_agent(mode: str) -> None:
    """Write the agent with a mode."""
    Path("agents/rollout.yaml").write_text(ROLLOUT % mode, encoding="utf-8")


def write_scenario(lines: str, name: str = "monday", folder: str = "scenarios") -> Path:
    """Write a scenario whose `spec` is the indented text, and return its file."""
    file = Path(folder) / f"{name}.yaml"
    file.parent.mkdir(exist_ok=True)
    header = f"apiVersion: iact/v1\nkind: Scenario\nmetadata: {{name: {name}}}\n"
    file.write_text(f"{header}spec:\n  begin: {BEGINS}\n{lines}", encoding="utf-8")
    return file


def played(lines: str | None = None, *words: str, span: str = "72h") -> dict[str, Any]:
    """Play the project, with a scenario where one is given, and return what `iact simulate` says to programs."""
    if lines is not None:
        write_scenario(lines)
        words = ("--scenario", "monday", *words)
    else:
        words = ("--begin", BEGINS, *words)
    said = command("simulate", "--fast-forward", span, "--format", "json", *words).stdout
    found: dict[str, Any] = json.loads(said)
    Draft202012Validator(simulation_schema()).validate(found)
    return found


def moves(found: dict[str, Any]) -> list[tuple[str, str, str, str | None]]:
    """Return the moves of a play: at which hour since the beginning, from where, to where, and what it means."""
    return [
        (hours(one["at"]), one["from"], one["to"], one["decides"])
        for one in found["timeline"]
        if one["kind"] == "moved"
    ]


def hours(at: str) -> str:
    """Return a moment as the hours and minutes since the beginning."""
    minutes = (datetime.fromisoformat(at) - BEGIN) // timedelta(minutes=1)
    return f"{minutes // 60}:{minutes % 60:02}"


def acted(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return what becomes of the actions of a play: at which hour, in which mode, and what it is."""
    return [(hours(one["at"]), one["mode"], one["comes_to"]) for one in found["timeline"] if one["kind"] == "action"]


@contextmanager
def runtime_at(clock: ManualClock, world: World | None = None) -> Iterator[Runtime]:
    """Give what the runs of the project really need, in the time of a clock."""
    project = open_project()
    engine = open_store(project)
    services = {"world": world or World()}
    yield Runtime(engine, project=project.name, clock=clock, services=services, modes=modes_of(project))
    engine.dispose()


def rows() -> dict[str, list[Any]]:
    """Return every row of the project's store."""
    engine = open_store(open_project())
    with reading(engine) as connection:
        found = {table.name: sorted(map(repr, connection.execute(select(table)))) for table in METADATA.sorted_tables}
    engine.dispose()
    return found


GREEN = "  facts: {world.light: green}\n"
LATER_GREEN = "  facts: {world.light: red}\n  then: [{after: 30m, facts: {world.light: green}}]\n"


def test_what_the_calendar_asks_for_begins_at_its_times():
    found = played(GREEN)

    started = [hours(one["at"]) for one in found["timeline"] if one["kind"] == "started"]
    assert started == ["1:00", "7:00", "25:00", "31:00", "49:00", "55:00"]
    assert {one["job"]: (one["times"], one["failed"]) for one in found["schedule"]} == {
        "rollout": (6, 0),
        "health": (12, 0),
        "alerts": (72, 0),
    }
    assert (found["begin"], found["end"]) == ("2026-03-02T08:00:00.000000Z", "2026-03-05T08:00:00.000000Z")


def test_what_is_played_is_what_happens():
    """Run for real, with the same facts from the same moments on, the project takes the same ways at the same times."""
    found = played(LATER_GREEN)

    world, clock = World(), ManualClock(BEGIN)
    with runtime_at(clock, world) as runtime, runtime.present() as presence:
        schedule = Schedule(open_project(), runtime, presence)
        while clock.moment <= BEGIN + timedelta(hours=72):
            since = BEGIN + timedelta(minutes=30)
            world.facts = {
                "world.light": Fact(name="world.light", value="green", held_since=since, observed_at=clock.moment)
                if clock.moment >= since
                else Fact(name="world.light", value="red", observed_at=clock.moment)
            }
            for occurrence in schedule.due():
                if occurrence.job == "rollout":
                    schedule.carry_out(occurrence)
            runtime.tick()
            clock.advance(timedelta(minutes=30))
        entries = [entry for run in reversed(runtime.runs()) for entry in runtime.journal(run.run)]
    really = [
        (hours(entry.at.isoformat()), entry.body["decision"]["from"], entry.body["decision"]["to"])
        for entry in entries
        if entry.kind == "decision" and entry.body["decision"]["moved"]
    ]
    assert [move[:3] for move in moves(found)] == really
    assert len(really) >= 6
    assert len(world.done) == found["summary"]["actions"]["finished"]


def test_facts_change_a_decision_from_the_moment_on_at_which_they_are_given():
    found = played("  then: [{after: 6h, facts: {world.light: {value: green, for: 2h}}}]\n", span="20h")

    assert moves(found)[0] == ("7:00", "waiting", "working", "GO")
    (at_six,) = [one for one in found["timeline"] if one["kind"] == "given"]
    assert (hours(at_six["at"]), at_six["says"]) == ("6:00", "world.light is green")
    because = [line for one in found["timeline"] if one["kind"] == "moved" for line in one["because"]]
    assert because[0].startswith("true: world.light is green for 1h; saw green")


def test_a_fact_has_held_since_it_was_first_given_also_where_it_is_given_again():
    """The look at 7 hours finds a light that has been green for 90 minutes, and was seen so half an hour ago."""
    again = "{after: 330m, facts: {world.light: green}}, {after: 390m, facts: {world.light: green}}"

    assert moves(played(f"  then: [{again}]\n", span="8h"))[0][:3] == ("7:00", "waiting", "working")


def test_facts_may_be_known_of_one_subject_only():
    lines = (
        "  then:\n"
        "    - {after: 0s, facts: {world.light: {value: green, for: 1d}}, about: api}\n"
        "    - {after: 1m, run: rollout, about: api}\n"
        "    - {after: 1m, run: rollout, about: web}\n"
    )

    found = played(lines, span="30m")

    assert {one["about"] for one in found["timeline"] if one["kind"] == "moved"} == {"api"}
    assert [run["subject"] for run in found["at_the_end"]["runs"] if run["state"] == "waiting"] == ["web"]


def test_what_nobody_gives_is_unknown_and_is_said():
    found = played(span="10h")

    assert moves(found) == []
    assert found["not_given"] == {"world.light": 3}
    (run,) = found["at_the_end"]["runs"]
    assert (run["state"], run["next_due"]) == ("waiting", "2026-03-03T15:00:00.000000Z")


@pytest.mark.parametrize(
    ("ends", "decides", "comes_to"),
    [
        ("ends: finished", "DONE", "finished"),
        ("ends: finished, with: {size: 3}", "LARGE", "finished"),
        ("ends: failed", "FAILED", "failed"),
        ("ends: unknown", "ESCALATE", "unknown"),
    ],
)
def test_an_action_ends_as_it_is_said_and_the_run_goes_on_from_there(ends: str, decides: str, comes_to: str):
    found = played(f"{GREEN}  outcomes: [{{do: change_world, {ends}}}]\n", span="8h")

    assert [move[3] for move in moves(found)][:2] == ["GO", decides]
    assert acted(found)[0][1:] == ("enforce", comes_to)


def test_an_action_that_is_put_off_is_tried_again_later():
    found = played(f"{GREEN}  outcomes: [{{do: change_world, ends: later, times: 3}}]\n", span="5h")

    assert [what for _, _, what in acted(found)] == ["later", "later", "later", "finished"]
    at = [one["at"] for one in found["timeline"] if one["kind"] == "action"]
    assert at == sorted(set(at))
    assert moves(found)[1][3] == "DONE"


def test_an_action_that_is_put_off_for_ever_is_given_up_and_left_to_a_person():
    found = played(f"{GREEN}  outcomes: [{{do: change_world, ends: later}}]\n", span="24h")

    assert [what for _, _, what in acted(found)] == ["later"] * ATTEMPTS
    (left,) = found["at_the_end"]["for_a_person"]
    assert (left["action"], left["status"]) == ("change_world", "dead")


def test_errors_are_counted_as_they_would_be():
    """One error within two hours is not too many, and three are: those of two services and of the alert before."""
    lines = (
        f"{GREEN}  then: [{{after: 1h, run: rollout, about: api}}, {{after: 1h, run: rollout, about: web}}]\n"
        "  outcomes: [{do: change_world, ends: failed}]\n"
    )

    found = played(lines, span="8h")

    failed = [(hours(one["at"]), one["job"]) for one in found["timeline"] if one["kind"] == "job" and one["failed"]]
    assert failed
    assert {job for _, job in failed} == {"alerts"}
    assert next(one["failed"] for one in found["schedule"] if one["job"] == "alerts") == len(failed)


@pytest.mark.parametrize(("mode", "becomes"), [("observe", "observed"), ("propose", "proposed")])
def test_what_is_not_enforced_is_shown_as_such(mode: str, becomes: str):
    write_agent(mode)

    found = played(GREEN, span="8h")

    assert acted(found)[0] == ("1:00", mode, becomes)
    assert [one["status"] for one in found["at_the_end"]["for_a_person"]] == (["proposed"] if mode == "propose" else [])


@pytest.mark.parametrize(("answer", "decides"), [("approve", "DONE"), ("reject", "FAILED")])
def test_a_person_may_answer_what_is_proposed(answer: str, decides: str):
    write_agent("propose")

    found = played(f"{GREEN}  then: [{{after: 9h, answer: {answer}, agent: rollout}}]\n", span="10h")

    assert [move[3] for move in moves(found)] == ["GO", decides]
    assert [what for _, _, what in acted(found)][:2] == ["proposed", "approved" if answer == "approve" else "rejected"]


def test_runs_are_told_what_the_scenario_says():
    found = played(
        "  then: [{after: 2h, tell: stopped, agent: rollout}, {after: 3h, tell: stopped, agent: rollout}]\n", span="6h"
    )

    assert moves(found) == [("2:00", "waiting", "over", "STOP")]
    assert found["timeline"][-1]["says"] == "no run of rollout goes on that could be told"
    assert found["summary"]["ended"] == {"STOP": 1}


def test_a_play_begins_with_what_the_store_holds_and_changes_nothing_in_it():
    clock = ManualClock(BEGIN - timedelta(hours=20))
    with runtime_at(clock) as runtime:
        run = start(open_project(), runtime, "rollout", {}, subject="api")
        runtime.advance(run)
    before, bytes_before = rows(), store_bytes()

    found = played(span="12h")

    assert (found["timeline"][-1]["run"], *moves(found)[0]) == (run, "10:00", "waiting", "over", "GIVE-UP")
    assert store_bytes() == bytes_before
    assert rows() == before
    assert moves(played(None, "--empty", span="12h")) == []


def store_bytes() -> dict[str, bytes]:
    """Return the files of an embedded store; none of one on a server."""
    return {path.name: path.read_bytes() for path in Path(".iact").glob("*.db*")} if KIND == "sqlite" else {}


def test_nothing_is_made_where_there_is_no_store_yet():
    played(GREEN, span="12h")

    assert KIND != "sqlite" or not Path(".iact").exists()


def test_an_action_that_another_process_has_in_hand_ends_as_the_scenario_says():
    """The process died, or lives on, while it was at it: nobody is asked what came of it."""
    clock = ManualClock(BEGIN - timedelta(hours=1))
    world = World()
    world.facts["world.light"] = Fact(
        name="world.light", value="green", observed_at=clock.moment, held_since=BEGIN - timedelta(days=1)
    )
    with runtime_at(clock, world) as runtime, runtime.present() as presence:
        run = start(open_project(), runtime, "rollout", {}, subject="api")
        begun = Worker(runtime.host, presence).turn(claims.take(runtime.host, presence, [run]))
        assert [attempt.key for attempt in begun.attempts] == [f"{run}/2/0"]

        found = played("  outcomes: [{do: change_world, ends: failed}]\n", span="30m")

    assert moves(found) == [("0:00", "working", "resting", "FAILED")]
    assert world.done == []


def test_the_same_play_says_the_same():
    lines = f"{GREEN}  seed: 7\n  outcomes: [{{do: change_world, ends: failed, share: 50%}}]\n"

    assert played(lines) == played(lines)


def test_a_share_of_actions_is_drawn_by_the_seed():
    subjects = "".join(f"    - {{after: 70m, run: rollout, about: s{number}}}\n" for number in range(20))
    lines = f"{GREEN}  then:\n{subjects}  outcomes: [{{do: change_world, ends: failed, share: 50%}}]\n"

    drawn = [played(f"  seed: {seed}\n{lines}", span="3h")["summary"]["actions"] for seed in (1, 2)]

    assert all(1 < one["failed"] < 19 for one in drawn)


def test_people_read_a_time_line_and_what_waits_at_the_end():
    write_agent("propose")
    write_scenario(f"{GREEN}  then: [{{after: 100h, run: rollout}}]\n")

    said = command("simulate", "--scenario", "monday").stdout.splitlines()

    assert said[0] == "shop, played from 2026-03-02 08:00:00Z to 2026-03-05 08:00:00Z, scenario monday"
    text = "\n".join(said)
    assert "asks for approval: change_world (size: 3)" in text
    assert "entered: waiting → working (GO)  [agents/rollout.yaml:10:11]" in text
    assert "waits to be approved: `iact approve RUN --reason …`, or `iact reject`" in text
    assert any(line.split()[:3] == ["health", "12", "times"] for line in said)
    assert any(line.split() == ["of", "the", "scenario", "not", "reached", "1"] for line in said)


def test_a_scenario_may_stand_in_a_file_that_the_project_does_not_read():
    file = write_scenario(GREEN, "elsewhere", "plays")

    said = json.loads(command("simulate", "--scenario", str(file), "--format", "json").stdout)

    assert (said["scenario"], said["summary"]["moved"] > 0) == ("elsewhere", True)


@pytest.mark.parametrize(
    ("lines", "place", "says"),
    [
        ("  facts: {wrold.light: red}\n", "scenarios/monday.yaml:6:", "nothing supplies a fact of that name"),
        ("  then: [{after: 1h, tell: stoped, agent: rollout}]\n", "scenarios/monday.yaml:6:", "Did you mean stopped?"),
        ("  then: [{after: 1h, run: rolout}]\n", "scenarios/monday.yaml:6:", "Did you mean rollout"),
        ("  then: [{run: rollout}]\n", "scenarios/monday.yaml:6:", "say either `after`"),
        ("  then: [{after: 1h}]\n", "scenarios/monday.yaml:6:", "at most one of"),
        ("  then: [{after: 1h, tell: stopped}]\n", "scenarios/monday.yaml:6:", "`agent` says whose runs"),
        ("  then: [{after: 1h, run: rollout, with: {size: 3}}]\n", "scenarios/monday.yaml:6:", "no input `size`"),
        ("  then: [{at: 2026-03-01, run: rollout}]\n", "scenarios/monday.yaml:6:", "before the play begins"),
        ("  outcomes: [{do: chang_world}]\n", "scenarios/monday.yaml:6:", "Did you mean change_world?"),
    ],
)
def test_a_bad_scenario_is_told_with_its_line(lines: str, place: str, says: str):
    write_scenario(lines)

    with pytest.raises(ConfigurationError, match="1 problem in the configuration") as error:
        command("simulate", "--scenario", "monday")

    assert str(error.value).startswith(place)
    assert says in str(error.value)


def test_a_play_cannot_begin_before_what_the_store_knows():
    with runtime_at(ManualClock(BEGIN + timedelta(hours=1))) as runtime:
        start(open_project(), runtime, "rollout", {})

    with pytest.raises(ConfigurationError, match="the store knows what happened until 2026-03-02T09:00:00"):
        played()
    assert moves(played(GREEN, "--empty", span="8h"))


def test_a_moment_of_a_scenario_has_to_lie_after_a_beginning_that_is_said_otherwise():
    write_scenario("  then: [{at: 2026-03-02 09:00Z, run: rollout}]\n")

    with pytest.raises(ConfigurationError, match=r"scenarios/monday.yaml:6:.*before the play begins"):
        command("simulate", "--scenario", "monday", "--begin", "2026-03-03")


@pytest.mark.parametrize(
    "words",
    [("--fast-forward", "soon"), ("--fast-forward", "0h"), ("--begin", "soon"), ("--format", "xml")],
)
def test_what_cannot_be_meant_is_refused(words: tuple[str, str]):
    assert command("simulate", *words).exit_code == 2


def test_there_is_no_scenario_of_another_name():
    write_scenario(GREEN)

    with pytest.raises(ConfigurationError, match="Did you mean monday"):
        command("simulate", "--scenario", "mondya")


def test_the_published_schema_is_the_one_that_plays_keep():
    assert (ROOT / "catalog/schemas" / FILE).read_text(encoding="utf-8") == text_of(simulation_schema())
