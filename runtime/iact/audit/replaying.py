"""Making every decision of a bundle again: the same facts have to give the same, by the evaluator of this iact.

What the verifier checks is that each step is one that the pinned definition allows. This checks that it is the one that
follows from what was seen. It takes an iact, and a run whose beginning is in the bundle: what a run remembers from
before is in no single entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iact.audit.archives import Archive
from iact.audit.bundles import DEFINITIONS, ENTRIES, AuditFindingError
from iact.core.canonical import digest
from iact.engine.definitions import from_pinned_bytes
from iact.engine.journal import LOG_RUN, Entry, EntryKind, entry_from_bytes
from iact.engine.model import compile_agent
from iact.engine.replay import first_difference

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from iact.core.machine import Machine


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was made again, all of it with the same result.

    Attributes:
        decisions: how many decisions, the beginnings of runs included.
        left_out: how many runs had begun before the bundle.
    """

    decisions: int
    left_out: int

    def __str__(self) -> str:
        """Return it in words."""
        left_out = f"; {self.left_out} runs began before and were left out" if self.left_out else ""
        return f"{self.decisions} decisions made again, all with the same result{left_out}"


def replay_bundle(file: Path, first: int) -> Replayed:
    """Make the decisions of a bundle again, which was verified.

    Args:
        file: the bundle.
        first: place of its first entry in the log.

    Raises:
        AuditFindingError: if one comes out otherwise; the message names the entry.
        BundleError: if it cannot be read.
    """
    runs: dict[str, list[tuple[int, Entry]]] = {}
    with Archive(file) as archive:
        definitions = {digest(content): content for content in archive.lines(DEFINITIONS)}
        for place, content in enumerate(archive.lines(ENTRIES), first):
            entry = _entry(place, content)
            if entry.run != LOG_RUN:
                runs.setdefault(entry.run, []).append((place, entry))
    machines: dict[str, Machine] = {}
    decisions = 0
    whole = {run: placed for run, placed in runs.items() if placed[0][1].kind is EntryKind.STARTED}
    for placed in whole.values():
        machine = _machine(placed[0], definitions, machines)
        entries = [entry for _, entry in placed]
        decisions += sum(entry.kind in {EntryKind.STARTED, EntryKind.DECISION} for entry in entries)
        _replay(machine, placed)
    return Replayed(decisions, len(runs) - len(whole))


def _entry(place: int, content: bytes) -> Entry:
    try:
        return entry_from_bytes(content)
    except ValueError as error:
        message = f"entry {place} is in no form that this iact knows: {error}"
        raise AuditFindingError(message) from None


def _machine(begin: tuple[int, Entry], definitions: Mapping[str, bytes], machines: dict[str, Machine]) -> Machine:
    place, entry = begin
    try:
        key = entry.body["pins"][f"Agent/{entry.body['agent']}"]
        if key not in machines:
            own = from_pinned_bytes(definitions[key])
            machines[key] = compile_agent(own.tree, name=own.name, digest=own.digest)
        return machines[key]
    except (KeyError, TypeError, ValueError) as error:
        message = f"entry {place} (run {entry.run}, 1) pins a definition that this iact cannot carry out: {error}"
        raise AuditFindingError(message) from None


def _replay(machine: Machine, placed: list[tuple[int, Entry]]) -> None:
    run = placed[0][1].run
    try:
        differs = first_difference(machine, [entry for _, entry in placed])
    except (KeyError, TypeError, ValueError, LookupError) as error:
        message = f"the decisions of run {run} cannot be made again: {error!r}"
        raise AuditFindingError(message) from None
    if differs is not None:
        place = next(place for place, entry in placed if entry.sequence == differs)
        message = f"entry {place} (run {run}, {differs}) decides otherwise than its definition does with the same facts"
        raise AuditFindingError(message)
