"""A copy in memory of what a store on a server holds of one project, for commands that only look."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import column, inspect, select, table
from sqlalchemy.exc import DBAPIError, OperationalError

from iact.core import instants
from iact.stores.connect import empty_memory, reading
from iact.stores.failures import failure_of
from iact.stores.migrate import known_revision, migrate, upgrade
from iact.stores.retrying import retried
from iact.stores.servers import OPENING, connected, unreachable

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

    from iact.stores.servers import Tls

_ROWS: Final = 2000
"""How many rows are held at a time while they are copied."""
_LEFT_OUT: Final = frozenset({"alembic_version", "iact_units"})
"""Tables that the migration of the copy fills, and what only a server's transactions ask for."""


def open_server_copy(url: str, project: str, *, password: str | None = None, tls: Tls | None = None) -> Engine:
    """Open a copy in memory of what a store on a server holds of a project; the server is only read.

    Args:
        url: `mysql://user@host:port/database`, or the same with `mariadb`.
        project: whose rows are copied.
        password: the account's password, which `url` never holds.
        tls: how the connection is secured; None does not encrypt it.

    Raises:
        ConfigurationError: if `url` is none of a server's, or holds a password, or the authority cannot be read.
        EnvironmentProblemError: if the server cannot be reached or refuses, or a newer iact has changed the tables.
    """
    source, shown_as = connected(url, password, tls)
    try:
        return retried(source, lambda: _copied(source, project, shown_as), patience=OPENING)
    except DBAPIError as error:
        if failure_of(error) is None and not isinstance(error, OperationalError):
            raise
        raise unreachable(shown_as, error) from error
    finally:
        source.dispose()


def _copied(source: Engine, project: str, shown_as: str) -> Engine:
    """Copy one snapshot of the rows of a project, and those of no project."""
    copy = empty_memory()
    try:
        with reading(source) as old, copy.begin() as new:
            revision = known_revision(old, shown_as)
            if revision is not None:
                upgrade(new, revision)
                new.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
                for name in inspect(new).get_table_names():
                    if name not in _LEFT_OUT:
                        _copy_table(old, new, name, project)
        migrate(copy, shown_as=shown_as)
    except BaseException:
        copy.dispose()
        raise
    return copy


def _copy_table(old: Connection, new: Connection, name: str, project: str) -> None:
    # The tables of that revision, not of this release: columns come from the copy, values as the driver gives them.
    columns = [one["name"] for one in inspect(new).get_columns(name)]
    source = table(name, *(column(one) for one in columns))
    wanted = select(*source.c)
    if "project" in columns:
        wanted = wanted.where(source.c.project == project)
    result = old.execution_options(stream_results=True).execute(wanted)
    for rows in result.partitions(_ROWS):
        new.execute(source.insert(), [dict(zip(columns, map(_embedded, row), strict=True)) for row in rows])


def _embedded(value: Any) -> Any:
    """Return a value of a server's driver as SQLite keeps it."""
    return instants.write(value.replace(tzinfo=UTC)) if isinstance(value, datetime) else value
