"""Two pulls of one repository into one store at the same time: nothing is lost, nothing doubled, neither fails.

The server answers the first request for a page of a list only when both have asked for it, so the two read, keep and
say how far they have come in the same moments, page after page.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import DBAPIError

from iact.dora.pull.model import Pulled
from iact.dora.tables import PULLS
from iact.stores.connect import open_memory, reading
from iact.stores.units import write
from tests.support.git import GitRepository
from tests.support.github_server import TOKEN, GitHubServer
from tests.support.kept import write_settings
from tests.support.pulling import Puller
from tests.support.rest_server import HandClock
from tests.support.stores import opened

SHA = "a" * 40
LISTS = ("/deployments", "/pulls", "/actions/runs", "/issues")
A_WHILE = 60.0
"""Seconds for which one waits for the other at most."""
ROW = {
    "project": "shop",
    "repository": "git-0",
    "source": "github",
    "remote": "1",
    "stream": "deployments",
    "content": b"{}",
}
PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: shop}
spec:
  extends: [iact]
  sources: {git: {failures: {reverts: true}}}
"""


def march(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


class Together:
    """Lets two readers of a list go on only when both have asked for the same page of it, while both are there."""

    def __init__(self) -> None:
        self.met = 0
        self._barrier = threading.Barrier(2, action=self._meet, timeout=A_WHILE)

    def __call__(self, path: str) -> None:
        """Wait until both have come this far."""
        if path.endswith(LISTS):
            with suppress(threading.BrokenBarrierError):
                self._barrier.wait()

    def pull(self, *pullers: Puller) -> list[Pulled]:
        """Pull with all of them at once, and return what became of each."""
        with ThreadPoolExecutor(max_workers=len(pullers)) as pool:
            return [future.result() for future in [pool.submit(self._pull, puller) for puller in pullers]]

    def _pull(self, puller: Puller) -> Pulled:
        try:
            return puller()
        finally:
            self._barrier.abort()

    def _meet(self) -> None:
        self.met += 1


@pytest.fixture
def server() -> Iterator[GitHubServer]:
    """Three pages of deployments and of pull requests, one of everything else."""
    with GitHubServer(HandClock()) as running:
        running.most = 2
        for number in range(1, 6):
            running.deployed(number, march(number), SHA, "in_progress", "success")
            running.requested(number, march(number), merged=march(number, 12), sha=SHA)
            running.reviewed(number, march(number, 11))
        running.ran(8001, march(2), SHA)
        running.issue(52, march(2, 10), "incident", closed=march(2, 11))
        yield running


def go_on(server: GitHubServer) -> None:
    """What comes later: new things, and known ones that change."""
    for number in range(6, 9):
        server.deployed(number, march(number + 10), SHA, "in_progress", "failure")
    for request in server.pulls[:2]:
        request["title"] = "Renamed"
        request["updated_at"] = (march(21) + timedelta(minutes=request["number"])).isoformat()
    server.issues[0]["labels"], server.issues[0]["updated_at"] = [], march(22).isoformat()


@pytest.fixture
def engines(store_url: str) -> Iterator[tuple[Engine, Engine]]:
    """One store, opened by two that know nothing of each other."""
    found = opened(store_url), opened(store_url)
    yield found
    for engine in found:
        engine.dispose()


def test_two_pulls_at_once_leave_what_one_would_have_left(server: GitHubServer, engines: tuple[Engine, Engine]):
    alone = Puller(engine=open_memory(), server=server)
    both = [Puller(engine=engine, server=server) for engine in engines]
    for change in (lambda _: None, go_on):
        change(server)
        server.before = lambda _: None
        alone()
        server.before = together = Together()
        done = together.pull(*both)

        assert [(one.stopped, one.refused, one.rejected) for one in done] == [(None, [], [])] * 2
        assert together.met >= len(LISTS)
        assert both[0].rows() == both[1].rows() == alone.rows()
    events, cursors = alone.rows()
    assert (len(events), len(cursors)) > (12, 3)


def test_a_pull_after_two_at_once_finds_nothing_that_they_left_behind(
    server: GitHubServer, engines: tuple[Engine, Engine]
):
    both = [Puller(engine=engine, server=server) for engine in engines]
    server.before = together = Together()
    together.pull(*both)
    kept, server.before = both[0].rows(), lambda _: None

    after = both[0]()

    assert sum(stream.new + stream.changed for stream in after.streams) == 0
    assert both[0].rows() == kept


def test_who_comes_second_with_the_same_row_does_it_again_and_sees_it(engines: tuple[Engine, Engine]):
    """Both have seen that the row is not there before either adds it; on SQLite the second begins after the first."""
    looked = threading.Barrier(2, timeout=A_WHILE)
    is_file = engines[0].dialect.name == "sqlite"

    def add(number: int) -> list[int]:
        seen: list[int] = []

        def once(connection: Connection) -> list[int]:
            seen.append(len(connection.execute(select(PULLS)).all()))
            if len(seen) == 1 and not is_file:
                looked.wait()
            if not seen[-1]:
                connection.execute(insert(PULLS).values(**ROW))
            return seen

        return write(engines[number], once, meets_others=True)

    with ThreadPoolExecutor(max_workers=2) as pool:
        seen = sorted(future.result() for future in [pool.submit(add, number) for number in (0, 1)])

    assert seen == ([[0], [1]] if is_file else [[0], [0, 1]])
    with reading(engines[0]) as connection:
        assert len(connection.execute(select(PULLS)).all()) == 1


def test_what_is_refused_for_another_reason_is_not_done_again(engines: tuple[Engine, Engine]):
    tries = []

    def add(connection: Connection) -> None:
        tries.append(1)
        connection.execute(insert(PULLS).values(**ROW | {"content": None}))

    with pytest.raises(DBAPIError):
        write(engines[0], add, meets_others=True)
    assert len(tries) == 1


def test_two_commands_at_once_both_end_well_and_the_figures_count_every_deployment_once(
    server: GitHubServer, repository: GitRepository, tmp_path: Path
):
    folder = tmp_path / "project"
    folder.mkdir()
    write_settings(folder, PROJECT)
    (folder / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    sha = repository.commit("first", at="2026-03-01 08:00")
    for deployment in server.deployments:
        deployment["sha"] = sha
    server.before = together = Together()
    program = [sys.executable, "-c", "from iact.cli.main import main; main()"]
    command = ["pull", "github", "shop/web", "--url", server.url, "--token", "file:token", "--since", "2026-01-01"]
    words = [*program, *command, "--repo", str(repository.path)]

    pulls = [subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    ended = [(*pull.communicate(timeout=2 * A_WHILE), pull.returncode) for pull in pulls]

    assert [(err, code) for _, err, code in ended] == [(b"", 0)] * 2
    assert together.met >= len(LISTS)
    window = ("--from", "2026-03-01", "--to", "2026-04-01", "--format", "json")
    report = [*program, "dora", "report", "--repo", str(repository.path), *window]
    found = json.loads(subprocess.run(report, cwd=folder, check=True, capture_output=True).stdout)
    assert len(found["deployments"]) == 5
