"""`iact doctor` of an embedded store: its file, its disk and its pages, of which nothing is changed."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from iact.operations.doctor.machine import file_findings
from iact.stores.connect import open_sqlite, writing
from tests.support.databases import command
from tests.support.trials import write_project

NOBODY = 65534


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a project's store, with some rows; the current folder is the project."""
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ".iact/iact.db"
    engine = open_sqlite(path)
    with writing(engine) as connection:
        for number in range(200):
            connection.execute(
                text("INSERT INTO holds VALUES ('shop', :name, 'run-1', '2026-03-02T12:00:00.000000Z')"),
                {"name": f"{number:050}"},
            )
    engine.dispose()
    return path


def found(check: str) -> dict[str, Any]:
    """Return what the doctor says of one thing, and how it ended."""
    told = command("doctor", "--format", "json")
    (one,) = [finding for finding in json.loads(told.stdout)["findings"] if finding["check"] == check]
    return {**one, "ended": told.exit_code}


def test_a_store_that_is_well_is_left_as_it_is(file: Path):
    before = {path.name: path.read_bytes() for path in file.parent.iterdir()}

    told = command("doctor")

    assert told.exit_code == 0, told.stdout
    assert {line.split(":")[0].split(maxsplit=1)[1] for line in told.stdout.splitlines()[1:-1]} == {
        "git", "file", "disk", "file system", "integrity", "journal mode",
    }  # fmt: skip
    assert {path.name: path.read_bytes() for path in file.parent.iterdir()} == before


def test_a_store_that_is_not_there_yet_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)

    assert "not there yet" in found("file")["found"]
    assert not (tmp_path / ".iact").exists()


def test_a_page_that_was_overwritten_is_found(file: Path):
    content = bytearray(file.read_bytes())
    place = content.index(b"0" * 48)
    content[place - 200 : place + 3000] = b"\xff" * 3200
    file.write_bytes(content)

    one = found("integrity")

    assert (one["level"], one["ended"]) == ("broken", 3)
    assert any(".recover" in step for step in one["mend"])


def test_a_file_that_is_no_database_is_told(file: Path):
    file.write_text("these are my notes, not a database\n" * 100, encoding="utf-8")

    assert (found("integrity")["level"], "not a database" in found("integrity")["found"]) == ("broken", True)


def test_another_journal_mode_is_told_and_mended(file: Path):
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")

    one = found("journal mode")
    assert (one["level"], one["ended"]) == ("advice", 0)
    statement = one["mend"][0].split("'")[1]
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(statement)
    assert found("journal mode")["level"] == "ok"


@contextmanager
def somebody_else() -> Iterator[None]:
    """Act as an account that is not the administrator, where the tests run as that one: nothing is forbidden to it."""
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(0)
    else:
        yield


def test_a_folder_that_cannot_be_written_is_told_and_mended(file: Path):
    for above in [file, *file.parents][:6]:
        if above.owner() != "nobody" and above.is_relative_to(file.parents[1]):
            os.chown(above, NOBODY if os.geteuid() == 0 else -1, -1)
    for above in file.parents[2:5]:
        above.chmod(above.stat().st_mode | 0o011)
    file.parent.chmod(0o555)

    with somebody_else():
        one = found("file")
        file.parent.chmod(0o755)
        after = found("file")

    assert (one["level"], one["where"], one["ended"]) == ("broken", str(file.parent), 3)
    assert one["mend"][0] == f"chmod u+rwX {file.parent}"
    assert after["level"] == "ok"


def test_tables_of_a_newer_release_are_told(file: Path):
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9001'")
        connection.commit()

    one = found("tables")
    assert (one["level"], one["mend"]) == ("wrong", ["install the newer release"])


def test_an_examination_gives_away_no_lock_of_a_process_that_has_the_store_open(file: Path):
    looking = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM holds').fetchone()"
    engine = open_sqlite(file)
    log = file.with_name(f"{file.name}-wal")
    with writing(engine) as connection:
        connection.execute(text("DELETE FROM holds"))
    assert log.exists()
    assert {one.check for one in file_findings(file)} >= {"integrity", "journal mode"}
    # Whoever takes himself for the last to close a store removes its log, and this process would write into nothing.
    subprocess.run([sys.executable, "-c", looking, str(file)], check=True)
    assert log.exists()
    engine.dispose()
