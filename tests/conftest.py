"""What every test may use: an environment of its own, git repositories, and repeatable random examples."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

import hypothesis
import pymysql
import pytest
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import Pool

from tests.support import kept, servers
from tests.support.git import HISTORIES, GitRepository, isolated_environment
from tests.support.replays import MARK, REPLAYS

# The same examples on every machine, and no limit of time: a test fails because of the code, never because of the load.
hypothesis.settings.register_profile(
    "ci", derandomize=True, database=None, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
# HYPOTHESIS_PROFILE=explore looks for examples that nobody has met yet.
hypothesis.settings.register_profile(
    "explore", parent=hypothesis.settings.get_profile("ci"), derandomize=False, max_examples=2000
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_configure(config: pytest.Config) -> None:
    """Hear of every store that is opened."""
    config.addinivalue_line("markers", f"{MARK}(reason): decisions in this test's journals are not made again")
    REPLAYS.listen()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Look at the stores of the next test."""
    REPLAYS.begin(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """Fail a test that has written a decision which comes out otherwise when it is made again."""
    yield
    folder = item.funcargs.get("tmp_path") if isinstance(item, pytest.Function) else None
    REPLAYS.end(folder if isinstance(folder, Path) else None)


@pytest.fixture(scope="session", autouse=True)
def isolated_git() -> Iterator[None]:
    """Let no test, and no code under test, read the git configuration of whoever runs it."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            environment.delenv(name)
        for name, value in isolated_environment().items():
            environment.setenv(name, value)
        yield


@pytest.fixture(autouse=True)
def closed_connections() -> Iterator[None]:
    """Close the connections that a test leaves in the pools of its stores: since Python 3.13 they are a warning."""
    opened: list[DBAPIConnection] = []

    def remember(connection: DBAPIConnection, _record: object) -> None:
        opened.append(connection)

    event.listen(Pool, "connect", remember)
    yield
    event.remove(Pool, "connect", remember)
    REPLAYS.look_at_memory()
    for connection in opened:
        with suppress(pymysql.err.Error):  # PyMySQL refuses to close one twice
            connection.close()
    kept.empty_kept()


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    """An empty git repository on the branch `main`."""
    return GitRepository.create(tmp_path / "repository")


@pytest.fixture(scope="session")
def flask_repository(tmp_path_factory: pytest.TempPathFactory) -> GitRepository:
    """A real history of 5,570 commits and 69 tags. Shared by the session: clone it before changing it."""
    return GitRepository.clone(HISTORIES / "flask.bundle", tmp_path_factory.mktemp("flask") / "flask")


@pytest.fixture(scope="session")
def requests_repository(tmp_path_factory: pytest.TempPathFactory) -> GitRepository:
    """A real history of 6,493 commits and 162 tags. Shared by the session: clone it before changing it."""
    return GitRepository.clone(HISTORIES / "requests.bundle", tmp_path_factory.mktemp("requests") / "requests")


def pytest_unconfigure() -> None:
    """Stop the servers that were started for these tests."""
    kept.drop_kept()
    servers.stop_shared()


@pytest.fixture(scope="session")
def mariadb_server() -> servers.DatabaseServer:
    """The MariaDB that all tests share."""
    return servers.shared("mariadb")


@pytest.fixture(scope="session")
def mysql_server() -> servers.DatabaseServer:
    """The MySQL that all tests share."""
    return servers.shared("mysql")


@pytest.fixture(params=servers.DATABASE_SERVERS)
def database_server(request: pytest.FixtureRequest) -> servers.DatabaseServer:
    """MariaDB and MySQL, one after the other."""
    server: servers.DatabaseServer = request.getfixturevalue(f"{request.param}_server")
    return server


@pytest.fixture(params=["sqlite", *servers.DATABASE_SERVERS])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where an empty store may be made: a file, a database of MariaDB, a database of MySQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store' / 'iact.db'}"
        return
    server: servers.DatabaseServer = request.getfixturevalue(f"{request.param}_server")
    with server.database() as name:
        yield server.url(name)
