"""Steps of a revision that were done already are left out on MySQL and MariaDB, whose DDL is not transactional.

A process that dies half-way through a revision leaves some of its tables, and the next one runs the revision again.
The same holds for the SQL that `iact db migrate --sql` prints: it begins where the database is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alembic.ddl.mysql import MariaDBImpl, MySQLImpl
from sqlalchemy import inspect

if TYPE_CHECKING:
    from sqlalchemy import Column, Index, Inspector, Table


class _Rerunnable(MySQLImpl):
    def _inspected(self) -> Inspector:
        # What only writes SQL has no connection of its own.
        return inspect(self.context_opts["iact_connection"] if self.as_sql else self.connection)

    def _there(self, table: str, what: str) -> set[str | None]:
        """Return the names of the columns or indices that a table has; none where it is not there (yet)."""
        found = self._inspected()
        if not found.has_table(table):
            return set()
        return {one["name"] for one in (found.get_columns(table) if what == "columns" else found.get_indexes(table))}

    def create_table(self, table: Table, **options: Any) -> None:
        """Make a table, unless it is there."""
        if not self._inspected().has_table(table.name):
            table.dialect_options["mysql"]["default charset"] = "utf8mb4"
            table.dialect_options["mysql"]["engine"] = "InnoDB"
            super().create_table(table, **options)

    def drop_table(self, table: Table, **options: Any) -> None:
        """Drop a table, if it is there."""
        if self._inspected().has_table(table.name):
            super().drop_table(table, **options)

    def create_index(self, index: Index, **options: Any) -> None:
        """Make an index, unless it is there."""
        if index.table is None or index.name not in self._there(index.table.name, "indices"):
            super().create_index(index, **options)

    def drop_index(self, index: Index, **options: Any) -> None:
        """Drop an index, if it is there."""
        if index.table is None or index.name in self._there(index.table.name, "indices"):
            super().drop_index(index, **options)

    def add_column(self, table_name: str, column: Column[Any], **options: Any) -> None:
        """Add a column, unless it is there."""
        if column.name not in self._there(table_name, "columns"):
            super().add_column(table_name, column, **options)

    def drop_column(self, table_name: str, column: Column[Any], **options: Any) -> None:
        """Drop a column, if it is there."""
        if column.name in self._there(table_name, "columns"):
            super().drop_column(table_name, column, **options)


class RerunnableMySQL(_Rerunnable):
    """For connections whose dialect is called `mysql`, which those to MariaDB are too."""

    __dialect__ = "mysql"


class RerunnableMariaDB(_Rerunnable, MariaDBImpl):
    """For connections whose dialect is called `mariadb`."""

    __dialect__ = "mariadb"
