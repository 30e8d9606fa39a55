"""Several processes serve one store: the work is shared, nothing is done twice, and whoever dies loses nothing."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Engine, text

from iact.core.errors import ConfigurationError
from iact.core.quantities import parse
from iact.core.registry import Receipt, action
from iact.engine import journal
from iact.engine.claims import release, stumble, take, with_work
from iact.engine.clocks import ManualClock
from iact.engine.context import ActionContext
from iact.engine.journal import EntryKind
from iact.engine.retrying import ATTEMPTS, LONGEST_PAUSE
from iact.engine.runners import HOLDS_FOR, SHORTEST_LEASE, Presence
from iact.engine.runtime import Runtime
from iact.engine.serving import Pace, Server, Waiting
from iact.stores.connect import reading, writing
from tests.support import serving
from tests.support.agents import agent_definition
from tests.support.leases import outlast
from tests.support.serving import PROJECT, noted, start_runs
from tests.support.stores import opened
from tests.support.waiting import PATIENCE, until

FREEZING = agent_definition(
    """
start: noting
states:
  noting:
    do: note_in_ledger
    with: {freeze: true}
    next: [{event: finished, decide: SUCCESS, to: noted}]
  noted: {final: true}
""",
    name="freezing",
)


NOTING_WHEN_LET: Final = agent_definition(
    """
start: noting
states:
  noting:
    do: note_in_ledger_when_let
    next: [{event: finished, decide: SUCCESS, to: noted}]
  noted: {final: true}
""",
    name="noting-when-let",
)
LOOK_EVERY: Final = 0.01
BEGUN: Final = threading.Event()
LET: Final = threading.Event()


@action("note_in_ledger_when_let")
class NoteInLedgerWhenLet(serving.NoteInLedger):
    """Says that it has begun, and writes once it is let."""

    def perform(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt:
        """Do it."""
        BEGUN.set()
        assert LET.wait(PATIENCE)
        return super().perform(arguments, context)


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the actions of the processes write."""
    path = tmp_path / "ledger"
    monkeypatch.setenv(serving.LEDGER, str(path))
    return path


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    """The store of each kind."""
    found = opened(store_url)
    yield found
    found.dispose()


def term_of(engine: Engine, run: str) -> int:
    """Return how often a run was claimed."""
    with reading(engine) as connection:
        asked = text("SELECT term FROM claims WHERE run = :run")
        found: int = connection.execute(asked, {"run": run}).scalar_one()
    return found


def ended(engine: Engine) -> int:
    """Return how many runs have ended."""
    with reading(engine) as connection:
        found: int = connection.execute(text("SELECT count(*) FROM runs WHERE ended_at IS NOT NULL")).scalar_one()
    return found


def claimed(engine: Engine) -> int:
    """Return how many runs somebody has claimed."""
    with reading(engine) as connection:
        found: int = connection.execute(text("SELECT count(*) FROM claims WHERE runner IS NOT NULL")).scalar_one()
    return found


def runners(engine: Engine) -> int:
    """Return how many processes stand among the runners."""
    with reading(engine) as connection:
        found: int = connection.execute(text("SELECT count(*) FROM runners")).scalar_one()
    return found


def expect_each_done_once(engine: Engine, runs: list[str]) -> None:
    """Expect every run to have ended well, each action to be done once, and each journal to be without a gap."""
    assert noted() == {f"{run}/2/0": 1 for run in runs}
    runtime = Runtime(engine, project=PROJECT)
    for run in runs:
        kinds = [entry.kind.value for entry in runtime.journal(run)]
        assert kinds.count("receipt") == 1
        assert runtime.get(run).outcome == "success"
        with reading(engine) as connection:
            assert journal.broken_link(connection, PROJECT, run) is None


def test_two_processes_share_what_is_due_and_do_each_of_it_once(store_url: str, engine: Engine, ledger: Path):
    with serving.serving(store_url, ledger), serving.serving(store_url, ledger):
        runs = start_runs(engine, 200, wait=parse("1s"))
        until(lambda: ended(engine) == len(runs))
    expect_each_done_once(engine, runs)


def test_a_process_that_is_killed_is_replaced_at_once_by_another_of_its_machine(
    store_url: str, engine: Engine, ledger: Path
):
    runs = start_runs(engine, 60)
    with serving.serving(store_url, ledger) as first:
        until(lambda: len(noted()) >= 10)
        first.send_signal(signal.SIGKILL)
        first.wait()
        with serving.serving(store_url, ledger):
            until(lambda: ended(engine) == len(runs))
    expect_each_done_once(engine, runs)


