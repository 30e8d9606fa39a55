"""Who is at work on a store: every process that advances runs, and until when the others leave it its claims.

A runner has a name that is new at every start, so that a process that comes back never takes itself for the one before.
It promises to be back before its lease ends and renews it in between. One whose lease has ended is taken for dead, and
so is one of this machine whose process is gone: its claims are free at once.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from iact.core.errors import ConfigurationError, EnvironmentProblemError
from iact.engine.tables import RUNNERS
from iact.stores.idling import limited
from iact.stores.query import query
from iact.stores.units import read, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from sqlalchemy.engine import Connection, Engine, RowMapping

    from iact.engine.clocks import TransactionClock

_LOGGER: Final = logging.getLogger(__name__)
Result = TypeVar("Result")

LEASE: Final = timedelta(seconds=30)
"""How long a runner may be silent before others take what it has claimed."""
IDLE_FOR: Final = 0.5
"""For what part of a lease a transaction of the engine may stand still before its server takes it back: what a frozen
process has locked is free before its claims are."""
HOLDS_FOR: Final = timedelta(seconds=0.1)
"""For how long after a claim was seen to hold an attempt is begun without another look.

Others take it only after a lease without renewal, which is many times as long; and no look, however late, is at the
very moment of the deed.
"""
SHORTEST_LEASE: Final = 10 * HOLDS_FOR
"""What is left of a shorter lease, once it is renewed late, says nothing about the moment of a deed."""
RENEWALS: Final = 3
"""How often a lease is renewed before it would end, so that one slow transaction costs nothing."""

WORKING: Final = "working"
DRAINING: Final = "draining"

_OWN: Final = (RUNNERS.c.project == bindparam("b_project"), RUNNERS.c.runner == bindparam("b_runner"))
JOIN: Final = query("Say that this process advances runs from now on.", insert(RUNNERS))
RENEW: Final = query(
    "Promise to be back later than was promised before.",
    update(RUNNERS).where(*_OWN).values(lease_until=bindparam("until"), standing=bindparam("standing")),
)
LEAVE: Final = query("Say that this process advances no runs any more.", delete(RUNNERS).where(*_OWN))
ALL_RUNNERS: Final = query(
    "Every process that advances runs of a project.",
    select(RUNNERS).where(RUNNERS.c.project == bindparam("project")).order_by(RUNNERS.c.started_at, RUNNERS.c.runner),
    whole="as many rows as there are processes",
)


@dataclass(frozen=True, slots=True)
class Process:
    """A process, so that another one of the same machine can tell whether it still lives.

    Attributes:
        machine: name, boot and process space of its machine.
        number: its process id there.
        born: when it was started, in ticks since the boot; a number is given again to another process.
    """

    machine: str
    number: int
    born: str

    @property
    def is_gone(self) -> bool:
        """Whether it certainly has ended: only a process of this machine can be known to have."""
        return self.machine == _machine() and _born(self.number) != self.born


def this_process() -> Process:
    """Return the process that asks."""
    number = os.getpid()
    return Process(_machine(), number, _born(number))


@lru_cache(maxsize=1)
def _machine() -> str:
    parts = [socket.gethostname()]
    for path in (Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")):
        try:
            parts.append(str(path.readlink()) if path.is_symlink() else path.read_text(encoding="ascii").strip())
        except OSError:
            # Without these two a process of this machine is never known to be gone, and its lease decides.
            parts.append(str(uuid.uuid4()))
    return " ".join(parts)[:255]


def _born(number: int) -> str:
    """Return when a process of this machine was started; empty where there is none of that number, or only its remains.

    Source: proc_pid_stat(5): field 3 is the state, field 22 the start time; field 2 is a name that may hold brackets.
    """
    try:
        fields = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in {"Z", "X"} else fields[19]


class Presence:
    """This process among the runners of a project, for as long as the block lasts.

    Its row is written with the first claim, or when it appears, and renewed by a thread of its own, since a step or an
    action may take longer than a lease.
    """

    def __init__(
        self, engine: Engine, project: str, *, clock: TransactionClock, lease: timedelta = LEASE, renews: bool = True
    ) -> None:
        """Prepare to join.

        Args:
            engine: the store.
            project: whose runs are advanced.
            clock: the time that leases are measured in: the real one, even where runs live in another.
            lease: how long others wait for this process.
            renews: whether a thread renews the lease; not in a store that no other process can see.

        Raises:
            ConfigurationError: if the lease is so short that others may take a claim while its action begins.
        """
        if lease < SHORTEST_LEASE:
            message = (
                f"a lease of {lease.total_seconds():g} s is too short: expected {SHORTEST_LEASE.total_seconds():g} s "
                f"or more. An action is begun up to {HOLDS_FOR.total_seconds():g} s after its run was seen to be this "
                "process's own, and others must not take it meanwhile."
            )
            raise ConfigurationError(message)
        self.engine = limited(engine, lease * IDLE_FOR)
        self.project, self.clock, self.lease = project, clock, lease
        self.name = f"runner-{uuid.uuid4().hex}"
        self.standing = WORKING
        self._renews = renews
        self._joined = self._abandoned = False
        self._left = threading.Event()
        self._thread: threading.Thread | None = None

    def join(self, connection: Connection, now: datetime) -> None:
        """Write this process down among the runners, in the transaction of its first claim.

        Args:
            connection: in a transaction.
            now: the real time.
        """
        process = this_process()
        JOIN.run(
            connection,
            project=self.project,
            runner=self.name,
            machine=process.machine,
            process=process.number,
            born=process.born,
            version=metadata.version("iact"),
            standing=self.standing,
            started_at=now,
            lease_until=now + self.lease,
        )

    def claim(self, work: Callable[[Connection, datetime], Result]) -> Result:
        """Carry out a unit of work that claims something in this process's name; the first one writes it down as well.

        Args:
            work: does it, given the transaction and the real time. Another process may add the same in the same moment;
                then it is carried out once more.

        Returns:
            What `work` returned.
        """

        def unit(connection: Connection) -> Result:
            now = self.clock.read(connection)
            if not self._joined:
                self.join(connection, now)
            return work(connection, now)

        done = write(self.engine, unit, meets_others=True)
        if not self._joined:
            self._note_joined()
        return done

    @property
    def has_joined(self) -> bool:
        """Whether this process is written down among the runners, and so has something to renew."""
        return self._joined

    def _note_joined(self) -> None:
        """Note that the transaction of `join` was committed, and begin to renew."""
        self._joined = True
        if self._renews and self._thread is None:
            self._thread = threading.Thread(target=self._keep_renewing, name="iact-lease", daemon=True)
            self._thread.start()

    def appear(self) -> None:
        """Write this process down now, before it has claimed anything: whoever asks who serves is told.

        Raises:
            EnvironmentProblemError: if the store does not answer; then the first claim writes it down.
        """
        if not self._joined:
            self.claim(lambda _connection, _now: None)

    def abandon(self) -> None:
        """Go without giving claims back, since what was begun under them may still be under way.

        Others have them once this process has ended where they can tell, and else once its lease has run out.
        """
        self._abandoned = True
        self._left.set()

    @property
    def is_abandoned(self) -> bool:
        """Whether claims are kept beyond the end of the block, so that the process has to end soon."""
        return self._abandoned

    def drain(self) -> None:
        """Tell others that this process takes nothing new."""
        self.standing = DRAINING
        if self._joined:
            self.renew()

    def renew(self) -> None:
        """Promise to be back later; where the row is gone, say so by writing it anew."""

        def promise(connection: Connection) -> None:
            now = self.clock.read(connection)
            own = {"b_project": self.project, "b_runner": self.name}
            changed = RENEW.run(connection, **own, until=now + self.lease, standing=self.standing)
            if not changed.rowcount:
                self.join(connection, now)

        write(self.engine, promise)

    def leave(self) -> None:
        """Stop renewing, and let others have what is left of the lease, unless that was abandoned."""
        self._left.set()
        if self._abandoned:
            return
        if self._thread is not None:
            self._thread.join()
        if self._joined:
            _forget(self.engine, self.project, self.name)
            self._joined = False

    def _keep_renewing(self) -> None:
        while not self._left.wait(self.lease.total_seconds() / RENEWALS):
            try:
                self.renew()
            except (EnvironmentProblemError, DBAPIError) as error:
                # The next renewal tries again. Should the lease end meanwhile, what others then take is theirs: every
                # write of this process names the claim that it is made under.
                _LOGGER.warning("the lease of %s was not renewed: %s", self.name, error)


def living(connection: Connection, project: str, now: datetime) -> list[str]:
    """Return the runners whose claims are theirs.

    Args:
        connection: to the store.
        project: whose runners.
        now: the real time.
    """
    return [row["runner"] for row in _runners(connection, project) if is_alive(row, now)]


def still_free(connection: Connection, project: str, now: datetime, rows: Iterable[RowMapping]) -> list[RowMapping]:
    """Return those of the rows whose runner is nobody, or does not live.

    Whoever was read among the living before a row was locked is not all there is: a runner that came meanwhile wrote
    itself down in the transaction in which it claimed the row. By now that can be read.

    Args:
        connection: in the transaction in which the rows were locked.
        project: whose runners.
        now: the real time.
        rows: what is to be claimed, locked, each with its `runner`.
    """
    locked = list(rows)
    if not any(row["runner"] for row in locked):
        return locked
    alive = living(connection, project, now)
    return [row for row in locked if row["runner"] not in alive]


def is_alive(row: RowMapping, now: datetime) -> bool:
    """Return whether a runner is to be waited for."""
    return bool(row["lease_until"] > now) and not Process(row["machine"], row["process"], row["born"]).is_gone


def forget_the_dead(engine: Engine, project: str, clock: TransactionClock) -> tuple[str, ...]:
    """Remove the rows of runners that died without a word a lease ago, and return their names.

    Part of a runner's own turn, never a job of its own: who advances runs has cleared up, or nobody advances runs.
    """

    def dead(connection: Connection) -> list[str]:
        now = clock.read(connection)
        return [row["runner"] for row in _runners(connection, project) if not is_alive(row, now)]

    found = read(engine, dead)
    for name in found:
        _forget(engine, project, name)
        _LOGGER.warning("%s has not come back; others go on with its runs", name)
    return tuple(found)


def _forget(engine: Engine, project: str, runner: str) -> None:
    own = {"b_project": project, "b_runner": runner}
    write(engine, lambda connection: LEAVE.run(connection, **own).rowcount)


def _runners(connection: Connection, project: str) -> Iterable[RowMapping]:
    return ALL_RUNNERS.all(connection, project=project)
