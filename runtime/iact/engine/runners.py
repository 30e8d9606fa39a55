"""Who is at work on a store: every process that advances runs, and until when the others leave it its claims.

A runner has a name that is new at every start, so that a process that comes back never takes itself for the one before.
It promises to be back before its lease ends and renews it in between. One whose lease has ended is silent; whoever has
been in touch with the store for a whole lease meanwhile, in which the silent one could have renewed its own, takes it
for dead. Where the store was away from all, all are silent, and each waits for the others (ADR 0070). A runner of this
machine whose process is gone is dead at once.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from iact.core.errors import ConfigurationError, EnvironmentProblemError
from iact.engine.tables import RUNNERS
from iact.stores.idling import limited
from iact.stores.query import query
from iact.stores.retrying import PATIENCE, Patience
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
HOLE: Final = 0.5
"""For what part of a lease nothing may be heard from the store before that is a time in which others could not renew
theirs either. More than passes between two renewals, and so little that what is left of their leases is longer than
`RENEWED_AGAIN_AFTER`."""
RENEWED_AGAIN_AFTER: Final = timedelta(seconds=1)
"""How long after a renewal that failed the next one is tried at the latest: once the store is back, others wait for it
no longer than a lease."""
_ONCE: Final = Patience(attempts=1)

WORKING: Final = "working"
DRAINING: Final = "draining"

_OWN: Final = (RUNNERS.c.project == bindparam("b_project"), RUNNERS.c.runner == bindparam("b_runner"))
JOIN: Final = query("Say that this process advances runs from now on.", insert(RUNNERS))
RENEW: Final = query(
    "Promise to be back later than was promised before.",
    update(RUNNERS).where(*_OWN).values(lease_until=bindparam("until"), standing=bindparam("standing")),
)
LEAVE: Final = query("Say that this process advances no runs any more.", delete(RUNNERS).where(*_OWN))
BURY: Final = query(
    "Forget a process that died, unless it has renewed its lease since that was seen.",
    delete(RUNNERS).where(*_OWN, RUNNERS.c.lease_until == bindparam("was_until")),
)
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


@dataclass(frozen=True, slots=True)
class Contact:
    """Since when a process is in touch with the store without a hole in which others could not renew their leases.

    Attributes:
        since: the moment, by the clock of leases.
        latest: when the store last took something from it.
    """

    since: datetime
    latest: datetime

    def going_on(self, now: datetime, lease: timedelta) -> Contact:
        """Return the same once the store has taken something again.

        A clock that was set forward looks like a hole, and one that was set back makes one: by neither can be told
        how long the others have been silent.

        Args:
            now: the present moment, by the clock of leases.
            lease: how long others wait for whoever is silent.
        """
        goes_on = timedelta(0) <= now - self.latest <= lease * HOLE
        return Contact(self.since if goes_on else now, now)


class Presence:
    """This process among the runners of a project, for as long as the block lasts.

    Its row is written with the first claim, or when it appears, and renewed by a thread of its own, since a step or an
    action may take longer than a lease.
    """

    def __init__(  # noqa: PLR0913 - what a runner is made of, most by its name
        self,
        engine: Engine,
        project: str,
        *,
        clock: TransactionClock,
        lease: timedelta = LEASE,
        renews: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to join.

        Args:
            engine: the store.
            project: whose runs are advanced.
            clock: the time that leases are measured in: the real one, even where runs live in another.
            lease: how long others wait for this process.
            renews: whether a thread renews the lease; not in a store that no other process can see.
            monotonic: seconds that pass in this process, whatever anybody sets a clock to.

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
        self._renews, self._monotonic = renews, monotonic
        self._joined = self._abandoned = False
        self._contact: Contact | None = None
        self._promised_until: datetime | None = None
        self._sure_until = -math.inf
        self._noting = threading.Lock()
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

        A lease that is due is renewed with it: what was claimed is not free to others in the next moment.

        Args:
            work: does it, given the transaction and the real time. Another process may add the same in the same moment;
                then it is carried out once more.

        Returns:
            What `work` returned.
        """

        def unit(connection: Connection) -> tuple[Result, datetime, bool]:
            now = self.clock.read(connection)
            is_due = self._is_due(now)
            if is_due:
                self._promise(connection, now)
            return work(connection, now), now, is_due

        began = self._monotonic()
        done, now, has_promised = write(self.engine, unit, meets_others=True)
        self._note_contact(now, began, has_promised=has_promised)
        return done

    @property
    def has_joined(self) -> bool:
        """Whether this process is written down among the runners, and so has something to renew."""
        return self._joined

    @property
    def is_sure(self) -> bool:
        """Whether the lease certainly holds for long enough to begin a deed, as far as this process can know alone."""
        return self._monotonic() + HOLDS_FOR.total_seconds() <= self._sure_until

    def holds_at(self, now: datetime) -> bool:
        """Return whether the lease holds at a moment of the leases' clock, and long enough after it to begin a deed."""
        return self._promised_until is not None and now + HOLDS_FOR <= self._promised_until

    def has_watched(self, now: datetime) -> bool:
        """Return whether this process has been in touch with the store for a whole lease, so that the silent are dead.

        Args:
            now: the present moment, by the clock of leases.
        """
        return now - self._contact_at(now).since >= self.lease

    def living(self, connection: Connection, now: datetime, *, counts_silent: bool = True) -> list[str]:
        """Return the runners whose claims are theirs, this one included.

        Args:
            connection: to the store.
            now: the real time.
            counts_silent: whether those count whose lease has ended, as long as this process has not watched for one.
        """
        waits = counts_silent and not self.has_watched(now)
        found = [
            row["runner"]
            for row in _runners(connection, self.project)
            if row["runner"] != self.name and (is_alive(row, now) or (waits and not process_of(row).is_gone))
        ]
        return [self.name, *found]

    def still_free(self, connection: Connection, now: datetime, rows: Iterable[RowMapping]) -> list[RowMapping]:
        """Return those of the rows whose runner is nobody, or does not live.

        Whoever was read among the living before a row was locked is not all there is: a runner that came meanwhile
        wrote itself down in the transaction in which it claimed the row. By now that can be read.

        Args:
            connection: in the transaction in which the rows were locked.
            now: the real time.
            rows: what is to be claimed, locked, each with its `runner`.
        """
        locked = list(rows)
        if not any(row["runner"] for row in locked):
            return locked
        alive = self.living(connection, now)
        return [row for row in locked if row["runner"] not in alive]

    def _contact_at(self, now: datetime) -> Contact:
        return Contact(now, now) if self._contact is None else self._contact.going_on(now, self.lease)

    def _is_due(self, now: datetime) -> bool:
        """Return whether the lease is to be renewed, or promised for the first time."""
        left = None if self._promised_until is None else self._promised_until - now
        return not self._joined or left is None or not self.lease * (1 - 1 / RENEWALS) < left <= self.lease

    def _promise(self, connection: Connection, now: datetime) -> None:
        """Promise to be back later; where the row is not there, or not any more, write it."""
        own = {"b_project": self.project, "b_runner": self.name}
        until = now + self.lease
        if not (self._joined and RENEW.run(connection, **own, until=until, standing=self.standing).rowcount):
            self.join(connection, now)

    def _note_contact(self, now: datetime, began: float, *, has_promised: bool) -> None:
        """Note that a transaction of this process was committed.

        Args:
            now: its moment, by the clock of leases.
            began: before it, in seconds of this process.
            has_promised: whether the lease was promised in it.
        """
        with self._noting:
            self._contact = self._contact_at(now)
            if has_promised:
                self._promised_until = now + self.lease
                self._sure_until = began + self.lease.total_seconds()
            if self._joined:
                return
            self._joined = True
            if self._renews:
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

    def renew(self, *, patience: Patience = PATIENCE) -> None:
        """Promise to be back later; where the row is gone, say so by writing it anew.

        Args:
            patience: how long that is tried.

        Raises:
            EnvironmentProblemError: if the store did not take it for as long as that.
        """

        def promise(connection: Connection) -> datetime:
            now = self.clock.read(connection)
            self._promise(connection, now)
            return now

        began = self._monotonic()
        now = write(self.engine, promise, patience=patience)
        self._note_contact(now, began, has_promised=True)

    def pause_after_renewal(self, *, failed: bool) -> timedelta:
        """Return how long after one renewal the next one is tried."""
        pause = self.lease / RENEWALS
        return min(pause, RENEWED_AGAIN_AFTER) if failed else pause

    def renew_if_possible(self) -> bool:
        """Try once to renew the lease; return whether the store took it.

        Should the lease end meanwhile, others go on waiting for as long as the store is away from them as well. What
        they then take is theirs: every write of this process names the claim that it is made under.
        """
        try:
            self.renew(patience=_ONCE)
        except (EnvironmentProblemError, DBAPIError) as error:
            _LOGGER.debug("the lease of %s was not renewed: %s", self.name, error)
            return False
        return True

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
        failed_at: float | None = None
        while not self._left.wait(self.pause_after_renewal(failed=failed_at is not None).total_seconds()):
            if self.renew_if_possible():
                if failed_at is not None:
                    took = self._monotonic() - failed_at
                    _LOGGER.info("the lease of %s is renewed again, after %.0f s", self.name, took)
                failed_at = None
            elif failed_at is None:
                failed_at = self._monotonic()
                _LOGGER.warning("the lease of %s was not renewed; that is tried again and again", self.name)


