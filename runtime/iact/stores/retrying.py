"""Attempting again what failed for a reason that passes: a server that restarts, a deadlock, a full house.

What is attempted is always whole: a transaction (`iact.stores.units`), taking a lock, or opening a store.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhaustedError

from iact.core.errors import EnvironmentProblemError
from iact.stores.columns import is_servers
from iact.stores.failures import Failure, failure_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine
    from tenacity import RetryCallState

_LOGGER: Final = logging.getLogger(__name__)
Result = TypeVar("Result")
Judge = Callable[[BaseException], Failure | None]
"""Says of an error why another attempt may succeed; None where it would fail again."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long something is tried again.

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


class Doubtful(Protocol):
    """What may have taken effect although no answer came."""

    @property
    def id(self) -> str:
        """What it is called in the store."""

    @property
    def in_doubt(self) -> bool:
        """Whether its answer was lost."""


def persistently(
    engine: Engine,
    attempt: Callable[[], Result],
    *,
    patience: Patience = PATIENCE,
    judge: Judge = failure_of,
    unit: Doubtful | None = None,
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
        return retried(engine, attempt, patience=patience, judge=judge)
    except PoolExhaustedError as error:
        raise _none_free(engine, error) from error
    except Exception as error:
        in_doubt = unit is not None and unit.in_doubt
        failure = judge(error)
        if failure is None and not (in_doubt and isinstance(error, DBAPIError)):
            raise
        raise _given_up(engine, error, failure, unit if in_doubt else None) from error


def retried(engine: Engine, attempt: Callable[[], Result], *, patience: Patience, judge: Judge = failure_of) -> Result:
    """Do the same, and raise the error of the last attempt as it is.

    Args:
        engine: the store, for what a person is told.
        attempt: one attempt, with a connection of its own.
        patience: how long it is tried.
        judge: says of an error why another attempt may succeed.
    """
    try:
        return attempt()
    except Exception as error:
        if judge(error) is None:
            raise
        return _again(engine, attempt, patience, judge, error)


def _again(engine: Engine, attempt: Callable[[], Result], patience: Patience, judge: Judge, first: Exception) -> Result:
    # Nearly everything goes through at once, and a command that starts need not wait for this import.
    import tenacity  # noqa: PLC0415 - as above

    failed = [first]

    def next_attempt() -> Result:
        if failed:  # the attempt that was made already is the first one of all
            raise failed.pop()
        return attempt()

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        pause = state.next_action.sleep if state.next_action else 0
        # Deadlocks, and rows that another process was quicker to write, are nothing that a person has to know of.
        level = logging.DEBUG if error is None or judge(error) is Failure.CONFLICT else logging.WARNING
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
    if not is_servers(engine.dialect):
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
    engine: Engine, error: Exception, failure: Failure | None, in_doubt: Doubtful | None
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
