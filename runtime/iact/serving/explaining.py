"""What happened to a run, and why: its journal in sentences, and why it has not gone on from where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from iact.core import instants
from iact.core.machine import Machine, RunState, Transition, TriggerKind
from iact.core.nearest_miss import Miss, nearest_miss
from iact.engine.journal import EntryKind
from iact.engine.replay import facts_of, trigger_of

if TYPE_CHECKING:
    from iact.engine.journal import Entry

_CAME_TO: Final = {
    EntryKind.ATTEMPT: "attempt {attempt}",
    EntryKind.RECEIPT: "{ending}. {message}",
    EntryKind.POSTPONED: "not now. {reason}",
    EntryKind.REVIEW: "{reason}",
    EntryKind.OBSERVED: "would have been done",
    EntryKind.PROPOSED: "waits for a person",
    EntryKind.APPROVED: "approved by {by}. {reason}",
    EntryKind.REJECTED: "rejected by {by}. {reason}",
}
"""What came of an action, in words; of starts and decisions other functions speak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way out of the state in which a run stands, and why it was not taken.

    Attributes:
        place: its place among the ways out, counted from 1.
        transition: the way.
        due_at: when its time comes; None where it waits for none, or the time has come and led nowhere.
        judged_at: when it was last tried; None if it never was since the state was entered.
        judgement: what its condition came to then, as the journal keeps it.
        miss: what would have made it true; None where it was never tried, or where no facts are known to.
    """

    place: int
    transition: Transition
    due_at: datetime | None = None
    judged_at: datetime | None = None
    judgement: Mapping[str, Any] | None = None
    miss: Miss | None = None

    @property
    def waits_for(self) -> str:
        """What it is tried at, in words."""
        if self.transition.event:
            return f"when {self.transition.event} is told"
        if self.transition.after is None:
            return "whenever somebody looks"
        if self.due_at is not None:
            return f"after {self.transition.after}, at {instants.write(self.due_at)}"
        return f"after {self.transition.after}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a run stands where it does.

    Attributes:
        came_by: the decision that led there, or the start of the run; None where the journal no longer has it.
        doing: the latest that was written about the action of the state; None where it has none, or it was not begun.
        ways: the ways out, in the order in which they are tried.
        machine: the definition that the run pinned.
    """

    came_by: Entry | None
    doing: Entry | None
    ways: tuple[Way, ...]
    machine: Machine

    @property
    def nearest(self) -> Way | None:
        """Of the ways that were tried the one that the fewest and smallest changes of facts would have opened."""
        found = [(way.miss.cost, way.place, way) for way in self.ways if way.miss is not None]
        return min(found)[-1] if found else None

    def to_record(self) -> dict[str, Any]:
        """Return it as JSON data."""
        nearest = self.nearest
        return {
            "came_by": entry_record(self.came_by, self.machine) if self.came_by else None,
            "doing": entry_record(self.doing) if self.doing else None,
            "ways": [_way_record(way) for way in self.ways],
            "nearest": nearest.place if nearest else None,
        }


def explanation(machine: Machine, standing: RunState, entries: Sequence[Entry]) -> Explanation:
    """Return why a run stands where it does, and what each way out still lacks.

    Args:
        machine: the run's own definition, compiled.
        standing: where the run stands.
        entries: its journal, oldest entry first.
    """
    came = max((place for place, entry in enumerate(entries) if _has_moved(entry)), default=None)
    came_by = None if came is None else entries[came]
    since = entries if came is None else entries[came + 1 :]
    ways = [
        Way(place=place, transition=transition)
        for place, transition in enumerate(machine[standing.state].transitions, start=1)
    ]
    for timer in came_by.body["decision"]["timers"] if came_by else ():
        place = timer["transition"]
        ways[place] = replace(ways[place], due_at=instants.parse(timer["due_at"]))
    for entry in since:
        if entry.kind is EntryKind.DECISION:
            ways = list(_tried(ways, standing, entry))
    about_it = [entry for entry in since if entry.kind is not EntryKind.DECISION]
    return Explanation(came_by=came_by, doing=about_it[-1] if about_it else None, ways=tuple(ways), machine=machine)


def _has_moved(entry: Entry) -> bool:
    return entry.kind is EntryKind.STARTED or (entry.kind is EntryKind.DECISION and entry.body["decision"]["moved"])


