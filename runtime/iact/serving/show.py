"""Where things stand, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from iact.audit.standing import log_lines
from iact.core import instants
from iact.core.alignment import aligned
from iact.serving.explaining import Explanation, Way, entry_record, judged
from iact.serving.occurrences import COUNTING

NOBODY: Final = "nobody: `iact serve` goes on with what is due, `iact tick` does so once"
_LEFT: Final = {
    "proposed": "waits to be approved: `iact approve RUN --reason …`, or `iact reject`",
    "review": "whether it was done is not known; find out, and tell the run",
    "dead": "was given up after too many attempts: `iact runs retry` lets it be tried again",
}

_ACTED: Final = {
    "finished": "would do {}, which finishes",
    "failed": "would do {}, which fails",
    "unknown": "would do {}, and nobody could tell whether it was done",
    "later": "would try {}, which is not done yet",
    "observed": "only observes: {} would not be done",
    "proposed": "asks for approval: {}",
    "approved": "is approved: {}",
    "rejected": "is rejected: {}",
}
_COUNTED: Final = {
    "finished": "done, and finished",
    "failed": "done, and failed",
    "unknown": "left to a person",
    "later": "put off",
    "observed": "only observed",
    "proposed": "proposed",
    "approved": "approved",
    "rejected": "rejected",
}


def status_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of `iact status`."""
    yield f"{found['project']}, {found['at']}"
    if rules := found["rules"]:
        yield f"rules of commit {rules['commit']}, activated by {rules['activated_by']}, {rules['activated_at']}"
    for one in found["revoked"]:
        yield f"revoked: {one['definition']} {one['digest']}, by {one['revoked_by']}: {one['reason']}"
    if found["unrecorded"]:
        yield f"not followed: {found['unrecorded']}"
    yield from _part("Served by", [_runner(one) for one in found["runners"]], NOBODY)
    yield from _part("Going on", [_going_on(one) for one in found["runs"]], "no run")
    if found["going_on"] > len(found["runs"]):
        yield f"  and {found['going_on'] - len(found['runs']):,} more: `iact runs list --most N`"
    yield from _part("In trouble", [_in_trouble(one) for one in found["trouble"]])
    yield from _part(
        "For a person", [(one["run"], one["action"], _LEFT[one["status"]]) for one in found["for_a_person"]]
    )
    observed = [*map(_observed, found["observed"]), *map(_observed_rule, found["observed_rules"])]
    yield from _part("Only observed: would have been done", observed)
    lines = [(line,) for line in log_lines(found["log"], instants.parse(found["at"]))]
    yield from _part("Log of the journal", lines)
    yield from _part("Scheduled", [_scheduled(one) for one in found["schedule"]], "nothing")


