"""Processes that serve one store, while nobody reaches it for longer than a lease: each goes on with what it had."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Engine, make_url, text

from iact.engine import runners
from iact.engine.claims import Claim, is_held, take, with_work
from iact.engine.clocks import ManualClock
from iact.engine.runners import SHORTEST_LEASE, Presence, forget_the_dead
from iact.engine.runtime import Runtime
from iact.stores.connect import reading, writing
from iact.stores.units import read
from tests.support import serving
from tests.support.agents import agent_definition
from tests.support.leases import outlast
from tests.support.proxy import Proxy
from tests.support.serving import NOTING, PROJECT, noted, start_runs
from tests.support.stores import opened
from tests.support.waiting import PATIENCE, until

NOW: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEASE_SECONDS: Final = 1.0
RUNS: Final = 6
LENGTHY: Final = agent_definition(
    """
start: noting
states:
  noting:
    do: note_in_ledger
    with: {lengthy: true, blind: true}
    next:
      - {event: finished, decide: SUCCESS, to: noted}
      - {event: failed, decide: FAILED, to: noted}
      - {event: unknown, decide: ESCALATE, to: noted}
  noted: {final: true}
""",
    name="lengthy",
)


@dataclass(frozen=True, slots=True)
class Reached:
    """A store that can be put out of reach.

    Attributes:
        url: by which the processes reach it.
        away: nobody reaches it that way until the block ends.
    """

    url: str
    away: Callable[[], AbstractContextManager[Any]]


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


@pytest.fixture
def reached(store_url: str, engine: Engine) -> Iterator[Reached]:
    """The same store, by a way that can be cut: a lock that another program holds, or a network that is gone."""
    url = make_url(store_url)
    if engine.url.database and url.get_backend_name() == "sqlite":
        yield Reached(store_url, lambda: _locked(str(engine.url.database)))
        return
    assert url.port is not None
    with closing(Proxy(url.port)) as proxy:
        through = url.set(port=proxy.port).render_as_string(hide_password=False)
        yield Reached(through, proxy.refusing)


@contextmanager
def _locked(file: str) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None, timeout=PATIENCE)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def ended(engine: Engine) -> int:
    """Return how many runs have ended."""
    with reading(engine) as connection:
        found: int = connection.execute(text("SELECT count(*) FROM runs WHERE ended_at IS NOT NULL")).scalar_one()
    return found


def present(engine: Engine) -> int:
    """Return how many processes stand among the runners."""
    with reading(engine) as connection:
        found: int = connection.execute(text("SELECT count(*) FROM runners")).scalar_one()
    return found


def test_who_could_not_renew_a_lease_since_nobody_could_keeps_its_runs(reached: Reached, engine: Engine, ledger: Path):
    """The time for which the store is away is what is tried here; nothing is waited for by it."""
    runs = start_runs(engine, RUNS, LENGTHY)
    with (
        serving.serving(reached.url, ledger, lease=LEASE_SECONDS) as one,
        serving.serving(reached.url, ledger, lease=LEASE_SECONDS) as other,
    ):
        until(lambda: present(engine) == 2 and len(noted()) == RUNS)
        with reached.away():
            time.sleep(4 * LEASE_SECONDS)
        # Whoever would take the others for dead does so with the first look after the outage.
        time.sleep(2 * LEASE_SECONDS)
        serving.door().touch()
        until(lambda: ended(engine) == RUNS)
        said = b""
        for process in (one, other):
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
            assert process.stderr is not None
            said += process.stderr.read()

    runtime = Runtime(engine, project=PROJECT)
    assert {runtime.get(run).outcome for run in runs} == {"success"}
    assert noted() == {f"{run}/1/0": 1 for run in runs}
    assert b"others went on" not in said
    assert b"has not come back" not in said


def at_work(engine: Engine, clock: ManualClock, run: str) -> tuple[Presence, Claim]:
    """Return a process of another machine that has claimed a run, as far as its row says."""
    presence = Presence(engine, PROJECT, clock=clock, renews=False)
    (claim,) = take(host_of(engine, clock), presence, [run])
    with writing(engine) as connection:
        connection.execute(text("UPDATE runners SET machine = 'elsewhere'"))
    return presence, claim


def host_of(engine: Engine, clock: ManualClock) -> Any:
    """Return where the runs live, whose processes wait for each other by a clock that is moved by hand."""
    return replace(Runtime(engine, project=PROJECT).host, lease_clock=clock)


def test_who_comes_newly_waits_for_a_whole_lease_before_it_takes_what_a_silent_one_has(engine: Engine):
    clock = ManualClock(NOW)
    (run,) = start_runs(engine, 1)
    silent, _ = at_work(engine, clock, run)
    clock.advance(10 * silent.lease)
    host, new = host_of(engine, clock), Presence(engine, PROJECT, clock=clock, renews=False)

    assert with_work(host, new, 1) == []
    assert with_work(host, new, 1, counts_silent=False) == [run]
    assert take(host, new, [run]) == []
    assert forget_the_dead(new) == ()
    outlast(clock, new)
    assert with_work(host, new, 1) == [run]
    assert [claim.term for claim in take(host, new, [run])] == [2]
    assert forget_the_dead(new) == (silent.name,)


def test_who_was_out_of_touch_waits_anew_for_those_who_were_silent_meanwhile(engine: Engine):
    clock = ManualClock(NOW)
    (run,) = start_runs(engine, 1)
    silent, _ = at_work(engine, clock, run)
    host, other = host_of(engine, clock), Presence(engine, PROJECT, clock=clock, renews=False)
    outlast(clock, silent, other)

    clock.advance(3 * silent.lease)
    assert take(host, other, [run]) == []
    silent.renew()
    outlast(clock, silent, other)
    assert take(host, other, [run]) == []
    outlast(clock, other)
    assert [claim.term for claim in take(host, other, [run])] == [2]


@pytest.mark.parametrize("jump", [timedelta(hours=1), -timedelta(hours=1)])
def test_a_clock_that_is_set_makes_nobody_dead(engine: Engine, jump: timedelta):
    clock = ManualClock(NOW)
    (run,) = start_runs(engine, 1)
    working, claim = at_work(engine, clock, run)
    host, other = host_of(engine, clock), Presence(engine, PROJECT, clock=clock, renews=False)
    outlast(clock, working, other)

    clock.advance(jump)
    assert take(host, other, [run]) == []
    outlast(clock, working, other)
    assert take(host, other, [run]) == []
    assert is_held(host, working, claim)


def test_whoever_is_about_to_act_renews_a_lease_that_was_over_before_it_takes_its_claim_for_held(engine: Engine):
    clock = ManualClock(NOW)
    (run,) = start_runs(engine, 1)
    late, claim = at_work(engine, clock, run)
    host, other = host_of(engine, clock), Presence(engine, PROJECT, clock=clock, renews=False)
    outlast(clock, other)

    assert is_held(host, late, claim)
    assert take(host, other, [run]) == []


def test_who_renews_in_the_very_moment_is_not_forgotten(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    clock = ManualClock(NOW)
    (run,) = start_runs(engine, 1)
    silent, _ = at_work(engine, clock, run)
    other = Presence(engine, PROJECT, clock=clock, renews=False)
    outlast(clock, other)

    def read_and_then_renewed(*asked: Any) -> Any:
        found = read(*asked)
        silent.renew()
        return found

    monkeypatch.setattr(runners, "read", read_and_then_renewed)

    assert forget_the_dead(other) == ()
    with reading(engine) as connection:
        assert set(other.living(connection, clock.moment)) == {silent.name, other.name}


@pytest.mark.usefixtures("ledger")
def test_who_runs_once_waits_for_one_that_is_silent_and_then_goes_on_with_its_runs(
    engine: Engine, caplog: pytest.LogCaptureFixture
):
    (run,) = start_runs(engine, 1, NOTING)
    clock = ManualClock(datetime.now(UTC) - timedelta(days=1))
    at_work(engine, clock, run)

    with caplog.at_level("WARNING"):
        found = Runtime(engine, project=PROJECT).tick(lease=SHORTEST_LEASE)
    assert [run.outcome for run in found] == ["success"]
    assert "a process that advances runs has not been heard of; waiting up to 1 s" in caplog.text
