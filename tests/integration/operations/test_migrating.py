"""`iact db migrate` and `status`: on a server nothing else changes tables, and every command says what is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from iact.config.opening import open_project
from iact.core.errors import ConfigurationError, EnvironmentProblemError
from iact.dora.repository import open_store
from iact.stores.connect import open_sqlite
from iact.stores.migrate import upgrade
from iact.stores.revisions import compatible_from, newest_revision, revisions
from services import mysql_protocol
from tests.support.databases import (
    PASSWORD,
    administrator,
    command,
    run_script,
    statements_of,
    tables_of,
    write_server_project,
)
from tests.support.git import GitRepository
from tests.support.servers import DatabaseServer
from tests.support.trials import write_project

OLDER = revisions()[2]
BEFORE_OVERLAP = "0007"
"""The oldest revision whose release goes along with newer ones."""
NEWEST = newest_revision()
FUTURE = "9001"


@pytest.fixture
def database(database_server: DatabaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty database of each server; the current folder is a project that keeps its store there."""
    monkeypatch.setenv(PASSWORD, mysql_protocol.PASSWORD)
    monkeypatch.chdir(tmp_path)
    with database_server.database() as name:
        write_server_project(tmp_path, database_server, name)
        yield name


def make_tables_of(server: DatabaseServer, database: str, revision: str) -> None:
    """Make the tables as an older release left them."""
    engine = administrator(server, database)
    with engine.begin() as connection:
        upgrade(connection, revision)
    engine.dispose()


def pretend_newer(server: DatabaseServer, database: str, usable_from: str) -> None:
    """Note that a release to come has changed the tables, and from which release on they can be used."""
    server.execute(
        f"USE {database}",
        f"UPDATE alembic_version SET version_num = '{FUTURE}'",  # noqa: S608 - a test's own words
        f"REPLACE INTO iact_schema (revision, compatible_from) VALUES ('{FUTURE}', '{usable_from}')",  # noqa: S608 - as above
    )


def test_no_other_command_makes_tables_on_a_server(database_server: DatabaseServer, database: str, tmp_path: Path):
    GitRepository.create(tmp_path / "repository")
    (tmp_path / "told.json").write_text("[]", encoding="utf-8")

    with pytest.raises(EnvironmentProblemError, match=r"has no tables yet.*needs \d+\. Run `iact db migrate`"):
        command("ingest", "told.json", "--repo", "repository")

    assert tables_of(database_server, database) == {}


def test_tables_of_an_older_release_are_left_alone_until_somebody_says_so(
    database_server: DatabaseServer, database: str, tmp_path: Path
):
    make_tables_of(database_server, database, OLDER)
    before = tables_of(database_server, database)

    with pytest.raises(EnvironmentProblemError, match=rf"has the tables of revision {OLDER}.*Run `iact db migrate`"):
        open_store(open_project(tmp_path))
    assert tables_of(database_server, database) == before

    done = command("db", "migrate")
    assert done.stdout.splitlines()[0].startswith(f"done  {revisions()[3]}  What others tell of delivery")
    assert done.stdout.splitlines()[-1].endswith(f"is at revision {NEWEST}.")
    open_store(open_project(tmp_path)).dispose()


@pytest.mark.usefixtures("database")
def test_migrating_again_does_nothing():
    command("db", "migrate")

    again = command("db", "migrate")

    assert (again.exit_code, len(again.stdout.splitlines())) == (0, 1)


def test_status_names_each_missing_step_and_ends_with_1_until_they_are_done(
    database_server: DatabaseServer, database: str
):
    make_tables_of(database_server, database, OLDER)

    shown = command("db", "status")
    data = json.loads(command("db", "status", "--format", "json").stdout)

    assert shown.exit_code == 1
    assert f"revision  {OLDER}, and this release needs {NEWEST}" in shown.stdout
    assert "pending   0006  How far the lists of GitHub and GitLab have been read." in shown.stdout
    assert "Run `iact db migrate`" in shown.stdout
    assert [step["revision"] for step in data["pending"]] == list(revisions()[3:])
    assert (data["revision"], data["newest"], data["can_be_used"]) == (OLDER, NEWEST, False)

    command("db", "migrate")
    shown = command("db", "status")
    assert shown.exit_code == 0
    assert f"revision  {NEWEST}, the newest\n" in shown.stdout
    assert "pending" not in shown.stdout


