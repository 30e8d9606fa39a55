"""What must hold of a store after a play, whatever happened to the processes, and what is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table, select

from iact.core import instants
from iact.core.registry import ACTIONS
from iact.engine import definitions, journal, store
from iact.engine.journal import Entry, EntryKind
from iact.engine.model import compile_agent
from iact.engine.replay import first_difference
from iact.engine.store import Run, read_run
from iact.engine.tables import CLAIMS, HOLDS, INTENTS, JOURNAL, RUNNERS, TIMERS, TRIGGERS
from iact.stores.connect import reading

if TYPE_CHECKING:
    from tests.support.simulation.play import Play

SETTLED_ONCE = {EntryKind.RECEIPT, EntryKind.REVIEW}


def transitions(play: Play) -> int:
    """Return how many transitions the runs of a play made."""
    with reading(play.engine) as connection:
        return sum(len(_moves(_entries(connection, play, run))) for run in play.runs)


def violations(play: Play) -> Iterator[str]:
    """Yield everything that must not be so, each as a sentence."""
    with reading(play.engine) as connection:
        times = list(connection.execute(select(JOURNAL.c.at).order_by(JOURNAL.c.number)).scalars())
        if any(later < earlier for earlier, later in pairwise(times)):
            yield "the journal goes back in time"
        for run in play.runs:
            for what in _of_run(connection, play, run):
                yield f"{run}: {what}"
        alive = {f"runner-{number}" for number, process in enumerate(play.processes) if process.alive}
        yield from _left_over(connection, alive)


def _of_run(connection: Connection, play: Play, name: str) -> Iterator[str]:
    run = read_run(connection, _project(play), name)
    entries = _entries(connection, play, name)
    if (broken := journal.broken_link(connection, _project(play), name)) is not None:
        yield f"entry {broken} of the journal does not follow from the one before"
    pinned = definitions.load(connection, _project(play), run.pins)
    own = pinned[f"Agent/{run.agent}"]
    machine = compile_agent(own.tree, name=own.name, digest=own.digest)
    if (differs := first_difference(machine, entries)) is not None:
        yield f"decision {differs} comes out otherwise when it is made again"
    yield from _transitions(run, entries)
    yield from _timers(entries)
    yield from _events(play, name, entries)
    yield from _deeds(connection, play, name, entries)


def _transitions(run: Run, entries: list[Entry]) -> Iterator[str]:
    moves = _moves(entries)
    stood = [entries[0].body["decision"]["to"], *(move["to"] for move in moves)]
    if [move["from"] for move in moves] != stood[:-1]:
        yield f"a transition began elsewhere than where the run stood: {moves}"
    if [move["visit"] for move in moves] != list(range(2, len(moves) + 2)):
        yield f"its visits are not counted one by one: {[move['visit'] for move in moves]}"
    if (run.state, run.visit, run.version) != (stood[-1], len(moves) + 1, len(moves) + 1):
        yield f"it stands in {run.state} at visit {run.visit}, and its journal says {stood[-1]} at {len(moves) + 1}"


def _timers(entries: list[Entry]) -> Iterator[str]:
    """Every time that came was told once, and not before it had come."""
    set_at: dict[tuple[int, int], str] = {}
    fired: Counter[tuple[int, int]] = Counter()
    visit = 0
    for entry in entries:
        if entry.kind not in {EntryKind.STARTED, EntryKind.DECISION}:
            continue
        decision = entry.body["decision"]
        trigger = entry.body.get("trigger", {})
        if trigger.get("kind") == "timer":
            place = (visit, trigger["transition"])
            fired[place] += 1
            due = set_at.get(place)
            if due is None or due > _moment(entry):
                yield f"the time {place} was told at {_moment(entry)} and is due at {due}"
        if decision["moved"] or entry.kind is EntryKind.STARTED:
            visit = decision["visit"]
            set_at |= {(visit, timer["transition"]): timer["due_at"] for timer in decision["timers"]}
    for place, times in fired.items():
        if times > 1:
            yield f"the time {place} was told {times} times"


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
    decided = [
        f"{run}/{entry.body['decision']['visit']}/{place}"
        for entry in entries
        if entry.kind in {EntryKind.STARTED, EntryKind.DECISION}
        and (entry.kind is EntryKind.STARTED or entry.body["decision"]["moved"])
        for place, _ in enumerate(entry.body["decision"]["intents"])
    ]
    if sorted(rows) != sorted(decided):
        yield f"it decided {sorted(decided)} and noted {sorted(rows)}"
    endings = Counter(entry.body["key"] for entry in entries if entry.kind in SETTLED_ONCE)
    attempted = Counter(entry.body["key"] for entry in entries if entry.kind is EntryKind.ATTEMPT)
    for key, row in rows.items():
        done, again, action = play.world.done[key], play.world.repeats[key], row["action"]
        if endings[key] != 1:
            yield f"{key} was settled {endings[key]} times"
        if row["status"] not in {store.DONE, store.FAILED, store.REVIEW}:
            yield f"{key} ends as {row['status']}"
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


def _moves(entries: list[Entry]) -> list[Any]:
    decisions = [entry.body["decision"] for entry in entries if entry.kind is EntryKind.DECISION]
    return [decision for decision in decisions if decision["moved"]]


def _entries(connection: Connection, play: Play, run: str) -> list[Entry]:
    return list(journal.entries(connection, _project(play), run))


def _rows(connection: Connection, table: Table) -> Any:
    return connection.execute(select(table)).mappings().all()


def _project(play: Play) -> str:
    return play.runtime.project


def _moment(entry: Entry) -> str:
    return instants.write(entry.at)
