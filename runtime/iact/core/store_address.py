"""The address of a store on a server, of one form for rules, options and connections."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

FORM: Final = "mysql://user@host:3306/database"
"""What people are shown as the form of an address; `mariadb://` is the same."""
_ADDRESS: Final = re.compile(
    r"(?P<scheme>mysql|mariadb)://"
    r"(?P<user>[^\s:@/?#]+)(?P<password>:[^\s@/]*)?@"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:@/?#\[\]]+)(?::(?P<port>\d{1,5}))?/"
    r"(?P<database>[^\s/?#]+)"
)
_PORTS: Final = range(1, 65536)
_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """Where a store on a server is, and by whose account.

    Attributes:
        scheme: `mysql` or `mariadb`.
        user: the account, as it was written: what an address cannot hold is percent-encoded.
        host: name or number of the server; that of IPv6 without its brackets.
        database: the database, as it was written.
        port: where the server listens; None where the usual one is meant.
        holds_password: whether a password was written into it, which is never kept.
    """

    scheme: str
    user: str
    host: str
    database: str
    port: int | None = None
    holds_password: bool = False

    @property
    def is_on_this_machine(self) -> bool:
        """Whether a connection to it stays on this machine."""
        return self.host.lower() in _THIS_MACHINE

    def __str__(self) -> str:
        """Return it as it may be shown: without a password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{self.user}@{host}{port}/{self.database}"


def parse(text: str) -> StoreAddress:
    """Return what an address says.

    Args:
        text: the address.

    Raises:
        ValueError: if it is none; the message does not repeat it, as it may hold a password.
    """
    found = _ADDRESS.fullmatch(text)
    port = None if found is None or found["port"] is None else int(found["port"])
    if found is None or (port is not None and port not in _PORTS):
        message = f"the address of the store is not understood. Expected {FORM}."
        raise ValueError(message)
    host = found["host"].strip("[]")
    password = found["password"] is not None
    return StoreAddress(found["scheme"], found["user"], host, found["database"], port, holds_password=password)
