"""What must hold of every run, whatever happened to the processes that advanced it; each breach is a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, select

from iact.core import instants
from iact.engine import definitions, journal, store
from iact.engine.journal import Entry, EntryKind
from iact.engine.model import compile_agent
from iact.engine.replay import first_difference
from iact.engine.store import Run, read_run
from iact.engine.tables import INTENTS

SETTLED_ONCE: Final = frozenset({EntryKind.RECEIPT, EntryKind.REVIEW})
SETTLED: Final = frozenset({store.DONE, store.FAILED, store.REVIEW})


def breaches(connection: Connection, project: str, name: str) -> Iterator[str]:
    """Yield everything that is wrong with a run that has no action under way.

    Its journal is a chain without a gap; every decision comes out the same from the pinned definition, so each
    transition is one that it has; each transition starts where the one before ended; every time was told once, and not
    before it had come; every action that was decided is noted, and settled once.

    Args:
        connection: to the store.
        project: whose run it is.
        name: of the run.
    """
    run = read_run(connection, project, name)
    entries = list(journal.entries(connection, project, name))
    if (broken := journal.broken_link(connection, project, name)) is not None:
        yield f"entry {broken} of the journal does not follow from the one before"
    own = definitions.load(connection, project, run.pins)[f"Agent/{run.agent}"]
    machine = compile_agent(own.tree, name=own.name, digest=own.digest)
    if (differs := first_difference(machine, entries)) is not None:
        yield f"decision {differs} comes out otherwise when it is made again"
    yield from _of_transitions(run, entries)
    yield from _of_timers(entries)
    yield from _of_actions(connection, name, entries)


def moves(entries: list[Entry]) -> list[Any]:
    """Return the decisions of a journal that moved the run, in order."""
    decisions = [entry.body["decision"] for entry in entries if entry.kind is EntryKind.DECISION]
    return [decision for decision in decisions if decision["moved"]]


def _of_transitions(run: Run, entries: list[Entry]) -> Iterator[str]:
    made = moves(entries)
    stood = [entries[0].body["decision"]["to"], *(move["to"] for move in made)]
    if [move["from"] for move in made] != stood[:-1]:
        yield f"a transition began elsewhere than where the run stood: {made}"
    if [move["visit"] for move in made] != list(range(2, len(made) + 2)):
        yield f"its visits are not counted one by one: {[move['visit'] for move in made]}"
    if (run.state, run.visit, run.version) != (stood[-1], len(made) + 1, len(made) + 1):
        yield f"it stands in {run.state} at visit {run.visit}, and its journal says {stood[-1]} at {len(made) + 1}"


def _of_timers(entries: list[Entry]) -> Iterator[str]:
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
            if due is None or due > instants.write(entry.at):
                yield f"the time {place} was told at {instants.write(entry.at)} and is due at {due}"
        if decision["moved"] or entry.kind is EntryKind.STARTED:
            visit = decision["visit"]
            set_at |= {(visit, timer["transition"]): timer["due_at"] for timer in decision["timers"]}
    for place, times in fired.items():
        if times > 1:
            yield f"the time {place} was told {times} times"


def _of_actions(connection: Connection, run: str, entries: list[Entry]) -> Iterator[str]:
    found = connection.execute(select(INTENTS).where(INTENTS.c.run == run)).mappings().all()
    rows = {row["key"]: row for row in found}
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
    for key, row in rows.items():
        if endings[key] != 1:
            yield f"{key} was settled {endings[key]} times"
        if row["status"] not in SETTLED:
            yield f"{key} ends as {row['status']}"
