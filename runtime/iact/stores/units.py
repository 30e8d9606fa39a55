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
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from sqlalchemy import URL, bindparam, delete, func, insert, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolExhaustedError

from iact.core.errors import EnvironmentProblemError
from iact.stores.connect import reading
from iact.stores.failures import Failure, failure_among_equals, failure_of
from iact.stores.query import query
from iact.stores.servers import is_server
from iact.stores.tables import UNITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection, Engine
    from tenacity import RetryCallState

    Judge = Callable[[BaseException], Failure | None]

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


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a transaction is tried again.

    Attributes:
        attempts: how often at most, the first one included.
        seconds: for how long at most after the first one failed.
        first_pause: seconds before the second attempt; each later pause is twice as long, and chance adds to it.
        longest_pause: seconds.
    """

    attempts: int = 20
    seconds: float = 120
    first_pause: float = 0.05
    longest_pause: float = 10


PATIENCE: Final = Patience()


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


class _Writing(Generic[Result]):
    """One unit of work that changes the store, over all its attempts."""

    def __init__(self, engine: Engine, work: Callable[[Connection], Result]) -> None:
        self._engine, self._work = engine, work
        self._id = uuid.uuid4()
        self._unanswered: list[Result] = []

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


def persistently(
    engine: Engine,
    attempt: Callable[[], Result],
    *,
    patience: Patience = PATIENCE,
    judge: Judge = failure_of,
    unit: _Writing[Any] | None = None,
) -> Result:
    """Attempt something until it succeeds, patience ends, or it fails for a reason that stays.

    Args:
        engine: the store, for what a person is told.
        attempt: one attempt, with a connection of its own.
        patience: how long it is tried.
        judge: says of an error why another attempt may succeed.
        unit: the unit of work that it belongs to, if its outcome may be unknown.

    Raises:
        EnvironmentProblemError: if patience ends.
        DBAPIError: if it fails for a reason that stays.
    """
    try:
        try:
            return attempt()
        except Exception as error:
            if judge(error) is None:
                raise
            return _again(engine, attempt, patience, judge, error)
    except PoolExhaustedError as error:
        raise _none_free(engine, error) from error
    except Exception as error:
        in_doubt = unit is not None and unit.in_doubt
        failure = judge(error)
        if failure is None and not (in_doubt and isinstance(error, DBAPIError)):
            raise
        raise _given_up(engine, error, failure, unit if in_doubt else None) from error


def _again(engine: Engine, attempt: Callable[[], Result], patience: Patience, judge: Judge, first: Exception) -> Result:
    # Nearly every transaction goes through at once, and a command that starts need not wait for this import.
    import tenacity  # noqa: PLC0415 - as above

    failed = [first]

    def next_attempt() -> Result:
        if failed:  # the attempt that was made already is the first one of all
            raise failed.pop()
        return attempt()

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        pause = state.next_action.sleep if state.next_action else 0
        # Deadlocks are nothing that a person has to know of.
        level = logging.INFO if error is None or judge(error) is Failure.CONFLICT else logging.WARNING
        _LOGGER.log(level, "%s: %s; trying again in %.1f s", shown(engine), _said(error), pause)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: judge(error) is not None),
        stop=tenacity.stop_after_attempt(patience.attempts) | tenacity.stop_after_delay(patience.seconds),
        wait=tenacity.wait_exponential(multiplier=patience.first_pause, max=patience.longest_pause)
        + tenacity.wait_random(0, 4 * patience.first_pause),
        before_sleep=tell,
        reraise=True,
    )
    return retrying(next_attempt)


def shown(engine: Engine) -> str:
    """Return what people are told that a store is called; it holds no password."""
    url = engine.url
    if not is_server(engine):
        return f"the store {url.database or 'in memory'}"
    without_password = URL.create(url.get_backend_name(), url.username, None, url.host, url.port, url.database)
    return f"the store {without_password.render_as_string()}"


_WHAT: Final = {
    Failure.CONFLICT: "was not to be changed for too long, because other transactions hold what this one needs",
    Failure.LOST: "does not answer",
    Failure.BUSY: "takes nobody in, because too many use it",
}
_ADVICE: Final = {
    Failure.CONFLICT: "Look what runs there (information_schema.innodb_trx), and end what should not.",
    Failure.LOST: "Look whether the server runs and can be reached.",
    Failure.BUSY: "Look what uses it, and end what should not.",
}


def _given_up(
    engine: Engine, error: Exception, failure: Failure | None, in_doubt: _Writing[Any] | None
) -> EnvironmentProblemError:
    what = "refused to say whether a change was kept" if failure is None else _WHAT[failure]
    advice = "Mend that." if failure is None else _ADVICE[failure]
    kept = "Nothing of the last step was kept."
    if in_doubt is not None:
        kept = (
            f"The answer to its last step was lost, so it is not known whether it was kept: it was if iact_units holds "
            f"{in_doubt.id}."
        )
    return EnvironmentProblemError(
        f"{shown(engine)} {what}: {_said(error)}. {kept} {advice} Then run the command again: it goes on from what was "
        "kept."
    )


def _none_free(engine: Engine, error: PoolExhaustedError) -> EnvironmentProblemError:
    return EnvironmentProblemError(
        f"{shown(engine)} cannot be asked: all connections that this process may have are in use ({error}). Do less at "
        "once in one process, or use several processes."
    )


def _said(error: BaseException | None) -> str:
    origin = error.orig if isinstance(error, DBAPIError) else error
    if origin is not None and len(origin.args) > 1 and isinstance(origin.args[0], int):
        return f"{origin.args[1]} (error {origin.args[0]})"
    return str(origin)
