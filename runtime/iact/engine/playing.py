"""Playing runs forward: the engine that serves them, in a time that jumps to whatever is due next.

It is played on a store that is thrown away. What is due is read off the same rows as ever; only waiting is left out.
"""

from __future__ import annotations

from concurrent.futures import Executor, Future
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from sqlalchemy import delete, func, select

from iact.engine.journal import entry_of
from iact.engine.runners import Presence
from iact.engine.serving import Pace, Server, Waiting
from iact.engine.store import DECIDED
from iact.engine.tables import CLAIMS, INTENTS, JOURNAL, RUNNERS, TIMERS
from iact.stores.units import read, write

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from iact.engine.clocks import ManualClock
    from iact.engine.journal import Entry
    from iact.engine.runtime import Runtime

_LEASE: Final = timedelta(days=365)
"""Longer than anybody watches: nobody else takes what is played."""
_PACE: Final = Pace(clear_up_every=timedelta(days=365_000))
"""Nobody dies in a play, so there is nothing to clear up."""


class Agenda(Protocol):
    """What comes from outside of the runs: the calendar, and what is given."""

    def following(self, now: datetime) -> datetime | None:
        """Return the next moment, later than `now`, at which something comes; None where nothing does."""

    def carry_out(self, now: datetime) -> bool:
        """Do what has come by now; return whether runs may have something to do since.

        No run is being advanced meanwhile.
        """


class Player:
    """Plays the runs of a store that nobody else has."""

    def __init__(self, runtime: Runtime, clock: ManualClock) -> None:
        """Prepare to play; what other processes had in hand when the store was copied is free.

        Args:
            runtime: of the copy, in the time of `clock`.
            clock: stands where the play begins.
        """
        self.runtime, self._clock, self._began = runtime, clock, clock.moment
        self.presence = Presence(
            runtime.engine, runtime.project, clock=runtime.host.lease_clock, lease=_LEASE, renews=False
        )
        write(runtime.engine, self._forget_others)
        self._heard = read(runtime.engine, lambda connection: _newest(connection) or 0)

    def play(self, until: datetime, agenda: Agenda, hear: Callable[[Entry], None]) -> None:
        """Let everything happen that is due by a moment.

        Args:
            until: the moment.
            agenda: what comes from outside of the runs.
            hear: is told every entry of the journal, in order.
        """

        def nothing_left_to_do_now(_woken: threading.Event, _seconds: float) -> None:
            for entry in self._entries():
                hear(entry)
            due = read(self.runtime.engine, self._next_due)
            while (moment := _earlier(due, agenda.following(self._clock.moment))) is not None and moment <= until:
                self._clock.moment = moment
                if agenda.carry_out(moment) or moment == due:
                    return
            self._clock.moment = until
            server.stop()

        agenda.carry_out(self._clock.moment)
        waiting = Waiting(monotonic=self._seconds, until=nothing_left_to_do_now, pool=lambda _most: _AtOnce())
        server = Server(self.runtime.host, self.presence, pace=_PACE, waiting=waiting)
        server.run()

    def _seconds(self) -> float:
        return (self._clock.moment - self._began).total_seconds()

    def _forget_others(self, connection: Connection) -> None:
        connection.execute(delete(RUNNERS).where(RUNNERS.c.project == self.runtime.project))

    def _entries(self) -> Iterator[Entry]:
        wanted = (
            select(JOURNAL)
            .where(JOURNAL.c.project == self.runtime.project, JOURNAL.c.number > self._heard)
            .order_by(JOURNAL.c.number)
        )
        rows = read(self.runtime.engine, lambda connection: connection.execute(wanted).mappings().all())
        self._heard = rows[-1]["number"] if rows else self._heard
        yield from (entry_of(row) for row in rows)

    def _next_due(self, connection: Connection) -> datetime | None:
        """Return the next moment at which a time has come, or an action or a run is tried again."""
        now = self._clock.moment
        found = (
            connection.scalar(
                select(func.min(column)).where(table.c.project == self.runtime.project, column > now, *more)
            )
            for table, column, *more in (
                (TIMERS, TIMERS.c.due_at),
                (INTENTS, INTENTS.c.due_at, INTENTS.c.status == DECIDED),
                (CLAIMS, CLAIMS.c.not_before, CLAIMS.c.parked_at.is_(None)),
            )
        )
        return min((moment for moment in found if moment is not None), default=None)


class _AtOnce(Executor):
    """Does what it is asked for before it answers."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do it, and return what came of it."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - whoever asked for it gets to know
            future.set_exception(error)
        return future


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)


def _newest(connection: Connection) -> int | None:
    found: int | None = connection.scalar(select(func.max(JOURNAL.c.number)))
    return found