def _tried(ways: Iterable[Way], standing: RunState, entry: Entry) -> Iterator[Way]:
    """Yield the ways as they are after a decision that led nowhere."""
    trigger = trigger_of(entry.body)
    known = facts_of(entry.body["facts"]).joined(standing.known()).joined(trigger.facts)
    judgements = iter(entry.body["decision"]["considered"])
    for way in ways:
        if not way.transition.answers(trigger, way.place - 1):
            yield way
            continue
        yield replace(
            way,
            due_at=None if trigger.kind is TriggerKind.TIMER else way.due_at,
            judged_at=entry.at,
            judgement=next(judgements),
            miss=_what_it_lacked(way.transition, known, entry.at),
        )


def _what_it_lacked(transition: Transition, known: Any, at: datetime) -> Miss | None:
    miss = nearest_miss(transition.when, known, at)
    # A condition that is true already: what keeps the way shut is where it leads, which the judgement says.
    return miss if miss is not None and miss.changes else None


def _way_record(way: Way) -> dict[str, Any]:
    return {
        "place": way.place,
        "to": way.transition.to,
        "decides": way.transition.decide,
        "waits": way.waits_for,
        "at": str(way.transition.position),
        "due_at": None if way.due_at is None else instants.write(way.due_at),
        "judged_at": None if way.judged_at is None else instants.write(way.judged_at),
        "judgement": way.judgement,
        "would_have_to_be": [change.to_record() for change in way.miss.changes] if way.miss else [],
    }


def entry_record(entry: Entry, machine: Machine | None = None) -> dict[str, Any]:
    """Return an entry of a journal as JSON data: what it says, and for a decision why each way was or was not taken.

    Args:
        entry: the entry.
        machine: the definition that its run pinned, for the places of the ways; None where nobody asks for them.
    """
    return {
        "sequence": entry.sequence,
        "at": instants.write(entry.at),
        "kind": entry.kind.value,
        "says": _says(entry),
        "because": list(_because(entry, machine)),
    }


def _says(entry: Entry) -> str:
    body = entry.body
    if entry.kind is EntryKind.STARTED:
        return f"began in {body['decision']['to']}"
    if entry.kind is EntryKind.DECISION:
        return _decided(body)
    return f"{body['action']}: {_came_to(entry)}"


def _came_to(entry: Entry) -> str:
    said: dict[str, Any] = {"reason": "", "message": "", "attempt": "", "by": "", **entry.body}
    if entry.kind is EntryKind.RECEIPT:
        said["ending"] = "done" if said["succeeded"] else "failed"
    return _CAME_TO[entry.kind].format(**said).rstrip()


def _decided(body: Mapping[str, Any]) -> str:
    decision = body["decision"]
    asked = " ".join(word for word in (body["trigger"]["kind"], body["trigger"].get("name", "")) if word)
    if not decision["moved"]:
        return f"{asked}: stays in {decision['from']}"
    outcome = f" ({decision['outcome']})" if decision["outcome"] else ""
    return f"{asked}: {decision['from']} → {decision['to']}{outcome}"


def _because(entry: Entry, machine: Machine | None) -> Iterator[str]:
    if entry.kind is not EntryKind.DECISION:
        return
    decision = entry.body["decision"]
    trigger = trigger_of(entry.body)
    ways = machine[decision["from"]].transitions if machine else ()
    tried = [way for place, way in enumerate(ways) if way.answers(trigger, place)]
    for judgement, way in zip_longest(decision["considered"], tried[: len(decision["considered"])]):
        # A condition says where it stands; that there is none stands where its way out does.
        yield from judged({**judgement, "at": judgement.get("at") or (str(way.position) if way else "")})


def judged(judgement: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """Yield a judgement and its parts, a line each: what was asked, what was seen, and where the rule says so.

    Args:
        judgement: as a journal keeps it.
        depth: how far it is indented.
    """
    saw = f"; saw {judgement['saw']}" if judgement.get("saw") else ""
    where = f"  [{judgement['at']}]" if judgement.get("at") else ""
    yield f"{'  ' * depth}{judgement['truth']}: {judgement['text']}{saw}{where}"
    for part in judgement.get("parts", ()):
        yield from judged(part, depth + 1)
