"""The engine's queries: runs, what they were told, the times they wait for, and the actions they decided."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BindParameter, bindparam, delete, func, insert, select, update

from iact.core.canonical import canonical
from iact.core.facts import FactSet, fact_from_record
from iact.core.machine import RunState, Trigger, TriggerKind
from iact.engine.tables import HOLDS, INTENTS, RUNS, TIMERS, TRIGGERS, of_run
from iact.stores.changing import change_rows
from iact.stores.query import EVERYTHING, query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection, RowMapping

    from iact.core.machine import Decision

DECIDED: Final = "decided"
WORKING: Final = "working"
STARTED: Final = "started"
"""What releases before claims called `working`: whose it is, the lock that they hold meanwhile says."""
DONE: Final = "done"
FAILED: Final = "failed"
REVIEW: Final = "review"
DEAD: Final = "dead"
OBSERVED: Final = "observed"
"""It was not done: the rule only observes."""
PROPOSED: Final = "proposed"
"""It waits for a person who approves it."""
REJECTED: Final = "rejected"

RUN: Final = query("One run.", select(RUNS).where(of_run(RUNS)))
ACTIVE_RUN: Final = query(
    "The run of an agent on a subject that has not ended.",
    select(RUNS).where(
        RUNS.c.project == bindparam("project"),
        RUNS.c.agent == bindparam("agent"),
        RUNS.c.subject == bindparam("subject"),
        RUNS.c.active == 1,
    ),
)
ACTIVE_RUNS: Final = query(
    "The runs of an agent that have not ended, newest first.",
    select(RUNS)
    .where(RUNS.c.project == bindparam("project"), RUNS.c.active == 1, RUNS.c.agent == bindparam("agent"))
    .order_by(RUNS.c.started_at.desc(), RUNS.c.run),
)
LAST_RUN: Final = query(
    "The newest run of an agent on a subject.",
    select(RUNS)
    .where(
        RUNS.c.project == bindparam("project"),
        RUNS.c.agent == bindparam("agent"),
        RUNS.c.subject == bindparam("subject"),
    )
    .order_by(RUNS.c.started_at.desc(), RUNS.c.run)
    .limit(1),
)
GOING_ON: Final = query(
    "Runs that have not ended, newest first.",
    select(RUNS)
    .where(RUNS.c.project == bindparam("project"), RUNS.c.active == 1)
    .order_by(RUNS.c.started_at.desc(), RUNS.c.run)
    .limit(bindparam("most")),
)
PINS_GOING_ON: Final = query(
    "What each run that has not ended has pinned.",
    select(RUNS.c.run, RUNS.c.pins).where(RUNS.c.project == bindparam("project"), RUNS.c.active == 1),
    whole="all runs that go on, when a person revokes a definition",
)
NEWEST_OF_AGENT: Final = query(
    "The newest runs of an agent.",
    select(RUNS)
    .where(RUNS.c.project == bindparam("project"), RUNS.c.agent == bindparam("agent"))
    .order_by(RUNS.c.started_at.desc(), RUNS.c.run.desc())
    .limit(bindparam("most")),
)
ENDED_LATELY: Final = query(
    "Runs that have ended, the latest first.",
    select(RUNS)
    .where(RUNS.c.project == bindparam("project"), RUNS.c.ended_at.is_not(None))
    .order_by(RUNS.c.ended_at.desc(), RUNS.c.run.desc())
    .limit(bindparam("most")),
)
NAMED: Final = query(
    "Runs whose names lie between two.",
    select(RUNS)
    .where(RUNS.c.project == bindparam("project"), RUNS.c.run >= bindparam("run"), RUNS.c.run <= bindparam("last"))
    .order_by(RUNS.c.run)
    .limit(2),
)
ALL_RUNS: Final = query(
    "Every run of a project, newest first.",
    select(RUNS).where(RUNS.c.project == bindparam("project")).order_by(RUNS.c.started_at.desc(), RUNS.c.run),
    whole=EVERYTHING,
)
INSERT_RUN: Final = query("Start a run.", insert(RUNS))

TELL: Final = query("Tell a run something.", insert(TRIGGERS))
TOLD: Final = query(
    "Whether a run was told this before.",
    select(TRIGGERS.c.number).where(
        of_run(TRIGGERS),
        TRIGGERS.c.key == bindparam("key"),
    ),
)

SET_TIMERS: Final = query("Wait for these times.", insert(TIMERS))
NEXT_TIMER: Final = query(
    "The next time that any run of a project waits for and that has not come.",
    select(func.min(TIMERS.c.due_at).label("due_at")).where(
        TIMERS.c.project == bindparam("project"), TIMERS.c.due_at > bindparam("now")
    ),
)
NEXT_DUE: Final = query(
    "The next time that a run waits for.",
    select(func.min(TIMERS.c.due_at).label("due_at")).where(of_run(TIMERS)),
)

DECIDE_INTENTS: Final = query("Note actions that were decided.", insert(INTENTS))

TAKE_HOLDS: Final = query("Take what only one run may hold.", insert(HOLDS))
HOLDER: Final = query(
    "Which run holds a name.",
    select(HOLDS.c.run).where(HOLDS.c.project == bindparam("project"), HOLDS.c.name == bindparam("name")),
)


_RUNS: Final[BindParameter[str]] = bindparam("runs", expanding=True)
RUNS_BY_NAME: Final = query(
    "Runs by their names.", select(RUNS).where(RUNS.c.project == bindparam("project"), RUNS.c.run.in_(_RUNS))
)
LOCKED_RUNS: Final = query(
    "How often each of these runs was changed; they stay so until the transaction ends.",
    select(RUNS.c.run, RUNS.c.version)
    .where(RUNS.c.project == bindparam("project"), RUNS.c.run.in_(_RUNS))
    .with_for_update(),
)
MOVE_RUNS: Final = query(
    "Change a run.",
    update(RUNS)
    .where(RUNS.c.project == bindparam("b_project"), RUNS.c.run == bindparam("b_run"))
    .values(
        state=bindparam("state"),
        visit=bindparam("visit"),
        entered_at=bindparam("entered_at"),
        remembered=bindparam("remembered"),
        outcome=bindparam("outcome"),
        active=bindparam("active"),
        ended_at=bindparam("ended_at"),
        version=RUNS.c.version + 1,
    ),
)
_OLDEST: Final = (
    select(func.min(TRIGGERS.c.number).label("number"))
    .where(TRIGGERS.c.project == bindparam("project"), TRIGGERS.c.run.in_(_RUNS), TRIGGERS.c.handled_at.is_(None))
    .group_by(TRIGGERS.c.run)
    .subquery()
)
OLDEST_TRIGGERS: Final = query(
    "The oldest thing that each of these runs was told and has not decided upon.",
    select(TRIGGERS).join(_OLDEST, TRIGGERS.c.number == _OLDEST.c.number),
)
HANDLE_TRIGGERS: Final = query(
    "Mark things as decided upon.",
    update(TRIGGERS)
    .where(TRIGGERS.c.number.in_(bindparam("numbers", expanding=True)))
    .values(handled_at=bindparam("now")),
)
DUE_TIMERS: Final = query(
    "The times of these runs that have come, longest waited for first.",
    select(TIMERS)
    .where(TIMERS.c.project == bindparam("project"), TIMERS.c.run.in_(_RUNS), TIMERS.c.due_at <= bindparam("now"))
    .order_by(TIMERS.c.due_at, TIMERS.c.transition),
)
DROP_TIMERS: Final = query(
    "Forget the times that runs wait for.",
    delete(TIMERS).where(TIMERS.c.project == bindparam("project"), TIMERS.c.run.in_(_RUNS)),
)
DROP_TIMER: Final = query(
    "A time has come and was decided upon.",
    delete(TIMERS).where(
        of_run(TIMERS), TIMERS.c.visit == bindparam("visit"), TIMERS.c.transition == bindparam("transition")
    ),
)
REVIVE: Final = query(
    "Let actions that were given up be attempted again.",
    update(INTENTS)
    .where(INTENTS.c.project == bindparam("b_project"), INTENTS.c.run == bindparam("b_run"), INTENTS.c.status == DEAD)
    .values(status=DECIDED, settled_at=None, due_at=None, attempts=0),
)
OPEN_INTENTS: Final = query(
    "The actions of these runs that are not settled, oldest first.",
    select(INTENTS)
    .where(
        INTENTS.c.project == bindparam("project"),
        INTENTS.c.run.in_(_RUNS),
        INTENTS.c.status.in_([DECIDED, WORKING, STARTED]),
    )
    .order_by(INTENTS.c.decided_at, INTENTS.c.key),
)
PROPOSED_BY_RUN: Final = query(
    "The actions that a run has proposed in one visit of a state, and that nobody has answered; they are locked.",
    select(INTENTS)
    .where(of_run(INTENTS), INTENTS.c.visit == bindparam("visit"), INTENTS.c.status == PROPOSED)
    .with_for_update(),
)
MARK_INTENTS: Final = query(
    "Say what has become of an action.",
    update(INTENTS)
    .where(INTENTS.c.project == bindparam("b_project"), INTENTS.c.key == bindparam("b_key"))
    .values(
        status=bindparam("status"),
        attempts=bindparam("attempts"),
        settled_at=bindparam("settled_at"),
        due_at=bindparam("due_at"),
    ),
)
GIVE_BACK_HOLDS: Final = query(
    "Give back what runs hold.",
    delete(HOLDS).where(HOLDS.c.project == bindparam("project"), HOLDS.c.run.in_(_RUNS)),
)


def move_runs(connection: Connection, project: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Change runs that the transaction has locked, and whose versions it has seen.

    Args:
        connection: in that transaction.
        project: theirs.
        rows: for each its `run`, and all that `MOVE_RUNS` changes.
    """
    if len(rows) == 1:
        ((run, cells),) = ((row["run"], {name: row[name] for name in row if name != "run"}) for row in rows)
        MOVE_RUNS.run(connection, b_project=project, b_run=run, **cells)
    else:
        change_rows(connection, RUNS, within={"project": project}, by="run", rows=rows, counting="version")


