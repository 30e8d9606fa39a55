"""What must hold of a store after a play, whatever happened to the processes, and what is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table, select

from iact.core.instants import EPOCH
from iact.core.registry import ACTIONS
from iact.engine import journal, store
from iact.engine.clocks import ManualClock
from iact.engine.journal import Entry, EntryKind
from iact.engine.tables import CLAIMS, HOLDS, INTENTS, JOURNAL, RUNNERS, TIMERS, TRIGGERS
from iact.stores.connect import reading
from tests.support.logs import breaches_of_log
from tests.support.soundness import breaches, moves

if TYPE_CHECKING:
    from tests.support.simulation.play import Play


def transitions(play: Play) -> int:
    """Return how many transitions the runs of a play made."""
    with reading(play.engine) as connection:
        return sum(len(moves(_entries(connection, play, run))) for run in play.runs)


def violations(play: Play) -> Iterator[str]:
    """Yield everything that must not be so, each as a sentence."""
    with reading(play.engine) as connection:
        times = list(connection.execute(select(JOURNAL.c.at).order_by(JOURNAL.c.number)).scalars())
        if any(later < earlier for earlier, later in pairwise(times)):
            yield "the journal goes back in time"
        for run in play.runs:
            for what in _of_run(connection, play, run):
                yield f"{run}: {what}"
        newest = max(times, default=EPOCH)
        alive = {f"runner-{number}" for number, process in enumerate(play.processes) if process.alive}
        yield from _left_over(connection, alive)
    yield from breaches_of_log(play.engine, _project(play), ManualClock(newest))


def _of_run(connection: Connection, play: Play, name: str) -> Iterator[str]:
    entries = _entries(connection, play, name)
    yield from breaches(connection, _project(play), name)
    yield from _events(play, name, entries)
    yield from _deeds(connection, play, name, entries)


def _events(play: Play, run: str, entries: list[Entry]) -> Iterator[str]:
    heard: Counter[str] = Counter()
    for entry in entries:
        for fact in entry.body.get("brought", ()):
            if fact["name"] == "event.number":
                heard[fact["value"]] += 1
    for number, times in heard.items():
        if times > 1:
            yield f"event {number} was decided upon {times} times"
    meant = {number for number, whom in play.told.items() if whom == run}
    if not set(heard) <= meant:
        yield f"it heard of {sorted(set(heard) - meant)}, which was told to others"


def _deeds(connection: Connection, play: Play, run: str, entries: list[Entry]) -> Iterator[str]:
    rows = {row["key"]: row for row in _rows(connection, INTENTS) if row["run"] == run}
    attempted = Counter(entry.body["key"] for entry in entries if entry.kind is EntryKind.ATTEMPT)
    for key, row in rows.items():
        done, again, action = play.world.done[key], play.world.repeats[key], row["action"]
        if row["status"] == store.DONE and not done + again:
            yield f"{key} is said to be done and was not"
        if row["status"] == store.REVIEW and action != "simulated_blind":
            yield f"{key} waits for a person although {action} settles it"
        if again and ACTIONS[action].on_unknown != "repeat":
            yield f"{key} was repeated although {action} may not be"
        if done + again and not attempted[key]:
            yield f"{key} was done before it was noted"


def _left_over(connection: Connection, stopped: set[str]) -> Iterator[str]:
    """Yield what waits for nobody although every run has ended and every process has stopped."""
    for row in _rows(connection, TRIGGERS):
        if row["handled_at"] is None:
            yield f"{row['run']} was never asked about {row['key']}"
    for table in (TIMERS, HOLDS):
        for row in _rows(connection, table):
            yield f"{row['run']} has ended and left a row of {table.name}: {dict(row)}"
    for row in _rows(connection, RUNNERS):
        if row["runner"] in stopped:
            yield f"{row['runner']} was told to stop, and did not leave"
    for row in _rows(connection, CLAIMS):
        if row["parked_at"] is not None:
            yield f"{row['run']} waits for a person: {row['trouble']}"


def _entries(connection: Connection, play: Play, run: str) -> list[Entry]:
    return list(journal.entries(connection, _project(play), run))


def _rows(connection: Connection, table: Table) -> Any:
    return connection.execute(select(table)).mappings().all()


def _project(play: Play) -> str:
    return play.runtime.project
