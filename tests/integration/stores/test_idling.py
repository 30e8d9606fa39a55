"""A transaction that stands still is taken back by its server, where it said that it would not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, event, text

from iact.stores.connect import reading
from iact.stores.idling import limited, unlimited
from iact.stores.units import write
from tests.support.servers import DatabaseServer
from tests.support.stores import opened
from tests.support.waiting import until

SECOND = timedelta(seconds=1)
SETTINGS = {"mariadb": "idle_write_transaction_timeout", "mysql": "wait_timeout"}


@pytest.fixture
def engine(database_server: DatabaseServer) -> Iterator[Engine]:
    """A store with a table `notes`."""
    with database_server.database() as name:
        database_server.execute(f"CREATE TABLE {name}.notes (note INTEGER PRIMARY KEY)")
        engine = opened(database_server.url(name))
        yield engine
        engine.dispose()


def is_there(server: DatabaseServer, number: int) -> bool:
    """Return whether a connection of a server is there."""
    return number in {row[0] for row in server.rows("SHOW PROCESSLIST")}


def number_of(connection: Connection) -> int:
    """Return by which number a server knows a connection."""
    found: int = connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()
    return found


def test_a_unit_that_stands_still_is_taken_back_and_gives_its_locks_to_others_before_it_is_done_again(
    engine: Engine, database_server: DatabaseServer
):
    runs: list[int] = []
    database = engine.url.database

    def add(connection: Connection) -> int:
        runs.append(number_of(connection))
        connection.execute(text("INSERT INTO notes VALUES (1)"))
        if len(runs) == 1:
            # It stands still, as one does whose process is frozen: it sends nothing until the server has had enough.
            until(lambda: not is_there(database_server, runs[0]))
            # Had it still locked its note, this would wait for that until it fails.
            database_server.execute(f"INSERT INTO {database}.notes VALUES (1)", f"DELETE FROM {database}.notes")  # noqa: S608 - a test's own words
        return len(runs)

    assert write(limited(engine, SECOND), add) == 2

    assert len(runs) == 2
    with reading(engine) as connection:
        assert connection.execute(text("SELECT note FROM notes ORDER BY note")).scalars().all() == [1]


def test_a_session_is_told_when_a_transaction_of_the_other_sort_begins_and_only_then(
    engine: Engine, database_server: DatabaseServer
):
    setting = SETTINGS[database_server.name]
    asked = text(f"SELECT CONNECTION_ID(), @@SESSION.{setting}, @@GLOBAL.{setting}")
    hurried = limited(engine, timedelta(seconds=7.9))
    told: list[str] = []

    def remember(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if setting in statement and statement.startswith("SET"):
            told.append(statement)

    def standing(store: Engine) -> tuple[int, ...]:
        return write(store, lambda connection: tuple(connection.execute(asked).one()))

    event.listen(engine, "before_cursor_execute", remember)
    found = [standing(store) for store in (engine, hurried, hurried, unlimited(hurried), engine)]

    usual = found[0][-1]
    assert [one[1] for one in found] == [usual, 7, 7, usual, usual]
    assert len({one[0] for one in found}) == 1, "the pool has one connection, which all of them took"
    assert told == [f"SET SESSION {setting} = 7", f"SET SESSION {setting} = DEFAULT"]
