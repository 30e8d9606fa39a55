"""A process that serves follows changed rules once they are right, and a commit's rules where one was activated."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from iact.core.errors import ConfigurationError, EnvironmentProblemError
from iact.serving.health import answering
from tests.support.databases import command
from tests.support.git import GitRepository
from tests.support.waiting import PATIENCE, until

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: shop}
spec:
  store: {sqlite: store.db}
  schedule:
    - {do: %s, every: 1s}
"""


class Served:
    """`iact serve` in the current folder, what it says, and how it is."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Read what `process` says from now on."""
        self.process = process
        self.said: list[str] = []
        self._reading = threading.Thread(target=self._read)
        self._reading.start()
        self.until(lambda: self.heard("Health is told at"))
        found = re.search(r"http://127\.0\.0\.1:(?P<port>\d+)/healthz", "".join(self.said))
        assert found is not None
        self.port = int(found["port"])

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.said.extend(self.process.stderr)

    def heard(self, text: str) -> bool:
        """Return whether it has said something."""
        return any(text in line for line in list(self.said))

    def health(self) -> tuple[int, Mapping[str, Any]]:
        """Ask how it is."""
        return asked(self.port, "/healthz")

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        until(holds, lambda: "".join(self.said))

    def stop(self) -> None:
        """Let it end by itself."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0
        self._reading.join()


def asked(port: int, path: str, method: str = "GET") -> tuple[int, Mapping[str, Any]]:
    """Return the status and the content of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, json.loads(body) if body else {}


