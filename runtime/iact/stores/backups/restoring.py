"""Restoring a backup into a store that is empty, whatever kind of store it came from."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError, OperationalError

from iact.core.errors import EnvironmentProblemError, FindingError
from iact.stores import marker
from iact.stores.backups.archive import put_in_place
from iact.stores.backups.lines import Tally, line_of, row_of
from iact.stores.backups.tables import VERSIONS, rows_of, tables_at
from iact.stores.connect import file_engine, make_folder, reading, writing
from iact.stores.lock import exclusive
from iact.stores.migrate import cannot_be_used, make_tables, migrate
from iact.stores.revisions import newest_revision, revisions
from iact.stores.servers import held, is_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import Connection, Engine

    from iact.stores.backups.archive import Verified
    from iact.stores.backups.model import Table

_BATCH_ROWS: Final = 1000
_BATCH_BYTES: Final = 4 << 20
"""A batch, which is one transaction, ends at whichever it reaches first."""
_BESIDE: Final = ("", "-wal", "-shm", "-journal")
"""What SQLite may keep beside a file's name; left beside another file of that name, they would damage it."""


def restore_to_file(backup: Verified, path: Path, *, tell: Callable[[str, int], None]) -> None:
    """Make an embedded store out of a backup; it gets its name when every row was read again.

    Args:
        backup: what is restored.
        path: the file, which must not be there.
        tell: takes the name of each table and the number of its rows when they are in.

    Raises:
        EnvironmentProblemError: if the file is there already or cannot be made.
        FindingError: if the backup cannot be restored by this release, or other rows were read again.
    """
    _require_known(backup)
    try:
        make_folder(path.parent)
        with exclusive(Path(f"{path}.lock")):
            _require_no_file(path)
            made = path.with_name(f"{path.name}.restoring")
            _remove(made)
            try:
                _make_file(backup, made, tell)
                _put_in_place(made, path)
            finally:
                _remove(made)
    except OSError as error:
        message = f"the store {path} cannot be made: {error.strerror or error}. Check its folder and the disk."
        raise EnvironmentProblemError(message) from error


def restore_to_server(backup: Verified, engine: Engine, *, shown_as: str, tell: Callable[[str, int], None]) -> None:
    """Fill an empty database on a server out of a backup.

    Until every row was read again, the store is marked, and no other command uses it. What fails is removed; where not
    even that can be done, the mark stays, and the next restore begins anew.

    Args:
        backup: what is restored.
        engine: the database; its account may make and drop tables.
        shown_as: what errors call it.
        tell: takes the name of each table and the number of its rows when they are in.

    Raises:
        EnvironmentProblemError: if there are rows already, or the server cannot be reached or refuses.
        FindingError: if the backup cannot be restored by this release, or other rows were read again.
    """
    _require_known(backup)
    with _alone(engine, shown_as):
        with reading(engine) as connection:
            if not marker.is_restoring(connection):
                _require_no_rows(connection, backup, shown_as)
        _drop(engine, backup)
        try:
            with writing(engine) as connection:
                make_tables(connection, backup.manifest.revision)
            with writing(engine) as connection:
                marker.begin_restoring(connection)
            _fill(backup, engine, tell)
            _compare(backup, engine)
            with writing(engine) as connection:
                marker.end_restoring(connection, backup.manifest.revision)
        except BaseException:
            # Where the server is gone this fails too; the mark then keeps others away.
            with suppress(DBAPIError):
                _drop(engine, backup)
            raise
        migrate(engine, shown_as=shown_as)


def _require_known(backup: Verified) -> None:
    """Make sure that this release knows the tables of a backup."""
    manifest = backup.manifest
    if manifest.revision not in revisions():
        message = (
            f"the backup {backup.path} was made by a newer release of iact ({manifest.release}, with tables of "
            f"revision {manifest.revision}; this one knows {newest_revision()}). Install that release, or a later one."
        )
        raise FindingError(message)
    known = {table.name: table for table in tables_at(manifest.revision)}
    found = {table.name: table for table, _ in manifest.tables}
    different = sorted(name for name in known.keys() | found.keys() if known.get(name) != found.get(name))
    if different:
        message = (
            f"the backup {backup.path} says that its tables are those of revision {manifest.revision}, and "
            f"{', '.join(different)} differ from that. It was not made by a release of iact; take another backup."
        )
        raise FindingError(message)


# Files ----------------------------------------------------------------------------------------------------------------