def test_status_of_an_empty_database_changes_nothing(database_server: DatabaseServer, database: str):
    shown = command("db", "status")

    assert shown.exit_code == 1
    assert "none: there are no tables yet" in shown.stdout
    assert tables_of(database_server, database) == {}


@pytest.mark.parametrize("revision", [None, OLDER])
def test_the_printed_sql_makes_what_migrating_makes(
    database_server: DatabaseServer, database: str, revision: str | None
):
    if revision is not None:
        make_tables_of(database_server, database, revision)
    script = command("db", "migrate", "--sql").stdout
    with database_server.database() as other:
        url = f"mysql://{mysql_protocol.USER}@127.0.0.1:{database_server.port}/{other}"
        if revision is not None:
            make_tables_of(database_server, other, revision)
        command("db", "migrate", "--store", url)
        expected = tables_of(database_server, other)
        noted = database_server.rows("SELECT * FROM iact_schema", database=other)

    run_script(database_server, database, script)

    assert tables_of(database_server, database) == expected
    assert database_server.rows("SELECT * FROM iact_schema", database=database) == noted
    assert command("db", "status").exit_code == 0
    assert command("db", "migrate", "--sql").stdout == ""


def test_between_any_two_steps_an_older_release_knows_whether_it_may_go_on(
    database_server: DatabaseServer, database: str
):
    """Whoever looks while tables change meets a revision that the release before does not know."""
    make_tables_of(database_server, database, BEFORE_OVERLAP)
    met: list[str] = []

    def look(*_: object) -> None:
        ((present,),) = database_server.rows("SELECT version_num FROM alembic_version", database=database)
        if present != BEFORE_OVERLAP:
            noted = database_server.rows("SELECT revision, compatible_from FROM iact_schema", database=database)
            assert dict(noted).get(present) == compatible_from(present), f"nothing tells who may go on at {present}"
            met.append(present)

    event.listen(Engine, "after_cursor_execute", look)
    try:
        command("db", "migrate")
    finally:
        event.remove(Engine, "after_cursor_execute", look)

    assert set(met) >= set(revisions()[revisions().index(BEFORE_OVERLAP) + 1 : -1])
    passed = revisions()[revisions().index(BEFORE_OVERLAP) + 1 :]
    noted = database_server.rows("SELECT revision, compatible_from FROM iact_schema", database=database)
    assert dict(noted) == {step: compatible_from(step) for step in passed}, "who looked before still has to find it"


def test_between_any_two_statements_of_the_printed_sql_an_older_release_knows_as_well(
    database_server: DatabaseServer, database: str
):
    make_tables_of(database_server, database, BEFORE_OVERLAP)
    script = command("db", "migrate", "--sql").stdout
    met: set[str] = set()

    for statement in statements_of(script):
        database_server.execute(f"USE {database}", statement)
        ((present,),) = database_server.rows("SELECT version_num FROM alembic_version", database=database)
        if present != BEFORE_OVERLAP:
            noted = database_server.rows("SELECT revision, compatible_from FROM iact_schema", database=database)
            assert dict(noted).get(present) == compatible_from(present), f"nothing tells who may go on at {present}"
            met.add(present)

    assert met == set(revisions()[revisions().index(BEFORE_OVERLAP) + 1 :])


def test_printing_sql_changes_nothing(database_server: DatabaseServer, database: str):
    command("db", "migrate", "--sql")

    assert tables_of(database_server, database) == {}


