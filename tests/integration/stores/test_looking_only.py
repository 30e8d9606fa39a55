"""A store that is only looked at stays as it is on disk, and is not made."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from iact.config.opening import open_project
from iact.core.errors import EnvironmentProblemError
from iact.dora.repository import open_store
from iact.stores.connect import open_copy, open_sqlite, reading, writing
from iact.stores.revisions import SCRIPTS, newest_revision


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def revision(path: Path) -> str:
    """Return the revision of a store's tables."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    engine.dispose()
    return str(found)


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path):
    engine = open_copy(tmp_path / "missing" / "iact.db")

    with writing(engine) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == newest_revision()
    engine.dispose()
    assert list(tmp_path.iterdir()) == []


def test_a_copy_holds_what_the_store_holds_and_gives_nothing_back(tmp_path: Path):
    stored = open_sqlite(tmp_path / "iact.db")
    with writing(stored) as connection:
        connection.execute(text("CREATE TABLE kept (value TEXT)"))
        connection.execute(text("INSERT INTO kept VALUES ('as it was')"))
    copy = open_copy(tmp_path / "iact.db")
    with writing(copy) as connection:
        connection.execute(text("UPDATE kept SET value = 'changed'"))

    with reading(copy) as changed, reading(stored) as unchanged:
        values = [
            connection.execute(text("SELECT value FROM kept")).scalar_one() for connection in (changed, unchanged)
        ]
    copy.dispose()
    stored.dispose()
    assert values == ["changed", "as it was"]


def test_looking_leaves_no_trace_beside_the_store(tmp_path: Path):
    open_sqlite(tmp_path / "iact.db").dispose()
    before = contents(tmp_path)

    open_copy(tmp_path / "iact.db").dispose()

    assert contents(tmp_path) == before


def test_a_store_of_an_earlier_release_is_looked_at_and_not_brought_up_to_date(tmp_path: Path):
    engine = create_engine(f"sqlite:///{tmp_path / 'iact.db'}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()

    copy = open_copy(tmp_path / "iact.db")

    with reading(copy) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == newest_revision()
    copy.dispose()
    assert revision(tmp_path / "iact.db") == "0001"


def test_what_is_no_database_is_said_to_be_none(tmp_path: Path):
    (tmp_path / "iact.db").write_text("a letter, long enough to be no empty database\n" * 99, encoding="utf-8")

    with pytest.raises(EnvironmentProblemError, match=r"the store .*iact\.db cannot be .*not a database"):
        open_copy(tmp_path / "iact.db")


def test_a_store_in_a_folder_that_is_not_there_is_refused(tmp_path: Path):
    (tmp_path / "iact.yaml").write_text(
        "apiVersion: iact/v1\nkind: Project\nmetadata: {name: product}\nspec: {}\n", encoding="utf-8"
    )

    with pytest.raises(EnvironmentProblemError, match="Make it, or name another file"):
        open_store(open_project(tmp_path), tmp_path / "nowhere" / "iact.db")

    assert [path.name for path in tmp_path.iterdir()] == ["iact.yaml"]
