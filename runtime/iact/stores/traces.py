"""Exchanging what rows say, and leaving no trace of what was deleted in the file of an embedded store.

SQLite leaves deleted rows in free pages, and earlier versions of pages in its write-ahead log. `VACUUM` writes the file
anew, and a checkpoint that truncates (https://www.sqlite.org/pragma.html#pragma_wal_checkpoint) empties the log.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, column, table, update

from iact.core.errors import EnvironmentProblemError
from iact.stores.retrying import persistently
from iact.stores.servers import is_server

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.engine import Connection, Engine


def exchange(connection: Connection, name: str, same: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Change the rows of a table that are as they were read; one that somebody else has changed meanwhile is left.

    Args:
        connection: in a transaction that writes.
        name: of the table.
        same: columns, and what has to be in them.
        after: columns, and what is put into them.
    """
    source = table(name, *map(column, {*same, *after}))
    connection.execute(
        update(source).where(and_(*(source.c[one] == value for one, value in same.items()))).values(**after)
    )


def leave_no_trace(engine: Engine) -> None:
    """Write the file of an embedded store anew, without what was deleted; on a server, do nothing.

    Raises:
        EnvironmentProblemError: if others use the store all the time; nothing is lost, and it may be done again.
    """
    if not is_server(engine):
        persistently(engine, lambda: _written_anew(engine))


def _written_anew(engine: Engine) -> None:
    with closing(engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        busy, _, _ = cursor.fetchone() or (1, 0, 0)
    if busy:
        message = (
            "somebody reads the store at this moment, so its write-ahead log still holds what was deleted. "
            "Run the same command again, or stop `iact serve` before."
        )
        raise EnvironmentProblemError(message)
