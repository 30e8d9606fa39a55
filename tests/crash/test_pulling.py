"""A pull is killed at every single write, and done again: the same store as if nothing had been."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.github_server import GitHubServer
from tests.support.kept import KIND, copy_folder, open_kept, prepare, remove_folder
from tests.support.kills import WRITES, in_a_child, quick_folder
from tests.support.pulling import Puller
from tests.support.rest_server import HandClock

SHA = "a" * 40


def march(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def pull(store: Path, server: GitHubServer, kinds: str = "") -> None:
    """Pull what is new, as a command does."""
    engine = open_kept(store / ".iact" / "iact.db")
    done = Puller(engine=engine, server=server)(kinds=kinds)
    assert (done.stopped, done.refused, done.rejected) == (None, [], [])
    engine.dispose()


def rows(store: Path, server: GitHubServer) -> tuple[list[Any], list[Any]]:
    """Return every event, and how far every list was read."""
    engine = open_kept(store / ".iact" / "iact.db")
    found = Puller(engine=engine, server=server).rows()
    engine.dispose()
    return found


def fill(server: GitHubServer) -> None:
    """Two pages of deployments and of pull requests, one of everything else."""
    server.most = 2
    for number in range(1, 4):
        server.deployed(number, march(number), SHA, "in_progress", "success")
        server.requested(number, march(number), merged=march(number, 12), sha=SHA)
        server.reviewed(number, march(number, 11))
    server.ran(8001, march(2), SHA)
    server.issue(52, march(2, 10), "incident", closed=march(2, 11))


def go_on(server: GitHubServer) -> None:
    """What comes later: new things, and known ones that change."""
    server.deployed(4, march(20), SHA, "in_progress", "failure")
    for request in server.pulls[:2]:
        request["title"] = "Renamed"
        request["updated_at"] = (march(21) + timedelta(minutes=request["number"])).isoformat()
    server.requested(9, march(20), merged=march(22), sha="b" * 40)
    server.issues[0]["labels"], server.issues[0]["updated_at"] = [], march(22).isoformat()


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder in memory, where there is one."""
    with tempfile.TemporaryDirectory(prefix="iact-crash-", dir=quick_folder()) as folder:
        yield Path(folder)


@pytest.fixture
def server() -> Iterator[GitHubServer]:
    """A server that answers out of processes of its own."""
    found = GitHubServer(HandClock())
    yield found
    found.close()


@pytest.mark.parametrize("kinds", ["deployment change", ""], ids=["first", "later"])
def test_killed_at_any_write_and_done_again_a_pull_leaves_the_same_store(room: Path, server: GitHubServer, kinds: str):
    fill(server)
    before = room / "before"
    prepare(before / ".iact" / "iact.db")
    if not kinds:
        with server.in_a_process():
            pull(before, server)
        go_on(server)
    with server.in_a_process():
        undisturbed = copy_folder(before, room / "undisturbed")
        with WRITES.counted() as writes:
            pull(undisturbed, server, kinds)
        expected = events, cursors = rows(undisturbed, server)
        assert len(events) >= 10
        assert len(cursors) == (2 if kinds else 4)
        assert sum(write == "COMMIT" for write in writes) >= 3

        for number, write in enumerate(writes, start=1):
            store = copy_folder(before, room / "store")
            assert not in_a_child(partial(pull, store, server, kinds), killed_at=number)
            in_a_child(partial(pull, store, server, kinds))
            assert rows(store, server) == expected, f"killed before write {number}: {write}"
            assert KIND != "sqlite" or (store / ".iact" / ".gitignore").exists()
            remove_folder(store)