def is_alive(row: RowMapping, now: datetime) -> bool:
    """Return whether a runner's lease holds, and its process is not known to be gone."""
    return bool(row["lease_until"] > now) and not process_of(row).is_gone


def process_of(row: RowMapping) -> Process:
    """Return which process a runner is."""
    return Process(row["machine"], row["process"], row["born"])


def forget_the_dead(presence: Presence) -> tuple[str, ...]:
    """Remove the rows of runners that died without a word, and return their names.

    Part of a runner's own turn, never a job of its own: who advances runs has cleared up, or nobody advances runs.
    """

    def dead(connection: Connection) -> list[RowMapping]:
        now = presence.clock.read(connection)
        alive = presence.living(connection, now)
        return [row for row in _runners(connection, presence.project) if row["runner"] not in alive]

    def bury(row: RowMapping, connection: Connection) -> int:
        own = {"b_project": presence.project, "b_runner": row["runner"]}
        return BURY.run(connection, **own, was_until=row["lease_until"]).rowcount

    found = [row for row in read(presence.engine, dead) if write(presence.engine, partial(bury, row))]
    for row in found:
        _LOGGER.warning("%s has not come back; others go on with its runs", row["runner"])
    return tuple(row["runner"] for row in found)


def _forget(engine: Engine, project: str, runner: str) -> None:
    own = {"b_project": project, "b_runner": runner}
    write(engine, lambda connection: LEAVE.run(connection, **own).rowcount)


def _runners(connection: Connection, project: str) -> Iterable[RowMapping]:
    return ALL_RUNNERS.all(connection, project=project)
