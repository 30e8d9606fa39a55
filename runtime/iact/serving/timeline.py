"""The time line of a play: what happened to its runs, what was done for them, and what came from outside, in order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from iact.core import instants
from iact.core.machine import Mode
from iact.engine.journal import EntryKind
from iact.serving.explaining import entry_record

if TYPE_CHECKING:
    from datetime import datetime

    from iact.core.machine import Machine
    from iact.engine.journal import Entry
    from iact.engine.runtime import Run, Runtime

STARTED: Final = "started"
MOVED: Final = "moved"
ACTION: Final = "action"
JOB: Final = "job"
GIVEN: Final = "given"

_MODES: Final = {
    EntryKind.OBSERVED: Mode.OBSERVE,
    EntryKind.PROPOSED: Mode.PROPOSE,
    EntryKind.APPROVED: Mode.PROPOSE,
    EntryKind.REJECTED: Mode.PROPOSE,
}
"""In which mode an action was decided of which this is written; of others `enforce`."""
_COMES_TO: Final = {
    EntryKind.OBSERVED: "observed",
    EntryKind.PROPOSED: "proposed",
    EntryKind.APPROVED: "approved",
    EntryKind.REJECTED: "rejected",
    EntryKind.REVIEW: "unknown",
    EntryKind.POSTPONED: "later",
}
_BADLY: Final = frozenset({"failed", "unknown", "later"})
"""What an error is, or may turn into one."""


@dataclass(slots=True)
class Timeline:
    """What has happened so far, as JSON data.

    Attributes:
        runtime: where the runs are.
        records: what happened, in order.
        jobs: how often each job of the schedule was asked for.
        failed: how often each of them failed.
        failed_at: when an action or a job last failed; None before any did.
    """

    runtime: Runtime
    records: list[dict[str, Any]] = field(default_factory=list)
    jobs: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    failed_at: datetime | None = None
    _runs: dict[str, Run] = field(default_factory=dict)
    _machines: dict[str, Machine] = field(default_factory=dict)

    def hear(self, entry: Entry) -> None:
        """Take in an entry of the journal; that a run stays where it is, or that an attempt begins, is no news."""
        match entry.kind:
            case EntryKind.STARTED:
                self._started(entry)
            case EntryKind.DECISION:
                self._decided(entry)
            case EntryKind.ATTEMPT:
                pass
            case _:
                self._acted(entry)

    def note_job(self, job: str, at: datetime, came_to: str, *, failed: bool = False, starts: bool = False) -> None:
        """Take in what came of a job of the schedule; in the time line stands what runs an agent, and what failed.

        Args:
            job: its name.
            at: the present moment.
            came_to: what came of it, as a sentence.
            failed: whether it failed.
            starts: whether it runs an agent.
        """
        self.jobs[job] += 1
        self.failed[job] += failed
        self.failed_at = at if failed else self.failed_at
        if failed or starts:
            record = {"at": instants.write(at), "kind": JOB, "job": job, "failed": failed, "says": came_to}
            self.records.append(record)

    def note_given(self, at: datetime, says: str) -> None:
        """Take in what the scenario brought.

        Args:
            at: the present moment.
            says: what it was, as a sentence.
        """
        self.records.append({"at": instants.write(at), "kind": GIVEN, "says": says})

    def summary(self) -> dict[str, Any]:
        """Return it in numbers."""
        kinds = Counter(record["kind"] for record in self.records)
        ended = [record for record in self.records if record["kind"] == MOVED and record["final"]]
        acted = Counter(record["comes_to"] for record in self.records if record["kind"] == ACTION)
        return {
            "started": kinds[STARTED],
            "moved": kinds[MOVED],
            "ended": dict(sorted(Counter(one["decides"] or one["to"] for one in ended).items())),
            "actions": dict(sorted(acted.items())),
        }

    def _started(self, entry: Entry) -> None:
        mode = self.runtime.host.modes.of(self._machine(entry.run))
        self._add(entry, STARTED, to=entry.body["decision"]["to"], mode=mode.value)

    def _decided(self, entry: Entry) -> None:
        decision = entry.body["decision"]
        if not decision["moved"]:
            return
        way = self._machine(entry.run)[decision["from"]].transitions[decision["taken"]]
        said = entry_record(entry)
        trigger = entry.body["trigger"]
        self._add(
            entry,
            MOVED,
            **{"from": decision["from"]},
            to=decision["to"],
            decides=decision["outcome"].upper() or None,
            final=decision["final"],
            trigger=" ".join(word for word in (trigger["kind"], trigger.get("name", "")) if word),
            rule=str(way.position),
            because=said["because"],
        )

    def _acted(self, entry: Entry) -> None:
        body = entry.body
        comes_to = _COMES_TO.get(entry.kind) or ("finished" if body["succeeded"] else "failed")
        self.failed_at = entry.at if comes_to in _BADLY else self.failed_at
        self._add(
            entry,
            ACTION,
            action=body["action"],
            arguments=body["arguments"],
            mode=_MODES.get(entry.kind, Mode.ENFORCE).value,
            comes_to=comes_to,
            says=body.get("message") or body.get("reason") or "",
        )

    def _add(self, entry: Entry, kind: str, **more: Any) -> None:
        run = self._run(entry.run)
        about = {"run": run.run, "agent": run.agent, "about": run.subject}
        self.records.append({"at": instants.write(entry.at), "kind": kind, **about, **more})

    def _run(self, name: str) -> Run:
        if name not in self._runs:
            self._runs[name] = self.runtime.get(name)
        return self._runs[name]

    def _machine(self, name: str) -> Machine:
        run = self._run(name)
        key = run.pins[f"Agent/{run.agent}"]
        if key not in self._machines:
            self._machines[key] = self.runtime.machine(run)
        return self._machines[key]
