"""Named queries: many rows go the short way to the driver, and nobody can tell from what is stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Boolean, Column, Integer, MetaData, Table, create_engine, func, insert, select
from sqlalchemy.pool import StaticPool

from iact.stores.background import Background
from iact.stores.columns import NAME, Instant, content
from iact.stores.query import MANY, Query

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def table():
    return Table(
        "things",
        MetaData(),
        Column("number", Integer, primary_key=True),
        Column("name", NAME),
        Column("at", Instant()),
        Column("good", Boolean, nullable=False),
        Column("body", content()),
    )


def rows(count):
    return [
        {
            "body": b"\x00\xff" if number % 2 else None,
            "good": number % 3 == 0,
            "at": NOON + timedelta(microseconds=number) if number % 5 else None,
            "name": f"thing {number} 'é",
            "number": number,
        }
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, MANY - 1, MANY, MANY + 1])
def test_rows_are_stored_as_they_were_given_however_many_there_are(table, count):
    given = rows(count)
    adding = Query("Add things.", insert(table))
    reading = Query("All things.", select(table).order_by(table.c.number))

    with create_engine("sqlite://").begin() as connection:
        table.create(connection)
        adding.run_many(connection, given)

        assert [dict(row) for row in reading.rows(connection)] == given


@pytest.mark.parametrize("count", [0, 1, 10_000])
def test_columns_are_stored_as_rows_however_many_there_are(table, count):
    given = rows(count)
    adding = Query("Add things.", insert(table))
    reading = Query("All things.", select(table).order_by(table.c.number))

    with create_engine("sqlite://").begin() as connection:
        table.create(connection)
        adding.run_columns(
            connection, {name: [row[name] for row in given] for name in ("number", "body", "good", "at")}
        )

        assert [dict(row) for row in reading.rows(connection)] == [row | {"name": None} for row in given]


def test_nothing_is_inserted_before_what_was_prepared_is_called_in_another_thread(table):
    adding = Query("Add things.", insert(table))
    count = Query("How many things there are.", select(func.count()).select_from(table))

    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    with engine.begin() as connection:
        table.create(connection)
        add = adding.prepared(connection, {"number": [1, 2], "good": [True, False]})
        before = count.run(connection).scalar_one()
        with Background() as background:
            background.call(add)

        assert (before, count.run(connection).scalar_one()) == (0, 2)


def test_columns_of_different_lengths_are_refused_and_store_nothing(table):
    adding = Query("Add things.", insert(table))

    with create_engine("sqlite://").begin() as connection:
        table.create(connection)
        with pytest.raises(ValueError, match="shorter"):
            adding.run_columns(connection, {"number": [1, 2], "good": [True]})

        assert connection.execute(select(table)).all() == []


def test_columns_are_for_insertions_only(table):
    reading = Query("All things.", select(table))

    with create_engine("sqlite://").begin() as connection, pytest.raises(TypeError, match="inserts nothing"):
        reading.run_columns(connection, {"number": [1]})
