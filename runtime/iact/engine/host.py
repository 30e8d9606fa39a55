"""What every part of the engine works with: the store, the project, the clocks, and what the host supplies."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection, Engine

from iact.engine.clocks import DatabaseClock, TransactionClock, present
from iact.engine.modes import ModesInForce
from iact.engine.outside import WORLD, Outside
from iact.stores.idling import unlimited


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Where runs live.

    Attributes:
        engine: the store, for the engine's own transactions, which never wait for anything else: on a server they are
            taken back where this process is frozen in one of them (ADR 0059). What waits takes `unhurried`.
        project: name of the project; every key starts with it.
        clock: where the present moment of the runs comes from.
        services: what fact sources and actions are supplied with, such as the folder of the project.
        modes: what becomes of the actions that runs decide.
        outside: where facts come from and actions go.
        lease_clock: the time in which processes wait for each other; the real one, even where runs live in another.
        monotonic: seconds that pass in this process, whatever anybody sets a clock to.
    """

    engine: Engine
    project: str
    clock: TransactionClock
    services: Mapping[str, Any]
    modes: ModesInForce = field(default_factory=ModesInForce)
    outside: Outside = WORLD
    lease_clock: TransactionClock = field(default_factory=DatabaseClock)
    monotonic: Callable[[], float] = time.monotonic

    @property
    def unhurried(self) -> Engine:
        """The store for transactions that may wait for something else: looking at facts."""
        return unlimited(self.engine)

    def now(self, connection: Connection) -> datetime:
        """Return the transaction's moment, never before the journal's newest entry."""
        return present(connection, self.project, self.clock)