def test_one_that_was_frozen_beyond_its_lease_and_wakes_writes_nothing_more(
    store_url: str, engine: Engine, ledger: Path
):
    (run,) = start_runs(engine, 1, FREEZING)
    with serving.serving(store_url, ledger, lease=1) as frozen:
        until(lambda: len(noted()) == 1)
        with serving.serving(store_url, ledger, lease=1) as second:
            until(lambda: ended(engine) == 1)
            before = Runtime(engine, project=PROJECT).journal(run)
            frozen.send_signal(signal.SIGCONT)
            frozen.send_signal(signal.SIGTERM)
            assert frozen.wait(PATIENCE) == 0
            assert frozen.stderr is not None
            assert b"others went on with run" in frozen.stderr.read()
            second.send_signal(signal.SIGTERM)
            assert second.wait(PATIENCE) == 0

    assert Runtime(engine, project=PROJECT).journal(run) == before
    assert noted() == {f"{run}/1/0": 1}


@contextmanager
def claimed_anew_in_the_middle_of_its_action(engine: Engine, run: str) -> Iterator[tuple[Server, list[float]]]:
    """Serve a run in this process, up to where its action was begun and the run was claimed anew after a lost lease.

    Yields:
        What serves, and for how many seconds it has waited at most, each time.
    """
    BEGUN.clear()
    LET.clear()
    lease, clock, looks = timedelta(seconds=30), ManualClock(datetime.now(UTC)), Counter[str]()
    host = replace(Runtime(engine, project=PROJECT).host, lease_clock=clock)
    presence, other = (Presence(engine, PROJECT, clock=clock, lease=lease, renews=False) for _ in range(2))
    pace = Pace(look_every=timedelta(seconds=LOOK_EVERY))
    waits: list[float] = []

    def wait(event: threading.Event, seconds: float) -> bool:
        waits.append(seconds)
        return event.wait(seconds)

    waiting = Waiting(until=wait)
    server = Server(host, presence, pace=pace, before_turn=lambda: looks.update(["look"]), waiting=waiting)
    with ThreadPoolExecutor(1) as thread:
        served = thread.submit(server.run)
        try:
            until(BEGUN.is_set)
            outlast(clock, other)
            assert take(host, other, [run])
            release(host, other.name, [run])
            until(lambda: term_of(engine, run) > 2)
            since = looks["look"]
            until(lambda: looks["look"] >= since + 5)
            yield server, waits
        finally:
            LET.set()
            server.stop()
        served.result(PATIENCE)
        presence.leave()


@pytest.mark.usefixtures("ledger")
def test_one_that_claims_a_run_anew_in_the_middle_of_its_action_waits_for_that_and_does_not_do_it_twice(
    engine: Engine,
):
    (run,) = start_runs(engine, 1, NOTING_WHEN_LET)
    with claimed_anew_in_the_middle_of_its_action(engine, run):
        LET.set()
        until(lambda: ended(engine) == 1)

    expect_attempted_once(engine, run)


@pytest.mark.usefixtures("ledger")
def test_one_that_is_told_to_stop_in_the_middle_of_an_action_keeps_its_run_from_others_until_that_has_ended(
    engine: Engine,
):
    (run,) = start_runs(engine, 1, NOTING_WHEN_LET)
    with claimed_anew_in_the_middle_of_its_action(engine, run) as (server, waits):
        server.stop()
        until(lambda: max(waits) > LOOK_EVERY)
        assert claimed(engine) == 1
    assert claimed(engine) == 0
    Runtime(engine, project=PROJECT).tick()

    expect_attempted_once(engine, run)


@pytest.mark.usefixtures("ledger")
def test_what_does_not_end_stays_claimed_and_what_was_not_begun_is_made_by_others(engine: Engine):
    BEGUN.clear()
    LET.clear()
    runs = start_runs(engine, 2, NOTING_WHEN_LET)
    runtime, ended_actions = Runtime(engine, project=PROJECT), threading.Event()
    pace = Pace(actions=1, drain_within=timedelta(0), end_within=timedelta(seconds=0.1))
    with ThreadPoolExecutor(1) as thread, runtime.present() as presence:
        server = Server(runtime.host, presence, pace=pace, end_actions=ended_actions.set)
        served = thread.submit(server.run)
        until(lambda: BEGUN.is_set() and claimed(engine) == len(runs) and attempted(engine) == len(runs))
        server.stop()
        server.wake()
        served.result(PATIENCE)
        assert ended_actions.is_set()
        assert presence.is_abandoned
        LET.set()

    assert (claimed(engine), runners(engine)) == (1, 1)
    kinds = Counter(entry.kind.value for run in runs for entry in runtime.journal(run))
    assert (kinds["attempt"], kinds["postponed"], kinds["receipt"]) == (2, 1, 0)


def attempted(engine: Engine) -> int:
    """Return how many actions are noted as begun."""
    with reading(engine) as connection:
        asked = text("SELECT count(*) FROM intents WHERE status = 'working'")
        found: int = connection.execute(asked).scalar_one()
    return found


