"""`mode: observe | propose | enforce`: what a rule would have done, asks for, or does."""

from __future__ import annotations

import json
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from iact.agents.runtime import runtime_of
from iact.config.opening import open_project
from iact.core.errors import ConfigurationError, FindingError
from iact.engine.replay import first_difference
from services import mysql_protocol
from tests.support.databases import command
from tests.support.git import GitRepository
from tests.support.stores import KINDS, PASSWORD, StoreAt, store_at

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: shop}
spec:
"""
ROLLOUT = """\
apiVersion: iact/v1
kind: Agent
metadata: {name: rollout}
spec:
%s  start: waiting
  states:
    waiting:
      next: [{event: asked, to: restarting}, {after: 30 days, to: over}]
    restarting:
      do: command
      with: {run: [./restart], task: {service: api}}
      waits: for ever
      next:
        - {event: finished, when: {fact: receipt.decision, is: go}, decide: GO, to: over}
        - {event: finished, decide: OBSERVED, to: over}
        - {event: failed, decide: FAILED, to: over}
        - {event: unknown, decide: UNKNOWN, to: over}
        - {event: stopped, decide: STOPPED, to: over}
    over: {final: true}
"""
MODES = {"left out": "", "observe": "  mode: observe\n", "propose": "  mode: propose\n", "enforce": "  mode: enforce\n"}
RESTART = """\
#!%s
import json, sys
json.load(sys.stdin)
open("restarted", "a").write("once\\n")
print(json.dumps({"decision": "GO", "confidence": 1, "reason": "restarted"}))
"""


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreAt]:
    """A project on each kind of database, in the current folder, with a program that restarts something."""
    monkeypatch.setenv(PASSWORD, mysql_protocol.PASSWORD)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    program = Path("restart")
    program.write_text(RESTART % sys.executable, encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    Path("agents").mkdir()
    with store_at(request.param, request, tmp_path) as found:
        if found.server is not None:
            with found.opened():
                pass
        Path("iact.yaml").write_text(PROJECT + found.lines, encoding="utf-8")
        yield found


def begun(mode: str, *words: str) -> str:
    """Start a run of the agent in a mode, let it be asked, and return its name."""
    write(mode)
    run = str(re.findall(r"run-\S+", command("run", "rollout", *words).stdout)[0])
    command("runs", "tell", run, "asked")
    return run


def write(mode: str) -> None:
    """Write the agent with a mode."""
    Path("agents/rollout.yaml").write_text(ROLLOUT % MODES[mode], encoding="utf-8")


def status() -> dict[str, Any]:
    """Return what `iact status` says to programs."""
    found: dict[str, Any] = json.loads(command("status", "--format", "json").stdout)
    return found


def journal(run: str) -> list[tuple[str, str]]:
    """Return kind and words of what was written about a run's actions; that it decides alike again is looked at."""
    with runtime_of(open_project(), only_look=True) as runtime:
        entries = runtime.journal(run)
        assert first_difference(runtime.machine(runtime.get(run)), entries) is None
    shown = json.loads(command("runs", "show", run, "--format", "json").stdout)["journal"]
    return [(one["kind"], one["says"]) for one in shown if one["kind"] not in {"started", "decision"}]


def restarts() -> int:
    """Return how often the program was run."""
    return len(Path("restarted").read_text(encoding="utf-8").split()) if Path("restarted").exists() else 0


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("mode", ["left out", "observe"])
def test_what_is_only_observed_is_not_done_and_shown_target_by_target(mode: str):
    runs = {subject: begun(mode, "--about", subject) for subject in ("api", "web")}

    assert restarts() == 0
    found = status()
    assert {one["target"]: one["run"] for one in found["observed"]} == runs
    assert {(one["agent"], one["action"]) for one in found["observed"]} == {("rollout", "command")}
    assert found["observed"][0]["arguments"]["task"] == {"service": "api"}
    assert journal(runs["api"]) == [("observed", "command: would have been done")]
    assert command("runs", "explain", runs["api"]).stdout.splitlines()[1].endswith("ended (observed)")
    shown = command("status")
    assert "Only observed: would have been done" in shown.stdout
    assert shown.exit_code == 0


@pytest.mark.usefixtures("place")
def test_what_is_proposed_is_done_once_a_person_approves_it():
    run = begun("propose")

    assert restarts() == 0
    assert [(one["run"], one["status"]) for one in status()["for_a_person"]] == [(run, "proposed")]
    shown = command("status")
    assert (shown.exit_code, "waits to be approved: `iact approve RUN --reason …`" in shown.stdout) == (1, True)

    said = command("approve", run, "--reason", "the disk is full", "--by", "a lead").stdout

    assert said == f"{run}: command approved; over (go)\n"
    assert restarts() == 1
    assert journal(run) == [
        ("proposed", "command: waits for a person"),
        ("approved", "command: approved by a lead. the disk is full"),
        ("attempt", "command: attempt 1"),
        ("receipt", "command: done. GO (100% sure): restarted"),
    ]
    with pytest.raises(FindingError, match=rf"{run} waits for nobody's answer \(over \(go\)\)"):
        command("approve", run, "--reason", "again")
    assert restarts() == 1


