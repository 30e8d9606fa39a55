"""Running agents: start a run, tell it what happened, and let it go on until it has to wait.

Everything a run knows is in the store. A process may be killed anywhere; whoever calls `advance` next goes on from the
last transaction that was committed.
"""

from __future__ import annotations

import uuid
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sqlalchemy.exc import IntegrityError

from iact.core.canonical import canonical
from iact.core.errors import ConfigurationError
from iact.core.evaluator import begin
from iact.core.facts import EMPTY, FactSet
from iact.core.machine import Machine, Trigger
from iact.engine import definitions as definition_store
from iact.engine import effects, journal, store
from iact.engine.clocks import DatabaseClock, TransactionClock
from iact.engine.context import ActionContext, FactContext
from iact.engine.host import Host
from iact.engine.journal import EntryKind, append
from iact.engine.model import compile_agent
from iact.engine.steps import RunMovedError, enter, is_stale, step
from iact.engine.store import Run
from iact.stores.lock import exclusive, exclusive_row
from iact.stores.servers import is_server
from iact.stores.units import read, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection, Engine, RowMapping

    from iact.engine.definitions import Definition
    from iact.engine.journal import Entry

__all__ = ["ActionContext", "FactContext", "Run", "Runtime"]

STEPS_AT_ONCE: Final = 1_000
"""How many steps one `advance` takes at most: a machine that goes in circles is stopped, not followed for ever."""


Settle: TypeAlias = "Callable[[Connection, datetime], None]"


class EndlessRunError(ConfigurationError):
    """A run took more steps in one go than any sound agent does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What a run can do now, as of one moment of the store; the first of these that is there comes first."""

    run: Run
    pinned: Mapping[str, Definition]
    intent: RowMapping | None
    told: RowMapping | None
    due: RowMapping | None


