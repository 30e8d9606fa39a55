"""Whether entries are those of runs that went on without a gap, each step as the run's own definition allows it.

Entries are shown in the order of the log. Of each run only where it stands is kept, so that memory grows with the runs
and not with the entries.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from iact.audit.allowed import AGENT, Allowed, Way
from iact.audit.bundles import (
    AuditFindingError,
    BundleError,
    check_parts,
    check_written,
    encoded,
    is_count,
    is_moment,
    parse_json,
    shortened,
)
from iact.audit.periods import is_before

ENTRY_FORMAT: Final = "iact/journal/v1"
LOG_RUN: Final = "log"
"""The run that is none: entries on what happened to the log itself."""

DECISIONS: Final = frozenset({"started", "decision"})
"""Kinds of entries that say where a run stands, and nothing else does."""
OF_ACTIONS: Final = frozenset(
    {"attempt", "receipt", "review", "postponed", "observed", "proposed", "approved", "rejected"}
)
"""Kinds of entries that say what became of an action that was decided."""
OF_THE_LOG: Final = "log"
"""Kind of the entries that say what happened to the log itself."""

_SETTLES: Final = frozenset({"receipt", "observed", "rejected"})
"""After which nothing more becomes of an action."""
TRIGGERS: Final = frozenset({"entered", "event", "timer", "looked"})
"""Kinds of reasons for which a run decides."""
_KEYS: Final = frozenset({"format", "project", "run", "sequence", "kind", "at", "previous", "body"})
MOST_RUNS: Final = 1_000_000
"""How many runs are kept in mind at most."""
MOST_OPEN: Final = 300_000
"""How many actions that were decided and not settled are kept in mind at most."""
LONGEST_RUN: Final = 40
"""Letters of the name of a run at most, as in the store: they are kept in mind."""
_AFTER_PAIRS: Final = re.compile("[\ue000-\U0010ffff]")
"""Letters that UTF-16 does not sort as their numbers do."""


class _Standing:
    """Where a run stands: what its next entry has to follow from.

    Attributes:
        sequence: of its last entry.
        digest: that entry's.
        allowed: what the definition allows that the run pinned; None where that is not known, and of the log itself.
        at: when that entry was written.
        state: where the run stands; None where that is not known.
        visit: how many states it has entered; 0 where that is not known.
        known_since: the first of those states of which it is known what it started.
        open: digests of the actions that were decided since then and are not settled, by their keys; None for none.
    """

    __slots__ = ("allowed", "at", "digest", "known_since", "open", "sequence", "state", "visit")

    def __init__(self, sequence: int, digest: bytes, allowed: Allowed | None) -> None:
        self.sequence, self.digest, self.allowed, self.at = sequence, digest, allowed, ""
        self.state: str | None = None
        self.visit = self.known_since = 0
        self.open: dict[str, bytes] | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of entries.

    Attributes:
        entries: how many there were.
        decisions: how many decisions were among them.
        begin: when the earliest was written (RFC 3339); empty where there is none.
        end: when the latest was.
        unknown: how many runs went on of which it was not shown where they stood.
        back_dated: how many say that they were written more than some minutes before one that stands before them.
    """

    entries: int
    decisions: int
    begin: str
    end: str
    unknown: int = 0
    back_dated: int = 0


