"""A store's tables are what the code declares, are made once, and are never taken back to an older release."""

from __future__ import annotations

import importlib
import pkgutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

import iact
from iact.core.errors import EnvironmentProblemError
from iact.stores.connect import open_memory, open_sqlite, reading, writing
from iact.stores.metadata import METADATA
from iact.stores.migrate import upgrade
from iact.stores.revisions import SCRIPTS, newest_revision, revisions
from iact.stores.snapshot import SCRIPT, rendered, statements


def declare_every_table():
    """Import every module that declares tables: `tables` and `store` of each room."""
    for module in pkgutil.walk_packages(iact.__path__, prefix="iact."):
        if module.name.rpartition(".")[2] in {"tables", "store"}:
            importlib.import_module(module.name)


def test_the_migrations_make_exactly_the_tables_that_the_code_declares():
    declare_every_table()
    engine = open_memory()

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert compare_metadata(context, METADATA) == []


def test_a_fresh_store_is_made_exactly_as_the_revisions_make_it():
    """`python -m iact.stores.snapshot` writes the script anew after a revision was added."""
    assert SCRIPT.read_text(encoding="utf-8") == rendered()

    with open_memory().connect() as connection:
        assert statements(connection) == statements_of_the_revisions()


def statements_of_the_revisions():
    """Return what an empty store holds after every revision was run on it, without the script."""
    with create_engine("sqlite://").begin() as connection:
        upgrade(connection)
        return statements(connection)


def test_a_store_of_an_earlier_release_is_brought_up_to_date(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'iact.db'}")
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revisions()[0])
    engine.dispose()

    with reading(open_sqlite(tmp_path / "iact.db")) as connection:
        assert sorted(statements(connection)) == sorted(statements_of_the_revisions())


def test_every_revision_follows_from_the_one_before():
    assert revisions()[0] == "0001"
    assert revisions()[-1] == newest_revision()
    assert len(set(revisions())) == len(revisions())


def test_opening_a_store_again_changes_nothing(tmp_path):
    open_sqlite(tmp_path / "iact.db").dispose()
    before = (tmp_path / "iact.db").read_bytes()

    open_sqlite(tmp_path / "iact.db").dispose()

    assert (tmp_path / "iact.db").read_bytes() == before


def test_many_processes_may_open_a_fresh_store_at_once(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        engines = list(pool.map(lambda _: open_sqlite(tmp_path / "iact.db"), range(8)))

    with reading(engines[0]) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [
            newest_revision()
        ]


def test_a_store_that_a_newer_release_has_changed_is_refused_and_left_alone(tmp_path):
    engine = open_sqlite(tmp_path / "iact.db")
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()

    with pytest.raises(EnvironmentProblemError, match=r"newer release of iact \(revision 9999; this one knows"):
        open_sqlite(tmp_path / "iact.db")


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "iact.db"
    path.write_text("these are my notes, not a database\n" * 100, encoding="utf-8")

    with pytest.raises(EnvironmentProblemError, match="cannot be used: file is not a database"):
        open_sqlite(path)

    assert path.read_text(encoding="utf-8").startswith("these are my notes")


def test_a_folder_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "iact").write_text("a file where a folder should be", encoding="utf-8")

    with pytest.raises(EnvironmentProblemError, match="cannot be made"):
        open_sqlite(tmp_path / "iact" / "iact.db")


def test_every_migration_can_be_taken_back(tmp_path):
    engine = open_sqlite(tmp_path / "iact.db")
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    engine.dispose()

    assert inspect(create_engine(f"sqlite:///{tmp_path / 'iact.db'}")).get_table_names() == ["alembic_version"]


def test_a_reading_transaction_cannot_write(tmp_path):
    engine = open_sqlite(tmp_path / "iact.db")

    with pytest.raises(Exception, match="readonly database"), reading(engine) as connection:
        connection.execute(text("DELETE FROM runs"))

    with writing(engine) as connection:
        connection.execute(text("DELETE FROM runs"))


def test_a_reader_sees_one_moment_while_a_writer_commits(tmp_path):
    engine = open_sqlite(tmp_path / "iact.db")

    with reading(engine) as reader:
        before = reader.execute(text("SELECT count(*) FROM holds")).scalar_one()
        with writing(engine) as writer:
            writer.execute(
                text("INSERT INTO holds VALUES ('p', 'lead_time', 'run-1', '2026-03-02T09:00:00.000000Z')"),
            )
        after = reader.execute(text("SELECT count(*) FROM holds")).scalar_one()

    assert (before, after) == (0, 0)


def test_what_was_committed_is_on_the_disk(tmp_path):
    """`synchronous = FULL` in write-ahead mode: an acknowledged transaction survives a power cut."""
    engine = open_sqlite(tmp_path / "iact.db")

    with reading(engine) as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2

    with closing(sqlite3.connect(tmp_path / "iact.db")) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
