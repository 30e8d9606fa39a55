"""Steps of a revision that were done already are left out on MySQL and MariaDB, whose DDL is not transactional.

A process that dies half-way through a revision leaves some of its tables, and the next one runs the revision again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alembic.ddl.mysql import MariaDBImpl, MySQLImpl
from sqlalchemy import inspect

if TYPE_CHECKING:
    from sqlalchemy import Column, Index, Table


class _Rerunnable(MySQLImpl):
    def create_table(self, table: Table, **options: Any) -> None:
        """Make a table, unless it is there."""
        if not inspect(self.connection).has_table(table.name):
            table.dialect_options["mysql"]["default charset"] = "utf8mb4"
            table.dialect_options["mysql"]["engine"] = "InnoDB"
            super().create_table(table, **options)

    def create_index(self, index: Index, **options: Any) -> None:
        """Make an index, unless it is there."""
        there = [] if index.table is None else inspect(self.connection).get_indexes(index.table.name)
        if index.name not in {one["name"] for one in there}:
            super().create_index(index, **options)

    def add_column(self, table_name: str, column: Column[Any], **options: Any) -> None:
        """Add a column, unless it is there."""
        there = inspect(self.connection).get_columns(table_name)
        if column.name not in {one["name"] for one in there}:
            super().add_column(table_name, column, **options)


class RerunnableMySQL(_Rerunnable):
    """For connections whose dialect is called `mysql`, which those to MariaDB are too."""

    __dialect__ = "mysql"


class RerunnableMariaDB(_Rerunnable, MariaDBImpl):
    """For connections whose dialect is called `mariadb`."""

    __dialect__ = "mariadb"
