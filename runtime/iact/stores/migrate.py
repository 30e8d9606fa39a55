"""Bringing a store's tables up to date, and refusing one that a newer release has changed.

Alembic is imported only when something is to be done: looking at one row tells whether a store is current, and every
command looks.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import inspect, text
from sqlalchemy.exc import DatabaseError, OperationalError

from iact.core.errors import EnvironmentProblemError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

SCRIPTS: Final = Path(__file__).parent / "migrations"
_REVISION: Final = re.compile(r'^(?P<name>down_revision|revision)\b[^=]*= (?:"(?P<value>[^"]+)"|None)', re.MULTILINE)


@cache
def newest_revision() -> str:
    """Return the revision that this release's tables have."""
    return next(reversed(revisions()))


@cache
def revisions() -> tuple[str, ...]:
    """Return every revision, oldest first, by following each file's `down_revision`."""
    after: dict[str | None, str] = {}
    for script in sorted((SCRIPTS / "versions").glob("[0-9]*.py")):
        named = {found["name"]: found["value"] for found in _REVISION.finditer(script.read_text(encoding="utf-8"))}
        after[named.get("down_revision")] = named["revision"]
    chain: list[str] = []
    while (following := after.get(chain[-1] if chain else None)) is not None:
        chain.append(following)
    return tuple(chain)


def migrate(engine: Engine, *, shown_as: str) -> None:
    """Bring the tables of `engine` to the newest revision, in one transaction where the database allows that.

    Args:
        engine: the store.
        shown_as: what errors call it.

    Raises:
        EnvironmentProblemError: if it is no database, or if a newer release has changed its tables.
    """
    try:
        with engine.connect().execution_options(iact_reading=True) as connection:
            if _is_current(connection, shown_as):
                return
        with engine.begin() as connection:
            # Another process may have been quicker while this one waited for the write lock.
            if _is_current(connection, shown_as):
                return
            if connection.dialect.name == "sqlite" and not inspect(connection).get_table_names():
                _make_fresh(connection)
            else:
                upgrade(connection)
    except (DatabaseError, OperationalError) as error:
        message = (
            f"the store {shown_as} cannot be used: {error.orig}. "
            "Move the file away to start a new one, or restore it from a backup."
        )
        raise EnvironmentProblemError(message) from error


def _is_current(connection: Connection, shown_as: str) -> bool:
    return known_revision(connection, shown_as) == newest_revision()


def known_revision(connection: Connection, shown_as: str) -> str | None:
    """Return the revision that a store's tables have; None where it has none of them.

    Raises:
        EnvironmentProblemError: if a newer release has changed them.
    """
    present = _present_revision(connection)
    if present is not None and present not in revisions():
        message = (
            f"the store {shown_as} was changed by a newer release of iact (revision {present}; this one knows "
            f"{newest_revision()}). Install the newer release, or name another store in iact.yaml."
        )
        raise EnvironmentProblemError(message)
    return present


def _present_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return found


def _make_fresh(connection: Connection) -> None:
    """Make the tables of an empty SQLite store from the script that `iact.stores.snapshot` wrote."""
    script = (SCRIPTS / "fresh_sqlite.sql").read_text(encoding="utf-8")
    for statement in script.split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run every revision that the store has not seen, in the caller's transaction.

    Args:
        connection: to the store.
        to: the last revision to run.
    """
    from alembic import command  # noqa: PLC0415 - costs 100 ms that a current store need not pay
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
