"""One step of a run: facts in, decision out, and everything that follows from it in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from iact.core.canonical import canonical
from iact.core.evaluator import decide, holder_fact, needs
from iact.core.facts import Fact, FactRequest, FactSet
from iact.core.machine import Decision, Machine, Trigger, TriggerKind
from iact.engine import store
from iact.engine.context import FactContext
from iact.engine.journal import EntryKind, append
from iact.engine.observe import observe
from iact.stores.units import read, write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from iact.engine.definitions import Definition
    from iact.engine.host import Host
    from iact.engine.store import Run


class RunMovedError(Exception):
    """Somebody else moved the run between reading and writing; read again and decide again."""


def step(  # noqa: PLR0913 - a step's ingredients, each named by the caller
    host: Host,
    run: Run,
    machine: Machine,
    trigger: Trigger,
    *,
    definitions: Mapping[str, Definition],
    settle: Callable[[Connection, datetime], None],
) -> Decision:
    """Decide one trigger and carry out, in one transaction, all that follows inside the store.

    Args:
        host: where the run lives.
        run: the run as it was read.
        machine: its compiled definition.
        trigger: why it is asked.
        definitions: what it pinned.
        settle: marks the trigger as decided upon, in the same transaction.

    Raises:
        RunMovedError: if the run is no longer as it was read, or what it wants to hold has just been taken.
    """
    facts = _resolve(host, run, needs(machine, run.standing, trigger), definitions)

    def carry_out(connection: Connection) -> Decision:
        now = host.now(connection)
        known = facts
        decision = decide(machine, run.standing, trigger, known, now)
        taken = _held_by_others(connection, host.project, run, decision)
        if len(taken):
            known = facts.joined(taken)
            decision = decide(machine, run.standing, trigger, known, now)
        settle(connection, now)
        _write_down(connection, host.project, run, trigger, known, decision, now)
        _move(connection, host.project, run, machine, decision, now)
        return decision

    try:
        return write(host.engine, carry_out)
    except IntegrityError as error:
        raise RunMovedError(str(error.orig)) from error


def enter(  # noqa: PLR0913, PLR0917 - one transaction's ingredients, from the widest to the narrowest
    connection: Connection,
    project: str,
    run: str,
    machine: Machine,
    decision: Decision,
    now: datetime,
) -> None:
    """Write what comes with a state that was just entered: its holds, its times, its actions, its first trigger."""
    visit = decision.after.visit
    own = {"project": project, "run": run}
    store.TAKE_HOLDS.run_many(connection, [{**own, "name": name, "held_since": now} for name in decision.holds])
    store.SET_TIMERS.run_many(
        connection,
        [{**own, "visit": visit, "transition": timer.transition, "due_at": timer.due_at} for timer in decision.timers],
    )
    store.DECIDE_INTENTS.run_many(
        connection,
        [
            {
                **own,
                "key": f"{run}/{visit}/{place}",
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
    if machine[decision.after.state].moves_at_once:
        key = f"entered/{visit}"
        store.tell(connection, **own, key=key, trigger=Trigger.entered(), now=now, visit=visit)


def is_stale(trigger: Trigger, visit: int, run: Run) -> bool:
    """Return whether a trigger is about a state that the run has left; `visit` 0 is about the run as a whole."""
    return visit not in {0, run.visit} or (trigger.kind is TriggerKind.ENTERED and visit != run.visit)


def _resolve(
    host: Host,
    run: Run,
    requests: tuple[FactRequest, ...],
    definitions: Mapping[str, Definition],
) -> FactSet:
    def look(connection: Connection) -> FactSet:
        context = FactContext(
            connection=connection,
            project=host.project,
            run=run.run,
            subject=run.subject,
            now=host.now(connection),
            inputs=run.inputs,
            remembered=run.remembered,
            definitions=definitions,
            services=host.services,
        )
        return observe(requests, context)

    return read(host.engine, look)


def _write_down(  # noqa: PLR0913, PLR0917 - one transaction's ingredients, from the widest to the narrowest
    connection: Connection,
    project: str,
    run: Run,
    trigger: Trigger,
    facts: FactSet,
    decision: Decision,
    now: datetime,
) -> None:
    body = {
        "trigger": trigger.to_record(),
        "brought": trigger.facts.to_record(),
        "facts": facts.to_record(),
        "decision": decision.to_record(),
    }
    append(connection, project=project, run=run.run, kind=EntryKind.DECISION, at=now, body=body)


def _move(  # noqa: PLR0913, PLR0917 - one transaction's ingredients, from the widest to the narrowest
    connection: Connection,
    project: str,
    run: Run,
    machine: Machine,
    decision: Decision,
    now: datetime,
) -> None:
    """Write what a decision changes, if the run still is as it was judged."""
    if not decision.moved:
        row = store.RUN.one(connection, project=project, run=run.run)
        _expect_one(int(row is not None and row["version"] == run.version), run)
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
    enter(connection, project, run.run, machine, decision, now)


def _held_by_others(connection: Connection, project: str, run: Run, decision: Decision) -> FactSet:
    """Return, as facts, which other runs hold what `decision` wants to hold."""
    rows = ((hold, store.HOLDER.one(connection, project=project, name=hold)) for hold in decision.holds)
    return FactSet.of(
        Fact(name=holder_fact(hold), value=row["run"], source="engine")
        for hold, row in rows
        if row is not None and row["run"] != run.run
    )


def _expect_one(changed: int, run: Run) -> None:
    if changed != 1:
        raise RunMovedError(run.run)
