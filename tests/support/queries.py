"""Every query of the program by its name, and how a server carries one out."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import Delete, Update, event
from sqlalchemy.engine import Connection
from sqlalchemy.sql.selectable import SelectBase

import iact
from iact.stores.query import Query

NEVER_IMPORTED: Final = ("iact.cli.__main__", "iact.stores.migrations")
"""Modules that do something when they are imported."""


@cache
def named_queries() -> Mapping[str, Query]:
    """Return every query that is a constant of a module, by module and name: `dora.store.DEPLOYED_BETWEEN`."""
    found: dict[str, Query] = {}
    for module in pkgutil.walk_packages(iact.__path__, prefix="iact."):
        if module.name.startswith(NEVER_IMPORTED):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Query) and value not in found.values():
                found[f"{module.name.removeprefix('iact.')}.{name}"] = value
    return found


def looks(asked: Query) -> bool:
    """Return whether a query finds rows: what it returns or changes, which inserting does not."""
    return isinstance(asked.statement, (SelectBase, Update, Delete))


@dataclass(frozen=True, slots=True)
class Access:
    """How one table is read.

    Attributes:
        table: its name or alias in the statement.
        how: what the server calls it: `ALL` reads the whole table, `index` a whole index.
        by: the columns of the key that lead to the rows, in their order.
    """

    table: str
    how: str
    by: tuple[str, ...]

    @property
    def is_full_scan(self) -> bool:
        """Whether it reads rows of every project."""
        return self.how.lower() in {"all", "index"}

    @property
    def is_whole(self) -> bool:
        """Whether it reads everything of a repository or a project, or more."""
        if self.how in {"const", "eq_ref", "system", "index_merge"}:
            return False
        return self.is_full_scan or set(self.by) <= {"project", "repository"}


def accesses(connection: Connection, asked: Query, parameters: Mapping[str, Any]) -> list[Access]:
    """Return how a server reads each table of a query, by its own `EXPLAIN`; nothing is changed.

    Args:
        connection: to a store on MySQL or MariaDB.
        asked: the query.
        parameters: what it is given.
    """
    statement, values = _as_sent(connection, asked, parameters)
    cursor = connection.connection.cursor()
    try:
        cursor.execute(f"EXPLAIN FORMAT=JSON {statement}", values)
        ((plan,),) = cursor.fetchall()
    finally:
        cursor.close()
    return list(_accesses(json.loads(plan)))


class _SentError(Exception):
    """Stops a statement on its way to the server."""


def _as_sent(connection: Connection, asked: Query, parameters: Mapping[str, Any]) -> tuple[str, Any]:
    """Return the text and the values that the driver would be handed."""
    sent: list[tuple[str, Any]] = []

    def stop(*given: Any) -> None:
        _, _, statement, values, _, _ = given
        sent.append((statement, values))
        raise _SentError

    event.listen(connection, "before_cursor_execute", stop)
    try:
        asked.run(connection, **parameters)
    except _SentError:
        pass
    finally:
        event.remove(connection, "before_cursor_execute", stop)
    (found,) = sent
    return found


def _accesses(plan: Any) -> Iterator[Access]:
    """Walk the tables in a plan, wherever they stand; one that needs no rows at all is left out."""
    if isinstance(plan, list):
        for part in plan:
            yield from _accesses(part)
    elif isinstance(plan, dict):
        # A table that is made on the way has no index to lead into it; what it is made from is looked at below.
        is_made = "materialized_from_subquery" in plan or str(plan.get("table_name", "")).startswith("<")
        if "access_type" in plan and not is_made:
            yield Access(plan["table_name"], plan["access_type"], tuple(plan.get("used_key_parts", ())))
        for part in plan.values():
            yield from _accesses(part)