def _require_no_file(path: Path) -> None:
    for suffix in _BESIDE:
        beside = Path(f"{path}{suffix}")
        if beside.exists():
            message = (
                f"{beside} is there already, and a backup is only restored where there is no store. Move it away "
                f"together with whatever begins with {path.name}, or name another store by --store."
            )
            raise EnvironmentProblemError(message)


def _make_file(backup: Verified, made: Path, tell: Callable[[str, int], None]) -> None:
    engine = file_engine(made)
    try:
        with writing(engine) as connection:
            make_tables(connection, backup.manifest.revision)
        _fill(backup, engine, tell)
        _compare(backup, engine)
        migrate(engine, shown_as=str(made))
    finally:
        engine.dispose()


def _put_in_place(made: Path, path: Path) -> None:
    with made.open("rb") as file:
        os.fsync(file.fileno())
    taken = f"another process made {path} meanwhile; nothing was restored. Stop it, and move the file away."
    put_in_place(made, path, taken)


def _remove(made: Path) -> None:
    for suffix in _BESIDE:
        Path(f"{made}{suffix}").unlink(missing_ok=True)


# Servers --------------------------------------------------------------------------------------------------------------


@contextmanager
def _alone(engine: Engine, shown_as: str) -> Iterator[None]:
    """Let one process at a time restore or migrate."""
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(marker.MAKE_LOCKS)
    except OperationalError as error:
        raise cannot_be_used(engine, shown_as, error) from error
    with held(engine, "migration"):
        yield


def _require_no_rows(connection: Connection, backup: Verified, shown_as: str) -> None:
    for name in _present(connection, backup):
        if connection.execute(text(f"SELECT 1 FROM {_quoted(connection, name)} LIMIT 1")).first() is not None:  # noqa: S608 - the names of our own tables
            message = (
                f"the store {shown_as} is not empty: there are rows in {name}. A backup is only restored into an empty "
                "one: make it (CREATE DATABASE), and name it by --store or in iact.yaml."
            )
            raise EnvironmentProblemError(message)


def _present(connection: Connection, backup: Verified) -> list[str]:
    """Return the tables of iact that are there, at whatever revision."""
    ours = {table.name for revision in (backup.manifest.revision, newest_revision()) for table in tables_at(revision)}
    return sorted(ours & set(inspect(connection).get_table_names()))


def _drop(engine: Engine, backup: Verified) -> None:
    """Drop the tables of iact; the one that holds the mark goes last."""
    with engine.connect() as connection:
        for name in [*_present(connection, backup), marker.SCHEMA, VERSIONS]:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {_quoted(connection, name)}")


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)


# Rows -----------------------------------------------------------------------------------------------------------------


def _fill(backup: Verified, engine: Engine, tell: Callable[[str, int], None]) -> None:
    for table, content in backup.manifest.tables:
        statement, kinds = _insert(engine, table)
        for rows in _batches(backup, table, kinds):
            with writing(engine) as connection:
                connection.exec_driver_sql(statement, rows)
        tell(table.name, content.rows)


def _insert(engine: Engine, table: Table) -> tuple[str, list[type]]:
    """Return the statement that adds a row, and the type of each column in this database."""
    with engine.connect() as connection:
        kinds = {one["name"]: one["type"].python_type for one in inspect(connection).get_columns(table.name)}
        columns = ", ".join(_quoted(connection, name) for name in table.names)
        places = ", ".join(["%s" if is_server(engine) else "?"] * len(table.names))
        statement = f"INSERT INTO {_quoted(connection, table.name)} ({columns}) VALUES ({places})"  # noqa: S608 - the names of our own tables
    return statement, [kinds[name] for name in table.names]


def _batches(backup: Verified, table: Table, kinds: list[type]) -> Iterator[list[tuple[Any, ...]]]:
    rows: list[tuple[Any, ...]] = []
    size = 0
    for line in backup.lines(table):
        rows.append(row_of(line, kinds))
        size += len(line)
        if len(rows) >= _BATCH_ROWS or size >= _BATCH_BYTES:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _compare(backup: Verified, engine: Engine) -> None:
    """Read every row again, and make sure that they are those of the backup."""
    for table, expected in backup.manifest.tables:
        tally = Tally()
        with reading(engine) as connection:
            for rows in rows_of(connection, table):
                tally.add(map(line_of, rows))
        if tally.content != expected:
            found = tally.content
            message = (
                f"{table.name} holds {found.rows} rows {found.digest} after the restore, and the backup {backup.path} "
                f"{expected.rows} rows {expected.digest}. Nothing was kept; check the disk, and what else writes there."
            )
            raise FindingError(message)