@pytest.mark.usefixtures("ledger")
def test_a_signal_that_comes_while_the_lock_of_what_is_waited_for_is_held_stops_it(store_url: str):
    engine = opened(store_url)
    runtime = Runtime(engine, project=PROJECT)

    def is_interrupted(event: threading.Event, _seconds: float) -> None:
        # What whoever waits holds for a moment, and a handler of a signal would wait for.
        with vars(event)["_cond"]:
            server.stop()

    with ThreadPoolExecutor(1) as thread, runtime.present() as presence:
        server = Server(runtime.host, presence, waiting=Waiting(until=is_interrupted))
        thread.submit(server.run).result(PATIENCE)
    assert server.is_stopping
    engine.dispose()


def expect_attempted_once(engine: Engine, run: str) -> None:
    """Expect the action of a run to have been done once, in one attempt."""
    assert noted() == {f"{run}/1/0": 1}
    kinds = [entry.kind.value for entry in Runtime(engine, project=PROJECT).journal(run)]
    assert (kinds.count("attempt"), kinds.count("receipt")) == (1, 1)


def test_one_that_is_told_to_stop_finishes_what_is_under_way_and_leaves(store_url: str, engine: Engine, ledger: Path):
    runs = start_runs(engine, 100)
    with serving.serving(store_url, ledger) as first:
        until(lambda: len(noted()) >= 10)
        first.send_signal(signal.SIGTERM)
        assert first.wait(PATIENCE) == 0

    assert (claimed(engine), runners(engine)) == (0, 0)
    with reading(engine) as connection:
        half_done = connection.execute(text("SELECT count(*) FROM intents WHERE status = 'working'")).scalar_one()
    assert half_done == 0
    with serving.serving(store_url, ledger):
        until(lambda: ended(engine) == len(runs))
    expect_each_done_once(engine, runs)


def test_a_run_that_cannot_go_on_keeps_no_other_waits_longer_each_time_and_then_for_a_person(
    store_url: str, engine: Engine, ledger: Path
):
    broken, *others = start_runs(engine, 20)
    with writing(engine) as connection:
        connection.execute(text("UPDATE runs SET inputs = '{' WHERE run = :run"), {"run": broken})
    with serving.serving(store_url, ledger) as process:
        until(lambda: ended(engine) == len(others))
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0

    assert noted() == {f"{run}/2/0": 1 for run in others}
    with reading(engine) as connection:
        row = connection.execute(text("SELECT failures, trouble, not_before FROM claims WHERE failures > 0")).one()
    assert row.failures >= 1
    assert "JSONDecodeError" in row.trouble


def test_a_lease_so_short_that_others_take_a_run_while_its_action_begins_is_refused(engine: Engine):
    runtime = Runtime(engine, project=PROJECT)

    with pytest.raises(ConfigurationError) as refused, runtime.present(timedelta(seconds=0.9)):
        pass
    assert "a lease of 0.9 s is too short: expected 1 s or more" in str(refused.value)
    assert f"{HOLDS_FOR.total_seconds():g} s after" in str(refused.value)
    with runtime.present(SHORTEST_LEASE) as presence:
        assert presence.lease == SHORTEST_LEASE


def test_after_enough_failures_a_run_waits_for_a_person(engine: Engine):
    (run,) = start_runs(engine, 1)
    clock = ManualClock(datetime.now(UTC))
    runtime = Runtime(engine, project=PROJECT, clock=clock)
    with runtime.present() as presence:
        parked = []
        while with_work(runtime.host, presence, 10):
            assert take(runtime.host, presence, [run])
            parked.append(stumble(runtime.host, presence.name, run, ValueError("poison")))
            assert not take(runtime.host, presence, [run])
            clock.advance(LONGEST_PAUSE)
    assert parked == [False] * (ATTEMPTS - 1) + [True]
    assert runtime.advance(run).active is False


@pytest.mark.usefixtures("ledger")
def test_what_cannot_be_done_now_is_tried_again_later_and_waits_for_a_person_in_the_end(engine: Engine):
    definition = agent_definition(
        """
start: noting
states:
  noting:
    do: note_in_ledger
    with: {not_yet: true}
    next: [{event: finished, to: noted}]
  noted: {final: true}
""",
        name="postponed",
    )
    (run,) = start_runs(engine, 1, definition)
    clock = ManualClock(datetime.now(UTC))
    runtime = Runtime(engine, project=PROJECT, clock=clock)

    pauses = []
    with runtime.present() as presence:
        while runtime.tick():
            assert runtime.tick() == ()
            began = clock.moment
            while not with_work(runtime.host, presence, 10) and clock.moment - began < 2 * LONGEST_PAUSE:
                clock.advance(timedelta(seconds=1))
            pauses.append(clock.moment - began)

    attempts = [entry.body["attempt"] for entry in runtime.journal(run) if entry.kind is EntryKind.POSTPONED]
    assert attempts == list(range(1, ATTEMPTS + 1))
    assert all(earlier < later for earlier, later in pairwise(pauses))
    with reading(engine) as connection:
        assert connection.execute(text("SELECT status FROM intents")).scalar_one() == "dead"
    assert noted() == {}
