"""Queries with a name and a sentence, so that a plan, a log or a slow-query list can say what it was for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Boolean, Insert

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Executable
    from sqlalchemy.engine import Connection, CursorResult, Dialect, RowMapping
    from sqlalchemy.types import TypeEngine


MANY: Final = 500
"""From how many rows on the way around SQLAlchemy's own handling of each is worth it."""


READ_AGAIN: Final = "everything of a repository is read, put together or judged again"
EVERYTHING: Final = "all that there is was asked for"
"""Why a query is not bounded. Every other reason is of one that stops early, counts, or looks at a little."""


@dataclass(frozen=True, slots=True)
class Query:
    """One statement.

    Attributes:
        sentence: what it finds or changes, for people.
        statement: the SQLAlchemy statement with its bound parameters.
        whole: why it may look at all rows of a repository, a project or a table; empty for one that may not.
    """

    sentence: str
    statement: Executable
    whole: str = ""

    def run(self, connection: Connection, **parameters: Any) -> CursorResult[Any]:
        """Carry it out once."""
        result: CursorResult[Any] = connection.execute(self.statement, parameters)
        return result

    def run_many(self, connection: Connection, rows: list[dict[str, Any]]) -> None:
        """Carry it out for many rows, all with the same keys; for none, do nothing."""
        if not rows:
            return
        if isinstance(self.statement, Insert) and len(rows) >= MANY:
            _insert(connection, self.statement, rows)
        else:
            connection.execute(self.statement, rows)

    def rows(self, connection: Connection, **parameters: Any) -> Iterator[RowMapping]:
        """Walk the rows that it finds."""
        return iter(self.run(connection, **parameters).mappings())

    def one(self, connection: Connection, **parameters: Any) -> RowMapping | None:
        """Return the one row that it finds, or None."""
        return self.run(connection, **parameters).mappings().one_or_none()


def _insert(connection: Connection, statement: Insert, rows: list[dict[str, Any]]) -> None:
    """Insert rows with the driver's own call for many; SQLAlchemy's costs twice as long as the database itself."""
    dialect = connection.dialect
    compiled = statement.compile(dialect=dialect, column_keys=list(rows[0]))
    names = compiled.positiontup
    if names is None:  # a driver that binds by name
        connection.execute(statement, rows)
        return
    columns = statement.table.c
    # One column after another: a comprehension over one column is three times as quick as one over every cell.
    converted = [_converted(columns[name].type, dialect, [row[name] for row in rows]) for name in names]
    connection.exec_driver_sql(str(compiled), list(zip(*converted, strict=True)))


def _converted(column: TypeEngine[Any], dialect: Dialect, cells: list[Any]) -> list[Any]:
    if isinstance(column, Boolean):
        return list(map(int, cells))
    convert = column.dialect_impl(dialect).bind_processor(dialect)
    return cells if convert is None else list(map(convert, cells))


_MADE: Final[list[Query]] = []


def query(sentence: str, statement: Executable, *, whole: str = "") -> Query:
    """Give a statement its sentence, and put it among those whose plans tests look at.

    Args:
        sentence: what it finds or changes, for people.
        statement: the SQLAlchemy statement with its bound parameters.
        whole: why it may look at all rows of a repository, a project or a table.
    """
    made = Query(sentence, statement, whole)
    _MADE.append(made)
    return made


def every_query() -> tuple[Query, ...]:
    """Return every query of the modules that were imported, in the order in which they were made."""
    return tuple(_MADE)
