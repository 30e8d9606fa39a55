"""Stores for tests that name no database themselves: all of them run on whichever kind `STORE` says.

`make test STORE=mysql` keeps on MySQL what is otherwise kept in SQLite; what the tests expect is the same.
"""

from __future__ import annotations

import os
from collections.abc import Hashable
from itertools import count
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from iact.stores.connect import open_memory, open_sqlite
from iact.stores.servers import open_server
from services import mysql_protocol
from tests.support import servers

KIND: Final = os.environ.get("STORE", "") or "sqlite"
"""What kind of store it is: sqlite, mariadb or mysql."""
_UNNAMED: Final = count(1)
_MADE: Final[dict[Hashable, str]] = {}
"""The database of each place that a test named."""
_FREE: Final[list[str]] = []
"""Databases that were emptied again: making the tables takes seconds."""
_NOT_ROWS: Final = frozenset({"alembic_version", "iact_locks", "iact_schema"})


def open_kept(path: Path) -> Engine:
    """Open the store that belongs to a path, and bring its tables up to date; the same one for the same path.

    Args:
        path: of the SQLite file that it is, or would be.
    """
    return open_sqlite(path) if KIND == "sqlite" else _open(path)


def open_passing() -> Engine:
    """Open an empty store that nobody opens again."""
    return open_memory() if KIND == "sqlite" else _open(next(_UNNAMED))


def _open(place: Hashable) -> Engine:
    server = servers.shared(KIND)
    if place not in _MADE:
        _MADE[place] = _FREE.pop() if _FREE else server.made_database()
    url = f"mysql://{mysql_protocol.USER}@127.0.0.1:{server.port}/{_MADE[place]}"
    return open_server(url, password=mysql_protocol.PASSWORD)


def empty_kept() -> None:
    """Take the rows out of the databases that a test was given, and count from 1 again."""
    while _MADE:
        _, name = _MADE.popitem()
        server = servers.shared(KIND)
        tables = {table for (table,) in server.rows(f"SHOW TABLES FROM {name}")} - _NOT_ROWS
        used = [table for table in tables if server.rows(f"SELECT 1 FROM {name}.{table} LIMIT 1")]  # noqa: S608 - our own tables
        server.execute(*(f"TRUNCATE TABLE {name}.{table}" for table in used))
        _FREE.append(name)


def drop_kept() -> None:
    """Drop what was made for this run of the tests."""
    empty_kept()
    while _FREE:
        servers.shared(KIND).execute(f"DROP DATABASE {_FREE.pop()}")
