"""What the schedule, retention and PDCA would have done where they only observe, as `iact status` shows it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from iact.config.opening import open_project
from iact.engine.clocks import ManualClock
from iact.engine.runtime import Runtime
from iact.serving.service import Schedule
from iact.serving.standing import standing
from iact.stores.connect import open_sqlite
from tests.support.databases import command
from tests.support.trials import Shop, improvement

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: shop}
spec:
  schedule:
    - {do: backup, every: 1h, mode: observe}
    - {do: cleanup, every: 1h, mode: observe}
    - {do: alerts, every: 1h, mode: observe}
    - {do: health, every: 1h, mode: observe}
    - {run: rollout, every: 1h, mode: observe}
---
apiVersion: iact/v1
kind: Agent
metadata: {name: rollout}
spec: {start: over, states: {over: {final: true}}}
---
apiVersion: iact/v1
kind: RetentionPolicy
metadata: {name: a-month}
spec: {mode: observe, keep: {journal: 30d, runs: 30d}}
"""
BEGIN = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project in the current folder that only observes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    Path("iact.yaml").write_text(PROJECT, encoding="utf-8")


def an_hour_later() -> None:
    """Let the schedule be carried out an hour after it was first seen."""
    Path(".iact").mkdir()
    engine, clock = open_sqlite(Path(".iact/iact.db")), ManualClock(BEGIN)
    runtime = Runtime(engine, project="shop", clock=clock)
    with runtime.present() as presence:
        schedule = Schedule(open_project(), runtime, presence)
        assert schedule.due() == []
        clock.advance(timedelta(hours=1))
        for one in schedule.due():
            schedule.carry_out(one)
    assert runtime.runs() == []
    engine.dispose()


def test_what_the_schedule_and_retention_only_observe_is_said_in_the_status_target_by_target():
    an_hour_later()

    found: dict[str, Any] = json.loads(command("status", "--format", "json").stdout)
    assert {one["mode"] for one in found["schedule"]} == {"observe"}
    rules = {one["rule"]: one for one in found["observed_rules"]}
    assert rules["schedule backup"]["would"] == "do backup"
    assert rules["schedule rollout"]["would"] == "run rollout"
    assert rules["schedule backup"]["at"] == "2026-03-02T09:00:00.000000Z"
    targets = {one["target"] for one in found["observed_rules"] if one["rule"] == "RetentionPolicy a-month"}
    assert targets == {"journal", "runs"}
    lines = command("status").stdout.splitlines()
    assert any("do backup" in line and "by schedule backup" in line for line in lines)


def test_what_a_cycle_would_have_tried_is_said_in_the_status(tmp_path: Path):
    shop = Shop.open(tmp_path / "other", improvement(mode="observe"))
    run = shop.experiments().run()
    assert run.state == "observed"

    found = standing(open_project(), shop.experiments().runtime)["observed_rules"]
    (tried,) = [one for one in found if one["rule"].startswith("Improvement")]
    assert tried["rule"] == "Improvement faster"
    assert tried["target"].startswith("lead_time")
    assert tried["would"].startswith("try it: ")
    shop.engine.dispose()
