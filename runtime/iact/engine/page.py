"""What one transaction writes for many runs, table by table: a hundred steps cost as many statements as one.

Every change belongs to a run whose claim the transaction has looked at. Nothing is sent before `flush`, except where a
later decision has to see it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from iact.core.canonical import canonical
from iact.core.facts import Fact, FactSet
from iact.core.machine import Mode, Trigger
from iact.engine import store
from iact.engine.journal import EntryKind, Writer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from iact.core.machine import Decision, Intent, Machine
    from iact.engine.attempts import Attempt
    from iact.engine.store import Run

NOT_DONE: Final = "not done: the rule only observes"
"""What a run that observes hears of its actions."""
_STATUS: Final = {Mode.OBSERVE: store.OBSERVED, Mode.PROPOSE: store.PROPOSED, Mode.ENFORCE: store.DECIDED}


class Page:
    """One transaction's changes of the runs of a project."""

    def __init__(self, connection: Connection, project: str, runs: Iterable[str], now: datetime) -> None:
        """Begin an empty page.

        Args:
            connection: in a transaction.
            project: whose runs.
            runs: those that may be changed.
            now: the transaction's moment.
        """
        self._connection, self._project, self._now = connection, project, now
        self._journal = Writer(connection, project, runs)
        self._clear()

    @property
    def now(self) -> datetime:
        """The transaction's moment."""
        return self._now

    def _clear(self) -> None:
        self._moved: list[dict[str, Any]] = []
        self._left: list[str] = []
        self._holds: list[dict[str, Any]] = []
        self._timers: list[dict[str, Any]] = []
        self._dropped: list[dict[str, Any]] = []
        self._intents: dict[str, dict[str, Any]] = {}
        self._marks: list[dict[str, Any]] = []
        self._told: list[dict[str, Any]] = []
        self._handled: list[int] = []

    def tell(self, run: str, key: str, trigger: Trigger, *, visit: int = 0, handled: bool = False) -> None:
        """Tell a run something that it certainly was not told before."""
        self._told.append(
            store.trigger_row(
                project=self._project, run=run, key=key, trigger=trigger, visit=visit, now=self._now, handled=handled
            )
        )

    def handle(self, number: int) -> None:
        """Mark something that a run was told as decided upon."""
        self._handled.append(number)

    def drop_timer(self, run: str, visit: int, transition: int) -> None:
        """Forget a time that has come."""
        self._dropped.append({"project": self._project, "run": run, "visit": visit, "transition": transition})

    def start(self, run: str, body: Mapping[str, Any]) -> None:
        """Write the start of a run into its journal."""
        self._journal.append(run, EntryKind.STARTED, self._now, body)

    def write_down(self, run: str, trigger: Trigger, facts: FactSet, decision: Decision) -> None:
        """Write a decision, with everything that it was made from, into the journal."""
        body = {
            "trigger": trigger.to_record(),
            "brought": trigger.facts.to_record(),
            "facts": facts.to_record(),
            "decision": decision.to_record(),
        }
        self._journal.append(run, EntryKind.DECISION, self._now, body)

    def move(self, run: Run, machine: Machine, decision: Decision, mode: Mode) -> None:
        """Put a run where a decision leads it; `mode` says what becomes of the actions that come with it."""
        after = decision.after
        self._moved.append(
            {
                "run": run.run,
                "state": after.state,
                "visit": after.visit,
                "entered_at": after.entered_at,
                "remembered": store.facts_to_bytes(after.remembered),
                "outcome": decision.outcome or run.outcome,
                "active": None if decision.final else 1,
                "ended_at": self._now if decision.final else None,
            }
        )
        if machine[run.state].leaves_something:
            self._left.append(run.run)
        self.enter(run.run, machine, decision, mode)

    def enter(self, run: str, machine: Machine, decision: Decision, mode: Mode) -> None:
        """Write what comes with a state that was just entered: its holds, times and actions, and its first trigger."""
        visit = decision.after.visit
        own = {"project": self._project, "run": run}
        self._holds += [{**own, "name": name, "held_since": self._now} for name in decision.holds]
        self._timers += [
            {**own, "visit": visit, "transition": timer.transition, "due_at": timer.due_at} for timer in decision.timers
        ]
        for place, intent in enumerate(decision.intents):
            key = f"{run}/{visit}/{place}"
            self._intents[key] = {
                **own,
                "key": key,
                "visit": visit,
                "action": intent.action,
                "arguments": canonical(dict(intent.arguments)),
                "status": _STATUS[mode],
                "attempts": 0,
                "decided_at": self._now,
                "settled_at": self._now if mode is Mode.OBSERVE else None,
                "due_at": None,
            }
            if mode is not Mode.ENFORCE:
                self._hold_back(run, key, intent, mode, visit)
        if machine[decision.after.state].moves_at_once:
            self.tell(run, f"entered/{visit}", Trigger.entered(), visit=visit)

    def _hold_back(self, run: str, key: str, intent: Intent, mode: Mode, visit: int) -> None:
        """Write down that an action is not done, or not yet; a run that only observes goes on as if it had been."""
        about = {"key": key, "action": intent.action, "arguments": dict(intent.arguments)}
        if mode is Mode.PROPOSE:
            self._journal.append(run, EntryKind.PROPOSED, self._now, about)
            return
        self._journal.append(run, EntryKind.OBSERVED, self._now, about)
        message = Fact(name="receipt.message", value=NOT_DONE, observed_at=self._now, source="engine")
        self.tell(run, f"observed/{key}", Trigger.event("finished", FactSet.of([message])), visit=visit)

    def mark(
        self,
        attempt: Attempt,
        status: str,
        *,
        settled_at: datetime | None = None,
        due_at: datetime | None = None,
    ) -> None:
        """Say what has become of an action."""
        said = {"status": status, "attempts": attempt.number, "settled_at": settled_at, "due_at": due_at}
        if attempt.key in self._intents:
            self._intents[attempt.key] |= said
        else:
            self._marks.append({"key": attempt.key, **said})

    def note(self, attempt: Attempt, kind: EntryKind, body: Mapping[str, Any]) -> None:
        """Write what happens to an action into the journal of its run."""
        about = {"key": attempt.key, "action": attempt.action, "arguments": attempt.arguments}
        self._journal.append(attempt.run.run, kind, self._now, about | dict(body))

    def flush(self) -> None:
        """Send everything, what a state leaves behind before what the next one brings."""
        connection, project = self._connection, self._project
        store.move_runs(connection, project, self._moved)
        if self._left:
            store.DROP_TIMERS.run(connection, project=project, runs=self._left)
            store.GIVE_BACK_HOLDS.run(connection, project=project, runs=self._left)
        store.DROP_TIMER.run_many(connection, [one for one in self._dropped if one["run"] not in self._left])
        store.TAKE_HOLDS.run_many(connection, self._holds)
        store.SET_TIMERS.run_many(connection, self._timers)
        store.DECIDE_INTENTS.run_many(connection, list(self._intents.values()))
        store.mark_intents(connection, project, self._marks)
        store.TELL.run_many(connection, self._told)
        if self._handled:
            store.HANDLE_TRIGGERS.run(connection, numbers=self._handled, now=self._now)
        self._journal.flush()
        self._clear()