class Chains:
    """Looks at entries one after the other."""

    def __init__(self, project: str, definitions: Mapping[str, Allowed | None], *, shows_standing: bool = True) -> None:
        """Begin before the first entry.

        Args:
            project: whose journal it is.
            definitions: what the pinned definitions allow, by their digest; None for one that is none of an agent.
            shows_standing: whether the entries from before say where each run stands that goes on, and no run else.
        """
        self._project, self._definitions, self._shows_standing = project, definitions, shows_standing
        self._runs: dict[str, _Standing] = {}
        self._awaited: set[str] = set()
        self._unknown = 0
        self.pinned: set[str] = set()
        self.open = 0
        self._decisions = self._entries = 0
        self._begin = self._end = ""
        self._back_dated = 0

    @property
    def runs(self) -> int:
        """How many runs were seen."""
        return len(self._runs)

    def seen(self) -> Seen:
        """Return what was seen in the range of the bundle."""
        return Seen(self._entries, self._decisions, self._begin, self._end, self._unknown, self._back_dated)

    def begin_range(self) -> None:
        """Count from here on: what was shown so far was before the bundle's own entries."""
        self._decisions = 0
        self._awaited = set(self._runs)

    def finish(self) -> None:
        """Check, after the last entry, that nothing was shown from before of which nothing goes on.

        Raises:
            AuditFindingError: if something was.
        """
        if self._shows_standing and self._awaited:
            run = shortened(min(self._awaited), 60)
            raise AuditFindingError(f"entries of run {run} are shown from before, and it does not go on in the bundle")

    def show(self, place: int, content: bytes) -> dict[str, Any]:
        """Look at the next entry, and return what it holds.

        Args:
            place: its place in the log, for the message.
            content: its stored bytes.

        Raises:
            AuditFindingError: if it is not what has to come next.
        """
        record = record_of(place, content, self._project)
        at: str = record["at"]
        self._entries += 1
        if at < self._end and is_before(at, self._end):
            self._back_dated += 1
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
        if run in self._awaited:
            self._awaited.discard(run)
            self._unknown += run != LOG_RUN and standing is not None and standing.state is None
        self._follow(place, record, content, standing)
        return record

    def show_earlier(self, place: int, content: bytes) -> None:
        """Look at an entry from before the range: a run's first, its last decision, or one that follows from these.

        Args:
            place: its place in the log.
            content: its stored bytes, which were proved to be there.

        Raises:
            AuditFindingError: if a run would go on from it that never began.
        """
        record = record_of(place, content, self._project)
        run, sequence = record["run"], record["sequence"]
        standing = self._runs.get(run)
        if standing is None and sequence != 1 and run != LOG_RUN:
            raise AuditFindingError(f"{_named(place, record)} is shown without the beginning of its run")
        if standing is None or sequence == standing.sequence + 1:
            self._follow(place, record, content, standing)
            return
        if sequence <= standing.sequence:
            raise AuditFindingError(f"{_named(place, record)} comes after entry {standing.sequence} of its run")
        if self._shows_standing and record["kind"] != "decision":
            raise AuditFindingError(
                f"{_named(place, record)} is shown without the decision before it: where its run stands is not known"
            )
        jumped = _Standing(sequence, hashlib.sha256(content).digest(), standing.allowed)
        _check_kind(place, record)
        if record["kind"] == "decision":
            self._decide(place, record, jumped)
        jumped.at = record["at"]
        self._runs[run] = jumped

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
        _check_kind(place, record)
        if standing is None:
            if len(self._runs) >= MOST_RUNS:
                raise BundleError(
                    f"there are more than {MOST_RUNS} runs, which takes too much memory: ask for a shorter period"
                )
            standing = _Standing(0, b"", None)
            self._runs[run] = standing
            if run != LOG_RUN:
                self._begin_run(place, record, standing)
        elif run != LOG_RUN:
            self._go_on(place, record, standing)
        standing.sequence, standing.digest, standing.at = sequence, hashlib.sha256(content).digest(), record["at"]

    def _go_on(self, place: int, record: dict[str, Any], standing: _Standing) -> None:
        if record["at"] < standing.at:
            raise AuditFindingError(
                f"{_named(place, record)} was written at {record['at']}, before the entry of its run from which it "
                f"follows, which was written at {standing.at}"
            )
        if record["kind"] == "started":
            raise AuditFindingError(f"{_named(place, record)} says that its run starts, which it did before")
        open_before = len(standing.open or ())
        if record["kind"] == "decision":
            self._decisions += 1
            self._decide(place, record, standing)
        else:
            _act(place, record, standing)
        self.open += len(standing.open or ()) - open_before
        if self.open > MOST_OPEN:
            raise BundleError(
                f"there are more than {MOST_OPEN} actions that are not settled, which takes too much memory: ask "
                "for a shorter period"
            )

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
            if key not in self.pinned:
                self.pinned.add(key)
        allowed = self._definitions.get(pins.get(f"{AGENT}/{agent}", ""))
        if allowed is None or (allowed.name, allowed.digest) != (agent, body.get("definition")):
            raise AuditFindingError(f"{named} starts {shortened(agent)} without having pinned its definition")
        decision = _decision(place, record)
        begun = (decision["from"], decision["to"], decision["visit"], decision["moved"], decision["taken"])
        if begun != ("", allowed.start, 1, False, None):
            start = shortened(allowed.start)
            raise AuditFindingError(f"{named} does not begin in the state {start}, as its definition says")
        standing.allowed, standing.known_since = allowed, 1
        _enter(named, decision, allowed, None, standing)

    def _decide(self, place: int, record: dict[str, Any], standing: _Standing) -> None:
        decision, named, allowed = _decision(place, record), _named(place, record), standing.allowed
        begin, end, visit, moved = decision["from"], decision["to"], decision["visit"], decision["moved"]
        if standing.state is not None and begin != standing.state:
            raise AuditFindingError(
                f"{named} decides in the state {shortened(begin)}, and the run stands in {shortened(standing.state)}"
            )
        if standing.visit and visit != standing.visit + moved:
            raise AuditFindingError(f"{named} counts {visit} states that were entered, not {standing.visit + moved}")
        if allowed is None:
            raise AuditFindingError(f"{named} decides, and what the run pinned is not known")
        if begin in allowed.final:
            raise AuditFindingError(f"{named} decides in the state {shortened(begin)}, in which its run has ended")
        if moved:
            way = _check_way(named, record["body"], decision, allowed)
            if not standing.visit:
                standing.known_since = visit
            _enter(named, decision, allowed, way, standing)
            return
        _check_stays(named, record["body"], decision, allowed)
        standing.state, standing.visit = standing.state or end, visit
        standing.known_since = standing.known_since or visit + 1


