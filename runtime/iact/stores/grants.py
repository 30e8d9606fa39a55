"""Which rights each account needs on a store on a server, and no more.

MySQL and MariaDB take grants table by table and have none that forbids: what may not be changed is what is not granted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import inspect

from iact.stores.connect import open_memory
from iact.stores.marker import SCHEMA, SERVER_TABLES

OWNER: Final = "owner"
APPLICATION: Final = "application"
READER: Final = "reader"

OWNS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "INDEX", "DROP")
READS: Final = ("SELECT",)
ADDS: Final = ("SELECT", "INSERT")
CHANGES: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")

ONLY_READ: Final = frozenset({"alembic_version", SCHEMA, "journal_anchors", "prunings"})
"""Tables that only the owner writes: what is at which revision, and what was deleted because its time was over."""
ONLY_ADDED_TO: Final = frozenset(
    {
        "definitions",
        "dora_metrics",
        "events",
        "journal",
        "log_archives",
        "log_checkpoints",
        "log_cosignatures",
        "log_keys",
        "log_leaves",
        "parameter_overrides",
        "persons",
        "remarks",
    }
)
"""Tables whose rows the application never changes and never deletes; it has no right to."""

_PURPOSE: Final = {
    OWNER: "changes tables, deletes, erases: `iact db migrate`, `downgrade`, `iact prune`, `iact audit person erase`.",
    APPLICATION: "is the account in iact.yaml. It can change neither a table nor a row of the journal.",
    READER: "reads: auditors, dry runs, `iact db status`.",
}


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the server.

    Attributes:
        role: `owner`, `application` or `reader`.
        name: what it is called.
        host: from where it may connect, in the server's own patterns, such as `%` or `10.0.%`.
    """

    role: str
    name: str
    host: str


def tables() -> tuple[str, ...]:
    """Return every table that a store on a server has, by name: those that the revisions make, and its own."""
    engine = open_memory()
    made = inspect(engine).get_table_names()
    engine.dispose()
    return tuple(sorted({*made, *SERVER_TABLES}))


def rights_of_application(names: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Return what the application does with each table.

    Args:
        names: the tables.
    """
    return {name: READS if name in ONLY_READ else ADDS if name in ONLY_ADDED_TO else CHANGES for name in names}


def grants(account: Account, database: str, names: Sequence[str]) -> Iterator[str]:
    """Give the statements that grant an account what it needs, without the semicolon.

    Args:
        account: the account.
        database: the database of the store.
        names: its tables.
    """
    to = f"{_text(account.name)}@{_text(account.host)}"
    if account.role == OWNER:
        # In the name of a database, unlike in that of a table, `_` and `%` stand for anything.
        escaped = re.sub(r"([_%])", r"\\\1", database)
        yield f"GRANT {', '.join(OWNS)} ON {_name(escaped)}.* TO {to}"
        return
    rights = rights_of_application(names) if account.role == APPLICATION else dict.fromkeys(names, READS)
    for table, granted in rights.items():
        yield grant(account, database, table, granted)


def grant(account: Account, database: str, table: str, rights: Sequence[str]) -> str:
    """Return the statement that grants an account rights on one table, without the semicolon."""
    to = f"{_text(account.name)}@{_text(account.host)}"
    return f"GRANT {', '.join(rights)} ON {_name(database)}.{_name(table)} TO {to}"


def script(accounts: Sequence[Account], database: str) -> str:
    """Return the statements for several accounts, with what each is for.

    Args:
        accounts: the accounts.
        database: the database of the store.
    """
    names = tables()
    return "\n".join("\n".join(_of_account(account, database, names)) for account in accounts)


def _of_account(account: Account, database: str, names: Sequence[str]) -> Iterator[str]:
    to = f"{_text(account.name)}@{_text(account.host)}"
    yield f"-- The {account.role} {_PURPOSE[account.role]}"
    yield f"-- CREATE USER {to} IDENTIFIED BY '...' REQUIRE SSL;"
    if account.role != OWNER:
        yield "-- Run these after `iact db migrate`: they name its tables. Run them again after every release."
    for statement in grants(account, database, names):
        yield f"{statement};"
    yield ""


def _text(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def _name(word: str) -> str:
    return "`" + word.replace("`", "``") + "`"
