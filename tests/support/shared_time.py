"""A clock that several processes of a test share, and that moves on when one of them has nothing to do.

Weeks pass in a moment, and when something happened can be told to the tick: what is measured by it does not depend on
how fast a machine is.
"""

from __future__ import annotations

import mmap
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, func, select, update

from iact.core.instants import EPOCH
from iact.engine.claims import with_work
from iact.engine.host import Host
from iact.engine.runners import RENEWALS, Presence
from iact.engine.serving import Pace, Server, Waiting
from iact.engine.store import DECIDED
from iact.engine.tables import CLAIMS, INTENTS, RUNNERS, TIMERS
from iact.stores.units import read, write

TICK: Final = timedelta(seconds=0.5)
"""How often a process looks whether others have left something to do."""
PACE: Final = Pace(look_every=TICK)
_LEAST: Final = timedelta(milliseconds=10)
_REALLY: Final = 0.02
"""Seconds between two looks while an action is being made; they pass on no shared clock."""
_LONGEST: Final = 5_000
"""How often a process may wait before it is taken to wait for ever."""
_SLOTS: Final = 64
"""Processes whose numbers differ by less than this say apart whether they are making an action."""
_GOES_ON: Final = frozenset("RSD")
"""How Linux says that a process is neither stopped nor dead (proc(5), `state`)."""
_NEXT: Final = (
    select(func.min(TIMERS.c.due_at)),
    select(func.min(INTENTS.c.due_at)).where(INTENTS.c.status == DECIDED),
    select(func.min(CLAIMS.c.not_before)),
)
_RUNNERS: Final = select(RUNNERS.c.runner, RUNNERS.c.process)
_CLAIMED: Final = select(CLAIMS.c.runner).where(CLAIMS.c.runner.is_not(None))


class SharedClock:
    """A moment in the memory that a process and its children share."""

    def __init__(self, moment: datetime) -> None:
        """Stand still at `moment`."""
        self._memory = mmap.mmap(-1, 8 * (1 + _SLOTS))
        self.moment = moment

    @property
    def moment(self) -> datetime:
        """What it shows."""
        return EPOCH + timedelta(microseconds=int.from_bytes(self._memory[:8], "big"))

    @moment.setter
    def moment(self, moment: datetime) -> None:
        self._memory[:8] = ((moment - EPOCH) // timedelta(microseconds=1)).to_bytes(8, "big")

    def read(self, connection: Connection) -> datetime:  # noqa: ARG002 - the protocol's parameter
        """Return what it shows."""
        return self.moment

    def seconds(self) -> float:
        """Return the same as seconds since some moment."""
        return (self.moment - EPOCH).total_seconds()

    def advance(self, span: timedelta) -> None:
        """Move on."""
        self.moment += span

    def say_busy(self, *, busy: bool) -> None:
        """Say whether this process is making an action, which takes real time: meanwhile nobody lets leases pass."""
        begin = 8 * (1 + os.getpid() % _SLOTS)
        self._memory[begin : begin + 8] = (os.getpid() if busy else 0).to_bytes(8, "big")

    def others_are_busy(self) -> bool:
        """Return whether another process is making an action, and was neither stopped nor killed in the middle."""
        return any(process != os.getpid() and _goes_on(process) for process in self._busy())

    def _busy(self) -> Iterator[int]:
        for begin in range(8, 8 * (1 + _SLOTS), 8):
            if process := int.from_bytes(self._memory[begin : begin + 8], "big"):
                yield process


def _goes_on(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state in _GOES_ON


class _Pool(ThreadPoolExecutor):
    """Threads that make actions, of which can be asked whether any is at it."""

    def __init__(self, most: int, said: Callable[[], None]) -> None:
        """Make `most` of them at once at most, and let `said` be called whenever one begins or has ended."""
        super().__init__(max_workers=most)
        self._said = said
        self._count = 0
        self._lock = threading.Lock()

    def submit(self, *given: Any, **named: Any) -> Future[Any]:
        """Begin something."""
        self._counts(1)
        future = super().submit(*given, **named)
        future.add_done_callback(lambda _: self._counts(-1))
        return future

    @property
    def busy(self) -> bool:
        """Whether something is being done."""
        return self._count > 0

    def _counts(self, more: int) -> None:
        with self._lock:
            self._count += more
            self._said()


class Serving:
    """A process that serves until nothing is left to do, now or ever; the shared clock moves on while it waits."""

    def __init__(self, host: Host, presence: Presence, clock: SharedClock) -> None:
        """Prepare to serve.

        Args:
            host: where the runs live; both of its clocks are the shared one.
            presence: this process among the others; it renews no lease by itself.
            clock: the shared clock.
        """
        self._host, self._presence, self._clock = host, presence, clock
        self._pools: list[_Pool] = []
        self._waited = 0
        self._renewed = clock.moment
        waiting = Waiting(monotonic=clock.seconds, until=self._wait, pool=self._pool)
        self._server = Server(host, presence, pace=PACE, waiting=waiting)

    def run(self) -> None:
        """Serve."""
        self._server.run()
        self._presence.leave()

    def _pool(self, most: int) -> _Pool:
        self._pools.append(_Pool(most, self._say_busy))
        return self._pools[-1]

    def _say_busy(self) -> None:
        self._clock.say_busy(busy=any(pool.busy for pool in self._pools))

    def _wait(self, event: threading.Event, seconds: float) -> None:
        if any(pool.busy for pool in self._pools):
            event.wait(_REALLY)
            return
        if event.is_set():
            return
        if self._clock.others_are_busy():
            event.wait(_LEAST.total_seconds())
            return
        self._waited += 1
        assert self._waited < _LONGEST, "what does it wait for?"
        if self._others_may_go_on():
            # A lease goes by in steps, in which whoever is there is seen to be.
            longest = self._presence.lease / RENEWALS
            self._pass(min(max(timedelta(seconds=seconds), _LEAST), longest))
        elif due := self._next():
            self._pass(max(due - self._clock.moment, _LEAST))
        else:
            self._server.stop()
        self._renew()

    def _pass(self, span: timedelta) -> None:
        """Let time pass for everybody: whoever is neither stopped nor dead renews its lease meanwhile."""
        until = self._clock.moment + span + self._presence.lease

        def others(connection: Connection) -> list[str]:
            rows = connection.execute(_RUNNERS).all()
            return [row.runner for row in rows if row.process != os.getpid() and _goes_on(row.process)]

        if alive := read(self._host.engine, others):
            renewal = update(RUNNERS).where(RUNNERS.c.runner.in_(alive)).values(lease_until=until)
            write(self._host.engine, lambda connection: connection.execute(renewal))
        self._clock.advance(span)

    def _renew(self) -> None:
        if self._presence.has_joined and self._clock.moment - self._renewed >= self._presence.lease / RENEWALS:
            self._renewed = self._clock.moment
            self._presence.renew()

    def _others_may_go_on(self) -> bool:
        """Return whether something can be done that is claimed, or can be."""

        def look(connection: Connection) -> bool:
            alive = self._presence.living(connection, self._clock.moment)
            return any(runner in alive for runner in connection.execute(_CLAIMED).scalars())

        return read(self._host.engine, look) or bool(with_work(self._host, self._presence, 1))

    def _next(self) -> datetime | None:
        def look(connection: Connection) -> list[datetime]:
            return [due for asked in _NEXT if (due := connection.execute(asked).scalar())]

        return min(read(self._host.engine, look), default=None)
