"""Making every decision of a bundle again: the same facts have to give the same, by the evaluator of this iact.

What the verifier checks is that each step is one that the pinned definition allows. This checks that it is the one that
follows from what was seen. It takes an iact, and a run whose beginning is in the bundle: what a run remembers from
before is in no single entry. Of each run that goes on only where it stands is kept, and there is a limit to that.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iact.audit.archives import Archive
from iact.audit.bundles import DEFINITIONS, EARLIER, ENTRIES, AuditFindingError, BundleError, shortened
from iact.audit.verifying import LONGEST_DEFINITION, earlier_entry
from iact.config.project import digest_of_resource
from iact.core.canonical import digest
from iact.engine.calendars import parted
from iact.engine.definitions import from_pinned_bytes
from iact.engine.journal import LOG_RUN, Entry, EntryKind, entry_from_bytes
from iact.engine.model import compile_agent
from iact.engine.replay import Remaking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from iact.core.facts import FactSet
    from iact.core.machine import Machine, RunState

MOST_KEPT: Final = 128 << 20
"""About how many bytes are kept in mind of all runs that go on at once."""
MOST_OF_AGENTS: Final = 32 << 20
"""Bytes of all definitions of agents."""
MOST_COMPILED: Final = 4 << 20
"""Bytes of the definitions that are kept compiled; JSON takes many times its size then."""

_OF_A_RUN: Final = 2_000
_OF_A_FACT: Final = 1_000


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
        BundleError: if it cannot be read, or takes more memory than there should be need of.
    """
    with Archive(file) as archive:
        before = {_entry(*earlier_entry(line)).run for line in archive.lines(EARLIER)} - {LOG_RUN}
        going_on = _GoingOn(_Machines(archive))
        for place, content in enumerate(archive.lines(ENTRIES), first):
            entry = _entry(place, content)
            if entry.run != LOG_RUN:
                going_on.take(place, entry)
    return Replayed(going_on.decisions, len(before))


class _GoingOn:
    """The runs that have begun and not ended where a bundle is being read."""

    def __init__(self, machines: _Machines) -> None:
        self._machines = machines
        self._runs: dict[str, tuple[Remaking, int]] = {}
        self._kept = 0
        self.decisions = 0

    def take(self, place: int, entry: Entry) -> None:
        """Make the decision of the next entry again, if it is one."""
        if entry.kind is EntryKind.STARTED:
            self._runs[entry.run] = Remaking(self._machines.of(place, entry)), 0
        elif entry.kind is not EntryKind.DECISION or entry.run not in self._runs:
            return
        remaking, weight = self._runs.pop(entry.run)
        self._kept -= weight
        try:
            is_same = remaking.agrees(entry)
            weight = _weight(remaking.standing) if remaking.standing else 0
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever facts that somebody made up make of the evaluator
            message = (
                f"entry {place} (run {shortened(entry.run, 60)}, {entry.sequence}) holds facts from which nothing can "
                f"be decided again: {shortened(repr(error))}"
            )
            raise AuditFindingError(message) from None
        if not is_same:
            raise AuditFindingError(
                f"entry {place} (run {shortened(entry.run, 60)}, {entry.sequence}) decides otherwise than its "
                "definition does with the same facts"
            )
        self.decisions += 1
        if remaking.has_ended or remaking.standing is None:
            return
        self._kept += weight
        if self._kept > MOST_KEPT:
            raise BundleError(
                f"the {len(self._runs)} runs that go on at entry {place} take more memory than is used for that; make "
                "the decisions of a shorter period again"
            )
        self._runs[entry.run] = remaking, weight


class _Machines:
    """The agents whose definitions a bundle has, compiled where they are needed; few are kept."""

    def __init__(self, archive: Archive) -> None:
        """Keep the bytes of the agents' definitions.

        Raises:
            BundleError: if they are too many.
        """
        self._definitions: dict[str, bytes] = {}
        self._compiled: OrderedDict[str, Machine] = OrderedDict()
        size = self._size = 0
        for content in archive.lines(DEFINITIONS, LONGEST_DEFINITION):
            if content.startswith(b'["Agent",'):
                self._definitions[digest(content)] = content
                size += len(content)
            if size > MOST_OF_AGENTS:
                raise BundleError(
                    f"the agents in {DEFINITIONS} have more than {MOST_OF_AGENTS} bytes; make the decisions of a "
                    "shorter period again"
                )

    def of(self, place: int, entry: Entry) -> Machine:
        """Return the machine that a run's first entry says it runs.

        Raises:
            AuditFindingError: if it pinned none that this iact can carry out.
        """
        try:
            key: str = entry.body["pins"][f"Agent/{entry.body['agent']}"]
            if key not in self._compiled:
                self._compile(key)
            self._compiled.move_to_end(key)
            return self._compiled[key]
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a definition of somebody else makes of this iact
            message = (
                f"entry {place} (run {shortened(entry.run, 60)}, 1) pins a definition that this iact cannot carry "
                f"out: {shortened(repr(error))}"
            )
            raise AuditFindingError(message) from None

    def _compile(self, key: str) -> None:
        content = self._definitions[key]
        while self._compiled and self._size + len(content) > MOST_COMPILED:
            gone, _ = self._compiled.popitem(last=False)
            self._size -= len(self._definitions[gone])
        own = from_pinned_bytes(content)
        spec, _ = parted(own.tree)
        if digest_of_resource(own.kind, own.name, spec) != own.digest:
            message = f"the digest {own.digest}, by which entries name the definition of {own.name}, is not its own"
            raise ValueError(message)
        self._compiled[key] = compile_agent(own.tree, name=own.name, digest=own.digest)
        self._size += len(content)


def _entry(place: int, content: bytes) -> Entry:
    try:
        return entry_from_bytes(content)
    except ValueError as error:
        message = f"entry {place} is in no form that this iact knows: {shortened(str(error))}"
        raise AuditFindingError(message) from None


def _weight(standing: RunState) -> int:
    """Return about how many bytes it takes to keep where a run stands, at most."""
    return _OF_A_RUN + sum(map(sum, map(_weights, (standing.inputs, standing.remembered))))


def _weights(facts: FactSet) -> Iterator[int]:
    for fact in facts:
        yield _OF_A_FACT + 4 * (len(fact.name) + len(fact.source) + len(fact.missing))
        yield 4 * len(fact.value) if isinstance(fact.value, str) else 0
        yield 16 * len(repr(fact.value)) if isinstance(fact.value, Mapping) else 0