def mark_intents(connection: Connection, project: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Say what has become of actions.

    Args:
        connection: in a transaction.
        project: theirs.
        rows: for each its `key`, and all that `MARK_INTENTS` changes.
    """
    if len(rows) == 1:
        ((key, cells),) = ((row["key"], {name: row[name] for name in row if name != "key"}) for row in rows)
        MARK_INTENTS.run(connection, b_project=project, b_key=key, **cells)
    else:
        change_rows(connection, INTENTS, within={"project": project}, by="key", rows=rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Where one run of an agent stands.

    Attributes:
        run: its identifier.
        agent: name of the agent.
        subject: what it is about, such as a repository.
        definition: digest of the agent's definition that it started under.
        pins: where each definition that it may use is stored, by `Kind/name`.
        standing: where the state machine stands, with what it knows.
        version: how often it was changed; a change names the version it saw.
        outcome: what the last named decision meant, in lower case; empty before the first.
        started_at: when it started, UTC.
        ended_at: when it ended; None while it goes on.
        next_due: the next time it waits for; None when it waits for none.
    """

    run: str
    agent: str
    subject: str
    definition: str
    pins: Mapping[str, str]
    standing: RunState
    version: int
    outcome: str
    started_at: datetime
    ended_at: datetime | None
    next_due: datetime | None = None

    def after(self, decision: Decision) -> Run:
        """Return the run as it stands once a decision that moves it is written."""
        now = decision.after.entered_at
        return replace(
            self,
            standing=decision.after,
            version=self.version + 1,
            outcome=decision.outcome or self.outcome,
            ended_at=now if decision.final else None,
            next_due=None,
        )

    @property
    def stands(self) -> str:
        """Its state, and what its last named decision meant, for people."""
        return f"{self.state} ({self.outcome})" if self.outcome else self.state

    @property
    def active(self) -> bool:
        """Whether it goes on."""
        return self.ended_at is None

    @property
    def state(self) -> str:
        """The name of the state it is in."""
        return self.standing.state

    @property
    def visit(self) -> int:
        """How many states it has entered, this one included."""
        return self.standing.visit

    @property
    def entered_at(self) -> datetime:
        """When it entered its state, UTC."""
        return self.standing.entered_at

    @property
    def remembered(self) -> FactSet:
        """The facts that it carries on with."""
        return self.standing.remembered

    @property
    def inputs(self) -> FactSet:
        """What it was started with, as facts named `input.…`."""
        return self.standing.inputs


def read_run(connection: Connection, project: str, run: str) -> Run:
    """Return a run.

    Raises:
        LookupError: if there is none of that name.
    """
    row = RUN.one(connection, project=project, run=run)
    if row is None:
        message = f"there is no run {run}"
        raise LookupError(message)
    return run_of(connection, project, row)


def run_of(connection: Connection, project: str, row: RowMapping) -> Run:
    """Return a row of `runs` as a run, with the next time that it waits for."""
    due = NEXT_DUE.one(connection, project=project, run=row["run"])
    return run_as_read(row, due["due_at"] if due else None)


def run_as_read(row: RowMapping, next_due: datetime | None = None) -> Run:
    """Return a row of `runs` as a run.

    Args:
        row: the row.
        next_due: the next time that it waits for, where somebody wants to know it.
    """
    return Run(
        run=row["run"],
        agent=row["agent"],
        subject=row["subject"],
        definition=row["definition"],
        pins=json.loads(row["pins"]),
        standing=RunState(
            state=row["state"],
            visit=row["visit"],
            entered_at=row["entered_at"],
            inputs=facts_from_bytes(row["inputs"]),
            remembered=facts_from_bytes(row["remembered"]),
        ),
        version=row["version"],
        outcome=row["outcome"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        next_due=next_due,
    )


def facts_to_bytes(facts: FactSet) -> bytes:
    """Return facts as canonical bytes."""
    return canonical(facts.to_record())


def facts_from_bytes(content: bytes) -> FactSet:
    """Return the facts that `facts_to_bytes` wrote."""
    return FactSet.of(fact_from_record(record) for record in json.loads(content))


@dataclass(frozen=True, slots=True)
class Told:
    """Something that a run was told.

    Attributes:
        number: its row.
        trigger: what it was told.
        visit: the visit that it is about; 0 when it is about the run as a whole. One about an earlier visit is stale.
    """

    number: int
    trigger: Trigger
    visit: int


def trigger_to_bytes(trigger: Trigger, visit: int) -> bytes:
    """Return a trigger as canonical bytes."""
    return canonical(trigger.to_record() | {"facts": trigger.facts.to_record(), "visit": visit})


def told_from_row(row: Any) -> Told:
    """Return what a row of `triggers` says."""
    record = json.loads(row["body"])
    facts = FactSet.of(fact_from_record(fact) for fact in record["facts"])
    trigger = Trigger(
        TriggerKind(record["kind"]),
        name=record.get("name", ""),
        transition=record.get("transition", -1),
        facts=facts,
    )
    return Told(row["number"], trigger, record["visit"])


def trigger_row(  # noqa: PLR0913 - a message has this many parts, each named by the caller
    *, project: str, run: str, key: str, trigger: Trigger, visit: int, now: datetime, handled: bool = False
) -> dict[str, Any]:
    """Return the row of something that a run is told; `handled` is one that is decided upon in the same transaction."""
    return {
        "project": project,
        "run": run,
        "key": key,
        "body": trigger_to_bytes(trigger, visit),
        "arrived_at": now,
        "handled_at": now if handled else None,
    }


def is_told(connection: Connection, project: str, run: str, key: str) -> bool:
    """Return whether a run was told something by this key before."""
    return TOLD.one(connection, project=project, run=run, key=key) is not None


def tell(  # noqa: PLR0913 - a message has this many parts, each named by the caller
    connection: Connection,
    *,
    project: str,
    run: str,
    key: str,
    trigger: Trigger,
    now: datetime,
    visit: int = 0,
) -> bool:
    """Tell a run something, once; return False when it was told the same (by `key`) before."""
    if is_told(connection, project, run, key):
        return False
    TELL.run(connection, **trigger_row(project=project, run=run, key=key, trigger=trigger, visit=visit, now=now))
    return True
