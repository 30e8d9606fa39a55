"""Units of work: functions of a connection, each run in one transaction that is retried as a whole.

A deadlock, a lost connection or a server that restarts costs a pause and another attempt. On a server the first thing
that a writing transaction does is to insert the id of its unit, which is unique. Where the answer to a COMMIT was lost,
the next attempt inserts the same id, and that settles what became of the one before:

- it was committed: the insert is refused as a duplicate, and the unit is done;
- it was taken back: the insert succeeds, and the transaction before can no longer be committed;
- it is still under way on the server: it holds the lock on its id, and the insert waits for one of the two.

So a unit is applied once, or not at all and somebody is told (ADR 0041). The embedded store has no answer to lose, and
needs no ids.
"""

from __future__ import annotations

import logging
import uuid
from functools import cached_property
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from sqlalchemy import bindparam, delete, func, insert, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from iact.stores.connect import reading
from iact.stores.failures import failure_among_equals, failure_of
from iact.stores.query import query
from iact.stores.retrying import PATIENCE, Patience, persistently
from iact.stores.servers import is_server
from iact.stores.tables import UNITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection, Engine

_LOGGER: Final = logging.getLogger(__name__)
Result = TypeVar("Result")

_PRUNED_AT_ONCE: Final = 1000
"""How many ids of old units are forgotten together."""
_UNITS_A_PRUNING: Final = 100
"""Of so many units one forgets old ones, so that more go than come."""

CLAIM: Final = query(
    "Note that this unit of work is done, with what it does.",
    insert(UNITS).values(unit=bindparam("unit"), committed_at=func.utc_timestamp(6)),
)
FORGET: Final = query(
    "Forget units of work of the days before, which nobody asks for any more.",
    delete(UNITS)
    .where(UNITS.c.committed_at < func.utc_timestamp(6) - text("INTERVAL 1 DAY"))
    .with_dialect_options(mysql_limit=_PRUNED_AT_ONCE),
)


def write(
    engine: Engine,
    work: Callable[[Connection], Result],
    *,
    meets_others: bool = False,
    patience: Patience = PATIENCE,
) -> Result:
    """Carry out a unit of work that changes the store, once or not at all, and return its result.

    Args:
        engine: the store.
        work: what is done in the transaction. It may be called several times, each time after all that it did in the
            store was taken back: it changes nothing else, and starts from the same input each time.
        meets_others: whether it adds what it found missing, which another process may add in the same moment: the next
            attempt then finds it.
        patience: how long it is tried.

    Raises:
        EnvironmentProblemError: if it did not go through for as long as that; the message says what is known of it.
        DBAPIError: if the database refuses it, which another attempt would not change.
    """
    unit = _Writing(engine, work)
    judge = failure_among_equals if meets_others else failure_of
    result = persistently(engine, unit.attempt, patience=patience, judge=judge, unit=unit)
    unit.tidy()
    return result


def read(engine: Engine, work: Callable[[Connection], Result], *, patience: Patience = PATIENCE) -> Result:
    """Return what a function finds in one unchanging moment of the store.

    Args:
        engine: the store.
        work: what is asked; it may be called several times, and returns no iterator that still needs the connection.
        patience: how long it is tried.

    Raises:
        EnvironmentProblemError: if it did not go through for as long as that.
        DBAPIError: if the database refuses it, which another attempt would not change.
    """

    def attempt() -> Result:
        with reading(engine) as connection:
            return work(connection)

    return persistently(engine, attempt, patience=patience)


def glance(engine: Engine, work: Callable[[Connection], Result], *, patience: Patience = PATIENCE) -> Result:
    """Return what one question finds, as cheaply as can be; several may see several moments of a store on a server.

    Args:
        engine: the store.
        work: what is asked; it may be called several times, and returns no iterator that still needs the connection.
        patience: how long it is tried.

    Raises:
        EnvironmentProblemError: if it did not go through for as long as that.
        DBAPIError: if the database refuses it, which another attempt would not change.
    """

    def attempt() -> Result:
        with engine.connect() as connection:
            return work(connection if is_server(engine) else connection.execution_options(iact_reading=True))

    return persistently(engine, attempt, patience=patience)


class _Writing(Generic[Result]):
    """One unit of work that changes the store, over all its attempts."""

    def __init__(self, engine: Engine, work: Callable[[Connection], Result]) -> None:
        self._engine, self._work = engine, work
        self._unanswered: list[Result] = []

    @cached_property
    def _id(self) -> uuid.UUID:
        return uuid.uuid4()

    @property
    def id(self) -> str:
        """What the unit is called in the store."""
        return str(self._id)

    @property
    def in_doubt(self) -> bool:
        """Whether a COMMIT was sent whose answer did not come, so that it may have taken effect."""
        return bool(self._unanswered)

    def attempt(self) -> Result:
        """Carry it out, unless the attempt before turns out to have done so."""
        with self._engine.connect() as connection, connection.begin() as transaction:
            if is_server(self._engine) and not self._claims(connection):
                transaction.rollback()
                return self._unanswered[0]
            self._unanswered.clear()
            result = self._work(connection)
            self._unanswered.append(result)
        return result

    def _claims(self, connection: Connection) -> bool:
        """Insert the unit's id; return False where the attempt before did, and was committed.

        Waits while that attempt is still under way on the server. Its own statement, so that a duplicate is the id's.
        """
        try:
            CLAIM.run(connection, unit=self.id)
        except IntegrityError:
            if not self.in_doubt:
                raise
            return False
        return True

    def tidy(self) -> None:
        """Now and then, forget units that are done for long."""
        if is_server(self._engine) and self._id.int % _UNITS_A_PRUNING == 0:
            forget_old_units(self._engine)


def forget_old_units(engine: Engine) -> None:
    """Forget some of the units that were done before yesterday; where that fails, a later call does it.

    Args:
        engine: a store on a server.
    """
    try:
        with engine.begin() as connection:
            FORGET.run(connection)
    except DBAPIError as error:
        _LOGGER.info("ids of old units of work were not forgotten this time: %s", error.orig)