@pytest.mark.parametrize("ran", [4, 9, 14])
def test_a_script_that_was_cut_off_is_continued_by_the_next_one(
    database_server: DatabaseServer, database: str, ran: int
):
    run_script(database_server, database, command("db", "migrate", "--sql").stdout, statements=ran)

    run_script(database_server, database, command("db", "migrate", "--sql").stdout)

    with database_server.database() as other:
        command("db", "migrate", "--store", f"mysql://{mysql_protocol.USER}@127.0.0.1:{database_server.port}/{other}")
        assert tables_of(database_server, database) == tables_of(database_server, other)


def test_an_account_that_may_not_change_tables_is_told_so(
    database_server: DatabaseServer, database: str, tmp_path: Path
):
    user = f"{database}_reader"
    database_server.execute(
        f"CREATE USER '{user}'@'%' IDENTIFIED BY '{mysql_protocol.PASSWORD}'",
        f"GRANT SELECT ON {database}.* TO '{user}'@'%'",
    )
    write_server_project(tmp_path, database_server, database, user=user)

    with pytest.raises(EnvironmentProblemError, match=r"CREATE command denied.*`iact db grants`"):
        command("db", "migrate")

    assert command("db", "status").exit_code == 1
    assert "CREATE TABLE" in command("db", "migrate", "--sql").stdout
    database_server.execute(f"DROP USER '{user}'@'%'")


def test_tables_of_a_newer_release_that_goes_along_with_this_one_are_used(
    database_server: DatabaseServer, database: str
):
    command("db", "migrate")
    pretend_newer(database_server, database, NEWEST)
    database_server.execute(f"ALTER TABLE {database}.runs ADD COLUMN lease INTEGER NULL")

    open_store(open_project()).dispose()
    assert command("pdca", "parameters").exit_code == 0
    shown = command("db", "status")
    assert (shown.exit_code, f"revision  {FUTURE}, made by a newer release" in shown.stdout) == (0, True)
    assert "there was nothing to do" in command("db", "migrate").stdout
    assert database_server.rows("SELECT version_num FROM alembic_version", database=database) == [(FUTURE,)]


def test_tables_of_a_newer_release_that_does_not_go_along_are_refused(database_server: DatabaseServer, database: str):
    command("db", "migrate")
    pretend_newer(database_server, database, FUTURE)

    for words in (("pdca", "parameters"), ("db", "migrate"), ("db", "migrate", "--sql")):
        with pytest.raises(EnvironmentProblemError, match=rf"newer release of iact \(revision {FUTURE}.*from {FUTURE}"):
            command(*words)
    with pytest.raises(EnvironmentProblemError, match="newer release"):
        open_store(open_project())
    shown = command("db", "status")
    assert (shown.exit_code, "Install the newer release" in shown.stdout) == (1, True)


def test_a_password_for_another_address_is_named_by_an_option(
    database_server: DatabaseServer, database: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OWNER_PASSWORD", mysql_protocol.PASSWORD)
    monkeypatch.delenv(PASSWORD)
    url = f"mysql://{mysql_protocol.USER}@127.0.0.1:{database_server.port}/{database}"

    assert command("db", "migrate", "--store", url, "--password", "env:OWNER_PASSWORD").exit_code == 0
    with pytest.raises(ConfigurationError, match="--password: expected the name of a secret"):
        command("db", "migrate", "--store", url, "--password", "hunter2")


def test_the_embedded_store_says_where_it_stands_and_is_not_made_by_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)

    missing = command("db", "status")
    assert (missing.exit_code, (tmp_path / ".iact").exists()) == (1, False)
    with pytest.raises(ConfigurationError, match="is a file: `iact db migrate` changes it"):
        command("db", "migrate", "--sql")

    open_sqlite(tmp_path / ".iact/iact.db").dispose()
    there = command("db", "status")
    assert there.exit_code == 0
    assert f"revision  {NEWEST}, the newest" in there.stdout
    assert sorted(path.name for path in (tmp_path / ".iact").glob("iact.db*")) == ["iact.db"]
