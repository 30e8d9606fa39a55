"""Whether entries are those of runs that went on without a gap, each step as the run's own definition allows it.

Entries are shown in the order of the log. Of each run only where it stands is kept, so that memory grows with the runs
and not with the entries.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from iact.audit.allowed import AGENT, Allowed
from iact.audit.bundles import AuditFindingError, BundleError, is_count, parse_json, shortened

ENTRY_FORMAT: Final = "iact/journal/v1"
LOG_RUN: Final = "log"
"""The run that is none: entries on what happened to the log itself."""

_KEYS: Final = frozenset({"format", "project", "run", "sequence", "kind", "at", "previous", "body"})
_ENCODE: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode


class _Standing:
    """Where a run stands: what its next entry has to follow from."""

    __slots__ = ("allowed", "digest", "sequence", "state", "visit")

    def __init__(self, sequence: int, digest: bytes, allowed: Allowed | None, state: str | None, visit: int) -> None:
        self.sequence, self.digest, self.allowed, self.state, self.visit = sequence, digest, allowed, state, visit


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of entries.

    Attributes:
        entries: how many there were.
        decisions: how many decisions were among them.
        begin: when the earliest was written (RFC 3339); empty where there is none.
        end: when the latest was.
    """

    entries: int
    decisions: int
    begin: str
    end: str


class Chains:
    """Looks at entries one after the other."""

    def __init__(self, project: str, definitions: Mapping[str, Allowed | None]) -> None:
        """Begin before the first entry.

        Args:
            project: whose journal it is.
            definitions: what the pinned definitions allow, by their digest; None for one that is none of an agent.
        """
        self._project, self._definitions = project, definitions
        self._runs: dict[str, _Standing] = {}
        self._decisions = self._entries = 0
        self._begin = self._end = ""

    @property
    def runs(self) -> int:
        """How many runs were seen."""
        return len(self._runs)

    def seen(self) -> Seen:
        """Return what was seen in the range of the bundle."""
        return Seen(self._entries, self._decisions, self._begin, self._end)

    def begin_range(self) -> None:
        """Count from here on: what was shown so far was before the bundle's own entries."""
        self._decisions = 0

    def show(self, place: int, content: bytes) -> None:
        """Look at the next entry.

        Args:
            place: its place in the log, for the message.
            content: its stored bytes.

        Raises:
            AuditFindingError: if it is not what has to come next.
        """
        record = _record(place, content, self._project)
        at: str = record["at"]
        self._entries += 1
        if not self._begin or at < self._begin:
            self._begin = at
        self._end = max(self._end, at)
        run, sequence = record["run"], record["sequence"]
        standing = self._runs.get(run)
        if standing is None and sequence != 1:
            raise AuditFindingError(
                f"{_named(place, record)} is the first of its run in the bundle, and entry {sequence - 1} of the run "
                "is neither there nor proved: entries are missing"
            )
        self._follow(place, record, content, standing)

    def show_earlier(self, place: int, content: bytes) -> None:
        """Look at an entry from before the range: a run's first, which says what it pinned, or its last before it.

        Args:
            place: its place in the log.
            content: its stored bytes, which were proved to be there.

        Raises:
            AuditFindingError: if a run would go on from it that never began.
        """
        record = _record(place, content, self._project)
        run, sequence = record["run"], record["sequence"]
        standing = self._runs.get(run)
        if standing is None and sequence != 1 and run != LOG_RUN:
            raise AuditFindingError(f"{_named(place, record)} is shown without the beginning of its run")
        if standing is None or sequence == standing.sequence + 1:
            self._follow(place, record, content, standing)
            return
        if sequence <= standing.sequence:
            raise AuditFindingError(f"{_named(place, record)} comes after entry {standing.sequence} of its run")
        state, visit = (None, 0)
        if record["kind"] == "decision":
            decision = _decision(place, record)
            state, visit = decision["to"], decision["visit"]
        self._runs[run] = _Standing(sequence, hashlib.sha256(content).digest(), standing.allowed, state, visit)

    def _follow(self, place: int, record: dict[str, Any], content: bytes, standing: _Standing | None) -> None:
        run, sequence = record["run"], record["sequence"]
        expected = standing.sequence + 1 if standing else 1 if run != LOG_RUN else sequence
        if sequence != expected:
            what = "comes a second time, or too late" if sequence < expected else "comes too early"
            raise AuditFindingError(f"{_named(place, record)} {what}: entry {expected} of the run has to come here")
        previous = f"sha256:{standing.digest.hex()}" if standing else ""
        if record["previous"] != previous and not (standing is None and run == LOG_RUN):
            raise AuditFindingError(
                f"{_named(place, record)} does not follow from entry {sequence - 1} of its run: one of them was changed"
            )
        if standing is None:
            standing = _Standing(0, b"", None, None, 0)
            self._runs[run] = standing
            if run != LOG_RUN:
                self._begin_run(place, record, standing)
        elif record["kind"] == "decision" and run != LOG_RUN:
            self._decisions += 1
            self._decide(place, record, standing)
        elif record["kind"] == "started":
            raise AuditFindingError(f"{_named(place, record)} says that its run starts, which it did before")
        standing.sequence, standing.digest = sequence, hashlib.sha256(content).digest()

    def _begin_run(self, place: int, record: dict[str, Any], standing: _Standing) -> None:
        body, named = record["body"], _named(place, record)
        if record["kind"] != "started":
            raise AuditFindingError(f"{named} is the first of its run, and does not say what the run started under")
        pins, agent = body.get("pins"), body.get("agent")
        if not isinstance(pins, dict) or not isinstance(agent, str):
            raise AuditFindingError(f"{named} does not say which definitions the run pinned")
        for pin, key in pins.items():
            if not isinstance(key, str) or key not in self._definitions:
                raise AuditFindingError(f"{named} pins {shortened(pin)}, and the bundle does not hold that definition")
        allowed = self._definitions.get(pins.get(f"{AGENT}/{agent}", ""))
        if allowed is None or (allowed.name, allowed.digest) != (agent, body.get("definition")):
            raise AuditFindingError(f"{named} starts {shortened(agent)} without having pinned its definition")
        decision = _decision(place, record)
        if (decision["from"], decision["to"], decision["visit"]) != ("", allowed.start, 1):
            start = shortened(allowed.start)
            raise AuditFindingError(f"{named} does not begin in the state {start}, as its definition says")
        standing.allowed, standing.state, standing.visit = allowed, allowed.start, 1

    def _decide(self, place: int, record: dict[str, Any], standing: _Standing) -> None:
        decision, named = _decision(place, record), _named(place, record)
        begin, end, visit, moved = decision["from"], decision["to"], decision["visit"], decision["moved"]
        if standing.state is not None and begin != standing.state:
            raise AuditFindingError(
                f"{named} decides in the state {shortened(begin)}, and the run stands in {shortened(standing.state)}"
            )
        if standing.visit and visit != standing.visit + moved:
            raise AuditFindingError(f"{named} counts {visit} states that were entered, not {standing.visit + moved}")
        if standing.allowed is None:
            raise AuditFindingError(f"{named} decides, and what the run pinned is not known")
        if moved:
            _check_way(named, record["body"], decision, standing.allowed)
        elif begin != end or decision["taken"] is not None or begin not in standing.allowed.ways:
            raise AuditFindingError(f"{named} says that nothing moved, and leads from {begin!r} to {shortened(end)!r}")
        standing.state, standing.visit = end, visit


