"""The proxy that breaks connections breaks them, and only then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pymysql
import pytest

from tests.support.proxy import Proxy
from tests.support.servers import DatabaseServer


@pytest.fixture
def database(database_server: DatabaseServer) -> Iterator[str]:
    """A database with the empty table `notes`."""
    with database_server.database() as name:
        database_server.execute(f"CREATE TABLE {name}.notes (note INTEGER PRIMARY KEY)")
        yield name


def test_it_carries_everything_while_it_is_not_told_to_break(database_server, database):
    with closing(Proxy(database_server.port)) as proxy:
        with (
            closing(database_server.connect(port=proxy.port, database=database)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.executemany("INSERT INTO notes VALUES (%s)", [(note,) for note in range(5000)])
            cursor.execute("SELECT note FROM notes ORDER BY note")

            assert [note for (note,) in cursor.fetchall()] == list(range(5000))
        assert proxy.cuts == 0


def test_a_commit_whose_answer_is_swallowed_is_made_and_not_acknowledged(database_server, database):
    with closing(Proxy(database_server.port)) as proxy:
        proxy.swallow_commit_answers(1)
        with closing(database_server.connect(port=proxy.port, database=database, autocommit=False)) as connection:
            connection.cursor().execute("INSERT INTO notes VALUES (1)")
            with pytest.raises(pymysql.err.OperationalError):
                connection.commit()
        with closing(database_server.connect(port=proxy.port, database=database, autocommit=False)) as connection:
            connection.cursor().execute("INSERT INTO notes VALUES (2)")
            connection.commit()

        assert proxy.cuts == 1
    assert database_server.rows("SELECT note FROM notes ORDER BY note", database=database) == [(1,), (2,)]


def test_connections_are_cut_after_the_same_bytes_for_the_same_seed(database_server):
    def queries_until_cut(seed: int) -> list[int]:
        survived = []
        with closing(Proxy(database_server.port, seed=seed, cut_after=(2000, 8000))) as proxy:
            for _ in range(4):
                with closing(database_server.connect(port=proxy.port)) as connection, connection.cursor() as cursor:
                    for query in range(10_000):
                        try:
                            cursor.execute("SELECT 1")
                        except pymysql.err.OperationalError:
                            survived.append(query)
                            break
            assert proxy.cuts == 4
        return survived

    assert queries_until_cut(7) == queries_until_cut(7)
    assert queries_until_cut(7) != queries_until_cut(8)


def test_nobody_gets_through_while_it_refuses(database_server):
    with closing(Proxy(database_server.port)) as proxy, closing(database_server.connect(port=proxy.port)) as connection:
        with proxy.refusing():
            with pytest.raises(pymysql.err.OperationalError):
                connection.cursor().execute("SELECT 1")
            with pytest.raises(pymysql.err.OperationalError):
                database_server.connect(port=proxy.port)
        with closing(database_server.connect(port=proxy.port)) as again, again.cursor() as cursor:
            assert cursor.execute("SELECT 1") == 1
