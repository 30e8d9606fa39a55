"""Queries with a name and a sentence, so that a plan, a log or a slow-query list can say what it was for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Executable
    from sqlalchemy.engine import Connection, CursorResult, RowMapping


@dataclass(frozen=True, slots=True)
class Query:
    """One statement.

    Attributes:
        sentence: what it finds or changes, for people.
        statement: the SQLAlchemy statement with its bound parameters.
    """

    sentence: str
    statement: Executable

    def run(self, connection: Connection, **parameters: Any) -> CursorResult[Any]:
        """Carry it out once."""
        result: CursorResult[Any] = connection.execute(self.statement, parameters)
        return result

    def run_many(self, connection: Connection, rows: list[dict[str, Any]]) -> None:
        """Carry it out for many rows; for none, do nothing."""
        if rows:
            connection.execute(self.statement, rows)

    def rows(self, connection: Connection, **parameters: Any) -> Iterator[RowMapping]:
        """Walk the rows that it finds."""
        return iter(self.run(connection, **parameters).mappings())

    def one(self, connection: Connection, **parameters: Any) -> RowMapping | None:
        """Return the one row that it finds, or None."""
        return self.run(connection, **parameters).mappings().one_or_none()


def query(sentence: str, statement: Executable) -> Query:
    """Give a statement its sentence."""
    return Query(sentence, statement)
