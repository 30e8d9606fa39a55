"""Bringing a store's tables up to date, and refusing one that a newer release has changed.

Alembic is imported only when something is to be done: looking at one row tells whether a store is current, and every
command looks.
"""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlalchemy.exc import DatabaseError

from iact.core.errors import EnvironmentProblemError
from iact.stores import marker
from iact.stores.columns import is_servers
from iact.stores.failures import failure_of
from iact.stores.revisions import SCRIPTS, after, newest_revision, revisions

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.engine import Connection, Engine


def migrate(engine: Engine, *, shown_as: str) -> None:
    """Bring the tables of `engine` to the newest revision, in one transaction where the database allows that.

    Args:
        engine: the store.
        shown_as: what errors call it.

    Raises:
        EnvironmentProblemError: if it is no database, if a newer release has changed its tables, or if its account may
            not change them.
        DatabaseError: if the connection to a server is lost, or another process stands in the way; the same again may
            succeed.
    """
    try:
        with engine.connect().execution_options(iact_reading=True) as connection:
            if _is_done(connection, shown_as):
                return
        with engine.begin() as connection:
            # Another process may have been quicker while this one waited for the write lock.
            if _is_done(connection, shown_as):
                return
            if is_servers(connection.dialect):
                marker.announce(connection, [step.number for step in after(present_revision(connection))])
                upgrade(connection)
                marker.note(connection, newest_revision())
            elif inspect(connection).get_table_names():
                upgrade(connection)
            else:
                _make_fresh(connection)
    except DatabaseError as error:
        if failure_of(error) is not None:
            raise  # nothing is wrong with the tables: whoever opens the store tries again
        raise cannot_be_used(engine, shown_as, error) from error


def cannot_be_used(engine: Engine, shown_as: str, error: DatabaseError) -> EnvironmentProblemError:
    """Return how a person is told that the tables of a store could not be read or changed.

    Args:
        engine: the store.
        shown_as: what errors call it.
        error: what the driver said.
    """
    advice = (
        "Tables are made and changed by an account that may do so: `iact db grants` prints what each account needs."
        if is_servers(engine.dialect)
        else "Move the file away to start a new one, or restore it from a backup."
    )
    return EnvironmentProblemError(f"the store {shown_as} cannot be used: {error.orig}. {advice}")


def _is_done(connection: Connection, shown_as: str) -> bool:
    if known_revision(connection, shown_as) != newest_revision():
        return False
    present = present_revision(connection)
    # A newer store has its marker; one of this revision may have been left by a process that died before it was noted.
    return not is_servers(connection.dialect) or marker.noted(connection, present or "") is not None


def known_revision(connection: Connection, shown_as: str) -> str | None:
    """Return the revision that a store's tables have; None where it has none of them.

    Where a newer release has changed them in ways that this one need not know, it is this release's newest revision.

    Raises:
        EnvironmentProblemError: if a newer release has changed them so that this one cannot use them.
    """
    present = present_revision(connection)
    if present is None or present in revisions():
        return present
    usable_from = marker.noted(connection, present) if is_servers(connection.dialect) else None
    if usable_from in revisions():
        return newest_revision()
    needed = "" if usable_from is None else f", and from {usable_from} on can use it"
    message = (
        f"the store {shown_as} was changed by a newer release of iact (revision {present}; this one knows "
        f"{newest_revision()}{needed}). Install the newer release, or name another store in iact.yaml."
    )
    raise EnvironmentProblemError(message)


def require_current(connection: Connection, shown_as: str) -> None:
    """Make sure that this release can use the tables of a store on a server as they are.

    Raises:
        EnvironmentProblemError: if it has none, if they are of an older release, or of a newer one that this one cannot
            go along with.
    """
    known = known_revision(connection, shown_as)
    if known == newest_revision():
        return
    stands = "has no tables yet" if known is None else f"has the tables of revision {known}"
    message = (
        f"the store {shown_as} {stands}, and this release of iact needs {newest_revision()}. "
        "Run `iact db migrate` with an account that may change tables; `iact db status` says what is missing."
    )
    raise EnvironmentProblemError(message)


def present_revision(connection: Connection) -> str | None:
    """Return the revision that a store says its tables have, which this release may not know; None without tables.

    Raises:
        EnvironmentProblemError: if a backup is being restored into it, or was and did not come to its end.
    """
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    if found == marker.RESTORING:
        message = (
            "a backup is being restored into this store, or a restore was cut off in it; what is there is not whole. "
            "Wait for `iact restore` to end, or run it again: it begins anew."
        )
        raise EnvironmentProblemError(message)
    return found


def make_tables(connection: Connection, revision: str) -> None:
    """Make the tables of a revision in a database that has none.

    Args:
        connection: to the database.
        revision: one that this release knows.
    """
    if revision == newest_revision() and not is_servers(connection.dialect):
        _make_fresh(connection)
    else:
        upgrade(connection, revision)


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

    command.upgrade(_config(connection), to)


def downgrade(connection: Connection, to: str) -> None:
    """Take back every revision after one, newest first, in the caller's transaction.

    Args:
        connection: to the store.
        to: the last revision that stays.
    """
    from alembic import command  # noqa: PLC0415 - as above

    if is_servers(connection.dialect):
        present = present_revision(connection) or newest_revision()
        marker.announce(connection, revisions()[revisions().index(to) : revisions().index(present) + 1])
    command.downgrade(_config(connection), to)
    if is_servers(connection.dialect):
        marker.note(connection, to)


def upgrade_script(connection: Connection, shown_as: str) -> str:
    """Return the SQL that would bring the tables of a store on a server up to date; nothing where they are.

    Steps that are done already are left out, so a script that was cut short is continued by asking for another one.

    Raises:
        EnvironmentProblemError: if a newer release has changed the tables so that this one cannot use them.
    """
    from alembic import command  # noqa: PLC0415 - as above

    if _is_done(connection, shown_as):
        return ""
    present = known_revision(connection, shown_as)
    written = StringIO()
    if present != newest_revision():
        command.upgrade(_config(connection, written), f"{present or 'base'}:head", sql=True)
    # Alembic makes its own table anew where no revision was noted in it yet, as in a script that was cut short.
    steps = written.getvalue().replace("CREATE TABLE alembic_version", "CREATE TABLE IF NOT EXISTS alembic_version")
    noted = marker.announcements([step.number for step in after(present)]) if present != newest_revision() else ()
    before = "".join(f"{one};\n\n" for one in (marker.MAKE_LOCKS, marker.MAKE_SCHEMA, *noted))
    return before + steps + "\n".join(f"{one};" for one in marker.statements(newest_revision())) + "\n"


def _config(connection: Connection, written: StringIO | None = None) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config(output_buffer=written)
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
