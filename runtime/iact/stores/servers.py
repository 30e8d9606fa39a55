"""Opening a store on a MySQL or MariaDB server: the same tables, moments and bytes as in the embedded one."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError

from iact.core import store_address
from iact.core.errors import ConfigurationError, EnvironmentProblemError
from iact.stores import idling
from iact.stores.columns import is_servers
from iact.stores.failures import Failure, failure_of
from iact.stores.marker import MAKE_LOCKS
from iact.stores.migrate import cannot_be_used, migrate, require_current
from iact.stores.retrying import Patience, retried

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from sqlalchemy.engine import Connection, Engine, ExceptionContext

CONNECTIONS: Final = 10
"""How many connections a process may have at once; a transaction takes one."""
RECYCLED_AFTER: Final = 1800
"""Seconds after which a connection is made anew, before a firewall or the server itself ends it."""
LOCK_WAIT: Final = 30
"""Seconds that a statement waits for what another transaction holds."""
_REFUSED: Final = frozenset({1044, 1142})
"""The server's numbers for a statement that the account may not run, on a database and on a table."""
_WAITED_TOO_LONG: Final = 1205
"""Its number for a lock that another transaction did not give back in time."""
_SESSION: Final = (
    f"SET SESSION time_zone = '+00:00', innodb_lock_wait_timeout = {LOCK_WAIT}, "
    "sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"
)


@dataclass(frozen=True, slots=True)
class Tls:
    """How a connection is secured: it is encrypted or not made at all.

    Attributes:
        authority: file with the certificate that the server's own is checked against; None for those that the system
            trusts.
        checks_authority: whether the server's certificate is checked.
        checks_name: whether it has to be made out to the host that is connected to, too.
    """

    authority: Path | None = None
    checks_authority: bool = True
    checks_name: bool = True

    def context(self) -> ssl.SSLContext:
        """Return the settings for the TLS library.

        Raises:
            OSError: if the authority's file cannot be read, or holds no certificate (`ssl.SSLError` is one).
        """
        found = ssl.create_default_context(cafile=self.authority)
        found.check_hostname = self.checks_name
        found.verify_mode = ssl.CERT_REQUIRED if self.checks_authority else ssl.CERT_NONE
        return found


class AuthorityError(ConfigurationError):
    """The certificate of an authority cannot be used."""


OPENING: Final = Patience(attempts=12, seconds=30, first_pause=0.1, longest_pause=5)
"""Long enough for a server that is started anew; whoever mistyped an address does not wait for minutes."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long a server may be silent before it counts as gone, which tells one that is frozen from one that works.

    Attributes:
        to_connect: seconds until a new connection stands.
        to_answer: seconds until the next bytes of an answer come, or until what is sent is taken; longer than a
            statement may wait for a lock. None waits for ever, as a change of a large table may take hours.
        for_a_free_one: seconds until one of this process's own connections is given back, where all are in use.
        to_open: how long it is tried to open the store while the server starts anew, or takes nobody in.
    """

    to_connect: float = 10
    to_answer: float | None = 60
    for_a_free_one: float = 30
    to_open: Patience = OPENING


WAITING: Final = Waiting()
MIGRATING: Final = Waiting(to_answer=None)


def open_server(
    url: str,
    *,
    password: str | None = None,
    tls: Tls | None = None,
    migrates: bool = True,
    waiting: Waiting = WAITING,
) -> Engine:
    """Open a store on a server, and return the engine.

    Args:
        url: `mysql://user@host:port/database`, or the same with `mariadb`.
        password: the account's password, which `url` never holds.
        tls: how the connection is secured; None does not encrypt it, which is for a server on this machine.
        migrates: whether its tables are brought up to date, which takes an account that may change them; otherwise they
            have to be of this release, or of a newer one that goes along with it.
        waiting: how long the server may be silent, and how long it is tried to open the store.

    Raises:
        ConfigurationError: if `url` is none of a server's, or holds a password, or the authority cannot be read.
        EnvironmentProblemError: if the server cannot be reached or refuses, or this release cannot use its tables.
    """
    if migrates:
        _migrated(url, password, tls, waiting.to_open)
    engine, shown_as = connected(url, password, tls, waiting)

    def look() -> None:
        with engine.connect().execution_options(iact_reading=True) as connection:
            require_current(connection, shown_as)

    if not migrates:
        with _told_as(engine, shown_as):
            retried(engine, look, patience=waiting.to_open, judge=_passing)
    return engine


def _migrated(url: str, password: str | None, tls: Tls | None, patience: Patience) -> None:
    engine, shown_as = connected(url, password, tls, MIGRATING)

    def change() -> None:
        with one_migrates(engine, shown_as):
            migrate(engine, shown_as=shown_as)

    with _told_as(engine, shown_as):
        # Every step is left out where it was done already, so what was cut off goes on.
        retried(engine, change, patience=patience, judge=_passing)
    engine.dispose()


def _passing(error: BaseException) -> Failure | None:
    """Return why opening again may succeed; who waited for another to change the tables has waited long enough."""
    found = failure_of(error)
    return None if found is Failure.CONFLICT and _number(error) == _WAITED_TOO_LONG else found


