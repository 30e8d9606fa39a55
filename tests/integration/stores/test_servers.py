"""A store on MariaDB or MySQL: the same runs, names, moments and bytes as in the embedded one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select, text

from iact.core.errors import ConfigurationError
from iact.core.facts import Fact, FactSet
from iact.core.quantities import parse
from iact.engine.clocks import ManualClock
from iact.engine.journal import ENTRIES_OF_RUN, broken_link
from iact.engine.runtime import Runtime
from iact.engine.tables import HOLDS
from iact.stores.connect import open_memory, reading, writing
from iact.stores.revisions import newest_revision
from iact.stores.servers import open_server
from tests.support.agents import World, agent_definition
from tests.support.servers import DatabaseServer
from tests.support.stores import opened

NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
CHANGE = agent_definition("""
inputs: {patience: {type: duration, default: 48h}}
start: asking
states:
  asking:
    next:
      - {after: {fact: input.patience}, decide: GO, to: changing}
  changing:
    do: change_world
    next:
      - {event: finished, decide: SUCCESS, to: changed}
      - {event: failed, decide: FAILED, to: changed}
      - {event: unknown, decide: ESCALATE, to: changed}
  changed: {final: true}
""")


@pytest.fixture
def url(database_server: DatabaseServer) -> Iterator[str]:
    """An empty database of each server."""
    with database_server.database() as name:
        yield database_server.url(name)


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """A store on each server."""
    found = opened(url)
    yield found
    found.dispose()


def journal_of_a_whole_run(engine: Engine) -> list[bytes]:
    """Return the bytes of the journal of a run that waited for a time, acted and ended."""
    clock = ManualClock(NOON)
    runtime = Runtime(engine, project="test", clock=clock, services={"world": World()})
    inputs = FactSet.of([Fact(name="input.patience", value=parse("48h"))])
    run = runtime.start(CHANGE.name, definitions=[CHANGE], subject="shop é", inputs=inputs, name="run-1")
    runtime.advance(run)
    clock.advance(timedelta(hours=48))
    (ended,) = runtime.tick()
    assert (ended.state, ended.ended_at) == ("changed", NOON + timedelta(hours=48))
    with reading(engine) as connection:
        assert broken_link(connection, "test", run) is None
        return [row["body"] for row in ENTRIES_OF_RUN.rows(connection, project="test", run=run)]


def test_a_run_leaves_the_same_bytes_as_in_the_embedded_store(engine: Engine):
    assert journal_of_a_whole_run(engine) == journal_of_a_whole_run(open_memory())


def test_names_that_differ_in_case_accent_or_a_space_at_the_end_are_different_names(engine: Engine):
    names = ["a", "A", "á", "a ", "\uff41", "a\u0301", "🙂"]
    with writing(engine) as connection:
        connection.execute(
            HOLDS.insert(), [{"project": "p", "name": name, "run": "run-1", "held_since": NOON} for name in names]
        )

    with reading(engine) as connection:
        found = {
            name: connection.execute(select(HOLDS.c.name).where(HOLDS.c.name == name)).scalars().all() for name in names
        }
        moments = set(connection.execute(select(HOLDS.c.held_since)).scalars())
    assert found == {name: [name] for name in names}
    assert moments == {NOON}


def test_a_reader_sees_one_moment_while_a_writer_commits_and_cannot_write(engine: Engine):
    with reading(engine) as reader:
        assert reader.execute(select(HOLDS.c.name)).all() == []
        with writing(engine) as writer:
            writer.execute(HOLDS.insert().values(project="p", name="n", run="run-1", held_since=NOON))
        assert reader.execute(select(HOLDS.c.name)).all() == []
        with pytest.raises(Exception, match="READ ONLY transaction"):
            reader.execute(HOLDS.delete())


def test_many_that_open_an_empty_database_at_once_make_its_tables_once(url: str):
    with ThreadPoolExecutor(4) as pool:
        engines = list(pool.map(lambda _: opened(url), range(4)))

    with reading(engines[0]) as connection:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    for one in engines:
        one.dispose()
    assert found == [newest_revision()]


def test_a_migration_that_was_cut_short_goes_on_where_it_stopped(engine: Engine, url: str):
    """MySQL keeps the tables of a revision whose process died before the revision was noted."""
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        connection.execute(text("DROP TABLE failures"))

    again = opened(url)

    with reading(again) as connection:
        assert connection.execute(text("SELECT confidence FROM failures")).all() == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == newest_revision()
    again.dispose()


def test_a_password_in_the_address_is_refused_and_not_repeated():
    with pytest.raises(ConfigurationError, match="env:NAME") as refused:
        open_server("mysql://iact:hunter2@localhost/iact")

    assert "hunter2" not in str(refused.value)
