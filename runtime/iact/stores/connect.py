"""Opening a store: the embedded SQLite file, or the memory of this process for what is thrown away.

SQLite runs in write-ahead mode with `synchronous = FULL`: a transaction that was acknowledged survives a power cut.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import create_engine, event
from sqlalchemy.pool import StaticPool

from iact.core.errors import EnvironmentProblemError
from iact.stores.migrate import migrate
from iact.stores.retrying import Patience, persistently
from iact.stores.servers import is_server, reading_options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Connection, Engine

CONNECTIONS: Final = 32
"""How many connections to a file are kept, and as many more may be had."""
BUSY_TIMEOUT = 30_000
"""Milliseconds that a transaction waits for another process's."""

WHILE_OPENING = Patience(attempts=1_000, seconds=BUSY_TIMEOUT / 1000, longest_pause=1)
"""How long opening a store is tried again while others hold it."""

PAGE_CACHE = 64_000
"""Kibibytes of pages that SQLite may hold, which it takes as it needs them. With less the keys of a million commits,
which come in no order, are written again and again; with more they are written when nothing else is done any more."""
READING_CACHE = 32_000
"""The same while nothing is written: rows are read once, in order."""


def open_sqlite(path: Path) -> Engine:
    """Open the embedded store, bring its tables up to date, and return the engine.

    Args:
        path: the file; it and its folder are made where they are missing.

    Raises:
        EnvironmentProblemError: if the file cannot be made, is no database, is from a newer iact, or if others hold it
            for too long.
    """
    try:
        make_folder(path.parent)
    except OSError as error:
        message = f"the store's folder {path.parent} cannot be made: {error.strerror}. Check its permissions."
        raise EnvironmentProblemError(message) from error
    engine = file_engine(path)
    # Where another process has just made the file and writes its tables, SQLite refuses the switch to write-ahead mode
    # at once, however long `busy_timeout` is: waiting might be a deadlock.
    persistently(engine, lambda: migrate(engine, shown_as=str(path)), patience=WHILE_OPENING)
    return engine


def file_engine(path: Path) -> Engine:
    """Return an engine of a store's file, whose tables are left as they are."""
    # A connection that is not kept costs a hundred times what it is asked for, and whoever serves has many threads.
    return _engine(f"sqlite:///{path}", pool_size=CONNECTIONS, max_overflow=CONNECTIONS)


def make_folder(folder: Path) -> None:
    """Make the folder of a store where it is missing, and keep what is in it out of git, both or neither."""
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = folder.with_name(f"{folder.name}-{os.getpid()}")
    made.mkdir(exist_ok=True)
    (made / ".gitignore").write_text("# Made by iact: state is not committed.\n*\n", encoding="utf-8")
    try:
        made.rename(folder)
    except OSError:
        # Another process was quicker.
        shutil.rmtree(made)
        folder.mkdir(exist_ok=True)


def existing_sqlite(path: Path) -> Engine:
    """Return an engine for a SQLite file that is there, which others may be writing; its tables are left as they are.

    Unlike `looking_connection` it takes part in SQLite's locking, so what it reads stays one moment for hours.
    """
    where = f"{path.absolute().as_uri()}?mode=rw"
    return _engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(where, uri=True, isolation_level=None, check_same_thread=False),
    )


def open_memory() -> Engine:
    """Open a store that lives and dies with this process: for what is only looked at, such as a dry run."""
    engine = empty_memory()
    migrate(engine, shown_as="memory")
    return engine


def empty_memory() -> Engine:
    """Open a database in memory that has no tables yet."""
    return _engine("sqlite://", poolclass=StaticPool)


def open_copy(path: Path) -> Engine:
    """Open a copy in memory of what a store's file holds; the file is only read, and not made where it is missing.

    Args:
        path: the file; it may be missing, and it may be of an earlier release: only the copy is brought up to date.

    Raises:
        EnvironmentProblemError: if the file cannot be read, is no database, or is from a newer iact.
    """
    engine = empty_memory()
    try:
        if path.exists():
            _copy(path, engine)
        migrate(engine, shown_as=str(path))
    except BaseException:
        engine.dispose()
        raise
    return engine


def _copy(path: Path, engine: Engine) -> None:
    target = engine.raw_connection()
    try:
        # Reading a quiet file as immutable leaves no `-wal` and `-shm` beside it, and works in a folder that cannot be
        # written; where somebody has the file open, or opened it meanwhile, these are there and are needed.
        before = _state(path)
        _back_up(path, "mode=ro" if before is None else "immutable=1", target.driver_connection)
        if before is not None and _state(path) != before:
            _back_up(path, "mode=ro", target.driver_connection)
    except (sqlite3.Error, OSError) as error:
        message = f"the store {path} cannot be read: {error}. Check its permissions, or restore it from a backup."
        raise EnvironmentProblemError(message) from error
    finally:
        target.close()


def looking_connection(path: Path) -> sqlite3.Connection:
    """Connect to the file of a store so that nothing on disk is changed; it has to be there.

    Args:
        path: the file.
    """
    how = "mode=ro" if _state(path) is None else "immutable=1"
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}", uri=True, isolation_level=None, timeout=BUSY_TIMEOUT / 1000
    )


def is_open(path: Path) -> bool:
    """Return whether somebody has a store's file open, as far as its write-ahead log shows; it may be this process."""
    return path.with_name(f"{path.name}-wal").exists()


def _state(path: Path) -> tuple[int, int] | None:
    """Return what changes when a store that nobody has open is written; None where somebody has it open."""
    if is_open(path):
        return None
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def _back_up(path: Path, how: str, target: Any) -> None:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)) as source:
        source.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
        source.backup(target)


def _engine(url: str, **options: Any) -> Engine:
    # pysqlite's own transaction handling begins late and leaves DDL out; with autocommit switched off at the driver,
    # SQLAlchemy's begin becomes a real BEGIN IMMEDIATE below.
    engine = create_engine(url, connect_args={"isolation_level": None, "check_same_thread": False}, **options)
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
    cursor.execute(f"PRAGMA cache_size = -{PAGE_CACHE}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    # Reading transactions begin deferred, so that a report never waits for a writer; writing ones take the write lock
    # at once, so that they never fail half-way with "database is locked".
    reading = connection.get_execution_options().get("iact_reading", False)
    connection.exec_driver_sql("BEGIN DEFERRED" if reading else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection that sees one unchanging moment of the store and writes nothing."""
    with engine.connect().execution_options(**reading_options(engine)) as connection, connection.begin():
        if is_server(engine):
            yield connection
            return
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.exec_driver_sql(f"PRAGMA cache_size = -{READING_CACHE}")
        try:
            yield connection
        finally:
            connection.exec_driver_sql(f"PRAGMA cache_size = -{PAGE_CACHE}")
            connection.exec_driver_sql("PRAGMA query_only = OFF")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give a connection in a transaction that is committed as a whole or not at all."""
    with engine.begin() as connection:
        yield connection


def give_back_pages(engine: Engine) -> None:
    """Let SQLite free the pages that it holds: what is written together fills far more than what is read next needs."""
    if is_server(engine):
        return
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA shrink_memory").close()