@pytest.mark.usefixtures("place")
def test_nobody_tells_a_run_how_its_action_ended_instead_of_approving_it():
    run = begun("propose")

    for ending in ("finished", "failed", "unknown"):
        with pytest.raises(ConfigurationError, match=f"`{ending}` is what comes of an action of rollout"):
            command("runs", "tell", run, ending)

    assert status()["for_a_person"] != []
    assert ("proposed", "command: waits for a person") in journal(run)
    assert not Path("restarted").exists()


@pytest.mark.usefixtures("place")
def test_what_is_rejected_is_never_done_and_the_run_hears_why():
    run = begun("propose")

    assert command("reject", run, "--reason", "not on a Friday", "--by", "a lead").stdout == (
        f"{run}: command rejected; over (failed)\n"
    )
    assert restarts() == 0
    assert journal(run)[-1] == ("rejected", "command: rejected by a lead. not on a Friday")
    assert command("status").exit_code == 0


@pytest.mark.usefixtures("place")
def test_what_a_person_writes_cannot_pass_for_lines_of_the_journal():
    run = begun("propose")
    command(
        "reject", run, "--reason", "no\n    9  2026-01-01T00:00:00Z  approved   command: approved\r", "--by", "lead"
    )

    lines = command("runs", "show", run).stdout.splitlines()

    assert [line for line in lines if "approved" in line and "rejected by lead" not in line] == []
    assert journal(run)[-1][1].splitlines()[0] == "command: rejected by lead. no"
    with pytest.raises(FindingError, match=rf"{run} has ended \(over \(failed\)\); there is nothing to try again"):
        command("runs", "retry", run)


@pytest.mark.usefixtures("place")
def test_what_a_run_proposed_in_a_state_that_it_has_left_is_not_approved_any_more():
    run = begun("propose")
    command("runs", "tell", run, "stopped")

    assert status()["for_a_person"] == []
    with pytest.raises(FindingError, match="waits for nobody's answer"):
        command("approve", run, "--reason", "late")
    assert restarts() == 0


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("pinned", "now", "restarted", "open_proposals"),
    [
        ("enforce", "propose", 0, 1),
        ("enforce", "observe", 0, 0),
        ("observe", "enforce", 0, 0),
        ("propose", "enforce", 0, 1),
    ],
)
def test_of_what_a_run_pinned_and_what_the_rules_say_now_the_stricter_counts(
    pinned: str, now: str, restarted: int, open_proposals: int
):
    write(pinned)
    run = str(re.findall(r"run-\S+", command("run", "rollout").stdout)[0])
    write(now)

    command("runs", "tell", run, "asked")

    assert restarts() == restarted
    assert len(status()["for_a_person"]) == open_proposals


@pytest.mark.usefixtures("place")
def test_whoever_runs_an_agent_whose_run_goes_on_lets_it_look_again():
    write("enforce")
    run = str(re.findall(r"run-\S+", command("run", "rollout").stdout)[0])

    for _ in range(2):
        assert run in command("run", "rollout").stdout

    shown = json.loads(command("runs", "show", run, "--format", "json").stdout)["journal"]
    assert [one["kind"] for one in shown] == ["started", "decision", "decision"]
    assert shown[-1]["says"].startswith("looked: stays in waiting")


@pytest.mark.usefixtures("place")
def test_what_is_enforced_is_done():
    run = begun("enforce")

    assert restarts() == 1
    assert status()["observed"] == []
    assert [kind for kind, _ in journal(run)] == ["attempt", "receipt"]


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("activated", "in_the_files", "restarted", "open_proposals"),
    [
        ("observe", "enforce", 0, 0),
        ("propose", "enforce", 0, 1),
        ("enforce", "observe", 0, 0),
        ("enforce", "enforce", 1, 0),
    ],
)
def test_for_a_command_in_a_checkout_the_stricter_of_its_files_and_of_what_was_activated_counts(
    activated: str, in_the_files: str, restarted: int, open_proposals: int
):
    repository = GitRepository.create(Path.cwd())
    write(activated)
    repository.git("add", "iact.yaml", "agents")
    repository.git("commit", "--quiet", "--message", "rules")
    command("config", "activate", "HEAD")
    write("enforce")
    run = str(re.findall(r"run-\S+", command("run", "rollout").stdout)[0])
    write(in_the_files)

    command("runs", "tell", run, "asked")

    assert restarts() == restarted
    assert len(status()["for_a_person"]) == open_proposals
    command("config", "activate", "--files")
    assert "in the files of each checkout" in command("config", "activate").stdout
