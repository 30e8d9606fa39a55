"""Places for a store on each kind of database, and one that is filled with whatever a store may hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Engine, make_url, text

from iact.stores.connect import open_sqlite, reading, writing
from iact.stores.servers import open_server
from services import mysql_protocol
from tests.support import servers
from tests.support.trials import Shop, improvement

KINDS: Final = ("sqlite", *servers.DATABASE_SERVERS)
PASSWORD: Final = "SHOP_STORE_PASSWORD"  # noqa: S105 - the name of the variable that holds it
_LIMIT: Final = """\
apiVersion: iact/v1
kind: Parameters
metadata: {name: limits, owner: tech-lead}
spec: {values: {review_limit: {value: 5, means: How many reviews are open at once.}}}
"""
RULES: Final = {**improvement(change="{parameter: {name: review_limit, to: 2}}"), "policies/limits.yaml": _LIMIT}
"""A project that tries a parameter."""


@dataclass(frozen=True, slots=True)
class StoreAt:
    """Where a store may be.

    Attributes:
        place: the path of a file, or the address of a database without its password.
        server: which holds the database; None for a file.
        database: its name there.
    """

    place: str
    server: servers.DatabaseServer | None = None
    database: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The options by which a command of operations names it."""
        secret = ("--password", f"env:{PASSWORD}") if self.server else ()
        return ("--store", self.place, *secret)

    @property
    def lines(self) -> str:
        """What stands below `spec:` of a project that keeps its rows there."""
        if self.server is None:
            return f"  store: {{sqlite: {Path(self.place).name}}}\n"
        return f"  store:\n    url: {self.place}\n    password: env:{PASSWORD}\n"

    @contextmanager
    def opened(self) -> Iterator[Engine]:
        """Open it and bring its tables up to date."""
        engine = (
            open_server(self.place, password=mysql_protocol.PASSWORD) if self.server else open_sqlite(Path(self.place))
        )
        try:
            yield engine
        finally:
            engine.dispose()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        with self.opened() as engine, reading(engine) as connection:
            return [tuple(row) for row in connection.execute(text(query))]


def opened(url: str) -> Engine:
    """Open the store that the fixture `store_url`, or a test's server, names, and bring its tables up to date."""
    address = make_url(url)
    if address.drivername == "sqlite":
        return open_sqlite(Path(address.database or ""))
    place = f"mysql://{address.username}@{address.host}:{address.port}/{address.database}"
    return open_server(place, password=mysql_protocol.PASSWORD)


@contextmanager
def store_at(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[StoreAt]:
    """Give a place where there is no store yet: a file in a folder, or an empty database."""
    if kind == "sqlite":
        folder.mkdir(exist_ok=True)
        yield StoreAt(str(folder / "store.db"))
        return
    server: servers.DatabaseServer = request.getfixturevalue(f"{kind}_server")
    with server.database() as name:
        yield StoreAt(f"mysql://{mysql_protocol.USER}@127.0.0.1:{server.port}/{name}", server, name)


ODD: Final = (
    "",
    "Ä",
    "ß ",
    "ß",
    "a'b\"c\\d",
    "tab\tand\nline",
    "\u00e9",
    "e\u0301",
    "日本語",
    "🚀",
    "null",
    "0",
    "%s",
    "?",
)
"""Texts of which some databases, left to themselves, take two for one, or lose something."""


def full_store(folder: Path) -> Path:
    """Make an embedded store that holds a run that was kept, a history, and rows with whatever a column may hold."""
    shop = Shop.open(folder, RULES, opened=open_sqlite)
    shop.experiments().run()
    shop.experiments().start("faster")
    shop.history.pass_weeks(8, wait=timedelta(hours=6))
    shop.experiments().run()
    with writing(shop.engine) as connection:
        for number, name in enumerate(ODD):
            connection.execute(
                text("INSERT INTO holds (project, name, run, held_since) VALUES (:project, :name, 'run-1', :at)"),
                {"project": "another", "name": name, "at": f"2026-03-02T12:00:00.{number:06}Z"},
            )
            connection.execute(
                text(
                    "INSERT INTO events (project, repository, digest, kind, source, id, content) "
                    "VALUES ('another', :name, :digest, 'change', 'told', :name, :content)"
                ),
                {"name": name, "digest": f"sha256:{number:064}", "content": name.encode() + bytes(range(number, 256))},
            )
    shop.engine.dispose()
    return folder / "iact.db"
