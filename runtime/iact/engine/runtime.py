"""Running agents: start a run, tell it what happened, and let it go on until it has to wait.

Everything a run knows is in the store. A process may be killed anywhere; whoever calls `advance` next goes on from the
last transaction that was committed.
"""

from __future__ import annotations

import logging
import time
import uuid
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NoReturn

from iact.core.canonical import canonical
from iact.core.commitments import disclosed
from iact.core.errors import IactError
from iact.core.evaluator import begin
from iact.core.facts import EMPTY, FactSet
from iact.core.machine import Machine, Mode, Trigger
from iact.engine import claims, journal, persons, proposals, store
from iact.engine import definitions as definition_store
from iact.engine.claims import FIRST_CLAIM, ClaimLostError
from iact.engine.clocks import DatabaseClock, TransactionClock
from iact.engine.context import ActionContext, FactContext
from iact.engine.host import Host
from iact.engine.model import compile_agent
from iact.engine.modes import ModesInForce
from iact.engine.outside import WORLD, Outside
from iact.engine.page import Page
from iact.engine.persons import Persons
from iact.engine.revocations import check_not_revoked
from iact.engine.runners import IDLE_FOR, LEASE, RENEWALS, Presence
from iact.engine.store import Run
from iact.engine.worker import EndlessRunError, StumbledError, Worker
from iact.stores.idling import limited
from iact.stores.servers import is_server
from iact.stores.units import read, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime, timedelta

    from sqlalchemy.engine import Connection, Engine

    from iact.engine.attempts import Attempt, Settled
    from iact.engine.claims import Claim
    from iact.engine.definitions import Definition
    from iact.engine.journal import Entry
    from iact.engine.proposals import Answer
    from iact.stores.query import Query

__all__ = ["ActionContext", "EndlessRunError", "FactContext", "Run", "Runtime", "StumbledError"]

_LOGGER: Final = logging.getLogger(__name__)

RUNS_AT_ONCE: Final = 64
"""How many runs are looked for at once."""
_LAST_LETTER: Final = "~"
"""Later than every letter that names of runs have."""
LOOKED_AGAIN_AFTER: Final = 0.1
"""Seconds between two looks at a run that another process advances."""


