"""A process that is told to stop leaves in bounded time, and nothing that it began is done twice at once."""

from __future__ import annotations

import fcntl
import json
import signal
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from iact.agents.runtime import runtime_of
from iact.agents.starting import start
from iact.config.opening import open_project
from tests.support.databases import command
from tests.support.serving_quickly import NeverEnd, serving_quickly
from tests.support.waiting import PATIENCE, until

ENDLESS: type = NeverEnd
"""What one of the agents here does; importing it makes it known."""

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: shop}
spec:
  store: {sqlite: store.db}
"""
AGENT = """\
apiVersion: iact/v1
kind: Agent
metadata: {name: worker}
spec:
  mode: enforce
  start: working
  states:
    working:
      do: %s
      next:
        - {event: finished, decide: SUCCESS, to: done}
        - {event: failed, decide: FAILED, to: done}
        - {event: unknown, decide: ESCALATE, to: done}
    done: {final: true}
"""
WORK = """\
import fcntl, os, pathlib, signal, sys, time
if sys.argv[1] == "ignores":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
lock = open("lock", "a")
said = open("said", "a", buffering=1)
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    said.write("beside another\\n")
said.write("begin\\n")
while not pathlib.Path("let").exists():
    time.sleep(0.01)
said.write("end\\n")
print('{"decision": "GO", "reason": "worked"}')
"""


@pytest.fixture(autouse=True)
def _in_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("iact.yaml").write_text(PROJECT, encoding="utf-8")
    Path("work").write_text(f"#!{sys.executable}\n{WORK}", encoding="utf-8")
    Path("work").chmod(Path("work").stat().st_mode | stat.S_IXUSR)


def start_run(do: str) -> str:
    """Start a run whose first state does something, and leave it to those who serve."""
    Path("agents").mkdir()
    Path("agents/worker.yaml").write_text(AGENT % do, encoding="utf-8")
    project = open_project()
    with runtime_of(project) as runtime:
        return start(project, runtime, "worker", {})


def working(how: str, on_unknown: str) -> str:
    """Return what a state does that runs the program."""
    return f"command\n      with: {{run: [./work, {how}], on_unknown: {on_unknown}}}"


def said() -> list[str]:
    """Return what the programs have said."""
    return Path("said").read_text(encoding="utf-8").split("\n")[:-1] if Path("said").exists() else []


def nothing_runs() -> bool:
    """Return whether no program runs any more."""
    with Path("lock").open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def shown(run: str) -> dict[str, Any]:
    """Return what is known of a run."""
    found: dict[str, Any] = json.loads(command("runs", "show", run, "--format", "json").stdout)
    return found


def runners() -> list[str]:
    """Return who stands among the runners."""
    with closing(sqlite3.connect("store.db")) as connection:
        return [row[0] for row in connection.execute("SELECT runner FROM runners")]


@pytest.mark.parametrize("how", ["obeys", "ignores"])
def test_a_program_that_takes_too_long_is_ended_before_another_process_runs_it_again(how: str):
    run = start_run(working(how, "repeat"))
    with serving_quickly() as first:
        until(lambda: said() == ["begin"])
        with serving_quickly() as second:
            until(lambda: len(runners()) == 2)
            first.send_signal(signal.SIGTERM)
            assert first.wait(PATIENCE) == 0
            until(lambda: said() == ["begin", "begin"])
            Path("let").touch()
            until(lambda: bool(shown(run)["ended_at"]))
            second.send_signal(signal.SIGTERM)
            assert second.wait(PATIENCE) == 0
        assert first.stderr is not None
        assert f"which are ended now: {run}/1/0" in first.stderr.read()

    assert said() == ["begin", "begin", "end"]
    assert shown(run)["outcome"] == "success"
    kinds = [entry["kind"] for entry in shown(run)["journal"]]
    assert (kinds.count("attempt"), kinds.count("postponed"), kinds.count("receipt")) == (2, 1, 1)
    assert runners() == []


def test_where_the_rule_does_not_let_it_run_again_a_person_looks():
    run = start_run(working("ignores", "review"))
    with serving_quickly() as process:
        until(lambda: said() == ["begin"])
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0

    assert nothing_runs()
    assert runners() == []
    entries = shown(run)["journal"]
    assert [entry["kind"] for entry in entries].count("review") == 1
    assert "took longer than iact waits once it was told to stop, and was ended" in json.dumps(entries)


def test_no_program_outlives_a_process_that_is_killed():
    start_run(working("ignores", "review"))
    with serving_quickly() as process:
        until(lambda: said() == ["begin"])
        assert not nothing_runs()
        process.send_signal(signal.SIGKILL)
        process.wait()
        until(nothing_runs)


def test_an_action_that_does_not_end_keeps_its_run_from_others_and_the_process_ends_all_the_same():
    run = start_run("never_end")
    with serving_quickly() as process:
        until(lambda: "attempt" in [entry["kind"] for entry in shown(run)["journal"]])
        (runner,) = runners()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 1
        assert process.stderr is not None
        assert f"leaving although these actions are under way: {run}/1/0" in process.stderr.read()

    assert runners() == [runner]
    with closing(sqlite3.connect("store.db")) as connection:
        assert connection.execute("SELECT runner FROM claims").fetchall() == [(runner,)]
