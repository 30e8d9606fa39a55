"""Changing many rows, each to something else, in one statement: a hundred changes cost as many round trips as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sqlalchemy import Column, Table
    from sqlalchemy.engine import Connection, Dialect

AT_ONCE: Final = 100
"""How many rows one statement changes: each cell is compared with as many keys, so that more would take longer."""


def change_rows(  # noqa: PLR0913 - a change has this many parts, each named by the caller
    connection: Connection,
    table: Table,
    *,
    within: Mapping[str, Any],
    by: str,
    rows: Sequence[Mapping[str, Any]],
    counting: str = "",
) -> None:
    """Change rows of a table that have part of their primary key in common.

    Args:
        connection: in a transaction.
        table: which.
        within: the part of the key that they have in common, by column.
        by: the column in which their keys differ.
        rows: for each the cell of that column, and what other columns are set to; all name the same columns, and no two
            the same row.
        counting: a column that is counted one up with the change; empty for none.
    """
    dialect = connection.dialect
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        keys = _cells(table.c[by], dialect, [row[by] for row in part])
        common = {name: _cells(table.c[name], dialect, [value])[0] for name, value in within.items()}
        same: dict[str, Any] = {}
        different: dict[str, list[Any]] = {}
        for name in part[0]:
            cells = _cells(table.c[name], dialect, [row[name] for row in part])
            if name != by and cells.count(cells[0]) == len(cells):
                same[name] = cells[0]
            elif name != by:
                different[name] = cells
        shape = _Shape(table.name, tuple(common), by, tuple(same), tuple(different), counting, len(part))
        pairs = chain.from_iterable(zip(keys, cells, strict=True) for cells in different.values())
        parameters = (*same.values(), *chain.from_iterable(pairs), *common.values(), *keys)
        connection.exec_driver_sql(_text(shape, _mark(dialect)), parameters)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What one statement has in common with others: the same text.

    Attributes:
        table: name of the table.
        within: columns of the part of the key that all rows have in common.
        by: the column in which their keys differ.
        same: columns that are set to one value in all rows.
        different: columns that are set to a value of each row's own.
        counting: the column that is counted one up; empty for none.
        count: how many rows.
    """

    table: str
    within: tuple[str, ...]
    by: str
    same: tuple[str, ...]
    different: tuple[str, ...]
    counting: str
    count: int


def _mark(dialect: Dialect) -> str:
    """Return what stands for a parameter in the driver's statements."""
    return "?" if dialect.paramstyle == "qmark" else "%s"


@lru_cache(maxsize=1024)
def _text(shape: _Shape, mark: str) -> str:
    """Return the statement; every name in it is one of a table of ours."""
    changes = [f"{_quoted(name)} = {mark}" for name in shape.same]
    choice = f"CASE {_quoted(shape.by)} {f'WHEN {mark} THEN {mark} ' * shape.count}END"
    changes += [f"{_quoted(name)} = {choice}" for name in shape.different]
    if shape.counting:
        changes.append(f"{_quoted(shape.counting)} = {_quoted(shape.counting)} + 1")
    which = [f"{_quoted(name)} = {mark}" for name in shape.within]
    which.append(f"{_quoted(shape.by)} IN ({', '.join([mark] * shape.count)})")
    return f"UPDATE {_quoted(shape.table)} SET {', '.join(changes)} WHERE {' AND '.join(which)}"  # noqa: S608 - as said above


def _quoted(name: str) -> str:
    # Both MySQL and SQLite take a name in backticks, whatever word of their own it may be.
    return f"`{name}`"


def _cells(column: Column[Any], dialect: Dialect, values: Iterable[Any]) -> list[Any]:
    """Return cells as the driver takes them."""
    convert = column.type.dialect_impl(dialect).bind_processor(dialect)
    return list(values) if convert is None else [None if value is None else convert(value) for value in values]
