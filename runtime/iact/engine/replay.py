"""Reading a run's journal back through the evaluator: the same facts must give the same decision.

This is what makes the journal evidence and not a diary: every decision can be made again, by anybody, later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iact.core.evaluator import begin, decide
from iact.core.facts import FactSet, fact_from_record
from iact.core.machine import Decision, Machine, Trigger, TriggerKind
from iact.engine.journal import EntryKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from iact.engine.journal import Entry


def first_difference(machine: Machine, entries: Iterable[Entry]) -> int | None:
    """Return the sequence of the first decision that comes out otherwise today, or None where all come out the same.

    Args:
        machine: the run's own definition, compiled.
        entries: the run's journal, oldest entry first.

    Raises:
        ValueError: if a decision stands before the run's start.
    """
    latest: Decision | None = None
    for entry in entries:
        if entry.kind is EntryKind.STARTED:
            latest = begin(machine, _facts(entry.body["inputs"]), entry.at)
        elif entry.kind is EntryKind.DECISION:
            if latest is None:
                message = f"entry {entry.sequence} decides before the run has started"
                raise ValueError(message)
            known = _facts(entry.body["facts"])
            latest = decide(machine, latest.after, _trigger(entry.body), known, entry.at)
        else:
            continue
        if latest.to_record() != entry.body["decision"]:
            return entry.sequence
    return None


def _facts(records: list[dict[str, Any]]) -> FactSet:
    return FactSet.of(fact_from_record(record) for record in records)


def _trigger(body: Any) -> Trigger:
    record = body["trigger"]
    return Trigger(
        TriggerKind(record["kind"]),
        name=record.get("name", ""),
        transition=record.get("transition", -1),
        facts=_facts(body["brought"]),
    )
