"""What a store on a server says of its own tables, so that releases older than them know whether they can go on.

Alembic keeps the revision. Beside it stands, in `iact_schema`, from which release on the tables can be used: an older
release does not know the newer steps, and can tell only by this whether they concern it (ADR 0042).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ProgrammingError

from iact.stores.revisions import compatible_from, revisions

LOCKS: Final = "iact_locks"
SCHEMA: Final = "iact_schema"
SERVER_TABLES: Final = (LOCKS, SCHEMA)
"""Tables that only a store on a server has; no revision makes them, because they are needed before any."""

MAKE_LOCKS: Final = (
    f"CREATE TABLE IF NOT EXISTS {LOCKS} (name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY) "
    "ENGINE=InnoDB COMMENT='Rows that one process at a time locks'"
)
MAKE_SCHEMA: Final = (
    f"CREATE TABLE IF NOT EXISTS {SCHEMA} (revision VARCHAR(32) CHARACTER SET ascii PRIMARY KEY, "
    "compatible_from VARCHAR(32) CHARACTER SET ascii NOT NULL) "
    "ENGINE=InnoDB COMMENT='From which revision on a release can use the tables as they are'"
)
RESTORING: Final = "restoring"
"""Stands instead of a revision while a backup is being restored."""
_NO_SUCH_TABLE: Final = 1146


def announcements(steps: Sequence[str]) -> tuple[str, ...]:
    """Return what notes from which release on the tables can be used at each revision that they come through.

    It is done before the first of them: a process of an older release that looks between two steps has to know as well.

    Args:
        steps: revisions of this release.
    """
    rows = ", ".join(f"('{step}', '{compatible_from(step)}')" for step in steps)
    return (f"REPLACE INTO {SCHEMA} (revision, compatible_from) VALUES {rows}",) if rows else ()  # noqa: S608 - the names of our own files


def statements(revision: str) -> tuple[str, ...]:
    """Return what notes that the tables are at a revision of this release, and forgets those of other releases."""
    known = ", ".join(f"'{step}'" for step in revisions())
    return (
        *announcements((revision,)),
        # What was noted of revisions on the way stays: a process of an older release may have read that the tables are
        # at one of them, and ask only now from which release on it can be used.
        f"DELETE FROM {SCHEMA} WHERE revision NOT IN ({known})",  # noqa: S608 - the names of our own files
    )


def announce(connection: Connection, steps: Sequence[str]) -> None:
    """Make the place for these notes, and note what `announcements` says."""
    connection.exec_driver_sql(MAKE_SCHEMA)
    for statement in announcements(steps):
        connection.exec_driver_sql(statement)


def note(connection: Connection, revision: str) -> None:
    """Note that the tables are at a revision of this release, and forget those of other releases."""
    for statement in statements(revision):
        connection.exec_driver_sql(statement)


def noted(connection: Connection, revision: str) -> str | None:
    """Return from which revision on the tables can be used; None where nothing of this revision was noted."""
    asked = text(f"SELECT compatible_from FROM {SCHEMA} WHERE revision = :revision")  # noqa: S608 - a constant
    try:
        found: str | None = connection.execute(asked, {"revision": revision}).scalar_one_or_none()
    except ProgrammingError as error:
        if error.orig is None or error.orig.args[0] != _NO_SUCH_TABLE:
            raise
        return None
    return found


def begin_restoring(connection: Connection) -> None:
    """Note that rows are being restored, so that no command of this or any other release takes them for whole.

    The mark stands where the revision would: releases that do not know it refuse it as a revision of later ones.
    """
    connection.execute(text("UPDATE alembic_version SET version_num = :mark"), {"mark": RESTORING})


def end_restoring(connection: Connection, revision: str) -> None:
    """Note that every row was restored, into tables of a revision of this release."""
    connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def is_restoring(connection: Connection) -> bool:
    """Return whether a store holds rows of a restore that has not ended, or never will."""
    try:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except ProgrammingError as error:
        if error.orig is None or error.orig.args[0] != _NO_SUCH_TABLE:
            raise
        return False
    return bool(found == RESTORING)
