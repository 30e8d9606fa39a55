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
            latest = begin(machine, facts_of(entry.body["inputs"]), entry.at)
        elif entry.kind is EntryKind.DECISION:
            if latest is None:
                message = f"entry {entry.sequence} decides before the run has started"
                raise ValueError(message)
            known = facts_of(entry.body["facts"])
            latest = decide(machine, latest.after, trigger_of(entry.body), known, entry.at)
        else:
            continue
        if latest.to_record() != entry.body["decision"]:
            return entry.sequence
    return None


def facts_of(records: list[dict[str, Any]]) -> FactSet:
    """Return the facts that a journal keeps as `records`."""
    return FactSet.of(fact_from_record(record) for record in records)


def trigger_of(body: Any) -> Trigger:
    """Return why a decision was asked for.

    Args:
        body: of the decision's entry.
    """
    record = body["trigger"]
    return Trigger(
        TriggerKind(record["kind"]),
        name=record.get("name", ""),
        transition=record.get("transition", -1),
        facts=facts_of(body["brought"]),
    )