def _check_way(named: str, body: dict[str, Any], decision: dict[str, Any], allowed: Allowed) -> None:
    """Check that a definition has the way that a decision took."""
    begin, end, taken = decision["from"], decision["to"], decision["taken"]
    ways = allowed.ways.get(begin)
    trigger = body.get("trigger")
    has_way = ways is not None and is_count(taken) and taken < len(ways) and ways[taken].to == end
    if ways is None or not has_way or not isinstance(trigger, dict):
        raise AuditFindingError(
            f"{named} leads from {shortened(begin)} to {shortened(end)}, and the definition of "
            f"{shortened(allowed.name)} that the run pinned has no such way"
        )
    way, kind = ways[taken], trigger.get("kind")
    if not way.answers(kind, trigger.get("name")) or (kind == "timer" and trigger.get("transition") != taken):
        raise AuditFindingError(
            f"{named} leads from {shortened(begin)} to {shortened(end)} for another reason than the definition has: "
            f"{shortened(str(kind))} {shortened(str(trigger.get('name', '')))}".rstrip()
        )
    if decision.get("outcome") != way.outcome or decision.get("final") != (end in allowed.final):
        raise AuditFindingError(f"{named} says of its step to {shortened(end)} what its definition does not")


def _decision(place: int, record: dict[str, Any]) -> dict[str, Any]:
    decision = record["body"].get("decision")
    fits = (
        isinstance(decision, dict)
        and isinstance(decision.get("from"), str)
        and isinstance(decision.get("to"), str)
        and is_count(decision.get("visit"))
        and isinstance(decision.get("moved"), bool)
        and "taken" in decision
    )
    if not fits:
        raise AuditFindingError(f"{_named(place, record)} does not say from where to where it decided")
    found: dict[str, Any] = decision
    return found


def _record(place: int, content: bytes, project: str) -> dict[str, Any]:
    """Return an entry; where writing it again gives the same bytes, no key in it can have come twice."""
    try:
        record = _same_again(content) or parse_json(content, f"entry {place}")
    except BundleError as error:
        raise AuditFindingError(str(error)) from None
    fits = (
        isinstance(record, dict)
        and record.keys() == _KEYS
        and all(isinstance(record[key], str) for key in ("format", "project", "run", "kind", "at", "previous"))
        and is_count(record["sequence"])
        and record["sequence"] >= 1
        and isinstance(record["body"], dict)
    )
    if not fits:
        raise AuditFindingError(f"entry {place} is not an entry of a journal")
    if record["format"] != ENTRY_FORMAT:
        raise AuditFindingError(
            f"entry {place} is in the format {shortened(record['format'])}, and this verifier knows {ENTRY_FORMAT}"
        )
    if record["project"] != project:
        found_in = shortened(record["project"])
        raise AuditFindingError(f"{_named(place, record)} is of the project {found_in}, not of {shortened(project)}")
    found: dict[str, Any] = record
    return found


def _same_again(content: bytes) -> Any:
    """Return JSON that is written as Python writes it, which is many times as fast as to look at each key."""
    try:
        record = _DECODE(content.decode("utf-8"))
        return record if _ENCODE(record).encode() == content else None
    except (ValueError, RecursionError):
        return None


def _refused(written: str) -> Any:
    raise ValueError(written[:40])


_DECODE: Final = json.JSONDecoder(parse_float=_refused, parse_constant=_refused).decode


def _named(place: int, record: dict[str, Any]) -> str:
    return f"entry {place} (run {shortened(record['run'], 60)}, {record['sequence']})"
