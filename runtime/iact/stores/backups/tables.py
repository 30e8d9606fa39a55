"""Which tables a store has at a revision, and their rows in one order on every database."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import column, inspect, select, table

from iact.stores.backups.model import Table
from iact.stores.connect import empty_memory
from iact.stores.migrate import make_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.engine import Connection

VERSIONS: Final = "alembic_version"
"""Where the revision of the tables is kept; it is in the manifest instead."""
BATCH: Final = 1000
"""How many rows are held at a time."""
_KINDS: Final = {int: "integer", bool: "integer", float: "number", str: "text", bytes: "bytes"}


@cache
def tables_at(revision: str) -> tuple[Table, ...]:
    """Return the tables that a store has at a revision, by their names, without those that only servers have.

    Args:
        revision: one that this release knows.
    """
    model = empty_memory()
    try:
        with model.begin() as connection:
            make_tables(connection, revision)
            found = inspect(connection)
            return tuple(
                Table(
                    name,
                    columns=tuple((one["name"], _KINDS[one["type"].python_type]) for one in found.get_columns(name)),
                    key=tuple(found.get_pk_constraint(name)["constrained_columns"]),
                )
                for name in sorted(found.get_table_names())
                if name != VERSIONS
            )
    finally:
        model.dispose()


def rows_of(connection: Connection, described: Table) -> Iterator[Sequence[Any]]:
    """Give the rows of a table in the order of its primary key, some at a time.

    Args:
        connection: to any database, which sees one unchanging moment.
        described: the table.
    """
    # Without types, so that values come as the driver gives them: what is in the column and not what is meant by it.
    source = table(described.name, *(column(name) for name in described.names))
    wanted = select(*source.c).order_by(*(source.c[name] for name in described.key))
    return connection.execution_options(stream_results=True).execute(wanted).partitions(BATCH)
