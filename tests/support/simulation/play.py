"""One seed: some processes serve runs of drawn agents on one store, while chance kills, pauses and misleads them.

The engine is the real one, whole: `Server.run` with its turns, claims, leases, actions and draining. Only time, threads
and the database's troubles are simulated. The store is SQLite in memory, whose transactions come one after the other;
what a server does with transactions at the same time is for the crash tests and the storms.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import math
import random
import sqlite3
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from unittest import mock

import tenacity.nap
from sqlalchemy import Connection, event, select
from sqlalchemy.exc import DBAPIError, OperationalError

from iact.audit.keeping import KEPT_UP_EVERY
from iact.audit.sequencing import sequence
from iact.core.errors import EnvironmentProblemError
from iact.core.facts import Fact, FactSet
from iact.engine import runners, steps
from iact.engine.claims import Claim, ClaimLostError
from iact.engine.host import Host
from iact.engine.runners import Presence, Process, this_process
from iact.engine.runtime import Runtime
from iact.engine.serving import Pace, Server, Waiting
from iact.engine.tables import CLAIMS, RUNS, TRIGGERS
from iact.stores.connect import open_memory
from tests.support.simulation.agents import VARIETY, drawn_agent
from tests.support.simulation.schedule import Schedule, SimulatedPool, SimulatedProcess, Task, current_task
from tests.support.simulation.world import SimulatedWorld

PROJECT: Final = "simulated"
BEGIN: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
LEASE: Final = timedelta(seconds=6)
PACE: Final = Pace(
    runs=3,
    actions=2,
    look_every=timedelta(seconds=3),
    clear_up_every=timedelta(seconds=5),
    drain_within=timedelta(seconds=30),
)
CHAOS: Final = 90.0
"""Seconds, of the simulation, after which no more troubles come."""
LONGEST: Final = 3_600.0
"""Seconds after the last trouble within which everything must be done; most of it is pauses between tries."""
_FIRST_NUMBER: Final = 10_000_000
"""Process ids begin above those that a machine gives."""


@dataclass(frozen=True, slots=True)
class Played:
    """What a seed came to.

    Attributes:
        seed: which.
        violations: what must not have happened; none where all is well.
        troubles: how often each sort of trouble came.
        transactions: how many the store carried out.
        transitions: how many the runs made.
        stale: how often a process wanted to write under a claim that was not its own any more.
        recognised: how often a deed came again that was recognised by its key.
        trace: what happened, line by line.
    """

    seed: int
    violations: tuple[str, ...]
    troubles: dict[str, int]
    transactions: int
    transitions: int
    stale: int
    recognised: int
    trace: tuple[str, ...] = field(repr=False)

    @property
    def digest(self) -> str:
        """What two plays of one seed have in common."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()


