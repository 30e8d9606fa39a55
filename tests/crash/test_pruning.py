"""`iact prune` is killed at every single write, and done again: every journal that is left verifies, and all goes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select

from iact.audit.identity import LogIdentity
from iact.core.quantities import Dimension, parse
from iact.engine.clocks import ManualClock
from iact.engine.journal import LOG_RUN, broken_link
from iact.engine.runtime import Runtime
from iact.engine.tables import JOURNAL, JOURNAL_ANCHORS, PRUNINGS, RUNS
from iact.retention.model import Batch, Keep, RetentionPolicy
from iact.retention.pruning import prune, put_into_archive
from iact.stores.connect import reading
from tests.support.agents import agent_definition
from tests.support.kept import copy_folder, open_kept, remove_folder
from tests.support.kills import WRITES, in_a_child, quick_folder

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=100)
DAY = parse("1d", Dimension.DURATION)
POLICY = RetentionPolicy(keep=Keep(journal=DAY, runs=DAY), batch=Batch(rows=3))
WAITING = agent_definition("""
start: first
states:
  first: {next: [{after: 1h, to: second}]}
  second: {next: [{after: 1h, to: third}]}
  third: {next: [{after: 1h, to: done}]}
  done: {final: true}
""")
RUNS_BEGUN = 2
_ANCHORED = select(JOURNAL_ANCHORS.c.run, JOURNAL_ANCHORS.c.sequence)
_FIRST = select(JOURNAL.c.run, func.min(JOURNAL.c.sequence).label("sequence")).group_by(JOURNAL.c.run)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=quick_folder()) as made:
        yield Path(made)


def fill(store: Path) -> None:
    """Carry runs out to their end, each with a journal that takes several batches."""
    engine = open_kept(store / "iact.db")
    clock = ManualClock(START)
    runtime = Runtime(engine, project="test", clock=clock)
    for number in range(RUNS_BEGUN):
        run = runtime.start(WAITING.name, definitions=[WAITING], subject=str(number), name=f"run-{number}")
        while runtime.advance(run).ended_at is None:
            clock.advance(timedelta(hours=1))
    identity = LogIdentity("test", store, None, store / "archive")
    put_into_archive(runtime.host, identity, [POLICY], NOW)
    engine.dispose()


def pruned(store: Path, now: datetime) -> None:
    """Do what `iact prune` does."""
    engine = open_kept(store / "iact.db")
    list(prune(engine, "test", [POLICY], now, named=""))
    engine.dispose()


def counts(store: Path) -> tuple[int, int, int]:
    """Return how many journal entries and runs there are, and how many rows were noted as deleted."""
    engine = open_kept(store / "iact.db")
    with reading(engine) as connection:
        of_runs = select(func.count()).select_from(JOURNAL).where(JOURNAL.c.run != LOG_RUN)
        entries, runs = connection.scalar(of_runs), connection.scalar(select(func.count()).select_from(RUNS))
        noted = connection.scalar(select(func.coalesce(func.sum(PRUNINGS.c.deleted), 0)))
        for run in connection.scalars(select(RUNS.c.run)):
            assert broken_link(connection, "test", run) is None
        anchored = {row.run: row.sequence for row in connection.execute(_ANCHORED)}
        first = {row.run: row.sequence for row in connection.execute(_FIRST)}
    engine.dispose()
    assert all(sequence == anchored.get(run, 0) + 1 for run, sequence in first.items())
    return int(entries or 0), int(runs or 0), int(noted or 0)


def test_pruning_that_was_killed_at_any_write_is_finished_by_the_next(folder):
    fill(folder / "whole")
    entries, runs, _ = counts(folder / "whole")
    copy_folder(folder / "whole", folder / "counted")
    with WRITES.counted() as writes:
        pruned(folder / "counted", NOW)
    _, _, all_of_them = counts(folder / "counted")
    assert (runs, len(writes) > 20) == (RUNS_BEGUN, True)

    for number in range(1, len(writes) + 1):
        store = folder / f"killed-{number}"
        copy_folder(folder / "whole", store)
        assert not in_a_child(partial(pruned, store, NOW), killed_at=number)

        left, _, noted = counts(store)
        assert entries - left <= noted, "what was deleted was noted in the same transaction"
        pruned(store, NOW + timedelta(seconds=1))
        assert counts(store) == (0, 0, all_of_them)
        remove_folder(store)
