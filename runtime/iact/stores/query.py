"""Queries with a name and a sentence, so that a plan, a log or a slow-query list can say what it was for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain
from sqlite3 import SQLITE_LIMIT_VARIABLE_NUMBER
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import Boolean, Insert

from iact.stores.columns import Instant

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Executable
    from sqlalchemy.engine import Connection, CursorResult, Dialect, RowMapping
    from sqlalchemy.types import TypeEngine


_BY_NAME: Final = re.compile(r"%\((\w+)\)s")
"""A parameter of a driver that binds by name, which takes them by place as well, in a third of the time."""

MANY: Final = 4
"""From how many rows on the way around SQLAlchemy's own handling of each is worth it."""

AT_ONCE: Final = 20_000
"""How many rows are held at once where many are read by column."""


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
            _insertion(connection, self.statement, {name: [row[name] for row in rows] for name in rows[0]})()
        else:
            connection.execute(self.statement, rows)

    def run_columns(self, connection: Connection, columns: Mapping[str, Sequence[Any]]) -> None:
        """Insert rows that are given column by column, which saves making each of them; for none, do nothing.

        Args:
            connection: in a transaction.
            columns: the cells of each column, as many in each; those of a column that is left out have its default.

        Raises:
            TypeError: if it is not an insertion.
        """
        self.prepared(connection, columns)()

    def prepared(self, connection: Connection, columns: Mapping[str, Sequence[Any]]) -> Callable[[], object]:
        """Do all that inserting rows takes but for the database's work, and return what asks for that.

        Another thread may do the rest: until then the connection is not touched.

        Args:
            connection: as in `run_columns`.
            columns: likewise.

        Raises:
            TypeError: likewise.
        """
        if not isinstance(self.statement, Insert):
            message = f"`{self.sentence}` inserts nothing"
            raise TypeError(message)
        return (
            _insertion(connection, self.statement, columns)
            if any(columns.values())
            else partial(_carry_out, connection, ())
        )

    def rows(self, connection: Connection, **parameters: Any) -> Iterator[RowMapping]:
        """Walk the rows that it finds."""
        return iter(self.run(connection, **parameters).mappings())

    def all(self, connection: Connection, **parameters: Any) -> Sequence[RowMapping]:
        """Return the rows that it finds, few enough to hold: the driver hands them over at once, in one call.

        Where several threads run, a call for each row costs far more than the row: each may have to wait for its turn.
        """
        return self.run(connection, **parameters).mappings().all()

    def columns(self, connection: Connection, **parameters: Any) -> Iterator[Sequence[Sequence[Any]]]:
        """Walk the rows that it finds in large parts, each part as one sequence a column."""
        found = connection.execute(self.statement, parameters, execution_options={"yield_per": AT_ONCE})
        for part in found.partitions():
            yield list(zip(*part, strict=True))

    def one(self, connection: Connection, **parameters: Any) -> RowMapping | None:
        """Return the one row that it finds, or None."""
        return self.run(connection, **parameters).mappings().one_or_none()


@lru_cache(maxsize=256)
def _insertion_text(statement: Insert, dialect: Dialect, columns: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return an insertion as the driver takes it, and its columns in order, whether it binds by place or by name."""
    compiled = statement.compile(dialect=dialect, column_keys=list(columns))
    if compiled.positiontup is not None:
        return str(compiled), tuple(compiled.positiontup)
    return _BY_NAME.sub("%s", str(compiled)), tuple(_BY_NAME.findall(str(compiled)))


def _insertion(connection: Connection, statement: Insert, columns: Mapping[str, Sequence[Any]]) -> Callable[[], object]:
    """Return what inserts rows with the driver's own calls; SQLAlchemy's cost twice as long as the database itself."""
    dialect = connection.dialect
    text, names = _insertion_text(statement, dialect, tuple(columns))
    types = statement.table.c
    moments: dict[int, Any] = {}
    # One column after another: a comprehension over one column is three times as quick as one over every cell.
    converted = [_converted(types[name].type, dialect, columns[name], moments) for name in names]
    rows = list(zip(*converted, strict=True))
    if dialect.name == "sqlite":
        return partial(_carry_out, connection, _at_once(connection, text, rows))
    return partial(connection.exec_driver_sql, text, rows)


def _at_once(connection: Connection, text: str, rows: Sequence[tuple[Any, ...]]) -> list[tuple[str, tuple[Any, ...]]]:
    """Return statements, each of as many rows as SQLite takes: in one statement it needs Python only at the beginning.

    Returns:
        Each statement with its parameters.
    """
    head, values = text.rsplit(" VALUES ", 1)
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    most = driver.getlimit(SQLITE_LIMIT_VARIABLE_NUMBER) // len(rows[0])
    parts = [rows[start : start + most] for start in range(0, len(rows), most)]
    return [(f"{head} VALUES {', '.join([values] * len(part))}", tuple(chain.from_iterable(part))) for part in parts]


def _carry_out(connection: Connection, statements: Iterable[tuple[str, tuple[Any, ...]]]) -> None:
    for statement, parameters in statements:
        connection.exec_driver_sql(statement, parameters)


def _converted(
    column: TypeEngine[Any], dialect: Dialect, cells: Sequence[Any], moments: dict[int, Any]
) -> Sequence[Any]:
    """Return cells as the driver takes them.

    Args:
        column: their type.
        dialect: of the database.
        cells: what they hold.
        moments: what became of each moment, by `id`, for all columns: most commits were written, committed and merged
            at one moment, which is one object then.
    """
    if isinstance(column, Boolean):
        return list(map(int, cells))
    convert = column.dialect_impl(dialect).bind_processor(dialect)
    if convert is None:
        return cells
    if not isinstance(column, Instant):
        return list(map(convert, cells))
    ids = list(map(id, cells))
    moments.update((known, convert(cell)) for known, cell in zip(ids, cells, strict=True) if known not in moments)
    return [moments[known] for known in ids]


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
