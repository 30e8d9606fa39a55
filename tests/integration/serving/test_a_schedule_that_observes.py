"""What the schedule only observes is told each time, where it stands in `iact status`, and is not done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from iact.core.errors import ConfigurationError
from tests.support.databases import command
from tests.support.reminders import write_reminder
from tests.support.waiting import until

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: shop}
spec:
  store: {sqlite: store.db}
  schedule:
    - {do: backup, every: 1s, mode: %s, with: {folder: kept}}
    - {run: reminder, every: 1s, mode: %s}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_reminder()


def ticked(says: str) -> bool:
    """Do what is due, and return whether something came of both jobs."""
    said = command("tick").stdout
    return all(f"{job}: {says}" in said for job in ("backup", "reminder"))


def test_what_is_observed_is_told_and_not_done():
    Path("iact.yaml").write_text(PROJECT % ("observe", "observe"), encoding="utf-8")
    until(lambda: ticked("observed: would have been done"))

    status = json.loads(command("status", "--format", "json").stdout)
    came_to = {one["job"]: one["came_to"] for one in status["schedule"]}
    assert came_to == {
        "backup": "observed: would have been done: do backup (folder: kept)",
        "reminder": "observed: would have been done: run reminder",
    }
    assert status["going_on"] == 0
    assert not Path("kept").exists()
    assert "observed: would have been done: do backup (folder: kept)" in command("status").stdout


def test_what_is_enforced_is_done():
    Path("iact.yaml").write_text(PROJECT % ("enforce", "enforce"), encoding="utf-8")
    until(lambda: ticked(""))

    assert list(Path("kept").iterdir())
    assert json.loads(command("status", "--format", "json").stdout)["going_on"] == 1


def test_nobody_can_be_asked_before_each_time():
    Path("iact.yaml").write_text(PROJECT % ("propose", "propose"), encoding="utf-8")

    with pytest.raises(ConfigurationError) as raised:
        command("status")
    assert "iact.yaml:7:37" in str(raised.value)
    assert "nobody can be asked before each time: say `observe` or `enforce`." in str(raised.value)
    assert "say `mode: propose` there" in str(raised.value)


def test_nobody_can_be_asked_before_each_record_is_deleted():
    Path("iact.yaml").write_text(PROJECT % ("observe", "observe"), encoding="utf-8")
    Path("policies").mkdir()
    policy = "apiVersion: iact/v1\nkind: RetentionPolicy\nmetadata: {name: short}\nspec:\n  mode: propose\n"
    Path("policies/short.yaml").write_text(policy, encoding="utf-8")

    with pytest.raises(ConfigurationError, match=r"policies/short\.yaml:5:\d+.*nobody can be asked before each record"):
        command("status")


def test_status_tells_what_a_policy_that_observes_would_delete():
    Path("iact.yaml").write_text((PROJECT % ("observe", "observe")).replace("backup", "cleanup"), encoding="utf-8")
    text = Path("iact.yaml").read_text(encoding="utf-8").replace("mode: observe, with: {folder: kept}", "mode: enforce")
    Path("iact.yaml").write_text(text, encoding="utf-8")
    Path("policies").mkdir()
    policy = (
        "apiVersion: iact/v1\nkind: RetentionPolicy\nmetadata: {name: short}\n"
        "spec:\n  mode: observe\n  keep: {dora_metrics: 30d}\n"
    )
    Path("policies/short.yaml").write_text(policy, encoding="utf-8")
    until(lambda: "cleanup: no record deleted; observed: would delete 0 of dora_metrics" in command("tick").stdout)
    assert "observed: dora_metrics before" in command("prune", "--dry-run").stdout
