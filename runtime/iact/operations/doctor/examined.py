"""A server under examination: a connection to it, and what kind of server it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

_UNKNOWN_VARIABLE: Final = 1193


@dataclass(frozen=True, slots=True)
class Server:
    """A MySQL or MariaDB that a project's account is connected to.

    Attributes:
        connection: as every command connects.
        shown_as: what people are told that the store is called.
        database: the name of the database.
    """

    connection: Connection
    shown_as: str
    database: str

    @property
    def is_mariadb(self) -> bool:
        """Whether it is a MariaDB."""
        return bool(getattr(self.connection.dialect, "is_mariadb", False))

    @property
    def name(self) -> str:
        """What it calls itself."""
        return "MariaDB" if self.is_mariadb else "MySQL"

    def account(self) -> tuple[str, str]:
        """Return the name and the host pattern of the account that the server took the connection for."""
        name, _, host = str(self.connection.execute(text("SELECT CURRENT_USER()")).scalar_one()).rpartition("@")
        return name, host

    def variables(self, names: Iterable[str]) -> Mapping[str, Any]:
        """Return the server's variables by names such as `global.sql_mode`; one that it does not have is left out."""
        found = {}
        for name in names:
            try:
                found[name] = self.connection.exec_driver_sql(f"SELECT @@{name}").scalar_one()
            except DBAPIError as error:
                if error.orig is None or error.orig.args[0] != _UNKNOWN_VARIABLE:
                    raise
        return found


def to_last(name: str, value: str, *, is_mariadb: bool) -> tuple[str, ...]:
    """Return what sets a variable of a server now and after its next start.

    Args:
        name: the variable.
        value: as SQL writes it.
        is_mariadb: whether the server is a MariaDB, which cannot keep a variable by itself.
    """
    if is_mariadb:
        return f"SET GLOBAL {name} = {value};", f"and below [mysqld] of its option file, to last: {name} = {value}"
    return (f"SET PERSIST {name} = {value};",)
