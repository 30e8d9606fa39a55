"""`iact audit publish`, and what `iact serve` and `iact status` have to do with it, in a real project."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from iact.core.errors import ConfigurationError, FindingError
from tests.support.checkpoint_places import Web, git, protected_remote, web
from tests.support.databases import command
from tests.support.reminders import write_reminder
from tests.support.waiting import PATIENCE, until

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {{name: shop}}
spec:
  store: {{sqlite: store.db}}
  audit: {audit}
"""
BRANCH = "iact-checkpoints"


@pytest.fixture
def hook() -> Iterator[Web]:
    with web() as found:
        yield found


@pytest.fixture
def remote(tmp_path: Path, hook: Web, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project the current folder that publishes to the branch of a remote and to a webhook."""
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    settle(f"{{log: example.com/shop, publish: {{git: {{}}, webhook: {{url: '{hook.url}'}}}}}}")
    write_reminder()
    return protected_remote(tmp_path / "remote.git", folder)


def settle(audit: str) -> None:
    Path("iact.yaml").write_text(PROJECT.format(audit=audit), encoding="utf-8")


def test_what_was_signed_is_published_by_hand_and_status_shows_it(remote: Path, hook: Web):
    with pytest.raises(ConfigurationError, match="is not there yet"):
        command("audit", "publish")
    command("run", "reminder", "--about", "one")
    assert "published to webhook" in command("status").stdout

    published = command("audit", "publish")
    assert published.exit_code == 0
    assert published.stdout.splitlines() == [
        f"git (origin refs/heads/{BRANCH}): published, 1 entries",
        f"webhook ({hook.url}): published, 1 entries",
    ]
    again = json.loads(command("audit", "publish", "--format", "json").stdout)
    assert [(one["place"], one["result"], one["size"]) for one in again] == [
        ("git", "nothing new", 1),
        ("webhook", "nothing new", 1),
    ]
    shown = command("status")
    assert shown.exit_code == 0
    assert f"published to git (origin refs/heads/{BRANCH}): 1 entries, 0 min ago" in shown.stdout
    git(remote, "rev-parse", BRANCH)


def test_what_a_branch_holds_is_what_an_auditor_hands_in(remote: Path):
    command("run", "reminder", "--about", "one")
    command("audit", "publish")
    command("run", "reminder", "--about", "two")
    kept = Path("kept.txt")
    kept.write_text(git(remote, "cat-file", "blob", f"{BRANCH}:checkpoint.txt") + "\n", encoding="utf-8")
    key = git(remote, "cat-file", "blob", f"{BRANCH}:keys.txt")
    command("audit", "export", "--out", "bundle.zip", "--checkpoint", str(kept))

    judged = command("audit", "verify", "bundle.zip", "--key", key, "--checkpoint", str(kept))
    assert judged.exit_code == 0
    assert "goes on from what was kept at 1 entries" in judged.stdout


@pytest.mark.usefixtures("remote")
def test_a_place_that_refuses_ends_the_command_with_one_and_keeps_no_other(hook: Web):
    hook.status = 403
    command("run", "reminder", "--about", "one")

    published = command("audit", "publish")
    assert published.exit_code == 1
    assert "published, 1 entries" in published.stdout
    assert f"webhook ({hook.url}): refused: the webhook answers 403" in published.stdout
    shown = command("status")
    assert shown.exit_code == 0
    assert "refused (1 in a row): the webhook answers 403" in shown.stdout


@pytest.mark.usefixtures("remote")
def test_a_log_that_was_begun_anew_ends_status_with_one():
    command("run", "reminder", "--about", "one")
    command("run", "reminder", "--about", "two")
    command("audit", "publish")
    Path("store.db").unlink()
    command("run", "reminder", "--about", "three")
    with pytest.raises(FindingError, match="does not go on from what this machine has signed, 2 entries"):
        command("audit", "publish")
    told = command("doctor", "--format", "json")
    wrong = [one["found"] for one in json.loads(told.stdout)["findings"] if one["level"] == "wrong"]
    assert told.exit_code == 1
    assert any("does not go on from what this machine has signed, 2 entries" in one for one in wrong)
    shown = command("status")
    assert shown.exit_code == 1
    assert "finding: the log of the store does not go on from what this machine has signed, 2 entries" in shown.stdout

    # Whoever may say that the log goes on all the same cannot take back what is published.
    command("audit", "go-on", "--reason", "the store is lost")
    Path(".iact/log.signed").unlink()
    command("tick")
    published = command("audit", "publish")
    assert published.exit_code == 1
    assert (
        "contradicts: the first 2 entries of the log are not those whose checkpoint was published" in published.stdout
    )
    shown = command("status")
    assert shown.exit_code == 1
    assert "finding: git (origin refs/heads/iact-checkpoints): the first 2 entries of the log are not" in shown.stdout


@pytest.mark.usefixtures("remote")
def test_without_a_place_the_command_says_how_one_is_named():
    settle("{log: example.com/shop}")
    command("run", "reminder", "--about", "one")

    with pytest.raises(ConfigurationError, match="no place is named"):
        command("audit", "publish")
    shown = command("status")
    assert shown.exit_code == 0
    assert "note: checkpoints go nowhere" in shown.stdout


def test_whoever_serves_publishes(remote: Path, hook: Web):
    command("run", "reminder", "--about", "one")
    with subprocess.Popen([sys.executable, "-m", "iact.cli", "serve"], stderr=subprocess.PIPE) as process:
        try:
            until(lambda: bool(hook.bodies) and BRANCH in git(remote, "branch", "--list", BRANCH))
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE)
            assert process.returncode == 0
        finally:
            process.kill()
    assert hook.bodies[0].decode().startswith("example.com/shop\n")


@pytest.mark.usefixtures("remote")
def test_what_was_under_way_when_somebody_was_killed_is_published_by_the_next(hook: Web):
    command("run", "reminder", "--about", "one")
    hook.answers.clear()
    with subprocess.Popen([sys.executable, "-m", "iact.cli", "audit", "publish"], stderr=subprocess.PIPE) as process:
        try:
            until(lambda: bool(hook.bodies))
        finally:
            process.kill()
    hook.answers.set()

    assert command("audit", "publish").stdout.splitlines() == [
        f"git (origin refs/heads/{BRANCH}): nothing new, 1 entries",
        f"webhook ({hook.url}): published, 1 entries",
    ]
    assert hook.bodies == [hook.bodies[0]] * 2


@pytest.mark.usefixtures("remote")
def test_a_tick_publishes_as_a_process_that_serves_does(hook: Web):
    command("run", "reminder", "--about", "one")
    assert hook.bodies == []
    command("tick")
    assert len(hook.bodies) == 1
    command("run", "reminder", "--about", "two")
    command("tick")
    assert len(hook.bodies) == 1  # not more often than `every`


@pytest.mark.usefixtures("remote")
def test_a_tick_goes_on_where_a_place_refuses(hook: Web, caplog: pytest.LogCaptureFixture):
    hook.status = 403
    command("run", "reminder", "--about", "one")
    assert command("tick").exit_code == 0
    assert "refused: the webhook answers 403" in caplog.text


def test_where_another_machine_has_the_key_that_is_the_reason(remote: Path, tmp_path: Path):
    command("run", "reminder", "--about", "one")
    Path(".iact/log.key").rename(tmp_path / "elsewhere")
    with closing(sqlite3.connect("store.db")) as connection, connection:
        connection.execute("DELETE FROM log_checkpoints")
    with pytest.raises(
        ConfigurationError, match=r"nothing is signed yet: this machine does not have the secret of exam"
    ):
        command("audit", "publish")
    assert git(remote, "branch", "--list") == ""


@pytest.mark.usefixtures("remote")
def test_the_doctor_says_where_checkpoints_go_to_fewer_than_two_places_and_that_the_archive_is_missing():
    settle("{log: example.com/shop, publish: {git: {}}}")
    command("run", "reminder", "--about", "one")
    command("audit", "publish")
    told = command("doctor")
    assert told.exit_code == 0
    assert "advice  checkpoints: checkpoints go to git alone" in told.stdout
    assert "ok      journal: 1 rows are as the log has them." in told.stdout

    command("audit", "archive")
    (part,) = Path(".iact/archive").glob("*.zip")
    part.unlink()
    told = command("doctor")
    assert told.exit_code == 1
    assert re.search(rf"wrong   log: 1 parts of the archive are not in .*, the first is {part.name}", told.stdout)
    shutil.rmtree(".iact/archive")
    told = command("doctor")
    assert told.exit_code == 1
    assert re.search(r"wrong   log: the folder of the archive, .*archive, is not there", told.stdout)
    assert command("doctor", "--store", "store.db").exit_code == 0


@pytest.mark.usefixtures("remote")
def test_a_log_that_says_that_a_place_has_another_address_holds():
    command("run", "reminder", "--about", "one")
    command("audit", "publish")
    with web() as other:
        settle(f"{{log: example.com/shop, publish: {{git: {{}}, webhook: {{url: '{other.url}'}}}}}}")
        command("audit", "publish")

    assert "another address" in command("audit", "list", "--run", "log").stdout
    command("audit", "export", "--out", "bundle.zip")
    assert command("audit", "verify", "bundle.zip", "--key", command("audit", "key").stdout.strip()).exit_code == 0