def _check_way(named: str, body: dict[str, Any], decision: dict[str, Any], allowed: Allowed) -> Way:
    """Check that a definition has the way that a decision took, and return it."""
    begin, end, taken = decision["from"], decision["to"], decision["taken"]
    ways = allowed.ways.get(begin)
    trigger = body.get("trigger")
    has_way = ways is not None and is_count(taken) and taken < len(ways) and ways[taken].to == end
    if ways is None or not has_way or end not in allowed.ways or not isinstance(trigger, dict):
        raise AuditFindingError(
            f"{named} leads from {shortened(begin)} to {shortened(end)}, and the definition of "
            f"{shortened(allowed.name)} that the run pinned has no such way"
        )
    way: Way = ways[taken]
    kind = trigger.get("kind")
    if not way.answers(kind, trigger.get("name")) or (kind == "timer" and trigger.get("transition") != taken):
        raise AuditFindingError(
            f"{named} leads from {shortened(begin)} to {shortened(end)} for another reason than the definition has: "
            f"{shortened(str(kind))} {shortened(str(trigger.get('name', '')))}".rstrip()
        )
    return way


def _check_stays(named: str, body: dict[str, Any], decision: dict[str, Any], allowed: Allowed) -> None:
    """Check that a decision by which nothing moves says nothing else."""
    begin, end, trigger = decision["from"], decision["to"], body.get("trigger")
    if begin != end or decision["taken"] is not None or begin not in allowed.ways:
        raise AuditFindingError(f"{named} says that nothing moved, and leads from {begin!r} to {shortened(end)!r}")
    if not isinstance(trigger, dict) or trigger.get("kind") not in TRIGGERS:
        raise AuditFindingError(f"{named} does not say why it was decided")
    said = {key: decision.get(key) for key in ("outcome", "final", "intents", "timers", "holds")}
    if said != {"outcome": "", "final": False, "intents": [], "timers": [], "holds": []}:
        raise AuditFindingError(f"{named} says that nothing moved, and that something came of it")


def _enter(named: str, decision: dict[str, Any], allowed: Allowed, way: Way | None, standing: _Standing) -> None:
    """Check that a decision says what entering its state brings, by the definition, and let the run stand there.

    Args:
        named: the decision, for the message.
        decision: it.
        allowed: what the definition allows.
        way: the one that was taken; None where the run begins.
        standing: where the run stands.
    """
    # The definition's own text: a million runs need not each keep theirs.
    end, outcome = (way.to, way.outcome) if way else (allowed.start, "")
    intents, holds = decision.get("intents"), decision.get("holds")
    action, exclusive, ways = allowed.actions.get(end), allowed.exclusive.get(end), allowed.ways.get(end, ())
    timers = decision.get("timers")
    fits = (
        decision.get("outcome") == outcome
        and decision.get("final") is (end in allowed.final)
        and isinstance(intents, list)
        and [one.get("action") if isinstance(one, dict) else one for one in intents] == ([action] if action else [])
        and isinstance(timers, list)
        and all(isinstance(one, dict) and is_count(one.get("transition")) for one in timers)
        and all(one["transition"] < len(ways) and ways[one["transition"]].waits for one in timers)
        and isinstance(holds, list)
        and len(holds) == (1 if exclusive else 0)
        and all(isinstance(one, str) and one.startswith(f"{exclusive}=") for one in holds)
    )
    if not fits:
        raise AuditFindingError(f"{named} says of its step to {shortened(end)} what its definition does not")
    standing.state, standing.visit = end, decision["visit"]
    for number, one in enumerate(intents or ()):
        standing.open = standing.open or {}
        standing.open[f"{standing.visit}/{number}"] = _digest_of(one.get("action"), one.get("arguments"))