@contextmanager
def served() -> Iterator[Served]:
    """Serve the current folder until the block ends."""
    words = [sys.executable, "-m", "iact.cli", "serve", "--health", "0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield Served(process)
        finally:
            process.kill()


def scheduled() -> list[str]:
    """Return the jobs that were ever carried out."""
    shown = json.loads(command("status", "--format", "json").stdout)
    return [one["job"] for one in shown["schedule"] if one["status"] == "done"]


def write(text: str) -> None:
    """Replace the project's file as an editor does: whole."""
    Path("new").write_text(text, encoding="utf-8")
    Path("new").replace("iact.yaml")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepository:
    """A project in a repository, which is the current folder."""
    repository = GitRepository.create(tmp_path / "shop")
    monkeypatch.chdir(repository.path)
    write(PROJECT % "health")
    return repository


@pytest.mark.usefixtures("shop")
def test_changed_files_count_once_they_are_right_and_mistakes_change_nothing():
    with served() as process:
        process.until(lambda: process.heard("health, for"))
        status, told = process.health()
        assert (status, told["standing"], told["rules"]["mistakes"]) == (200, "serving", None)

        write(PROJECT % "nothing")
        process.until(lambda: process.heard("these rules cannot be followed, those before stay in force"))
        status, told = process.health()
        assert status == 200
        assert "iact.yaml:7:12" in told["rules"]["mistakes"]
        before = sum("health, for" in line for line in process.said)
        process.until(lambda: sum("health, for" in line for line in list(process.said)) > before)
        write(PROJECT % "health")
        process.until(lambda: process.heard("the rules can be followed again, and are those in force"))
        write(PROJECT % "alerts")
        process.until(lambda: process.heard("alerts, for"))
        assert process.heard("rules of the files: Project shop changed: schedule[0].do health → alerts (iact.yaml:7)")
        process.stop()
    assert sum("cannot be followed" in line for line in process.said) == 1
    assert process.heard("draining: nothing new is begun; actions under way: none")
    assert process.heard("drained: no action was under way")


@pytest.mark.usefixtures("shop")
def test_another_store_counts_once_a_process_is_started_anew_and_the_one_in_use_is_no_other():
    def followed() -> int:
        return sum("rules of the files" in line for line in list(process.said))

    with served() as process:
        for number, store in enumerate(("another.db", "store.db"), 1):
            write((PROJECT % "health").replace("store.db", store))
            process.until(lambda: followed() == number)  # noqa: B023 - it is waited for within the loop
        process.stop()
    assert sum("another name or store of the project counts once" in line for line in process.said) == 1
    assert not Path("another.db").exists()


def test_an_activated_commit_counts_for_all_whatever_files_say_until_files_are_activated_again(shop: GitRepository):
    first = commit(shop, "health")
    write(PROJECT % "alerts")
    second = commit(shop, "alerts")
    write(PROJECT % "cleanup")

    assert command("config", "activate").output == "The rules in the files of each checkout are in force.\n"
    shown = command("config", "activate", first[:12], "--by", "a tech lead").output
    assert shown.splitlines() == [
        f"The rules of commit {first} are in force.",
        "  Project shop changed: schedule[0].do cleanup → health (iact.yaml:7)",
    ]
    with served() as process:
        process.until(lambda: process.heard("health, for"))
        assert process.health()[1]["rules"]["commit"] == first
        command("config", "activate", "HEAD")
        process.until(lambda: process.heard("alerts, for"))
        assert process.heard(f"rules of commit {second[:12]}: Project shop changed: schedule[0].do health → alerts (")
        assert not process.heard("cleanup, for")
        assert f"rules of commit {second}, activated by " in command("status").output
        command("config", "activate", "--files")
        process.until(lambda: process.heard("cleanup, for"))
        process.stop()


def test_whoever_edits_a_checkout_keeps_no_process_from_following_the_activated_commit(shop: GitRepository):
    recorded = commit(shop, "health")
    write(PROJECT % "nothing")
    with pytest.raises(ConfigurationError, match=r"iact\.yaml:7:12"):
        command("serve")

    write(PROJECT % "health")
    command("config", "activate", "HEAD")
    write(PROJECT % "nothing")
    with served() as process:
        process.until(lambda: process.heard("health, for"))
        assert process.heard("have mistakes, and the activated commit is followed")
        assert process.health()[1]["rules"]["commit"] == recorded
        process.stop()


def test_mistakes_in_a_checkout_keep_nobody_from_looking_at_runs_nor_from_activating_a_commit(
    shop: GitRepository, caplog: pytest.LogCaptureFixture
):
    recorded = commit(shop, "health")
    write(PROJECT % "nothing")

    assert command("runs", "list").exit_code == 0
    assert "and the commit of the checkout is followed (`iact validate` tells them)" in caplog.text
    assert "The rules in the files of each checkout are in force.\n" in command("config", "activate").output
    with pytest.raises(ConfigurationError, match=r"iact\.yaml:7:12"):
        command("tick")
    with pytest.raises(ConfigurationError, match=r"iact\.yaml:7:12"):
        command("config", "activate", "--files")

    assert f"The rules of commit {recorded} are in force.\n" in command("config", "activate", recorded[:12]).output
    caplog.clear()
    assert f"rules of commit {recorded}, activated by " in command("status").output
    assert "and the activated commit is followed (`iact validate` tells them)" in caplog.text
    assert command("tick").exit_code == 0


def test_a_commit_can_be_activated_where_neither_the_files_nor_the_commit_of_the_checkout_are_right(
    shop: GitRepository,
):
    right = commit(shop, "health")
    write(PROJECT % "nothing")
    commit(shop, "a mistake")

    assert f"The rules of commit {right} are in force.\n" in command("config", "activate", right).output


PRODUCTION = PROJECT.replace("spec:\n", "spec:\n  environment: production\n")


def test_in_production_nothing_is_served_that_only_a_checkout_says(shop: GitRepository):
    write(PRODUCTION % "health")
    with pytest.raises(ConfigurationError, match="served in production, and its rules are in no commit"):
        command("serve")
    commit(shop, "health")
    with served() as process:
        process.until(lambda: process.heard("health, for"))

        write(PRODUCTION % "alerts")
        process.until(lambda: process.heard("served in production, and its files differ from their commit"))
        assert process.heard("Project shop changed: schedule[0].do health → alerts (iact.yaml:8)")
        shown = command("status")
        assert shown.exit_code == 1
        assert "not followed: " in shown.output
        before = sum("health, for" in line for line in process.said)
        process.until(lambda: sum("health, for" in line for line in list(process.said)) > before)
        assert process.health()[1]["rules"]["mistakes"]

        commit(shop, "alerts")
        process.until(lambda: process.heard("alerts, for"))
        assert process.health()[1]["rules"]["mistakes"] is None
        process.stop()
    assert sum("differ from their commit" in line for line in process.said) == 1


def test_production_is_left_by_a_commit_and_not_by_editing_a_file(shop: GitRepository):
    write(PRODUCTION % "health")
    commit(shop, "health")
    shop.git("update-index", "--assume-unchanged", "iact.yaml")
    write(PROJECT % "health")

    with pytest.raises(ConfigurationError, match="its files differ from their commit") as refused:
        command("serve")
    assert "iact config activate COMMIT" in str(refused.value)
    command("config", "activate", "HEAD")
    with served() as process:
        process.until(lambda: process.heard("health, for"))
        process.stop()


def commit(repository: GitRepository, message: str) -> str:
    """Commit the project's file, and return the commit's id."""
    repository.git("add", "iact.yaml")
    repository.git("commit", "--quiet", "--message", message)
    return repository.head


def test_what_is_not_there_or_has_mistakes_is_not_activated(shop: GitRepository):
    write(PROJECT % "nothing")
    commit(shop, "a mistake")
    write(PROJECT % "health")
    with pytest.raises(ConfigurationError, match=r"there is no commit v1 in the repository of .*Fetch it, or name"):
        command("config", "activate", "v1")
    with pytest.raises(ConfigurationError, match=r"iact\.yaml:7:12"):
        command("config", "activate", "HEAD")
    assert command("config", "activate").output == "The rules in the files of each checkout are in force.\n"


def test_health_is_told_as_a_status_and_as_json_and_nothing_else_is():
    standing = [True]
    with answering("127.0.0.1", 0, lambda: (standing[0], {"standing": standing[0]})) as port:
        assert asked(port, "/healthz") == (200, {"standing": True})
        standing[0] = False
        assert asked(port, "/healthz?verbose") == (503, {"standing": False})
        assert asked(port, "/healthz", "HEAD") == (503, {})
        assert asked(port, "/") == (404, {"error": "there is only /healthz"})
        assert asked(port, "/healthz", "POST") == (501, {"error": "Unsupported method ('POST')"})
        expected = rf"nothing can listen on 127\.0\.0\.1:{port}: .*--health"
        with pytest.raises(EnvironmentProblemError, match=expected), answering("127.0.0.1", port, lambda: (True, {})):
            pass


@pytest.mark.parametrize("address", ["http", "localhost:", "1.2.3.4:99999", "-1"])
@pytest.mark.usefixtures("shop")
def test_an_address_for_health_that_is_none_is_refused(address: str):
    result = command("serve", f"--health={address}")
    assert result.exit_code == 2
    assert "expected a port such as 8080" in result.output
