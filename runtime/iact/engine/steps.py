"""One step of a run: facts in, decision out, and everything that follows from it in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError

from iact.core.canonical import canonical
from iact.core.machine import Decision, Machine, Trigger, TriggerKind, decide, needs
from iact.engine import store
from iact.engine.clocks import TransactionClock, present
from iact.engine.context import FactContext
from iact.engine.journal import EntryKind, append
from iact.engine.observe import observe
from iact.stores.connect import reading, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection, Engine

    from iact.core.facts import FactSet
    from iact.engine.definitions import Definition
    from iact.engine.store import Run


class RunMovedError(Exception):
    """Somebody else moved the run between reading and writing; read again and decide again."""


def step(  # noqa: PLR0913 - a step's ingredients, each named by the caller
    engine: Engine,
    *,
    project: str,
    run: Run,
    machine: Machine,
    trigger: Trigger,
    definitions: Mapping[str, Definition],
    services: Mapping[str, Any],
    clock: TransactionClock,
    settle: Callable[[Connection, datetime], None],
) -> Decision:
    """Decide one trigger and carry out, in one transaction, all that follows inside the store.

    Args:
        engine: the store.
        project: the project that every key starts with.
        run: the run as it was read.
        machine: its compiled definition.
        trigger: why it is asked.
        definitions: what it pinned.
        services: what the host supplies.
        clock: where the present moment comes from.
        settle: marks the trigger as decided upon, in the same transaction.

    Raises:
        RunMovedError: if the run is no longer as it was read, or what it wants to hold has just been taken.
    """
    facts = _resolve(engine, project, run, machine, trigger, definitions, services, clock)
    try:
        with writing(engine) as connection:
            now = present(connection, project, clock)
            decision = decide(machine, run.standing, trigger, facts, now)
            settle(connection, now)
            append(
                connection,
                project=project,
                run=run.run,
                kind=EntryKind.DECISION,
                at=now,
                body={
                    "trigger": trigger.to_record(),
                    "brought": trigger.facts.to_record(),
                    "facts": facts.to_record(),
                    "decision": decision.to_record(),
                },
            )
            move(connection, project, run, decision, now)
    except IntegrityError as error:
        raise RunMovedError(str(error.orig)) from error
    return decision


def move(connection: Connection, project: str, run: Run, decision: Decision, now: datetime) -> None:
    """Write what a decision changes: the run, its timers, its holds, its actions, and the trigger of its new state.

    Raises:
        RunMovedError: if the run is no longer as it was read.
    """
    if not decision.moved:
        _touch(connection, project, run)
        return
    after = decision.after
    changed = store.MOVE_RUN.run(
        connection,
        b_project=project,
        b_run=run.run,
        seen=run.version,
        state=after.state,
        visit=after.visit,
        entered_at=after.entered_at,
        remembered=store.facts_to_bytes(after.remembered),
        outcome=decision.outcome or run.outcome,
        active=None if decision.final else 1,
        ended_at=now if decision.final else None,
    )
    _expect_one(changed.rowcount, run)
    store.DROP_TIMERS.run(connection, project=project, run=run.run)
    store.GIVE_BACK_HOLDS.run(connection, project=project, run=run.run)
    enter(connection, project, run.run, decision, now)


def enter(connection: Connection, project: str, run: str, decision: Decision, now: datetime) -> None:
    """Write what comes with a state that was just entered."""
    visit = decision.after.visit
    store.TAKE_HOLDS.run_many(
        connection,
        [{"project": project, "name": name, "run": run, "held_since": now} for name in decision.holds],
    )
    store.SET_TIMERS.run_many(
        connection,
        [
            {
                "project": project,
                "run": run,
                "visit": visit,
                "transition": timer.transition,
                "due_at": timer.due_at,
            }
            for timer in decision.timers
        ],
    )
    store.DECIDE_INTENTS.run_many(
        connection,
        [
            {
                "project": project,
                "key": f"{run}/{visit}/{place}",
                "run": run,
                "visit": visit,
                "action": intent.action,
                "arguments": canonical(dict(intent.arguments)),
                "status": store.DECIDED,
                "attempts": 0,
                "decided_at": now,
                "settled_at": None,
            }
            for place, intent in enumerate(decision.intents)
        ],
    )
    if not decision.final:
        store.tell(
            connection,
            project=project,
            run=run,
            key=f"entered/{visit}",
            trigger=Trigger.entered(),
            now=now,
            visit=visit,
        )


def _touch(connection: Connection, project: str, run: Run) -> None:
    """Make sure that the run which stays is the one that was judged."""
    row = store.RUN.one(connection, project=project, run=run.run)
    _expect_one(int(row is not None and row["version"] == run.version), run)


def _expect_one(changed: int, run: Run) -> None:
    if changed != 1:
        raise RunMovedError(run.run)


def _resolve(  # noqa: PLR0913, PLR0917 - private; the same ingredients as `step`
    engine: Engine,
    project: str,
    run: Run,
    machine: Machine,
    trigger: Trigger,
    definitions: Mapping[str, Definition],
    services: Mapping[str, Any],
    clock: TransactionClock,
) -> FactSet:
    requests = needs(machine, run.standing, trigger)
    with reading(engine) as connection:
        context = FactContext(
            connection=connection,
            project=project,
            run=run.run,
            subject=run.subject,
            now=present(connection, project, clock),
            inputs=run.inputs,
            remembered=run.remembered,
            definitions=definitions,
            services=services,
        )
        return observe(requests, context)


def is_stale(trigger: Trigger, visit: int, run: Run) -> bool:
    """Return whether a trigger is about a state that the run has left; `visit` 0 is about the run as a whole."""
    return visit not in {0, run.visit} or (trigger.kind is TriggerKind.ENTERED and visit != run.visit)
