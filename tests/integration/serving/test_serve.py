"""`iact serve`, `tick`, `status` and `runs`, as people use them: real processes in a real project."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from iact.core.errors import ConfigurationError
from iact.stores.backups.archive import verify
from services import mysql_protocol
from tests.support.databases import command
from tests.support.stores import KINDS, PASSWORD, StoreAt, store_at
from tests.support.waiting import PATIENCE, until

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: shop}
spec:
"""
SCHEDULE = "  schedule:\n"
REMINDER = """\
apiVersion: iact/v1
kind: Agent
metadata: {name: reminder}
spec:
  start: waiting
  states:
    waiting:
      next:
        - {after: 1s, decide: ESCALATE, to: done}
    done: {final: true}
"""


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreAt]:
    """Where the project that is the current folder keeps its rows: each kind of database."""
    monkeypatch.setenv(PASSWORD, mysql_protocol.PASSWORD)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    with store_at(request.param, request, tmp_path) as found:
        if found.server is not None:
            with found.opened():
                pass
        yield found


def write_project(place: StoreAt | None, *schedule: str) -> None:
    """Write a project with a schedule into the current folder."""
    lines = "".join(f"    - {{{one}}}\n" for one in schedule)
    text = PROJECT + (place.lines if place else "  store: {sqlite: store.db}\n") + (SCHEDULE + lines if lines else "")
    Path("iact.yaml").write_text(text, encoding="utf-8")
    Path("agents").mkdir(exist_ok=True)
    Path("agents/reminder.yaml").write_text(REMINDER, encoding="utf-8")


@contextmanager
def serving(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Let `iact serve` run in the current folder until the block ends."""
    with subprocess.Popen([sys.executable, "-m", "iact.cli", "serve", *words], stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def status() -> Mapping[str, Any]:
    """Return what `iact status` says to programs."""
    found: Mapping[str, Any] = json.loads(command("status", "--format", "json").stdout)
    return found


def ended(count: int) -> bool:
    """Return whether so many runs have ended."""
    found = json.loads(command("runs", "list", "--format", "json").stdout)
    return sum(one["ended_at"] is not None for one in found) >= count


def test_two_processes_do_what_the_schedule_asks_for_once_also_when_one_is_killed(place: StoreAt):
    write_project(place, "run: reminder, every: 2s", "do: health, every: 1s")
    with serving("--lease", "2") as first, serving("--lease", "2") as second:
        until(lambda: len(status()["runners"]) == 2 and ended(1))
        first.send_signal(signal.SIGKILL)
        first.wait()
        until(lambda: [one["process"] for one in status()["runners"]] == [second.pid] and ended(4))
        second.send_signal(signal.SIGTERM)
        assert second.wait(PATIENCE) == 0

    rows = place.rows("SELECT job, scheduled_at, status, outcome FROM occurrences WHERE status <> 'counting'")
    assert len({row[:2] for row in rows}) == len(rows)
    assert {row[2] for row in rows} <= {"done", "taken"}
    assert {row[3] for row in rows if row[0] == "health" and row[2] == "done"} == {"all well"}
    assert status()["runners"] == []
    # One reminder at a time; each that was started was looked at and ended by its own time, and by nothing else.
    for run in json.loads(command("runs", "list", "--format", "json").stdout):
        if run["ended_at"]:
            shown = json.loads(command("runs", "show", run["run"], "--format", "json").stdout)
            assert [one["kind"] for one in shown["journal"]].count("decision") >= 1
            assert run["outcome"] == "escalate"


def test_a_process_stands_among_those_that_serve_before_there_is_anything_to_do(place: StoreAt):
    write_project(place)
    with serving() as process:
        until(lambda: [one["process"] for one in status()["runners"]] == [process.pid])
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    assert status()["runners"] == []


def test_what_is_written_while_it_serves_has_its_place_within_seconds_and_is_signed_in_the_end(place: StoreAt):
    write_project(place, "run: reminder, every: 1s")
    with serving() as process:
        until(lambda: ended(2))
        until(lambda: status()["log"]["entries"] >= 4)
        found = status()["log"]
        assert found["findings"] == []
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0

    found = status()["log"]
    ((written,),) = place.rows("SELECT COUNT(*) FROM journal")
    assert (found["entries"], found["signed"], found["waits_since"]) == (written, written, None)
    said = command("audit", "export", "--out", "bundle.zip").stdout
    assert f"holds, {written} entries" in said


def test_a_tick_does_once_what_is_due(place: StoreAt):
    write_project(place, "run: reminder, every: 1s", "do: alerts, every: 1s")
    assert command("tick").output == ""
    found: list[str] = []

    def both() -> bool:
        found.extend(command("tick").output.splitlines())
        return {line.partition(":")[0] for line in found} >= {"reminder", "alerts"}

    until(both)
    assert "alerts: 0 errors in 5m" in found


def test_what_fails_says_so_keeps_nothing_else_and_is_counted_by_the_next_alert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    write_project(
        None,
        "do: backup, every: 1s, with: {folder: taken}",
        "do: alerts, every: 1s, with: {more_than: 1, within: 1h}",
    )
    Path("taken").write_text("a file stands where the folder should be", encoding="utf-8")
    said: dict[str, str] = {}

    def alarmed() -> bool:
        said.update(line.partition(": ")[::2] for line in command("tick").output.splitlines())
        return "high error rate" in said.get("alerts", "")

    until(alarmed)
    assert said["backup"].startswith("failed: ")
    assert "errors in 1h. `iact status` and `iact runs list` show them." in said["alerts"]


def test_backups_are_written_verify_and_only_the_newest_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    write_project(None, "do: backup, every: 1s, with: {folder: saved, keep: 2}")
    said: list[str] = []

    def three() -> bool:
        said.extend(command("tick").output.splitlines())
        return len(said) == 3

    until(three)
    kept = sorted(Path("saved").iterdir())
    assert [one.name for one in kept] == [line.split(", ")[0].removeprefix("backup: ") for line in said[1:]]
    assert said[2].endswith("; 1 older removed")
    assert [verify(one).manifest.projects for one in kept] == [("shop",), ("shop",)]


def test_status_shows_what_waits_and_ends_with_1_while_something_needs_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    write_project(None, "run: reminder, every: 1 week", 'do: backup, at: "02:00", days: sunday')
    command("tick")
    result = command("status")
    assert result.exit_code == 0
    assert "nobody: `iact serve` goes on with what is due" in result.stdout
    assert "counted since" in result.stdout
    assert [one["job"] for one in status()["schedule"]] == ["reminder", "backup"]


def test_a_run_is_named_by_the_beginning_of_its_name_and_a_wrong_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    write_project(None, "run: reminder, every: 1s")
    until(lambda: "run run-" in command("tick").output)
    (run, *_) = json.loads(command("runs", "list", "--format", "json").stdout)
    shown = command("runs", "show", run["run"][:12]).stdout
    assert shown.splitlines()[0] == f"{run['run']}: reminder about shop"
    assert "began in waiting" in shown
    with pytest.raises(ConfigurationError, match=r"no run's name begins with 'run-x'\. `iact runs list` shows them\."):
        command("runs", "show", "run-x")