def _digest_of(action: Any, arguments: Any) -> bytes:
    """Return by what an action is known again: what is told of it later has to be about the same."""
    return hashlib.sha256(encoded([action, arguments], "surrogatepass")).digest()


def _act(place: int, record: dict[str, Any], standing: _Standing) -> None:
    """Check that what is told of an action is about one that was decided, and is not settled."""
    body, named = record["body"], _named(place, record)
    key = body.get("key")
    found = _ACTION_KEY.fullmatch(key.removeprefix(f"{record['run']}/")) if isinstance(key, str) else None
    if found is None or not str(key).startswith(f"{record['run']}/"):
        raise AuditFindingError(f"{named} does not say of which action of its run it is")
    visit, own = int(found["visit"]), found.group()
    if standing.visit and visit > standing.visit:
        raise AuditFindingError(f"{named} is about an action of a state that the run has not entered")
    if visit < standing.known_since or not standing.visit:
        return  # decided before what is known of the run
    decided = (standing.open or {}).get(own)
    if decided is None:
        raise AuditFindingError(f"{named} is about an action that was not decided, or was settled before")
    if decided != _digest_of(body.get("action"), body.get("arguments")):
        raise AuditFindingError(f"{named} is about another action than the one that was decided")
    if standing.open is not None and record["kind"] in _SETTLES:
        del standing.open[own]
        standing.open = standing.open or None


_ACTION_KEY: Final = re.compile(r"(?P<visit>[1-9][0-9]{0,17})/(?:0|[1-9][0-9]{0,8})", re.ASCII)


def _check_kind(place: int, record: dict[str, Any]) -> None:
    """Check that an entry is of a kind that there is, and says nothing that only another kind may say."""
    kind, named = record["kind"], _named(place, record)
    if kind not in DECISIONS and kind not in OF_ACTIONS and kind != OF_THE_LOG:
        raise AuditFindingError(
            f"{named} is of the kind {shortened(kind)!r}, which this verifier does not know; if the log is of a newer "
            "release, verify it with the verifier of that"
        )
    if (kind == OF_THE_LOG) != (record["run"] == LOG_RUN):
        raise AuditFindingError(f"{named} is of the kind {kind}, which entries of its run are not")
    if kind not in DECISIONS and "decision" in record["body"]:
        raise AuditFindingError(f"{named} holds a decision, which no entry of the kind {kind} does")


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


def record_of(place: int, content: bytes, project: str) -> dict[str, Any]:
    """Return an entry, of which nothing but its form was checked.

    Args:
        place: its place in the log.
        content: its stored bytes.
        project: whose journal it is.

    Raises:
        AuditFindingError: if it is none.
    """
    # Where writing it again gives the same bytes, no key in it can have come twice.
    try:
        check_parts(content, f"entry {place}")
        record = _same_again(content) or _written_otherwise(place, content)
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
    if len(record["run"]) > LONGEST_RUN:
        raise AuditFindingError(f"entry {place} is of a run whose name is longer than any")
    if not is_moment(record["at"]):
        raise AuditFindingError(
            f"entry {place} says that it was written at {shortened(record['at'], 60)!r}, which is no moment as iact "
            "writes it"
        )
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
        text = content.decode("utf-8")
        if _AFTER_PAIRS.search(text):
            return None
        record = _DECODE(text)
        return record if encoded(record) == content else None
    except (ValueError, RecursionError):
        return None


def _written_otherwise(place: int, content: bytes) -> Any:
    """Return JSON that may have keys which Python sorts otherwise than RFC 8785 does, in UTF-16 (section 3.2.3).

    Raises:
        BundleError: if it is not written as RFC 8785 says.
    """
    record = parse_json(content, f"entry {place}")
    check_written(content, _sorted(record), f"entry {place}", sorts=False)
    return record


def _sorted(record: Any) -> Any:
    if isinstance(record, dict):
        ordered = sorted(record.items(), key=lambda item: item[0].encode("utf-16-be", "surrogatepass"))
        return {key: _sorted(value) for key, value in ordered}
    return [_sorted(value) for value in record] if isinstance(record, list) else record


def _refused(written: str) -> Any:
    raise ValueError(written[:40])


_DECODE: Final = json.JSONDecoder(parse_float=_refused, parse_constant=_refused).decode


def _named(place: int, record: dict[str, Any]) -> str:
    return f"entry {place} (run {shortened(record['run'], 60)}, {record['sequence']})"
