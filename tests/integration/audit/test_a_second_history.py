"""A key signs one history: what a machine has signed stands beside its key, and the log has to go on from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from iact.core.errors import ConfigurationError
from tests.support.databases import command
from tests.support.reminders import write_reminder

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: shop}
spec:
  store: {sqlite: store.db}
  audit: {log: example.com/shop}
"""
SIGNED = Path(".iact/log.signed")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a project the current folder whose log has two entries, of which an older backup has the first."""
    monkeypatch.chdir(tmp_path)
    Path("iact.yaml").write_text(PROJECT, encoding="utf-8")
    write_reminder()
    command("run", "reminder", "--about", "one")
    command("backup", "--to", "older.zip")
    command("run", "reminder", "--about", "two")


def restore_older() -> None:
    for file in Path().glob("store.db*"):
        file.unlink()
    command("restore", "older.zip")


def findings() -> list[str]:
    log = json.loads(command("status", "--format", "json").stdout)["log"]
    return [one for one in log["findings"] if "does not go on" in one]


def signed() -> int:
    size: int = json.loads(command("status", "--format", "json").stdout)["log"]["signed"]
    return size


def test_a_log_that_goes_on_is_no_finding_and_there_is_nothing_to_say():
    assert findings() == []
    assert SIGNED.read_text(encoding="utf-8").splitlines()[:2] == ["example.com/shop", "2"]
    with pytest.raises(ConfigurationError, match="there is nothing to say"):
        command("audit", "go-on", "--reason", "to be sure")


@pytest.mark.parametrize("more", [0, 1, 3])
def test_nothing_is_signed_after_an_older_backup_however_long_it_goes_on(more: int):
    restore_older()
    for number in range(more):
        command("run", "reminder", "--about", f"other {number}")

    [finding] = findings()
    others = "it has 1 entries" if not more else "its first 2 entries are others"
    assert others in finding
    assert "Restore a later backup" in finding
    assert signed() == 1
    assert command("status").exit_code == 1


def test_a_person_says_that_it_goes_on_and_the_log_keeps_who_and_why():
    restore_older()
    command("run", "reminder", "--about", "other")
    before = SIGNED.read_text(encoding="utf-8")

    said = command("audit", "go-on", "--reason", "the disk is lost", "--by", "ops")
    assert "gives up the checkpoint of 2 entries: tell those who have it" in said.stdout
    assert findings() == []
    assert signed() == 3
    entry = json.loads(command("audit", "list", "--run", "log", "--format", "json").stdout)[0]
    shown = json.loads(command("audit", "show", str(entry["place"]), "--format", "json").stdout)[0]
    assert before.splitlines()[2] in json.dumps(shown)
    assert SIGNED.read_text(encoding="utf-8").splitlines()[1] == "3"


def test_a_file_that_cannot_be_read_is_told_and_nothing_is_signed_meanwhile():
    SIGNED.write_text("nonsense", encoding="utf-8")
    command("run", "reminder", "--about", "three")

    log = json.loads(command("status", "--format", "json").stdout)["log"]
    assert any("what this machine signed last cannot be read" in one for one in log["findings"])
    assert log["signed"] == 2
    command("audit", "go-on", "--reason", "the file is damaged")
    assert signed() == 4


def test_a_machine_that_has_signed_nothing_keeps_what_it_signs_first():
    SIGNED.unlink()
    command("run", "reminder", "--about", "three")

    assert signed() == 3
    assert SIGNED.read_text(encoding="utf-8").splitlines()[1] == "3"
