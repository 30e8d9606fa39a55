"""Where state, journal and measurements are kept: a file of the project, or a database on a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from iact.config.model.checking import leads_out, wrong
from iact.core import store_address
from iact.core.problems import Problem
from iact.core.shape import Scope, Secret, part
from iact.core.tree import NOWHERE, Position


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class StoreTls:
    """How the connection to a server is secured. Left out, the strictest is meant, save for a server on this machine.

    Attributes:
        verify: what is checked of the server: its certificate and its name, its certificate only, or nothing at all.
        ca: file with the certificate of the authority that signed the server's; left out, those that the system trusts.
    """

    verify: Literal["identity", "authority", "nothing"] = "identity"
    ca: str = ""
    positions: Mapping[str, Position] = field(default_factory=dict)

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield an authority that nothing is checked against."""
        if self.ca and self.verify == "nothing":
            message = "`ca` names an authority, and `verify: nothing` checks nothing against it."
            place = self.positions.get("verify", NOWHERE)
            yield wrong("wrong-store", place, message, "Remove `verify`, which then checks the server's identity.")


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Where state, journal and measurements are kept.

    Attributes:
        sqlite: path of the SQLite file, below the project's folder.
        url: instead of the file, a database on a server: `mysql://user@host:3306/database`, or the same with `mariadb`.
        password: where the password of the server's account is kept, such as `env:IACT_STORE_PASSWORD`.
        tls: how the connection to the server is secured.
    """

    sqlite: str = ".iact/iact.db"
    url: str | None = None
    password: Secret | None = None
    tls: StoreTls | None = None
    positions: Mapping[str, Position] = field(default_factory=dict)

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield a path that leads out of the project, and what does not go together."""
        if leads_out(self.sqlite):
            message = f"`{self.sqlite}` leads out of the project."
            yield wrong("outside-project", self._place("sqlite"), message, "Name a file in it.")
        if self.url is None:
            for key in ("password", "tls"):
                if key in self.positions:
                    message = f"`{key}` is for a server, and no `url` names one."
                    yield wrong(
                        "wrong-store", self._place(key), message, f"Add `url: {store_address.FORM}`, or remove it."
                    )
        elif "sqlite" in self.positions:
            message = "`sqlite` and `url` both say where the store is; only one of them can."
            yield wrong("wrong-store", self._place("sqlite"), message, "Remove one of them.")
        elif not _names_database(self.url):
            message = "the address of the store is not understood."
            yield wrong("wrong-store", self._place("url"), message, f"Write it as {store_address.FORM}.")

    def _place(self, key: str) -> Position:
        return self.positions.get(key, NOWHERE)


def _names_database(url: str) -> bool:
    """Return whether an address names a database of a server, and whose account it is."""
    try:
        store_address.parse(url)
    except ValueError:
        return False
    return True
