"""A backup or a restore is killed in the middle: nothing is taken for whole that is not, and the next one succeeds."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import text

from iact.core.errors import EnvironmentProblemError
from iact.stores.backups.archive import Verified, verify
from iact.stores.backups.restoring import restore_to_file, restore_to_server
from iact.stores.backups.saving import save
from iact.stores.connect import existing_sqlite, open_sqlite, reading, writing
from iact.stores.revisions import newest_revision
from iact.stores.servers import connected
from services import mysql_protocol
from tests.support.kills import WRITES, in_a_child, quick_folder
from tests.support.servers import DatabaseServer

ROWS: Final = 2500
"""More than two batches."""


def nobody(_table: str, _rows: int) -> None:
    """Wait for nothing."""


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder in memory, where there is one."""
    with tempfile.TemporaryDirectory(prefix="iact-backup-", dir=quick_folder()) as folder:
        yield Path(folder)


@pytest.fixture
def store(room: Path) -> Path:
    """A store with rows."""
    engine = open_sqlite(room / "iact.db")
    with writing(engine) as connection:
        connection.execute(
            text("INSERT INTO holds VALUES ('p', :name, 'run-1', '2026-03-02T12:00:00.000000Z')"),
            [{"name": f"metric-{number}"} for number in range(ROWS)],
        )
    engine.dispose()
    return room / "iact.db"


def back_up(store: Path, target: Path) -> None:
    """Write a backup of an embedded store."""
    engine = existing_sqlite(store)
    save(engine, target, shown_as=str(store), tell=nobody)
    engine.dispose()


@pytest.fixture
def backup(store: Path) -> Verified:
    """A backup of the store with rows."""
    back_up(store, store.with_name("backup.zip"))
    return verify(store.with_name("backup.zip"))


def test_a_backup_that_is_killed_at_any_write_leaves_none_or_a_whole_one_and_the_store_as_it_was(
    room: Path, store: Path
):
    target = room / "a.zip"
    # The first one works out which tables there are, in memory, for all that follow.
    back_up(store, target)
    target.unlink()
    with WRITES.counted() as writes:
        back_up(store, target)
    expected = verify(target).manifest.tables
    before = store.read_bytes()

    assert any("os.link" in write for write in writes)
    for number in range(1, len(writes) + 1):
        target.unlink(missing_ok=True)
        assert not in_a_child(partial(back_up, store, target), killed_at=number)
        if target.exists():
            assert verify(target).manifest.tables == expected, writes[number - 1]
            target.unlink()
        in_a_child(partial(back_up, store, target))
        assert verify(target).manifest.tables == expected, writes[number - 1]
        assert store.read_bytes() == before
        assert sorted(path.name for path in room.iterdir()) == ["a.zip", "iact.db"]


def rows_in(path: Path) -> int:
    """Return how many rows are in the table of an embedded store."""
    engine = existing_sqlite(path)
    with reading(engine) as connection:
        found: int = connection.execute(text("SELECT count(*) FROM holds")).scalar_one()
    engine.dispose()
    return found


def test_a_restore_into_a_file_that_is_killed_at_any_write_leaves_no_store_or_a_whole_one(room: Path, backup: Verified):
    restored = room / "new" / "iact.db"
    restored.parent.mkdir()
    restore = partial(restore_to_file, backup, restored, tell=nobody)
    with WRITES.counted() as writes:
        restore()
    restored.unlink()
    # All of what comes after the tables are there, and some of how they are made.
    first = next(number for number, write in enumerate(writes, start=1) if write.startswith("INSERT INTO holds"))
    places = [*range(1, first, 16), *range(first, len(writes) + 1)]

    assert len(writes) - first > 8
    for number in places:
        assert not in_a_child(restore, killed_at=number)
        if not restored.exists():
            in_a_child(restore)
        assert rows_in(restored) == ROWS, writes[number - 1]
        restored.unlink()
        for beside in restored.parent.glob("iact.db-*"):
            beside.unlink()


def restore_there(backup: Verified, url: str) -> None:
    """Restore a backup into a database on a server."""
    engine, shown_as = connected(url, mysql_protocol.PASSWORD, None)
    restore_to_server(backup, engine, shown_as=shown_as, tell=nobody)
    engine.dispose()


def test_a_restore_into_a_server_that_is_killed_is_taken_for_whole_by_nobody_and_begun_anew(
    database_server: DatabaseServer, backup: Verified, room: Path
):
    with database_server.database() as name:
        url = f"mysql://{mysql_protocol.USER}@127.0.0.1:{database_server.port}/{name}"
        with WRITES.counted() as writes:
            restore_there(backup, url)
        filling = [number for number, write in enumerate(writes, start=1) if write.startswith("INSERT INTO holds")]
        making = next(
            number for number, write in enumerate(writes, start=1) if write.lstrip().startswith("CREATE TABLE journal")
        )
        whole_from = next(
            number for number, write in enumerate(writes, start=1) if write.startswith("UPDATE") and "revision" in write
        )
        for number in (making, filling[-1], whole_from + 1):
            database_server.execute(f"DROP DATABASE {name}", f"CREATE DATABASE {name}")
            assert not in_a_child(partial(restore_there, backup, url), killed_at=number)

            found = rows_taken_for_whole(url, room / f"{number}.zip")
            assert found in ({0, ROWS} if number > whole_from else {0}), writes[number - 1]
            if found == 0:
                in_a_child(partial(restore_there, backup, url))
                assert database_server.rows(f"SELECT count(*) FROM {name}.holds") == [(ROWS,)]  # noqa: S608 - a test's own words
                assert database_server.rows(f"SELECT version_num FROM {name}.alembic_version") == [(newest_revision(),)]  # noqa: S608 - as above


def rows_taken_for_whole(url: str, target: Path) -> int:
    """Return how many rows a command finds in what was left; none where it refuses."""
    engine, shown_as = connected(url, mysql_protocol.PASSWORD, None)
    with suppress(EnvironmentProblemError):
        return save(engine, target, shown_as=shown_as, tell=nobody).manifest.rows
    engine.dispose()
    return 0
