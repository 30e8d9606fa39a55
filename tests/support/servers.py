"""Real MySQL and MariaDB servers for tests: one of each for all tests, and one to break for those that break it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import pymysql
import pytest
from pymysql.cursors import Cursor

from services import mysql_protocol
from services.checkout import instance
from services.errors import ServiceError
from services.instance import Instance
from services.processes import Process
from services.service import HOST, SERVICES
from tests.support.replays import REPLAYS

DATABASE_SERVERS: Final = ("mariadb", "mysql")
"""The servers that hold a store; SQLite needs none."""

_NUMBERS: Final = count(1)


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """A MySQL or MariaDB that runs.

    Attributes:
        instance: its process and its files.
    """

    instance: Instance

    @property
    def name(self) -> str:
        """`mysql` or `mariadb`."""
        return self.instance.service.name

    @property
    def port(self) -> int:
        """Where clients reach it, on this machine."""
        return self.instance.port

    @property
    def authority(self) -> Path:
        """The certificate by which clients may check that it is this server that answers."""
        return mysql_protocol.certificates(self.instance.folder).authority

    def connect(self, **options: Any) -> pymysql.Connection[Cursor]:
        """Connect as its administrator; statements take effect at once.

        Args:
            options: what to hand to `pymysql.connect` besides or instead.
        """
        usual: dict[str, Any] = {
            "host": HOST,
            "port": self.port,
            "user": mysql_protocol.USER,
            "password": mysql_protocol.PASSWORD,
            "autocommit": True,
        }
        connection: pymysql.Connection[Cursor] = pymysql.connect(**(usual | options))
        return connection

    def execute(self, *statements: str) -> None:
        """Run statements as its administrator."""
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def rows(self, statement: str, *, database: str | None = None) -> list[tuple[Any, ...]]:
        """Return what a query of its administrator finds."""
        with closing(self.connect(database=database)) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def made_database(self) -> str:
        """Make an empty database that no other test has, nor another run of the tests, and return its name."""
        run = _run_of_tests().pid
        name = f"test_{run}_{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}_{next(_NUMBERS)}"
        self.execute(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
        return name

    @contextmanager
    def database(self) -> Iterator[str]:
        """Make an empty database that no other test has, give its name, and drop it afterwards."""
        name = self.made_database()
        try:
            yield name
        finally:
            with closing(self.connect(database=name)) as connection, connection.cursor() as cursor:
                REPLAYS.look_at_server(cursor, name)
            self.execute(f"DROP DATABASE {name}")

    def url(self, database: str) -> str:
        """Return how `stores:` names one of its databases."""
        return f"{self.instance.url}/{database}"


def shared(name: str) -> DatabaseServer:
    """Return the server of a kind that all tests share, started unless it runs; see `stop_shared`."""
    return DatabaseServer(_started(instance(name)))


@contextmanager
def breakable(name: str, *options: str) -> Iterator[DatabaseServer]:
    """Give a MySQL or MariaDB of one's own, to kill, freeze and set wrong; it is gone afterwards.

    Args:
        name: what kind of server.
        options: further options of its command line.
    """
    with breakable_instance(name, *options) as server:
        yield DatabaseServer(server)


@contextmanager
def breakable_instance(name: str, *options: str) -> Iterator[Instance]:
    """Give a server of any kind, as `breakable` does."""
    purpose = f"breakable-{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}-{next(_NUMBERS)}"
    server = instance(name, purpose=purpose, options=options)
    try:
        yield _started(server)
    finally:
        server.remove()


def stop_shared() -> None:
    """Stop the servers that were started for this run of the tests; those of `make services` go on."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        for name in SERVICES:
            instance(name).stop(owner=_run_of_tests())


def _started(server: Instance) -> Instance:
    try:
        server.start(owner=_run_of_tests())
    except ServiceError as error:
        reason = f"there is no {server.service.name} here: {error}"
        # In CI what was not tested is not known to work.
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return server


def _run_of_tests() -> Process:
    """Return the process that outlives all the workers of this run."""
    return Process.of(os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid())