class Runtime:
    """The agents of one project on one store."""

    def __init__(
        self,
        engine: Engine,
        *,
        project: str,
        clock: TransactionClock | None = None,
        services: Mapping[str, Any] | None = None,
    ) -> None:
        """Prepare to run agents.

        Args:
            engine: the store, as `iact.stores.connect` opens it.
            project: name of the project; every key starts with it.
            clock: where the present moment comes from; the database by default.
            services: what the host supplies to fact sources and actions, such as the folder of the project.
        """
        self.host = Host(engine=engine, project=project, clock=clock or DatabaseClock(), services=services or {})
        self.engine = engine
        self.project = project
        self._machines: dict[str, Machine] = {}

    def now(self) -> datetime:
        """Return the present moment, never before the journal's newest entry."""
        return read(self.engine, self.host.now)

    def start(
        self, agent: str, *, definitions: Iterable[Definition], subject: str, inputs: FactSet = EMPTY, name: str = ""
    ) -> str:
        """Start a run of `agent` about `subject`, unless one is going on; return the run's identifier.

        Args:
            agent: name of the agent; its definition is among `definitions`.
            definitions: everything that the run may use; it keeps these, whatever becomes of the files.
            subject: what it is about, such as a repository.
            inputs: what it is started with, as facts named `input.…`.
            name: the new run's identifier; by default one that no other run ever has.

        Raises:
            LookupError: if the agent's definition is not among `definitions`.
        """
        pinned = tuple(definitions)
        own = next((d for d in pinned if d.kind == "Agent" and d.name == agent), None)
        if own is None:
            message = f"there is no agent named {agent} among the definitions"
            raise LookupError(message)
        machine = compile_agent(own.tree, name=own.name, digest=own.digest)
        run = name or f"run-{uuid.uuid4()}"
        try:
            return write(self.engine, lambda connection: self._start(connection, machine, pinned, subject, inputs, run))
        except IntegrityError:
            # Another process started the same run between our look and our write; theirs is the one.
            active = self.active(agent, subject)
            if active is None:
                raise
            return active.run

    def active(self, agent: str, subject: str) -> Run | None:
        """Return the run of `agent` about `subject` that is going on, or None."""

        def look(connection: Connection) -> Run | None:
            row = store.ACTIVE_RUN.one(connection, project=self.project, agent=agent, subject=subject)
            return store.run_of(connection, self.project, row) if row else None

        return read(self.engine, look)

    def get(self, run: str) -> Run:
        """Return a run.

        Raises:
            LookupError: if there is none of that name.
        """
        return read(self.engine, lambda connection: store.read_run(connection, self.project, run))

    def active_runs(self, agent: str) -> list[Run]:
        """Return the runs of `agent` that go on, newest first."""

        def look(connection: Connection) -> list[Run]:
            rows = list(store.ACTIVE_RUNS.rows(connection, project=self.project, agent=agent))
            return [store.run_of(connection, self.project, row) for row in rows]

        return read(self.engine, look)

    def last(self, agent: str, subject: str) -> Run | None:
        """Return the newest run of `agent` about `subject`, or None."""

        def look(connection: Connection) -> Run | None:
            row = store.LAST_RUN.one(connection, project=self.project, agent=agent, subject=subject)
            return store.run_of(connection, self.project, row) if row else None

        return read(self.engine, look)

    def runs(self) -> list[Run]:
        """Return all runs of the project, newest first."""

        def look(connection: Connection) -> list[Run]:
            rows = list(store.ALL_RUNS.rows(connection, project=self.project))
            return [store.run_of(connection, self.project, row) for row in rows]

        return read(self.engine, look)

    def journal(self, run: str) -> list[Entry]:
        """Return a run's journal, oldest entry first."""
        return read(self.engine, lambda connection: list(journal.entries(connection, self.project, run)))

    def holder(self, name: str) -> str | None:
        """Return the run that holds a name which only one run at a time may hold, or None."""
        row = read(self.engine, lambda connection: store.HOLDER.one(connection, project=self.project, name=name))
        return row["run"] if row else None

    def tell(self, run: str, event: str, *, facts: FactSet = EMPTY, key: str) -> bool:
        """Tell a run that something happened; durable once this returns.

        Args:
            run: which run.
            event: the event's name, as the agent's `event:` says it.
            facts: what came along with it.
            key: the same thing told twice has the same key, and is told once.

        Returns:
            Whether it was news.
        """
        return self._tell(run, Trigger.event(event, facts), f"event/{key}")

    def look(self, run: str, *, key: str) -> bool:
        """Ask a run to look at the facts again; the same `key` twice is one look."""
        return self._tell(run, Trigger.looked(), f"look/{key}")

    def advance(self, run: str) -> Run:
        """Do everything that a run can do now, until it waits or has ended.

        Safe at any time and from any process: what another one has done in between is seen and not repeated.

        Raises:
            LookupError: if there is no such run.
            EndlessRunError: if it goes in circles.
        """
        with self._alone():
            for _ in range(STEPS_AT_ONCE):
                if not self._advance_once(run):
                    return self.get(run)
        message = (
            f"run {run} took {STEPS_AT_ONCE} steps without waiting, so its states lead back to each other. Let one of "
            "them wait for an event or a time; a new run follows the mended rules."
        )
        raise EndlessRunError(message)

    def tick(self) -> tuple[Run, ...]:
        """Advance every run that has something to do now."""

        def look(connection: Connection) -> list[str]:
            now = self.host.now(connection)
            return [row["run"] for row in store.RUNS_WITH_WORK.rows(connection, project=self.project, now=now)]

        return tuple(self.advance(run) for run in sorted(read(self.engine, look)))

    def _start(  # noqa: PLR0913, PLR0917 - private; what a new run is made of
        self,
        connection: Connection,
        machine: Machine,
        pinned: tuple[Definition, ...],
        subject: str,
        inputs: FactSet,
        run: str,
    ) -> str:
        row = store.ACTIVE_RUN.one(connection, project=self.project, agent=machine.name, subject=subject)
        if row is not None:
            found: str = row["run"]
            return found
        now = self.host.now(connection)
        pins = definition_store.pins_of(pinned)
        definition_store.store(connection, self.project, pinned, now)
        decision = begin(machine, inputs, now)
        store.INSERT_RUN.run(
            connection,
            project=self.project,
            run=run,
            agent=machine.name,
            definition=machine.digest,
            pins=canonical(pins),
            subject=subject,
            active=None if decision.final else 1,
            state=decision.after.state,
            visit=decision.after.visit,
            version=1,
            outcome="",
            inputs=store.facts_to_bytes(inputs),
            remembered=store.facts_to_bytes(EMPTY),
            started_at=now,
            entered_at=now,
            ended_at=now if decision.final else None,
        )
        append(
            connection,
            project=self.project,
            run=run,
            kind=EntryKind.STARTED,
            at=now,
            body={
                "agent": machine.name,
                "definition": machine.digest,
                "pins": pins,
                "subject": subject,
                "inputs": inputs.to_record(),
                "decision": decision.to_record(),
            },
        )
        enter(connection, self.project, run, machine, decision, now)
        return run

    def _tell(self, run: str, trigger: Trigger, key: str) -> bool:
        def tell(connection: Connection) -> bool:
            store.read_run(connection, self.project, run)
            now = self.host.now(connection)
            return store.tell(connection, project=self.project, run=run, key=key, trigger=trigger, now=now)

        return write(self.engine, tell)

    def _alone(self) -> AbstractContextManager[None]:
        """Hold the store's lock, so that an action without a receipt is known to be nobody's any more."""
        if is_server(self.engine):
            return exclusive_row(self.engine, self.project)
        file = self.engine.url.database
        return exclusive(Path(f"{file}.lock")) if file else nullcontext()

    def _advance_once(self, name: str) -> bool:
        """Do one thing; return whether there was one."""

        def look(connection: Connection) -> _Work:
            run = store.read_run(connection, self.project, name)
            return _Work(
                run=run,
                pinned=definition_store.load(connection, self.project, run.pins),
                intent=store.NEXT_INTENT.one(connection, project=self.project, run=name),
                told=store.NEXT_TRIGGER.one(connection, project=self.project, run=name),
                due=store.DUE_TIMER.one(connection, project=self.project, run=name, now=self.host.now(connection)),
            )

        work = read(self.engine, look)
        run, pinned = work.run, work.pinned
        if work.intent is not None:
            effects.settle(self.host, run, work.intent, pinned)
            return True
        if work.told is not None:
            self._handle(run, pinned, store.told_from_row(work.told))
            return True
        if work.due is not None:
            self._time_has_come(run, pinned, work.due["visit"], work.due["transition"])
            return True
        return False

    def _handle(self, run: Run, pinned: Mapping[str, Definition], told: store.Told) -> None:
        def settle(connection: Connection, now: datetime) -> None:
            store.HANDLE_TRIGGER.run(connection, b_number=told.number, now=now)

        if not run.active or is_stale(told.trigger, told.visit, run):
            write(self.engine, lambda connection: settle(connection, self.host.now(connection)))
            return
        self._step(run, pinned, told.trigger, settle)

    def _time_has_come(self, run: Run, pinned: Mapping[str, Definition], visit: int, transition: int) -> None:
        def settle(connection: Connection, now: datetime) -> None:  # noqa: ARG001 - the timer needs no moment
            store.DROP_TIMER.run(connection, project=self.project, run=run.run, visit=visit, transition=transition)

        self._step(run, pinned, Trigger.timer(transition), settle)

    def _machine(self, run: Run, pinned: Mapping[str, Definition]) -> Machine:
        """Return the run's own definition, compiled; runs that pinned the same one share it."""
        own = pinned[f"Agent/{run.agent}"]
        key = run.pins[own.pin]
        if key not in self._machines:
            self._machines[key] = compile_agent(own.tree, name=own.name, digest=own.digest)
        return self._machines[key]

    def _step(self, run: Run, pinned: Mapping[str, Definition], trigger: Trigger, settle: Settle) -> None:
        try:
            step(self.host, run, self._machine(run, pinned), trigger, definitions=pinned, settle=settle)
        except RunMovedError:
            # The next turn of `advance` reads the run anew and decides anew.
            return
