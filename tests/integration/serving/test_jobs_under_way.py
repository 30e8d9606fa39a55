"""Jobs of the schedule beside each other, in the process that serves: what came of each is written in the end."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from iact.agents.runtime import runtime_of
from iact.config.opening import open_project
from iact.engine.runners import Presence
from iact.engine.serving import Pace
from iact.serving import housekeeping
from iact.serving.service import Service
from iact.stores import connect
from iact.stores.retrying import Patience
from tests.support.waiting import PATIENCE, until

STORE = "store.db"
PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: shop}
spec:
  store: {sqlite: store.db}
  schedule:
"""


def write_project(*jobs: str) -> None:
    """Let the current folder be a project that asks for jobs every second."""
    entries = "".join(f"    - {{do: {job}, every: 1s}}\n" for job in jobs)
    Path("new").write_text(PROJECT + entries, encoding="utf-8")
    Path("new").replace("iact.yaml")


@dataclass
class Doing:
    """A job that waits until it is let, and says how often it was begun and how often beside itself."""

    begun: threading.Event = field(default_factory=threading.Event)
    let: threading.Event = field(default_factory=threading.Event)
    at_once: Counter[str] = field(default_factory=Counter)

    def __call__(self, *_: Any) -> str:
        """Wait."""
        self.at_once["now"] += 1
        self.at_once["most"] = max(self.at_once["most"], self.at_once["now"])
        self.begun.set()
        assert self.let.wait(PATIENCE)
        self.at_once["now"] -= 1
        return "done at last"


@contextmanager
def served(pace: Pace, patience: Patience) -> Iterator[tuple[Service, Presence, Callable[[], None]]]:
    """Serve the project of the current folder in this process; gives what serves, who, and how to stop it."""
    project = open_project()
    with runtime_of(project) as runtime, runtime.present() as presence, ThreadPoolExecutor(1) as thread:
        service = Service(project, runtime, presence, pace, patience=patience)
        running = thread.submit(service.run)

        def stop() -> None:
            service.server.stop()
            service.server.wake()
            running.result(PATIENCE)

        try:
            yield service, presence, stop
        finally:
            service.server.stop()
            # A job that was left to itself writes what came of it, which the store has to outlive.
            for one in threading.enumerate():
                if one.name.startswith("iact-job"):
                    one.join(PATIENCE)


def rows(job: str) -> list[tuple[str, str]]:
    """Return how each time of a job stands, the oldest first."""
    with closing(sqlite3.connect(STORE)) as connection:
        asked = "SELECT status, outcome FROM occurrences WHERE job = ? AND status <> 'counting' ORDER BY scheduled_at"
        return connection.execute(asked, (job,)).fetchall()


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


QUICK = Pace(look_every=timedelta(seconds=0.05))
AT_ONCE = Patience(attempts=1)


def test_what_came_of_a_job_is_written_once_the_store_takes_it_and_the_job_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(connect, "BUSY_TIMEOUT", 20)
    write_project("alerts")
    locked, held = threading.Event(), sqlite3.connect(STORE, isolation_level=None, check_same_thread=False)

    def lock_others_out(*_: Any) -> str:
        if not locked.is_set():
            held.execute("BEGIN IMMEDIATE")
            locked.set()
        return "done"

    monkeypatch.setitem(housekeeping.JOBS, "alerts", lock_others_out)
    with served(QUICK, AT_ONCE) as (_, _, stop):
        with closing(held):
            until(lambda: caplog.text.count("what came of the job alerts is not written yet, and is tried again") > 1)
            assert rows("alerts") == [("taken", "")]
        until(lambda: rows("alerts")[:2] == [("done", "done")] * 2)
        stop()


def test_a_long_job_keeps_neither_the_others_nor_rules_that_change_and_is_not_begun_beside_itself(
    monkeypatch: pytest.MonkeyPatch,
):
    long = Doing()
    monkeypatch.setitem(housekeeping.JOBS, "health", long)
    write_project("health", "alerts")
    with served(QUICK, AT_ONCE) as (service, _, stop):
        until(long.begun.is_set)
        begun = len(rows("alerts"))
        until(lambda: len(rows("alerts")) > begun + 1)
        write_project("health", "cleanup")
        until(lambda: ("done", "no record deleted; 0 times of the schedule forgotten") in rows("cleanup"))
        assert service.health()[0]
        assert rows("health") == [("taken", "")]
        long.let.set()
        until(lambda: rows("health")[0] == ("done", "done at last"))
        stop()

    assert long.at_once["most"] == 1


def test_a_job_that_does_not_end_is_waited_for_no_longer_than_an_action_and_stays_this_process_s_own(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    long = Doing()
    monkeypatch.setitem(housekeeping.JOBS, "health", long)
    write_project("health")
    pace = Pace(look_every=timedelta(seconds=0.05), drain_within=timedelta(0), end_within=timedelta(0))
    with served(pace, AT_ONCE) as (_, presence, stop):
        until(long.begun.is_set)
        stop()
        assert presence.is_abandoned
        assert "leaving although these jobs are under way: health" in caplog.text
        long.let.set()

    with closing(sqlite3.connect(STORE)) as connection:
        assert connection.execute("SELECT runner FROM runners").fetchall() == [(presence.name,)]
