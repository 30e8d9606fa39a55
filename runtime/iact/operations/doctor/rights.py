"""Whether the account of a project may do what its commands do: asked of the server by statements that touch no row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError

from iact.operations.doctor.examined import Server
from iact.operations.doctor.findings import ADVICE, OK, WRONG, Finding
from iact.stores.connect import open_memory
from iact.stores.grants import CHANGES, ONLY_ADDED_TO, Account, grant, rights_of_application, tables
from iact.stores.marker import LOCKS, SCHEMA

_DENIED: Final = frozenset({1142, 1143, 1044})
_NO_SUCH_TABLE: Final = 1146


def findings(server: Server) -> Iterator[Finding]:
    """Give every right that is missing, table by table, and those that the application should not have."""
    transaction = server.connection.begin()
    try:
        held = {name: rights for name in tables() if (rights := _held(server, name)) is not None}
    finally:
        transaction.rollback()
    account = Account("application", *server.account())
    needed = rights_of_application(sorted(held))
    missing = [_missing(server, account, name, held[name], needed[name]) for name in needed]
    found = [finding for finding in missing if finding is not None]
    yield from found
    spare = sorted(name for name in ONLY_ADDED_TO & held.keys() if held[name] & {"UPDATE", "DELETE"})
    if spare:
        yield Finding(
            check="privileges",
            level=ADVICE,
            where=server.shown_as,
            found=f"{account.name} can change or delete rows of {', '.join(spare)}.",
            why="iact only adds to them; an account that can do no more cannot falsify what was done.",
            mend=("use an account with what `iact db grants --account application` prints, and no other right",),
        )
    elif not found:
        said = f"{account.name} may do what is needed with {len(held)} tables, and no more with what is only added to."
        yield Finding(check="privileges", level=OK, where=server.shown_as, found=said)


def _missing(
    server: Server, account: Account, table: str, held: frozenset[str], needed: tuple[str, ...]
) -> Finding | None:
    lacking = tuple(right for right in needed if right not in held)
    if not lacking:
        return None
    return Finding(
        check="privileges",
        level=WRONG,
        where=f"table {table}",
        found=f"{account.name} lacks {', '.join(lacking)}.",
        why="a command that comes to this table fails in the middle of its work.",
        mend=(f"{grant(account, server.database, table, lacking)};",),
    )


def _held(server: Server, table: str) -> frozenset[str] | None:
    """Return which rights the account has on a table; None where the server has no such table."""
    found = set()
    for right in CHANGES:
        answer = _allows(server, right, table)
        if answer is None:
            return None
        if answer:
            found.add(right)
    return frozenset(found)


def _allows(server: Server, right: str, table: str) -> bool | None:
    """Return whether the account may do something with a table; None where there is no such table."""
    try:
        server.connection.exec_driver_sql(_nothing(right, table))
    except DBAPIError as error:
        number = error.orig.args[0] if error.orig is not None else 0
        if number == _NO_SUCH_TABLE:
            return None
        if number in _DENIED:
            return False
        # Whatever else a server has against it, such as that it takes no writes, comes after the rights.
    return True


def _nothing(right: str, table: str) -> str:
    """Return a statement that needs one right on a table and touches no row of it."""
    if right == "SELECT":
        return f"SELECT 1 FROM `{table}` WHERE 1 = 0"  # noqa: S608 - the names of our own tables
    if right == "DELETE":
        return f"DELETE FROM `{table}` WHERE 1 = 0"  # noqa: S608 - as above
    column = _first_columns()[table]
    if right == "UPDATE":
        return f"UPDATE `{table}` SET `{column}` = DEFAULT WHERE 1 = 0"  # noqa: S608 - as above
    return f"INSERT INTO `{table}` (`{column}`) SELECT NULL FROM DUAL WHERE 1 = 0"  # noqa: S608 - as above


@cache
def _first_columns() -> Mapping[str, str]:
    """Return a column of every table; an account that may not read a table cannot ask the server for one."""
    engine = open_memory()
    found = {name: str(inspect(engine).get_columns(name)[0]["name"]) for name in inspect(engine).get_table_names()}
    engine.dispose()
    return {**found, LOCKS: "name", SCHEMA: "revision"}