def run_lines(found: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of `iact runs show`: where a run stands, then what happened to it."""
    yield from _stands(found)
    yield from _part("Under", [(pin, digest) for pin, digest in found["definitions"].items()])
    yield ""
    for entry in entries:
        yield from _entry(entry)


def explanation_lines(found: Mapping[str, Any], explained: Explanation) -> Iterator[str]:
    """Yield the lines of `iact runs explain`: where a run stands, what led there, and what each way out lacks."""
    yield from _stands(found)
    if explained.came_by is not None:
        yield from ("", "It came there by", *_entry(entry_record(explained.came_by, explained.machine)))
    if explained.doing is not None:
        yield from ("", "Its action", *_entry(entry_record(explained.doing)))
    if explained.ways:
        yield from ("", "Ways out")
    nearest = explained.nearest
    for way in explained.ways:
        yield from _way(way, is_nearest=way is nearest)


def simulation_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of `iact simulate`: the time line, what stands at the end, and all of it in numbers."""
    by = f", scenario {found['scenario']}" if found["scenario"] else ""
    yield f"{found['project']}, played from {_second(found['begin'])} to {_second(found['end'])}{by}"
    yield "nothing was done; actions end as the scenario says, and else well"
    yield from _part("Time line", [_played(one) for one in found["timeline"]], "nothing happened")
    end = found["at_the_end"]
    yield from _part("Going on at the end", [_going_on(one) for one in end["runs"]])
    if end["going_on"] > len(end["runs"]):
        yield f"  and {end['going_on'] - len(end['runs']):,} more"
    yield from _part("In trouble at the end", [_in_trouble(one) for one in end["trouble"]])
    yield from _part(
        "For a person at the end", [(one["run"], one["action"], _LEFT[one["status"]]) for one in end["for_a_person"]]
    )
    yield from _part("Scheduled", [_scheduled_times(one) for one in found["schedule"]])
    yield from _part(
        "Facts that nobody gives", [(name, f"asked for {times:,} times") for name, times in found["not_given"].items()]
    )
    yield from _part("Summary", list(_summed(found)))


def _played(one: Mapping[str, Any]) -> tuple[str, ...]:
    match one["kind"]:
        case "started":
            return _second(one["at"]), _whose(one), f"begins in {one['to']}, {one['mode']}, run {one['run']}"
        case "moved":
            means = f" ({one['decides']})" if one["decides"] else ""
            return (
                _second(one["at"]),
                _whose(one),
                f"{one['trigger']}: {one['from']} → {one['to']}{means}  [{one['rule']}]",
            )
        case "action":
            says = f": {one['says']}" if one["says"] else ""
            return _second(one["at"]), _whose(one), f"{_ACTED[one['comes_to']].format(_call(one))}{says}"
        case "job":
            return _second(one["at"]), "schedule", f"{one['job']}{' failed' if one['failed'] else ''}: {one['says']}"
        case _:
            return _second(one["at"]), "scenario", one["says"]


def _second(moment: str) -> str:
    return instants.show_second(instants.parse(moment))


def _whose(one: Mapping[str, Any]) -> str:
    return f"{one['agent']} about {one['about']}"


def _call(one: Mapping[str, Any]) -> str:
    told = ", ".join(f"{name}: {value}" for name, value in one["arguments"].items())
    return f"{one['action']} ({told})" if told else str(one["action"])


def _scheduled_times(one: Mapping[str, Any]) -> tuple[str, ...]:
    failed = f", {one['failed']:,} failed" if one["failed"] else ""
    return one["job"], f"{one['times']:,} times{failed}", f"next at {one['next']}" if one["next"] else "never again"


def _summed(found: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    summary = found["summary"]
    yield "runs that began", f"{summary['started']:,}"
    yield "times that one moved", f"{summary['moved']:,}"
    for decided, times in summary["ended"].items():
        yield f"runs that ended {decided}", f"{times:,}"
    for comes_to, times in summary["actions"].items():
        yield f"actions: {_COUNTED[comes_to]}", f"{times:,}"
    if found["not_reached"]:
        yield "of the scenario not reached", f"{found['not_reached']:,}"


def _way(way: Way, *, is_nearest: bool) -> Iterator[str]:
    means = f" ({way.transition.decide})" if way.transition.decide else ""
    yield f"  {way.place}. to {way.transition.to}{means}, {way.waits_for}  [{way.transition.position}]"
    if way.judgement is None or way.judged_at is None:
        yield "       not tried yet"
        return
    yield f"       tried at {instants.write(way.judged_at)}"
    yield from (f"       {line}" for line in judged(way.judgement))
    for change in way.miss.changes if way.miss else ():
        yield f"       {'nearest: ' if is_nearest else ''}{change.said()}"


def _stands(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"{found['run']}: {found['agent']} about {found['subject']}"
    means = f" ({found['outcome']})" if found["outcome"] else ""
    ended = f", ended{means}" if found["ended_at"] else ""
    yield f"  {found['state']} since {found['entered_at']}{ended}"
    if found["next_due"]:
        yield f"  next at {found['next_due']}"


def _entry(entry: Mapping[str, Any]) -> Iterator[str]:
    yield f"  {entry['sequence']:>3}  {entry['at']}  {entry['kind']:<9}  {_in_one_line(entry['says'])}"
    for line in entry["because"]:
        yield f"       {_in_one_line(line)}"


def _in_one_line(text: str) -> str:
    """Return what somebody wrote so that it cannot pass for lines of ours."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _part(title: str, rows: Sequence[Sequence[str]], nothing: str = "") -> Iterator[str]:
    if not rows and not nothing:
        return
    yield ""
    yield title
    yield from (f"  {line}" for line in aligned(rows)) if rows else (f"  {nothing}",)


def _runner(one: Mapping[str, Any]) -> tuple[str, ...]:
    return one["runner"], one["standing"], f"process {one['process']} on {one['machine']}", f"since {one['started_at']}"


def _going_on(one: Mapping[str, Any]) -> tuple[str, ...]:
    return one["run"], one["agent"], one["state"], _following(one)


def _following(one: Mapping[str, Any]) -> str:
    """Return what a run waits for: its action before all else, then its time, then somebody who tells it something."""
    action = one.get("action")
    if action is None and one.get("overdue"):
        return f"was due at {one['next_due']}, and nobody has gone on with it yet"
    if action is None:
        return f"next at {one['next_due']}" if one["next_due"] else "waits to be told"
    if action["begun"]:
        again = f", attempt {action['attempts']}" if action["attempts"] > 1 else ""
        return f"{action['name']} is under way{again}"
    if action["due_at"]:
        return f"{action['name']} is tried again from {action['due_at']} on, after {action['attempts']} attempts"
    return f"{action['name']} is to be done next"


def _in_trouble(one: Mapping[str, Any]) -> tuple[str, ...]:
    if one["waits_for_a_person_since"]:
        following = f"waits for a person since {one['waits_for_a_person_since']}: `iact runs retry {one['run']}`"
    else:
        following = f"tried again at {one['tried_again_at']}"
    return one["run"], f"failed {one['failures']} times", one["why"], following


def _observed(one: Mapping[str, Any]) -> tuple[str, ...]:
    told = ", ".join(f"{name}: {value}" for name, value in one["arguments"].items())
    return one["target"], f"{one['action']} ({told})" if told else one["action"], f"by {one['agent']}", one["at"]


def _observed_rule(one: Mapping[str, Any]) -> tuple[str, ...]:
    return one["target"], one["would"], f"by {one['rule']}", one["at"]


def _scheduled(one: Mapping[str, Any]) -> tuple[str, ...]:
    following = f"next at {one['next']}" if one["next"] else "never again"
    if one["last"] is None:
        return one["job"], following, "not counted yet: nothing has served the project since it was written"
    if one["status"] == COUNTING:
        return one["job"], following, f"counted since {one['last']}"
    return one["job"], following, f"last for {one['last']}: {one['came_to'] or 'is being done'}"