class Runtime:
    """The agents of one project on one store."""

    def __init__(  # noqa: PLR0913 - what all runs of a project share, each named by the caller
        self,
        engine: Engine,
        *,
        project: str,
        clock: TransactionClock | None = None,
        services: Mapping[str, Any] | None = None,
        modes: Mapping[str, Mode] | None = None,
        outside: Outside = WORLD,
    ) -> None:
        """Prepare to run agents.

        Args:
            engine: the store, as `iact.stores.connect` opens it.
            project: name of the project; every key starts with it.
            clock: where the present moment comes from; the database by default.
            services: what the host supplies to fact sources and actions, such as the folder of the project.
            modes: the mode of each agent in the rules now in force, by name.
            outside: where facts come from and actions go.
        """
        self.host = Host(
            engine=limited(engine, LEASE * IDLE_FOR),
            project=project,
            clock=clock or DatabaseClock(),
            services=services or {},
            modes=ModesInForce(modes),
            outside=outside,
        )
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

        Who starts a run of a name again, such as a process that was frozen while it did so, is given that run, even
        where it has ended meanwhile.

        Args:
            agent: name of the agent; its definition is among `definitions`.
            definitions: everything that the run may use; it keeps these, whatever becomes of the files.
            subject: what it is about, such as a repository.
            inputs: what it is started with, as facts named `input.…`.
            name: the new run's identifier; by default one that no other run ever has.

        Raises:
            LookupError: if the agent's definition is not among `definitions`.
            RevokedError: if one of them is revoked.
        """
        pinned = tuple(definitions)
        own = next((d for d in pinned if d.kind == "Agent" and d.name == agent), None)
        if own is None:
            message = f"there is no agent named {agent} among the definitions"
            raise LookupError(message)
        machine = compile_agent(own.tree, name=own.name, digest=own.digest)
        run = name or f"run-{uuid.uuid4()}"

        def begin_it(connection: Connection) -> str:
            if name and store.RUN.one(connection, project=self.project, run=name) is not None:
                return name
            return self._start(connection, machine, pinned, subject, inputs, run)

        # Another process may start the same between our look and our write; theirs is the one.
        return write(self.host.engine, begin_it, meets_others=True)

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
        return self._found(store.ACTIVE_RUNS, agent=agent)

    def going_on(self, most: int) -> list[Run]:
        """Return the runs that go on, newest first, so many of them at most."""
        return self._found(store.GOING_ON, most=most)

    def recent(self, most: int) -> list[Run]:
        """Return the runs that go on, then those that have ended, the newest of both first; so many of them at most."""
        return [*self.going_on(most), *self._found(store.ENDED_LATELY, most=most)][:most]

    def newest_of(self, agent: str, most: int) -> list[Run]:
        """Return the newest runs of an agent, so many of them at most."""
        return self._found(store.NEWEST_OF_AGENT, agent=agent, most=most)

    def named(self, beginning: str) -> list[Run]:
        """Return the first two runs, by name, whose names begin so."""
        return self._found(store.NAMED, run=beginning, last=beginning + _LAST_LETTER)

    def last(self, agent: str, subject: str) -> Run | None:
        """Return the newest run of `agent` about `subject`, or None."""

        def look(connection: Connection) -> Run | None:
            row = store.LAST_RUN.one(connection, project=self.project, agent=agent, subject=subject)
            return store.run_of(connection, self.project, row) if row else None

        return read(self.engine, look)

    def runs(self) -> list[Run]:
        """Return all runs of the project, newest first."""
        return self._found(store.ALL_RUNS)

    def _found(self, asked: Query, **parameters: Any) -> list[Run]:
        def look(connection: Connection) -> list[Run]:
            rows = list(asked.rows(connection, project=self.project, **parameters))
            return [store.run_of(connection, self.project, row) for row in rows]

        return read(self.engine, look)

    def journal(self, run: str) -> list[Entry]:
        """Return a run's journal, oldest entry first."""
        return read(self.engine, lambda connection: list(journal.entries(connection, self.project, run)))

    def pseudonym(self, name: str) -> str:
        """Return what stands for a person in journals; durable once this returns.

        Raises:
            ConfigurationError: if the name is longer than any.
        """

        def written(connection: Connection) -> str:
            return Persons(connection, self.project, self.host.now(connection)).pseudonym(name)

        return write(self.host.engine, written, meets_others=True)

    def journal_in_words(self, run: str) -> list[Entry]:
        """Return a run's journal to show, oldest entry first: with the words of people in their places."""

        def shown(connection: Connection) -> list[Entry]:
            found = list(journal.entries(connection, self.project, run))
            words = persons.words_of(connection, self.project, [entry.body for entry in found])
            return [replace(entry, body=disclosed(entry.body, words)) for entry in found]

        return read(self.engine, shown)

    def with_words(self, record: Any) -> Any:
        """Return JSON data to show: with the words of people in the place of what stands for them in journals."""
        return read(self.engine, lambda connection: persons.with_words(connection, self.project, record))

    def machine(self, run: Run) -> Machine:
        """Return the definition that a run started under, compiled.

        Raises:
            LookupError: if the store has lost it.
        """
        own = self.definition(run)
        return compile_agent(own.tree, name=own.name, digest=own.digest)

    def definition(self, run: Run) -> Definition:
        """Return the definition that a run started under.

        Raises:
            LookupError: if the store has lost it.
        """
        pin = f"Agent/{run.agent}"
        pinned = {pin: run.pins[pin]}
        return read(self.engine, lambda connection: definition_store.load(connection, self.project, pinned)[pin])

    def pinned(self, run: Run) -> dict[str, str]:
        """Return the digest of each definition that a run started under, by what it is: `Agent/deploy`.

        Raises:
            LookupError: if the store has lost one.
        """

        def look(connection: Connection) -> dict[str, str]:
            found = definition_store.load(connection, self.project, run.pins)
            return {pin: definition.digest for pin, definition in sorted(found.items())}

        return read(self.engine, look)

    def holder(self, name: str) -> str | None:
        """Return the run that holds a name which only one run at a time may hold, or None."""
        row = read(self.engine, lambda connection: store.HOLDER.one(connection, project=self.project, name=name))
        return row["run"] if row else None

    def tell(self, run: str, event: str, *, facts: FactSet | Callable[[Persons], FactSet] = EMPTY, key: str) -> bool:
        """Tell a run that something happened; durable once this returns.

        Args:
            run: which run.
            event: the event's name, as the agent's `event:` says it.
            facts: what came along with it; where people said it, what makes the facts of it, asked only for news.
            key: the same thing told twice has the same key, and is told once.

        Returns:
            Whether it was news.
        """
        return self._tell(run, event, facts, f"event/{key}")

    def look(self, run: str, *, key: str) -> bool:
        """Ask a run to look at the facts again; the same `key` twice is one look."""
        return self._tell(run, "", EMPTY, f"look/{key}")

    def advance(self, run: str) -> Run:
        """Do everything that a run can do now, until it waits or has ended.

        Safe at any time and from any process: one that another process advances is waited for, and what was done in
        between is seen and not repeated.

        Raises:
            LookupError: if there is no such run.
            EndlessRunError: if it goes in circles.
            StumbledError: if it cannot go on; it is tried again later, or waits for a person.
        """
        self.get(run)
        with self.present() as presence:
            try:
                self._go_on(presence, run)
            except StumbledError as stumbled:
                if isinstance(stumbled.__cause__, IactError):
                    raise stumbled.__cause__ from None
                raise
        return self.get(run)

    def answer(self, run: str, answer: Answer) -> tuple[str, ...]:
        """Say yes or no to what a run has proposed; durable once this returns. Return the names of the actions.

        Raises:
            LookupError: if there is no such run, or it has proposed nothing that is open.
        """
        self.get(run)
        with self.present() as presence:
            while True:
                try:
                    return proposals.give(self.host, presence.name, self._claimed(presence, run), answer)
                except ClaimLostError:
                    continue

    def retry(self, run: str) -> Run:
        """Let a run go on that waits for a person: it is advanced now, and an action given up is attempted anew.

        Raises:
            LookupError: if there is no such run.
        """
        own = {"b_project": self.project, "b_run": run}
        write(self.host.engine, lambda connection: store.REVIVE.run(connection, **own).rowcount)
        return self.advance(run)

    def tick(
        self, stumbled: Callable[[StumbledError], object] = _LOGGER.warning, *, lease: timedelta = LEASE
    ) -> tuple[Run, ...]:
        """Advance every run that has something to do now and that no other process advances.

        One that cannot go on keeps no other: it is tried again later, or waits for a person; `stumbled` hears of it.

        Args:
            stumbled: takes why a run could not go on; where it is left out, that is logged.
            lease: how long others wait for this process when it is silent, and it for them.
        """
        advanced: dict[str, None] = {}
        with self.present(lease) as presence:
            while found := self._free_with_work(presence):
                for claim in found:
                    try:
                        self._go_on(presence, claim.run, claim)
                    except StumbledError as error:
                        stumbled(error)
                    else:
                        advanced[claim.run] = None
        return tuple(self.get(run) for run in sorted(advanced))

    @contextmanager
    def present(self, lease: timedelta = LEASE) -> Iterator[Presence]:
        """Be one of those that advance runs, for as long as the block lasts.

        Args:
            lease: how long others wait for this process when it is silent.

        Raises:
            ConfigurationError: if the lease is too short.
        """
        shared = is_server(self.engine) or bool(self.engine.url.database)
        presence = Presence(
            self.engine,
            self.project,
            clock=self.host.lease_clock,
            lease=lease,
            renews=shared,
            monotonic=self.host.monotonic,
        )
        try:
            yield presence
        finally:
            presence.leave()

    def _free_with_work(self, presence: Presence) -> list[Claim]:
        """Claim some of the runs that can go on and that nobody advances.

        Where all that is left belongs to a process that is silent, this one stays until it has watched for a lease
        whether that comes back: a command that is called once a minute would else never go on with any of it.
        """
        gives_up_at: float | None = None
        while True:
            found = claims.take(self.host, presence, claims.with_work(self.host, presence, RUNS_AT_ONCE))
            if found or not claims.with_work(self.host, presence, 1, counts_silent=False):
                return found
            if gives_up_at is None:
                presence.appear()
                seconds = presence.lease.total_seconds()
                gives_up_at = self.host.monotonic() + seconds * (1 + 1 / RENEWALS)
                _LOGGER.warning(
                    "a process that advances runs has not been heard of; waiting up to %.0f s whether it comes back",
                    seconds,
                )
            elif self.host.monotonic() >= gives_up_at:
                return []
            time.sleep(LOOKED_AGAIN_AFTER)

    def _go_on(self, presence: Presence, run: str, claim: Claim | None = None) -> None:
        """Advance one run as far as it can go; it is free again when this process has left."""
        worker = Worker(self.host, presence, self._machines)
        waiting = [claim or self._claimed(presence, run)]
        ended: list[Settled | Attempt] = []
        while waiting or ended:
            turn = worker.turn(waiting, ended)
            for failed in turn.failed:
                self._stumble(presence, run, failed.error)
            waiting = list(turn.again) or [self._claimed(presence, lost.run) for lost in turn.lost]
            try:
                ended = [worker.make(attempt) for attempt in turn.attempts]
            except ClaimLostError:
                waiting, ended = [self._claimed(presence, run)], []
            except Exception as error:  # noqa: BLE001 - whatever the check of an action raises
                self._stumble(presence, run, error)

    def _stumble(self, presence: Presence, run: str, error: BaseException) -> NoReturn:
        """Write down that a run cannot go on, and say so."""
        parked = claims.stumble(self.host, presence.name, run, error)
        raise StumbledError(run, error, parked=parked) from error

    def _claimed(self, presence: Presence, run: str) -> Claim:
        """Claim a run that a person asked for; wait for whoever advances it, and say so."""
        told = False
        while not (found := claims.take(self.host, presence, [run], by_name=True)):
            if not told:
                _LOGGER.warning("another iact process advances run %s; waiting until it is done", run)
                told = True
            time.sleep(LOOKED_AGAIN_AFTER)
        return found[0]

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
        check_not_revoked(connection, self.project, pinned)
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
        page = Page(connection, self.project, [run], now)
        page.start(
            run,
            {
                "agent": machine.name,
                "definition": machine.digest,
                "pins": pins,
                "subject": subject,
                "inputs": inputs.to_record(),
                "decision": decision.to_record(),
            },
        )
        page.enter(run, machine, decision, self.host.modes.of(machine))
        page.flush()
        FIRST_CLAIM.run(connection, **claims.unclaimed(self.project, run))
        return run

    def _tell(self, run: str, event: str, facts: FactSet | Callable[[Persons], FactSet], key: str) -> bool:
        def tell(connection: Connection) -> bool:
            store.read_run(connection, self.project, run)
            if store.is_told(connection, self.project, run, key):
                return False
            now = self.host.now(connection)
            brought = facts if isinstance(facts, FactSet) else facts(Persons(connection, self.project, now))
            trigger = Trigger.event(event, brought) if event else Trigger.looked()
            return store.tell(connection, project=self.project, run=run, key=key, trigger=trigger, now=now)

        return write(self.host.engine, tell, meets_others=not isinstance(facts, FactSet))
