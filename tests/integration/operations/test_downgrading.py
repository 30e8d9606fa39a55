"""`iact db downgrade`: what is lost is told before, what cannot be undone is refused, and the way back is whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from iact.config.opening import open_project
from iact.core.errors import ConfigurationError, EnvironmentProblemError
from iact.dora.repository import open_store
from iact.engine.clocks import ManualClock
from iact.engine.journal import broken_link
from iact.engine.pruning import delete_entries
from iact.engine.runtime import Runtime
from iact.stores import revisions as known
from iact.stores.connect import open_sqlite, writing
from iact.stores.revisions import describe, described, newest_revision, revisions
from iact.stores.servers import open_server
from iact.stores.units import read, write
from services import mysql_protocol
from tests.support.agents import agent_definition
from tests.support.databases import PASSWORD, command, tables_of, write_server_project
from tests.support.servers import DatabaseServer
from tests.support.trials import write_project

NEWEST = newest_revision()
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WAITING = agent_definition(
    "start: waiting\nstates:\n  waiting: {next: [{after: 1h, to: done}]}\n  done: {final: true}\n"
)
EVENT = "INSERT INTO events VALUES ('shop', 'r', 'sha256:1', 'incident', 'file', '1', x'7b7d')"


@pytest.fixture
def database(database_server: DatabaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database of each server with the tables of this release; the current folder is its project."""
    monkeypatch.setenv(PASSWORD, mysql_protocol.PASSWORD)
    monkeypatch.chdir(tmp_path)
    with database_server.database() as name:
        write_server_project(tmp_path, database_server, name)
        command("db", "migrate")
        yield name


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of an embedded store with one event; the current folder is its project."""
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ".iact/iact.db"
    engine = open_sqlite(path)
    with writing(engine) as connection:
        connection.execute(text(EVENT))
    engine.dispose()
    return path


def test_what_would_be_lost_is_told_with_its_rows_and_nothing_is_changed(
    database_server: DatabaseServer, database: str
):
    database_server.execute(f"USE {database}", EVENT)
    before = tables_of(database_server, database)

    told = command("db", "downgrade", "0003")

    assert told.exit_code == 1
    lines = told.stdout.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("undo")] == list(reversed(revisions()[3:]))
    assert "lose  table events with 1 row" in lines
    assert "lose  column confidence of failures, 0 rows" in lines
    assert "lose  table pulls with 0 rows" in lines
    assert not [line for line in lines if line.startswith("lose  table journal ")]
    assert lines[-1].startswith("Nothing was changed.")
    assert tables_of(database_server, database) == before


def test_the_way_back_and_forth_makes_the_same_tables(database_server: DatabaseServer, database: str):
    before = tables_of(database_server, database)

    assert command("db", "downgrade", "0003", "--yes").exit_code == 0
    assert ("0003", "0003") in database_server.rows("SELECT * FROM iact_schema", database=database)
    assert command("db", "status").exit_code == 1
    assert "events" not in tables_of(database_server, database)

    command("db", "migrate")
    assert without_order(tables_of(database_server, database)) == without_order(before)


def without_order(tables: dict[str, str]) -> dict[str, list[str]]:
    """Return the parts of each table: a column that was dropped comes back at the end."""
    return {name: sorted(line.strip().rstrip(",") for line in made.splitlines()) for name, made in tables.items()}


def test_a_downgrade_that_was_cut_off_goes_on(database_server: DatabaseServer, database: str):
    """MySQL has dropped some of what a revision made when its process dies."""
    database_server.execute(
        f"USE {database}", "DROP TABLE told_deployments", "ALTER TABLE repositories DROP COLUMN reverts"
    )

    assert command("db", "downgrade", "0006", "--yes").exit_code == 0
    assert "unread_events" not in tables_of(database_server, database)


def test_while_another_process_changes_the_tables_nobody_else_does(
    database_server: DatabaseServer, database: str, monkeypatch: pytest.MonkeyPatch
):
    session = "SET SESSION time_zone = '+00:00', innodb_lock_wait_timeout = 1"
    monkeypatch.setattr("iact.stores.servers._SESSION", session)
    with closing(database_server.connect(database=database, autocommit=False)) as other, other.cursor() as cursor:
        cursor.execute("SELECT name FROM iact_locks WHERE name = 'migration' FOR UPDATE")

        with pytest.raises(
            EnvironmentProblemError, match=r"another process changes the tables of .*Wait until it is done"
        ):
            command("db", "downgrade", "0006", "--yes")
        with pytest.raises(EnvironmentProblemError, match="another process changes the tables of"):
            command("db", "migrate")

    assert command("db", "downgrade", "0006", "--yes").exit_code == 0


def test_an_account_that_may_not_change_tables_is_told_so(
    database_server: DatabaseServer, database: str, tmp_path: Path
):
    user = f"{database}_reader"
    database_server.execute(
        f"CREATE USER '{user}'@'%' IDENTIFIED BY '{mysql_protocol.PASSWORD}'",
        f"GRANT SELECT ON {database}.* TO '{user}'@'%'",
    )
    write_server_project(tmp_path, database_server, database, user=user)

    assert command("db", "downgrade", "0006").exit_code == 1
    with pytest.raises(EnvironmentProblemError, match=r"command denied.*`iact db grants`"):
        command("db", "downgrade", "0006", "--yes")
    database_server.execute(f"DROP USER '{user}'@'%'")


def test_the_embedded_store_is_taken_back_too(embedded: Path):
    told = command("db", "downgrade", "0003")
    assert "lose  table events with 1 row" in told.stdout
    assert command("db", "status").exit_code == 0

    done = command("db", "downgrade", "0003", "--yes")
    assert "brings it up to date again" in done.stdout
    assert command("db", "status").exit_code == 1

    open_sqlite(embedded).dispose()
    assert command("db", "status").exit_code == 0


@pytest.mark.usefixtures("embedded")
def test_where_it_is_already_there_is_nothing_to_do():
    there = command("db", "downgrade", NEWEST)

    assert (there.exit_code, there.stdout.endswith(f"is at revision {NEWEST} already.\n")) == (0, True)


@pytest.mark.parametrize("revision", ["base", "9999", "3"])
@pytest.mark.usefixtures("embedded")
def test_a_revision_that_there_is_not_is_refused(revision: str):
    with pytest.raises(ConfigurationError, match=f"there is no revision {revision}.*drop the database or the file"):
        command("db", "downgrade", revision, "--yes")


@pytest.mark.usefixtures("embedded")
def test_a_later_revision_is_reached_by_migrating():
    command("db", "downgrade", "0003", "--yes")

    with pytest.raises(ConfigurationError, match="0005 is a later one: `iact db migrate` goes there"):
        command("db", "downgrade", "0005", "--yes")


@pytest.mark.usefixtures("embedded")
def test_a_step_that_cannot_be_undone_is_refused_with_its_reason(monkeypatch: pytest.MonkeyPatch):
    script = '"""Keeps amounts as sums."""\ncannot_be_undone = "The amounts were added up."\n'
    steps = [describe(step.number, script) if step.number == "0005" else step for step in described()]
    monkeypatch.setattr("iact.stores.undoing.described", lambda: tuple(steps))

    with pytest.raises(ConfigurationError, match=r"revision 0005 cannot be taken back: The amounts were added up\."):
        command("db", "downgrade", "0004", "--yes")
    assert command("db", "downgrade", "0005", "--yes").exit_code == 0
    assert known.describe("0005", script).cannot_be_undone


def finished_run(engine: Engine, clock: ManualClock, subject: str) -> str:
    """Carry a run out to its end, and return its name."""
    runtime = Runtime(engine, project="shop", clock=clock)
    run = runtime.start(WAITING.name, definitions=[WAITING], subject=subject)
    clock.advance(timedelta(hours=2))
    assert runtime.advance(run).ended_at is not None
    return run


@pytest.mark.usefixtures("database")
def test_a_journal_that_lost_its_beginning_can_be_verified_no_more_once_the_note_of_it_is_gone(
    database_server: DatabaseServer, tmp_path: Path
):
    """The table that says where a pruned journal begins goes with revision 0011; the way back is a backup."""
    engine = open_store(open_project(tmp_path))
    clock = ManualClock(NOON)
    pruned, whole = finished_run(engine, clock, "pruned"), finished_run(engine, clock, "whole")
    write(engine, lambda connection: delete_entries(connection, "shop", pruned, most=1, now=clock.moment))
    engine.dispose()
    command("backup", "--to", "before.zip")

    told = command("db", "downgrade", "0010").stdout
    assert "lose  table journal_anchors with 1 row\n" in told
    assert "lose  where journals begin that iact prune has shortened" in told
    command("db", "downgrade", "0010", "--yes")
    command("db", "migrate")

    engine = open_store(open_project(tmp_path))
    assert read(engine, lambda connection: broken_link(connection, "shop", pruned)) is not None
    assert read(engine, lambda connection: broken_link(connection, "shop", whole)) is None
    engine.dispose()
    with database_server.database() as other:
        url = f"mysql://{mysql_protocol.USER}@127.0.0.1:{database_server.port}/{other}"
        command("restore", "before.zip", "--store", url)
        restored = open_server(url, password=mysql_protocol.PASSWORD)
        assert read(restored, lambda connection: broken_link(connection, "shop", pruned)) is None
        restored.dispose()
