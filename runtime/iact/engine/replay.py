"""Reading a run's journal back through the evaluator: the same facts must give the same decision.

This is what makes the journal evidence and not a diary: every decision can be made again, by anybody, later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iact.core.evaluator import begin, decide
from iact.core.facts import FactSet, fact_from_record
from iact.core.machine import Trigger, TriggerKind
from iact.engine.journal import EntryKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from iact.core.machine import Machine, RunState
    from iact.engine.journal import Entry


class Remaking:
    """Makes the decisions of one run again, entry by entry; of what it has read it keeps where the run stands."""

    def __init__(self, machine: Machine) -> None:
        """Begin before the run's first entry.

        Args:
            machine: the run's own definition, compiled.
        """
        self._machine = machine
        self.standing: RunState | None = None
        self.has_ended = False

    def agrees(self, entry: Entry) -> bool:
        """Return whether the next entry decides what comes out today.

        Raises:
            ValueError: if a decision stands before the run's start.
        """
        if entry.kind is EntryKind.STARTED:
            latest = begin(self._machine, facts_of(entry.body["inputs"]), entry.at)
        elif entry.kind is EntryKind.DECISION:
            if self.standing is None:
                message = f"entry {entry.sequence} decides before the run has started"
                raise ValueError(message)
            known = facts_of(entry.body["facts"])
            latest = decide(self._machine, self.standing, trigger_of(entry.body), known, entry.at)
        else:
            return True
        self.standing, self.has_ended = latest.after, latest.final
        return bool(latest.to_record() == entry.body["decision"])


def first_difference(machine: Machine, entries: Iterable[Entry]) -> int | None:
    """Return the sequence of the first decision that comes out otherwise today, or None where all come out the same.

    Args:
        machine: the run's own definition, compiled.
        entries: the run's journal, oldest entry first.

    Raises:
        ValueError: if a decision stands before the run's start.
    """
    remaking = Remaking(machine)
    return next((entry.sequence for entry in entries if not remaking.agrees(entry)), None)


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