class Play:
    """A seed that is being played."""

    def __init__(self, seed: int) -> None:
        """Set up the store and the world.

        Args:
            seed: everything is drawn from it.
        """
        self.seed = seed
        self.chance = random.Random(seed)  # noqa: S311 - a play that repeats, not a secret
        self.schedule = Schedule(self.chance)
        self.world = SimulatedWorld(self.schedule, self.chance, self.is_anothers, self.held_for)
        self.engine = open_memory()
        self.clock = SkewedClock(self.schedule)
        self.host = Host(
            engine=self.engine,
            project=PROJECT,
            clock=self.clock,
            services={"world": self.world},
            lease_clock=self.clock,
            monotonic=lambda: self.schedule.seconds,
        )
        self.runtime = Runtime(self.engine, project=PROJECT, clock=self.clock)
        self.processes: list[SimulatedProcess] = []
        self.servers: list[Server] = []
        self.restarts: list[float] = []
        self.runs: list[str] = []
        self.told: dict[str, str] = {}
        """The run that each event was told, by the event's number."""
        self.troubles: Counter[str] = Counter()
        self.transactions = 0
        self.held_at: dict[tuple[str, str], float] = {}
        """When a transaction last saw that a run was a process's own, in seconds, by the names of both."""
        self.away_until = 0.0
        """Until when the store answers nobody, in seconds."""
        self.clock_set_at = -math.inf
        self.stale = 0
        self.people_are_done = False

    # Processes --------------------------------------------------------------------------------------------------------

    def begin_process(self) -> None:
        """Start a process that serves."""
        number = len(self.processes)
        process = SimulatedProcess(f"process-{number}", _FIRST_NUMBER + number, is_near=self.chance.random() < 0.5)
        self.processes.append(process)
        presence = Presence(
            self.engine,
            PROJECT,
            clock=self.clock,
            lease=LEASE,
            renews=False,
            monotonic=lambda: self.schedule.seconds,
        )
        presence.name = f"runner-{number}"
        waiting = Waiting(
            monotonic=lambda: self.schedule.seconds,
            until=self.schedule.wait,
            pool=lambda _: SimulatedPool(self.schedule, process, self.pause_now_and_then),
        )
        server = Server(self.host, presence, pace=PACE, waiting=waiting)
        self.servers.append(server)
        stopped, renewed = threading.Event(), threading.Event()

        def serve() -> None:
            server.run()
            stopped.set()
            self.schedule.wait(renewed, LONGEST)
            self._persistently(presence.leave)

        def renew() -> None:
            failed = False
            while not self.schedule.wait(stopped, presence.pause_after_renewal(failed=failed).total_seconds()):
                failed = presence.has_joined and not presence.renew_if_possible()
            renewed.set()

        def keep_up() -> None:
            while not self.schedule.wait(stopped, KEPT_UP_EVERY):
                self._in_spite(partial(sequence, self.host))

        self.schedule.spawn(process, serve)
        self.schedule.spawn(process, renew)
        self.schedule.spawn(process, keep_up)
        self.schedule.note(process, f"begins {'near' if process.is_near else 'far'}")

    def _in_spite(self, do: Callable[[], object]) -> None:
        try:
            do()
        except (EnvironmentProblemError, DBAPIError):
            self.schedule.note(None, "the store did not answer")

    # People -----------------------------------------------------------------------------------------------------------

    def be_people(self) -> None:
        """Start runs and tell them things, some of them twice; what did not go through is done again."""
        for number in range(self.chance.randint(1, 3)):
            definition = drawn_agent(self.chance.randrange(VARIETY))
            thing = Fact(name="input.thing", value=self.chance.choice(("lamp", "lamp", "door")))
            start = partial(
                self.runtime.start,
                definition.name,
                definitions=[definition],
                subject=f"subject-{number}",
                inputs=FactSet.of([thing]),
                name=f"run-{number}",
            )
            self.runs.append(self._persistently(start))
            self.schedule.give_way(self.chance.choice((0.0, self.chance.uniform(0, 10))))
        for number in range(self.chance.randint(0, 5)):
            run, known = self.chance.choice(self.runs), Fact(name="event.number", value=str(number))
            tell = partial(self.runtime.tell, run, "poked", facts=FactSet.of([known]), key=f"poke-{number}")
            self.told[str(number)] = run
            news = [self._persistently(tell) for _ in range(self.chance.choice((1, 1, 2)))]
            if any(news[1:]):
                self.world.violations.append(f"event {number} was news twice")
            if self.chance.random() < 0.3:
                self._persistently(partial(self.runtime.look, run, key=f"look-{number}"))
            self.schedule.give_way(self.chance.uniform(0, 15))
        self.people_are_done = True

    def _persistently(self, do: Callable[[], Any]) -> Any:
        while True:
            try:
                return do()
            except (EnvironmentProblemError, DBAPIError):
                self.schedule.give_way(1.0)

    # Troubles ---------------------------------------------------------------------------------------------------------

    @property
    def is_troubled(self) -> bool:
        """Whether troubles may still come."""
        return self.schedule.seconds < CHAOS

    def trouble(self, what: str, share: float) -> bool:
        """Return whether a trouble comes now, and count it."""
        if not self.is_troubled or self.chance.random() >= share:
            return False
        self.troubles[what] += 1
        return True

    def raise_troubles(self) -> None:
        """Do something bad, or nothing, between two things that happen."""
        alive = [process for process in self.processes if process.alive]
        if alive and self.trouble("kill", 0.006):
            self._kill(self.chance.choice(alive))
        elif alive and self.trouble("pause", 0.012):
            self._pause(self.chance.choice(alive))
        elif alive and self.trouble("stop", 0.003):
            stopped = self.chance.randrange(len(self.servers))
            self.servers[stopped].stop()
            self.restarts.append(self.schedule.seconds + self.chance.uniform(0, 8))
            self.schedule.note(self.processes[stopped], "told to stop")
        elif self.trouble("outage", 0.002):
            self.away_until = self.schedule.seconds + LEASE.total_seconds() * self.chance.uniform(0.2, 3)
            self.schedule.note(None, f"the store is away until {self.away_until:.3f}")
        elif self.trouble("clock", 0.004):
            self.clock.skew += self.chance.uniform(-30, 30)
            self.clock_set_at = self.schedule.seconds
            self.schedule.note(None, f"the clock is {self.clock.skew:+.3f} s off")
        while self.restarts and min(self.restarts) <= self.schedule.seconds:
            self.restarts.remove(min(self.restarts))
            self.begin_process()

    def pause_now_and_then(self, process: SimulatedProcess) -> None:
        """Perhaps pause a process where it hurts most: after it noted an action, and before it makes it."""
        if self.trouble("pause", 0.02):
            self._pause(process)

    def _pause(self, process: SimulatedProcess) -> None:
        process.paused_until = self.schedule.seconds + LEASE.total_seconds() * self.chance.uniform(0.2, 3)
        self.schedule.note(process, f"paused until {process.paused_until:.3f}")

    def _kill(self, process: SimulatedProcess) -> None:
        self.restarts.append(self.schedule.seconds + self.chance.uniform(0, 2 * LEASE.total_seconds()))
        self.schedule.kill(process)

    def before_transaction(self) -> None:
        """Give way; then perhaps find that the store does not answer, or is slow."""
        task = current_task()
        if task is None:
            return
        self.schedule.give_way(self.chance.choice((0.0, 0.001, 0.02)))
        task.gave_way_since_look = False
        self.transactions += 1
        if self.schedule.seconds < self.away_until or self.trouble("no answer", 0.006):
            raise EnvironmentProblemError("the simulated store does not answer")
        if self.trouble("slow", 0.01):
            self.schedule.pass_time(self.chance.uniform(0, 1.5 * LEASE.total_seconds()))

    def within_transaction(self, statement: str) -> None:
        """Perhaps take a transaction back in its middle: by the database, or because its process is killed there."""
        task = current_task()
        if task is None or not task.process.alive or statement.startswith("PRAGMA"):
            return
        killed = task.process in self.processes and self.trouble("kill within", 0.0005)
        if killed:
            # The database takes it back; whoever would try it again is not there any more.
            self.restarts.append(self.schedule.seconds + self.chance.uniform(0, 2 * LEASE.total_seconds()))
            self.schedule.note(task.process, "killed within a transaction")
            task.process.alive = False
        if killed or self.trouble("busy", 0.002):
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise OperationalError(statement, None, error)

    # ------------------------------------------------------------------------------------------------------------------

    def accept(self, connection: Connection, claim: Claim) -> None:
        """Look, within the transaction that writes a step, whether the step is made under the claim that holds."""
        task = current_task()
        own = self.runner_of(task.process) if task else ""
        asked = select(CLAIMS.c.runner, CLAIMS.c.term).where(CLAIMS.c.project == PROJECT, CLAIMS.c.run == claim.run)
        holds = connection.execute(asked).one()
        self.held_at[claim.run, own] = self.schedule.seconds
        if (holds.runner, holds.term) != (own, claim.term):
            self.world.violations.append(
                f"a stale write was accepted: {own} wrote {claim.run} under term {claim.term}, while {holds.runner} "
                f"holds it under term {holds.term}"
            )

    def runner_of(self, process: SimulatedProcess) -> str:
        """Return in which name a process claims runs; empty for people."""
        return f"runner-{self.processes.index(process)}" if process in self.processes else ""

    def lost(self, run: str) -> None:
        """Note that a process may not write, since others have taken its run: they may where they waited for a lease.

        A process that runs renews its lease; a store that is away is away from the others as well. Only one that was
        paused, or a clock that was set, is a reason.
        """
        self.stale += 1
        task = current_task()
        own = self.runner_of(task.process) if task else ""
        held_at = self.held_at.get((run, own), -math.inf)
        # Who wakes may write before it has renewed: its claims are its own until somebody takes them.
        renewed_by = held_at - LEASE.total_seconds() / runners.RENEWALS
        if task is None or task.process.paused_until >= renewed_by:
            return
        if self.clock_set_at < held_at - 2 * LEASE.total_seconds():
            self.world.violations.append(f"{own} was taken for dead: others went on with {run} while it was at work")

    def held_for(self, run: str, process: SimulatedProcess) -> float:
        """Return how many seconds ago a transaction last saw that a run was a process's own."""
        return self.schedule.seconds - self.held_at.get((run, self.runner_of(process)), -math.inf)

    def is_anothers(self, run: str, process: SimulatedProcess) -> bool:
        """Return whether a run is claimed in another process's name, without a transaction in which others go on."""
        with closing(self.engine.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT runner FROM claims WHERE project = ? AND run = ?", (PROJECT, run))
            found = cursor.fetchone()
        return found is not None and found[0] not in {None, self.runner_of(process)}

    def go_on(self) -> None:
        """Let everything happen, until all is done or it has taken too long."""
        people = SimulatedProcess("people", _FIRST_NUMBER - 1)
        self.schedule.spawn(people, self.be_people)
        for _ in range(self.chance.randint(2, 3)):
            self.begin_process()
        steps_taken = 0
        while self.schedule.seconds < CHAOS + LONGEST:
            self.raise_troubles()
            if not self.schedule.step():
                # Nobody is there; the next process comes when it is started.
                self.schedule.pass_time(1.0)
            steps_taken += 1
            if self.is_done(steps_taken):
                break
        else:
            self.world.violations.append(f"after {self.schedule.seconds:.0f} s these runs go on: {self.going_on()}")
        self.stop_all()

    def is_done(self, steps_taken: int) -> bool:
        """Return whether nothing is left to do; looked at now and then."""
        if not self.people_are_done or steps_taken % 10:
            return False
        if not self.is_troubled and not any(process.alive for process in self.processes) and not self.restarts:
            self.begin_process()
        return not self.going_on() and not self.unheard()

    def going_on(self) -> list[str]:
        """Return the runs that have not ended and can end: those whose action was given up wait for a person."""
        with self.engine.connect() as connection:
            return list(connection.execute(select(RUNS.c.run).where(RUNS.c.active == 1)).scalars())

    def unheard(self) -> int:
        """Return how many things that runs were told nobody has decided upon."""
        with self.engine.connect() as connection:
            return len(connection.execute(select(TRIGGERS.c.number).where(TRIGGERS.c.handled_at.is_(None))).all())

    def stop_all(self) -> None:
        """Stop every process as SIGTERM does, and let them come to their ends."""
        self.schedule.note(None, "all are told to stop")
        for server in self.servers:
            server.stop()
        limit = self.schedule.seconds + LONGEST
        while self.schedule.step() and self.schedule.seconds < limit:
            pass
        if self.schedule.tasks:
            self.world.violations.append(f"{len(self.schedule.tasks)} threads did not end when told to stop")


class SkewedClock:
    """The database's clock: the time of the schedule, as wrong as somebody has set it."""

    def __init__(self, schedule: Schedule) -> None:
        """Begin with the right time.

        Args:
            schedule: in whose time everything happens.
        """
        self._schedule = schedule
        self.skew = 0.0

    def read(self, connection: Connection) -> datetime:  # noqa: ARG002 - the protocol's parameter
        """Return what the clock shows."""
        return BEGIN + timedelta(seconds=self._schedule.seconds + self.skew)


@contextmanager
def simulated(play: Play) -> Iterator[None]:
    """Let transactions, processes, pauses and the writing of steps be those of a play while the block lasts."""
    numbers = {process.number: process for process in play.processes}

    def born(number: int) -> str:
        numbers.update({process.number: process for process in play.processes})
        return str(number) if number in numbers and numbers[number].alive else ""

    def present_process() -> Process:
        task = current_task()
        assert isinstance(task, Task)
        here = this_process().machine
        machine = here if task.process.is_near else f"{here} elsewhere"
        return Process(machine, task.process.number, str(task.process.number))

    connect = play.engine.connect
    carry_out = steps._carry_out  # noqa: SLF001 - where a step is accepted

    def connected() -> Connection:
        play.before_transaction()
        return connect()

    def carried_out(connection: Connection, host: Host, page: Any, step: Any, **how: Any) -> Any:
        play.accept(connection, step.claim)
        return carry_out(connection, host, page, step, **how)

    class RefusedError(ClaimLostError):
        """Counts the writes that are refused since their claim was lost."""

        def __init__(self, run: str) -> None:
            play.lost(run)
            super().__init__(run)

    def execute(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        play.within_transaction(statement)

    pauses = SimpleNamespace(sleep=lambda _seconds: play.schedule.give_way(0.05))
    event.listen(play.engine, "before_cursor_execute", execute)
    with (
        mock.patch.object(play.engine, "connect", connected),
        mock.patch.object(runners, "this_process", present_process),
        mock.patch.object(runners, "_born", born),
        mock.patch.object(steps, "_carry_out", carried_out),
        mock.patch.object(tenacity.nap, "time", pauses),
        mock.patch.object(steps, "ClaimLostError", RefusedError),
    ):
        yield


def play(seed: int) -> Played:
    """Play a seed to its end and look at what it left.

    Args:
        seed: any whole number.
    """
    from tests.support.simulation.invariants import transitions, violations  # noqa: PLC0415 - it looks at a play

    playing = Play(seed)
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with simulated(playing):
            playing.go_on()
        found = [*playing.world.violations, *violations(playing)]
        return Played(
            seed=seed,
            violations=tuple(dict.fromkeys(found)),
            troubles=dict(sorted(playing.troubles.items())),
            transactions=playing.transactions,
            transitions=transitions(playing),
            stale=playing.stale,
            recognised=playing.world.recognised,
            trace=tuple(playing.schedule.trace),
        )
    finally:
        logging.disable(before)
        playing.engine.dispose()


def told(found: Played) -> str:
    """Return what is said of a seed that failed, with the command that plays it again."""
    again = f"play it again: .venv/bin/python -m tests.support.simulation.play --first {found.seed} --count 1 --trace"
    return "\n".join([f"seed {found.seed}:", *(f"  {what}" for what in found.violations), again])


def main() -> None:
    """Play seeds one after the other, say which fail, and write down what came of them; end with 1 if any failed."""
    options = argparse.ArgumentParser(description=main.__doc__)
    options.add_argument("--first", type=int, default=1, help="the first seed")
    options.add_argument("--count", type=int, default=10_000, help="how many")
    options.add_argument("--trace", action="store_true", help="show what happened")
    options.add_argument("--out", type=Path, help="file for what came of it")
    given = options.parse_args()
    sums: Counter[str] = Counter()
    failed: list[int] = []
    for seed in range(given.first, given.first + given.count):
        found = play(seed)
        sums.update(found.troubles)
        sums.update(transactions=found.transactions, transitions=found.transitions, refused=found.stale)
        if given.trace:
            print("\n".join(found.trace))  # noqa: T201 - a tool for the terminal
        if found.violations:
            failed.append(seed)
            print(told(found), flush=True)  # noqa: T201 - as above
    if given.out:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
        counted = dict(sorted(sums.items()))
        record = {"commit": commit, "first": given.first, "seeds": given.count, "failed": failed, "counted": counted}
        given.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
