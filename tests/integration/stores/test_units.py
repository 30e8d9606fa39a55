"""A unit of work is applied once or not at all, whatever breaks between it and its server."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from iact.core.errors import EnvironmentProblemError
from iact.stores.connect import open_sqlite
from iact.stores.lock import exclusive_row
from iact.stores.retrying import Patience
from iact.stores.servers import CONNECTIONS, Waiting, open_server
from iact.stores.units import forget_old_units, read, write
from services import mysql_protocol
from tests.support.proxy import Proxy
from tests.support.servers import DatabaseServer
from tests.support.trying_again import when_tried_again
from tests.support.waiting import until

AT_ONCE = Patience(attempts=8, seconds=60, first_pause=0.001, longest_pause=0.01)
"""Pauses that nobody has to wait for."""


class Notes:
    """A table `notes` in a store, and a unit of work that adds one and counts how often it was run."""

    def __init__(self, engine: Engine, server: DatabaseServer, database: str) -> None:
        self.engine, self._server, self._database = engine, server, database
        self.runs = 0

    def adds(self, note: int, then: Callable[[Connection], object] = lambda _: None) -> Callable[[Connection], str]:
        """Return a unit of work that adds a note, and then does something more."""

        def work(connection: Connection) -> str:
            self.runs += 1
            connection.execute(text("INSERT INTO notes (note) VALUES (:note)"), {"note": note})
            result = f"run {self.runs}"
            then(connection)
            return result

        return work

    def kept(self) -> list[int]:
        """Return the notes that are kept, as another client sees them."""
        return [note for (note,) in self._server.rows("SELECT note FROM notes ORDER BY note", database=self._database)]

    def units(self) -> int:
        """Return how many units of work are noted as done."""
        ((count,),) = self._server.rows("SELECT COUNT(*) FROM iact_units", database=self._database)
        return int(count)


@pytest.fixture
def proxy(database_server: DatabaseServer) -> Iterator[Proxy]:
    """Breaks connections to each server."""
    with closing(Proxy(database_server.port)) as found:
        yield found


def opened(port: int, database: str, waiting: Waiting | None = None) -> Engine:
    """Open a store on a server, by a port that leads to it."""
    url = f"mysql://{mysql_protocol.USER}@127.0.0.1:{port}/{database}"
    return open_server(url, password=mysql_protocol.PASSWORD, waiting=waiting or Waiting())


@pytest.fixture
def notes(database_server: DatabaseServer, proxy: Proxy) -> Iterator[Notes]:
    """A store on each server that is reached through the proxy; its table `notes` takes each number once."""
    with database_server.database() as database:
        engine = opened(proxy.port, database)
        # `note` is no key: whether something was applied twice has to show.
        database_server.execute(
            f"CREATE TABLE {database}.notes (note INTEGER, place INTEGER PRIMARY KEY AUTO_INCREMENT)"
        )
        # A new connection commits once while it is set up; what a test breaks is the commit of a unit.
        engine.connect().close()
        yield Notes(engine, database_server, database)
        engine.dispose()


def test_a_unit_is_run_once_and_noted(notes: Notes):
    assert write(notes.engine, notes.adds(1)) == "run 1"
    assert (notes.kept(), notes.units()) == ([1], 1)


def test_a_commit_whose_answer_is_lost_is_applied_once_and_not_run_again(notes: Notes, proxy: Proxy):
    proxy.swallow_commit_answers(1)

    assert write(notes.engine, notes.adds(1), patience=AT_ONCE) == "run 1"
    assert (notes.kept(), notes.units(), proxy.cuts) == ([1], 1, 1)


def test_a_commit_that_does_not_reach_the_server_is_made_good_by_running_the_unit_again(notes: Notes, proxy: Proxy):
    def cut(_: Connection) -> None:
        if notes.runs == 1:
            proxy.cut_all()

    assert write(notes.engine, notes.adds(1, cut), patience=AT_ONCE) == "run 2"
    assert (notes.kept(), notes.units()) == ([1], 1)


def until_one_waits_for(server: DatabaseServer, database: str, table: str) -> None:
    """Return when a transaction waits for a lock of a table.

    `information_schema.innodb_trx` does not serve here: it shows what it showed before for as long as less than 0.1 s
    lie between two who look, so that who looks again at once never sees anything new.
    """
    waited_for = re.compile(rf"of table `{database}`\.`{table}` .* waiting")

    def told() -> str:
        ((_, _, status),) = server.rows("SHOW ENGINE INNODB STATUS")
        return str(status)

    until(lambda: waited_for.search(told()) is not None, told)


@pytest.mark.parametrize(("becomes", "result"), [("arrive", "run 1"), ("get_lost", "run 2")])
def test_a_commit_that_is_still_under_way_is_waited_for_and_made_good_where_it_never_arrives(
    notes: Notes, proxy: Proxy, database_server: DatabaseServer, becomes: str, result: str
):
    """The connection is lost; the commit arrives only when the next attempt is there already, or not at all."""
    commit = proxy.hold_commit()
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(write, notes.engine, notes.adds(1), patience=AT_ONCE)
        try:
            until_one_waits_for(database_server, str(notes.engine.url.database), "iact_units")
        finally:
            getattr(commit, becomes)()

        assert done.result() == result
    assert (notes.kept(), notes.units()) == ([1], 1)


def test_two_units_that_deadlock_are_both_applied_once(notes: Notes):
    write(notes.engine, lambda connection: connection.execute(text("INSERT INTO notes VALUES (10, 1), (20, 2)")))
    both_have_one = threading.Barrier(2)
    runs: list[int] = []

    def raise_them(first: int, second: int) -> None:
        def work(connection: Connection) -> None:
            runs.append(first)
            change = text("UPDATE notes SET note = note + 1 WHERE place = :place")
            connection.execute(change, {"place": first})
            if runs.count(first) == 1:
                both_have_one.wait(20)
            connection.execute(change, {"place": second})

        write(notes.engine, work, patience=AT_ONCE)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(raise_them, (1, 2), (2, 1)))

    assert notes.kept() == [12, 22]
    assert len(runs) == 3


def test_a_unit_that_waits_too_long_for_a_lock_is_run_again(notes: Notes, database_server: DatabaseServer):
    write(notes.engine, notes.adds(1))
    notes.runs = 0
    with closing(database_server.connect(autocommit=False)) as other:
        other.select_db(str(notes.engine.url.database))
        other.cursor().execute("UPDATE notes SET note = 5")

        def change(connection: Connection) -> None:
            notes.runs += 1
            if notes.runs == 2:
                other.commit()
            connection.exec_driver_sql("SET SESSION innodb_lock_wait_timeout = 1")
            connection.execute(text("UPDATE notes SET note = note * 2"))

        write(notes.engine, change, patience=AT_ONCE)

    assert (notes.kept(), notes.runs) == ([10], 2)


def test_reading_goes_on_with_a_new_connection(notes: Notes, proxy: Proxy):
    write(notes.engine, notes.adds(1))
    runs = 0

    def look(connection: Connection) -> list[int]:
        nonlocal runs
        runs += 1
        if runs == 1:
            proxy.cut_all()
        return list(connection.execute(text("SELECT note FROM notes")).scalars())

    assert read(notes.engine, look, patience=AT_ONCE) == [1]
    assert runs == 2


def test_what_the_database_refuses_is_raised_at_once_and_nothing_is_kept(notes: Notes):
    def refused(connection: Connection) -> None:
        connection.execute(text("INSERT INTO no_such_table VALUES (1)"))

    with pytest.raises(ProgrammingError, match="no_such_table"):
        write(notes.engine, notes.adds(1, refused), patience=AT_ONCE)
    assert (notes.kept(), notes.units(), notes.runs) == ([], 0, 1)


def test_a_duplicate_of_the_units_own_is_not_taken_for_a_unit_that_is_done(notes: Notes, proxy: Proxy):
    write(notes.engine, lambda connection: connection.execute(text("CREATE UNIQUE INDEX once ON notes (note)")))
    write(notes.engine, notes.adds(1))
    proxy.swallow_commit_answers(1)

    with pytest.raises(IntegrityError):
        write(notes.engine, notes.adds(1), patience=AT_ONCE)
    assert notes.kept() == [1]


def test_an_error_of_the_unit_itself_is_raised_and_takes_everything_back(notes: Notes):
    def fail(_: Connection) -> None:
        raise LookupError("not there")

    with pytest.raises(LookupError, match="not there"):
        write(notes.engine, notes.adds(1, fail))
    assert (notes.kept(), notes.units(), notes.runs) == ([], 0, 1)


def test_a_server_that_stays_away_is_told_with_what_is_known_of_the_last_step(notes: Notes, proxy: Proxy):
    patience = Patience(attempts=3, seconds=60, first_pause=0.001)
    with proxy.refusing(), pytest.raises(EnvironmentProblemError) as told:
        write(notes.engine, notes.adds(1), patience=patience)

    message = str(told.value)
    assert message.startswith(f"the store mysql://{mysql_protocol.USER}@127.0.0.1:{proxy.port}/")
    assert "does not answer" in message
    assert "Nothing of the last step was kept. Look whether the server runs and can be reached." in message
    assert mysql_protocol.PASSWORD not in message
    assert told.value.exit_code == 3
    assert notes.kept() == []


def test_a_commit_that_stays_in_doubt_is_told_with_the_id_to_look_for(
    notes: Notes, proxy: Proxy, database_server: DatabaseServer
):
    proxy.swallow_commit_answers(1)

    with pytest.raises(EnvironmentProblemError, match="not known whether it was kept") as told:
        write(notes.engine, notes.adds(1), patience=Patience(attempts=1))

    ((unit,),) = database_server.rows("SELECT unit FROM iact_units", database=notes.engine.url.database)
    assert f"it was if iact_units holds {unit}." in str(told.value)


def test_a_process_that_wants_more_connections_than_it_may_have_is_told_so(
    notes: Notes, database_server: DatabaseServer
):
    with ExitStack() as taken:
        engine = opened(database_server.port, str(notes.engine.url.database), Waiting(for_a_free_one=0.01))
        taken.callback(engine.dispose)
        for _ in range(CONNECTIONS):
            taken.enter_context(engine.connect())

        with pytest.raises(EnvironmentProblemError, match="all connections that this process may have are in use"):
            write(engine, notes.adds(1), patience=AT_ONCE)


def test_units_of_the_days_before_are_forgotten(notes: Notes, database_server: DatabaseServer):
    write(notes.engine, notes.adds(1))
    for unit, hours in (("old", 25), ("new", 23)):
        moment = text("INSERT INTO iact_units VALUES (:unit, UTC_TIMESTAMP(6) - INTERVAL :hours HOUR)")
        write(notes.engine, partial(Connection.execute, statement=moment, parameters={"unit": unit, "hours": hours}))

    forget_old_units(notes.engine)

    left = database_server.rows(
        "SELECT unit FROM iact_units WHERE unit IN ('old', 'new')", database=notes.engine.url.database
    )
    assert (left, notes.units()) == ([("new",)], 4)


def test_a_lock_that_is_lost_while_it_is_held_takes_nothing_back(notes: Notes, proxy: Proxy):
    with exclusive_row(notes.engine, "test"):
        write(notes.engine, notes.adds(1))
        proxy.cut_all()

    assert notes.kept() == [1]
    with exclusive_row(notes.engine, "test"):
        write(notes.engine, notes.adds(2))
    assert notes.kept() == [1, 2]


def test_an_embedded_store_that_another_process_writes_to_is_tried_again(tmp_path: Path):
    engine = open_sqlite(tmp_path / "iact.db")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 0"))
    engine.dispose()
    with closing(sqlite3.connect(tmp_path / "iact.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with when_tried_again(other.commit) as times:
            write(engine, lambda connection: connection.execute(text("CREATE TABLE made (n)")), patience=AT_ONCE)
    assert times() >= 1
    assert read(engine, lambda connection: connection.execute(text("SELECT COUNT(*) FROM made")).scalar_one()) == 0
    engine.dispose()
