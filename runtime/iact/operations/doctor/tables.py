"""Whether the tables of a store on a server are as the revisions make them: their engine and their collations."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Column, Table, Text, text
from sqlalchemy.schema import CreateColumn

import iact
from iact.operations.doctor.examined import Server
from iact.operations.doctor.findings import ADVICE, OK, WRONG, Finding
from iact.stores.columns import Content, Identifier
from iact.stores.metadata import METADATA

_DECLARING: Final = frozenset({"tables", "store"})
"""Modules of a room that declare its tables."""
_SAMPLE: Final = 500
"""Rows of each table, the last by its key, in which the largest value is looked for."""

_ENGINES: Final = text("SELECT TABLE_NAME, ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()")
_COLLATIONS: Final = text(
    "SELECT TABLE_NAME, COLUMN_NAME, COLLATION_NAME FROM information_schema.COLUMNS "
    "WHERE TABLE_SCHEMA = DATABASE() AND COLLATION_NAME IS NOT NULL"
)
_CHARSET: Final = text(
    "SELECT DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE()"
)


def declared() -> dict[str, Table]:
    """Return every table that the code declares, by its name."""
    for module in pkgutil.walk_packages(iact.__path__, prefix="iact."):
        if module.name.rpartition(".")[2] in _DECLARING:
            importlib.import_module(module.name)
    return dict(METADATA.tables)


def findings(server: Server) -> Iterator[Finding]:
    """Give what is to be said of the database, of each table and of each column that is not as it was made."""
    yield _of_database(server)
    bad = [*_engines(server), *_collations(server)]
    yield from bad
    if not bad:
        yield Finding(check="tables", level=OK, where=server.database, found="InnoDB, and names compare byte by byte.")


def _of_database(server: Server) -> Finding:
    found = server.connection.execute(_CHARSET).scalar_one()
    if found != "utf8mb4":
        return Finding(
            check="character set",
            level=ADVICE,
            where=f"database {server.database}",
            found=f"the database is in {found}.",
            why="iact's own tables say theirs; a table that others add gets this one, and not every name fits into it.",
            mend=(f"ALTER DATABASE `{server.database}` CHARACTER SET utf8mb4;",),
        )
    return Finding(
        check="character set", level=OK, where=f"database {server.database}", found="the database is in utf8mb4."
    )


def _engines(server: Server) -> Iterator[Finding]:
    for table, engine in server.connection.execute(_ENGINES):
        if engine is not None and engine != "InnoDB":
            yield Finding(
                check="engine",
                level=WRONG,
                where=f"table {table}",
                found=f"it is kept by {engine}.",
                why="it has no transactions: a step that fails leaves half of its rows.",
                mend=(f"ALTER TABLE `{table}` ENGINE = InnoDB;",),
            )


def _collations(server: Server) -> Iterator[Finding]:
    known = declared()
    for table, column, collation in server.connection.execute(_COLLATIONS):
        if table not in known or column not in known[table].c:
            continue
        meant = known[table].c[column]
        expected = _collation(server, meant)
        if expected is not None and not collation.startswith(expected):
            yield Finding(
                check="collation",
                level=WRONG,
                where=f"column {table}.{column}",
                found=f"it compares by {collation}, not by {expected}.",
                why="names that differ in case, accents or a space at the end would be one name.",
                mend=(f"ALTER TABLE `{table}` MODIFY {_definition(server, meant)};",),
            )


def _collation(server: Server, column: Column[Any]) -> str | None:
    """Return the collation that a column has to have, or what it has to begin with; None where it does not matter."""
    if isinstance(column.type, Identifier):
        return column.type.collation(server.connection.dialect)
    return "utf8mb4" if isinstance(column.type, Text) else None


def _definition(server: Server, column: Column[Any]) -> str:
    made = str(CreateColumn(column).compile(dialect=server.connection.dialect)).strip()
    return made.replace(" TEXT", " TEXT CHARACTER SET utf8mb4", 1) if isinstance(column.type, Text) else made


def largest_value(server: Server) -> int:
    """Return the bytes of the largest value that is kept, looked for in the last rows of every table."""
    there = {name for (name, _) in server.connection.execute(_ENGINES)}
    return max(
        (
            _largest_of(server, table, column.name)
            for table in declared().values()
            if table.name in there
            for column in table.c
            if isinstance(column.type, Content)
        ),
        default=0,
    )


def _largest_of(server: Server, table: Table, column: str) -> int:
    order = ", ".join(f"`{part.name}` DESC" for part in table.primary_key)
    asked = (
        f"SELECT COALESCE(MAX(LENGTH(v)), 0) FROM (SELECT `{column}` AS v FROM `{table.name}` "  # noqa: S608 - our own names
        f"ORDER BY {order} LIMIT {_SAMPLE}) AS newest"
    )
    return int(server.connection.exec_driver_sql(asked).scalar_one())