def _number(error: BaseException) -> int | None:
    origin = error.orig if isinstance(error, DBAPIError) else error
    return origin.args[0] if origin is not None and origin.args else None


@contextmanager
def _told_as(engine: Engine, shown_as: str) -> Iterator[None]:
    """Tell a person why a server was not reached, and keep no connection to it."""
    try:
        yield
    except DBAPIError as error:
        engine.dispose()
        if failure_of(error) is None and not isinstance(error, OperationalError):
            raise
        raise unreachable(shown_as, error) from error
    except BaseException:
        engine.dispose()
        raise


def unreachable(shown_as: str, error: DBAPIError) -> EnvironmentProblemError:
    """Return how a person is told that a server cannot be reached.

    Args:
        shown_as: what errors call the store.
        error: what the driver said.
    """
    if _number(error) == _WAITED_TOO_LONG:
        message = f"another process changes the tables of {shown_as}, or holds what is needed. Wait until it is done."
        return EnvironmentProblemError(message)
    message = f"the store {shown_as} cannot be reached: {error.orig}. `iact doctor` says what mends it."
    return EnvironmentProblemError(message)


def connected(url: str, password: str | None, tls: Tls | None, waiting: Waiting = WAITING) -> tuple[Engine, str]:
    """Return an engine that has not connected yet, and what errors call it; parameters and errors of `open_server`."""
    address = _address(url)
    try:
        # Without `ssl_disabled` the driver would encrypt where the server can, and say nothing where it cannot.
        secured = {"ssl_disabled": True} if tls is None else {"ssl": tls.context()}
    except OSError as error:
        message = f"the authority {tls.authority if tls else ''} cannot be used: {error}. Expected a PEM certificate."
        raise AuthorityError(message) from error
    engine = create_engine(
        URL.create("mysql+pymysql", unquote(address.user), password, address.host, address.port, address.database),
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        pool_recycle=RECYCLED_AFTER,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=waiting.for_a_free_one,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": waiting.to_connect,
            "read_timeout": waiting.to_answer,
            "write_timeout": waiting.to_answer,
            "init_command": _SESSION,
            "conv": _conversions(),
            **secured,
        },
    )
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", _tell_lost)
    return engine, str(address)


def _conversions() -> dict[Any, Any]:
    """Return how the driver reads values: moments by Python's own parser, which takes a tenth of the driver's time."""
    from pymysql.constants import FIELD_TYPE  # noqa: PLC0415 - an embedded store needs no driver
    from pymysql.converters import conversions  # noqa: PLC0415 - as above

    return {**conversions, FIELD_TYPE.DATETIME: datetime.fromisoformat}


def _address(url: str) -> store_address.StoreAddress:
    try:
        found = store_address.parse(url)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    if found.holds_password:
        message = (
            f"the address {found} holds a password. Take it out, and name where it is kept: env:NAME or file:PATH."
        )
        raise ConfigurationError(message)
    return found


def _begin(connection: Connection) -> None:
    idling.say(connection)
    if connection.get_execution_options().get("iact_reading", False):
        connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")


def _tell_lost(context: ExceptionContext) -> None:
    """Take a connection that is lost out of the pool; SQLAlchemy does not know all the numbers that say so."""
    if failure_of(context.original_exception) is Failure.LOST:
        context.is_disconnect = True


def reading_options(engine: Engine) -> dict[str, Any]:
    """Return the options of a connection that sees one unchanging moment."""
    level = {"isolation_level": "REPEATABLE READ"} if is_server(engine) else {}
    return {"iact_reading": True, **level}


def is_server(engine: Engine) -> bool:
    """Return whether a store is on a server, and not in a file or in memory."""
    return is_servers(engine.dialect)


@contextmanager
def one_migrates(engine: Engine, shown_as: str) -> Iterator[None]:
    """Let one process at a time change the tables: MySQL commits every statement that does.

    Args:
        engine: a store on a server.
        shown_as: what errors call it.

    Raises:
        EnvironmentProblemError: if the account may not change tables.
        OperationalError: if the server cannot be reached, or another process is at it for more than 30 seconds.
    """
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(MAKE_LOCKS)
    except OperationalError as error:
        if error.orig is not None and error.orig.args[0] in _REFUSED:
            raise cannot_be_used(engine, shown_as, error) from error
        raise
    with held(engine, "migration"):
        yield


@contextmanager
def held(engine: Engine, name: str) -> Iterator[None]:
    """Hold a row of `iact_locks` until the block ends; the server gives it back when its holder dies.

    Args:
        engine: a store on a server.
        name: of the row, 64 characters at most.

    Raises:
        OperationalError: if another process holds it for more than 30 seconds.
    """
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT IGNORE INTO iact_locks (name) VALUES (%s)", (name,))
    with engine.begin() as connection:
        connection.exec_driver_sql("SELECT name FROM iact_locks WHERE name = %s FOR UPDATE", (name,))
        yield
