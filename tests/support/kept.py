"""Stores for tests that name no database themselves: all of them run on whichever kind `STORE` says.

`make test STORE=mysql` keeps on MySQL what is otherwise kept in SQLite; what the tests expect is the same. Code under
test opens its store by `open_kept`; commands find it in the project's own file, which `write_settings` writes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Hashable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final

from pymysql.cursors import Cursor
from sqlalchemy import Engine

from iact.stores.connect import open_memory, open_sqlite
from iact.stores.servers import open_server
from services import mysql_protocol
from tests.support import servers
from tests.support.replays import REPLAYS

KIND: Final = os.environ.get("STORE", "") or "sqlite"
"""What kind of store it is: sqlite, mariadb or mysql."""
PASSWORD: Final = "KEPT_STORE_PASSWORD"  # noqa: S105 - the name of the variable that holds it
EXTENDING: Final = """\
apiVersion: iact/v1
kind: Project
metadata: {name: iact}
spec:
  extends: [iact]
"""
"""The shipped rules and nothing more, which is what holds where there is no project."""
_UNNAMED: Final = count(1)
_MADE: Final[dict[Hashable, str]] = {}
"""The database of each place that a test named."""
_FREE: Final[list[str]] = []
"""Databases that were emptied again: making the tables takes seconds."""
_OWN_PROCESS: Final = os.getpid()
_NUMBERED: Final = """\
SELECT TABLE_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '{database}' AND EXTRA LIKE '%auto_increment%'
"""
_UNDER_WAY: Final = """\
SELECT COUNT(*) FROM information_schema.INNODB_TRX AS trx
JOIN information_schema.PROCESSLIST AS session ON session.ID = trx.trx_mysql_thread_id WHERE session.DB = '{database}'
"""
_NOT_ROWS: Final = frozenset({"alembic_version", "iact_locks", "iact_schema"})


def open_kept(path: Path) -> Engine:
    """Open the store that belongs to a path, and bring its tables up to date; the same one for the same path.

    Args:
        path: of the SQLite file that it is, or would be.
    """
    if KIND == "sqlite":
        return open_sqlite(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    return _open(path)


def prepare(path: Path) -> None:
    """Make the folder of a store, and on a server its tables, which no command but one makes."""
    if KIND == "sqlite":
        path.parent.parent.mkdir()
    else:
        path.parent.mkdir(parents=True)
        _database_of(path)


def open_passing() -> Engine:
    """Open an empty store that nobody opens again."""
    return open_memory() if KIND == "sqlite" else _open(next(_UNNAMED))


@contextmanager
def passing() -> Iterator[Engine]:
    """Give an empty store that is gone when the block ends, for tests that need many of them."""
    if KIND == "sqlite":
        engine = open_memory()
        yield engine
        engine.dispose()
        return
    # Not in _MADE: it may outlive the test that asked for it first.
    name = _taken()
    engine = _opened(name)
    try:
        yield engine
    finally:
        engine.dispose()
        _empty(name)


# Projects -------------------------------------------------------------------------------------------------------------


def write_settings(folder: Path, text: str) -> None:
    """Write the file of a project so that commands keep its rows in the store of the tests.

    Args:
        folder: the project, which is there.
        text: what the file says otherwise; it ends within `spec:` and names no store.
    """
    assert "\nspec:\n" in text, "`store:` can only be added to a block"
    (folder / "iact.yaml").write_text(text + _store_lines(folder), encoding="utf-8")


def keep_rows(folder: Path) -> None:
    """Let commands in a folder keep their rows in the store of the tests, by the project there or by a new one."""
    file = folder / "iact.yaml"
    if KIND != "sqlite":
        write_settings(folder, file.read_text(encoding="utf-8") if file.exists() else EXTENDING)


def _store_lines(folder: Path) -> str:
    if KIND == "sqlite":
        return ""
    os.environ[PASSWORD] = mysql_protocol.PASSWORD
    url = _url(_database_of(folder.resolve() / ".iact" / "iact.db"))
    return f"  store:\n    url: {url}\n    password: env:{PASSWORD}\n"


# Folders --------------------------------------------------------------------------------------------------------------


def copy_folder(source: Path, target: Path) -> Path:
    """Copy a folder together with the stores in it, which nobody has open, and return the copy."""
    shutil.copytree(source, target)
    for place in [one for one in _MADE if isinstance(one, Path) and one.is_relative_to(source)]:
        _copy_rows(_MADE[place], _database_of(target / place.relative_to(source), counts=False))
    return target


def remove_folder(folder: Path) -> None:
    """Remove a folder together with the stores in it, which nobody has open."""
    shutil.rmtree(folder)
    for place in [one for one in _MADE if isinstance(one, Path) and one.is_relative_to(folder)]:
        _free(place)


def transactions(path: Path) -> int:
    """Return how many transactions are under way in the store of a path, as its server sees it.

    Ask at most ten times a second: the server answers from what it noted before, where it was asked just now.

    Args:
        path: as in `open_kept`; the store is on a server.
    """
    asked = _UNDER_WAY.format(database=_MADE[path])
    ((count,),) = _server().rows(asked)
    return int(count)


# Databases ------------------------------------------------------------------------------------------------------------


def _open(place: Hashable) -> Engine:
    return _opened(_database_of(place))


def _opened(database: str) -> Engine:
    return open_server(_url(database), password=mysql_protocol.PASSWORD, migrates=False)


def _url(database: str) -> str:
    return f"mysql://{mysql_protocol.USER}@127.0.0.1:{_server().port}/{database}"


@cache
def _server() -> servers.DatabaseServer:
    """Return the server that all tests share; looking whether it runs writes, which tests that kill at writes count."""
    return servers.shared(KIND)


def _database_of(place: Hashable, *, counts: bool = True) -> str:
    """Return the database of a place, with all tables; an empty one where there was none.

    Args:
        place: what the test calls it.
        counts: whether rows are numbered from 1, where it was used before; rows that are copied have their numbers.
    """
    if place not in _MADE:
        assert os.getpid() == _OWN_PROCESS, f"{place} was not prepared before this child began"
        _MADE[place] = _taken(counts=counts)
    return _MADE[place]


def _taken(*, counts: bool = True) -> str:
    if _FREE:
        name = _FREE.pop()
        if counts:
            with _changing(name) as cursor:
                for (table,) in _found(cursor, _NUMBERED.format(database=name)):
                    cursor.execute(f"ALTER TABLE {table} AUTO_INCREMENT = 1")
        return name
    name = _server().made_database()
    open_server(_url(name), password=mysql_protocol.PASSWORD).dispose()
    return name


def _copy_rows(source: str, target: str) -> None:
    with _changing(target) as cursor:
        for table in _with_rows(cursor, source):
            cursor.execute(f"INSERT INTO {table} SELECT * FROM {source}.{table}")  # noqa: S608 - our own tables


def _free(place: Hashable) -> None:
    """Take the rows out of a database that a test was given."""
    _empty(_MADE.pop(place))


def _empty(name: str) -> None:
    with _changing(name) as cursor:
        REPLAYS.look_at_server(cursor, name)
        for table in _with_rows(cursor, name):
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - as above
    _FREE.append(name)


@contextmanager
def _changing(database: str) -> Iterator[Cursor]:
    """Give a cursor of one transaction: a server that waits for its disk does so once."""
    with closing(_server().connect(database=database, autocommit=False)) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION foreign_key_checks = 0")
        yield cursor
        connection.commit()


def _with_rows(cursor: Cursor, database: str) -> list[str]:
    """Return the tables of a database that hold rows."""
    tables = [table for (table,) in _found(cursor, f"SHOW TABLES FROM {database}") if table not in _NOT_ROWS]
    return [table for table in tables if cursor.execute(f"SELECT 1 FROM {database}.{table} LIMIT 1")]  # noqa: S608 - as above


def _found(cursor: Cursor, statement: str) -> list[tuple[Any, ...]]:
    cursor.execute(statement)
    return list(cursor.fetchall())


def empty_kept() -> None:
    """Take the rows out of all databases that a test was given."""
    while _MADE:
        _free(next(iter(_MADE)))


def drop_kept() -> None:
    """Drop what was made for this run of the tests."""
    empty_kept()
    while _FREE:
        _server().execute(f"DROP DATABASE {_FREE.pop()}")
