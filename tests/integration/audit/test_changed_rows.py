"""Rows of the journal that somebody edits or deletes: told by name, found unasked, and never a traceback."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from iact.audit.archiving import archive
from iact.audit.identity import LogIdentity
from iact.audit.keeping import keep_up
from iact.audit.store import leaves
from iact.audit.stored_rows import MOST_KEPT, check_rows
from iact.audit.tree import EMPTY_ROOT, leaf_hash
from iact.cli.main import iact
from iact.core.errors import EnvironmentProblemError, FindingError
from iact.engine.clocks import DatabaseClock
from iact.engine.host import Host
from iact.stores.connect import open_sqlite, reading
from tests.support.databases import command
from tests.support.reminders import write_reminder

pytestmark = pytest.mark.not_replayed("rows of the journal are changed")

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: shop}
spec:
  store: {sqlite: store.db}
  audit: {log: example.com/shop}
"""
ROW = "UPDATE journal SET body = {} WHERE run = ? AND sequence = 1"
NO_ENTRIES = {
    "text": ROW.format("CAST(body AS TEXT)"),
    "other text": ROW.format("'nothing'"),
    "text that is none": ROW.format("CAST(x'ff00fe' AS TEXT)"),
    "a number": ROW.format("17"),
    "junk": ROW.format("x'00ff'"),
    "a list": ROW.format("CAST('[1]' AS BLOB)"),
    "an entry of nothing": ROW.format('CAST(\'{"run":1,"sequence":"x","body":[],"kind":1,"at":2}\' AS BLOB)'),
    "nothing": ROW.format("x''"),
    "no row": "DELETE FROM journal WHERE run = ? AND sequence = 1",
    "no place": "DELETE FROM log_leaves WHERE run = ? AND sequence = 1",
    "another entry": ROW.format("CAST(replace(CAST(body AS TEXT), 'one', 'two') AS BLOB)"),
}


@pytest.fixture(autouse=True)
def _shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a project with three runs the current folder, each of one entry."""
    monkeypatch.chdir(tmp_path)
    Path("iact.yaml").write_text(PROJECT, encoding="utf-8")
    write_reminder()
    for about in ("zero", "one", "two"):
        command("run", "reminder", "--about", about)


def host() -> Host:
    return Host(engine=open_sqlite(Path("store.db")), project="shop", clock=DatabaseClock(), services={})


def changed(statement: str, *values: Any) -> None:
    with closing(sqlite3.connect("store.db")) as connection, connection:
        assert connection.execute(statement, values).rowcount > 0


def rows() -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect("store.db")) as connection:
        return connection.execute("SELECT * FROM journal ORDER BY number").fetchall()


def run_of(place: int) -> str:
    with closing(sqlite3.connect("store.db")) as connection:
        return str(connection.execute("SELECT run FROM log_leaves WHERE place = ?", (place,)).fetchone()[0])


def findings() -> list[str]:
    told = command("status", "--format", "json")
    found = [one for one in json.loads(told.stdout)["log"]["findings"] if "not as the log has" in one]
    assert told.exit_code == bool(found)
    return found


@pytest.mark.parametrize("what", NO_ENTRIES)
def test_a_row_that_was_changed_is_named_wherever_it_is_met(what: str):
    run = run_of(1)
    changed(NO_ENTRIES[what], run)

    with pytest.raises((FindingError, EnvironmentProblemError), match=r"entry 1 ") as told:
        command("audit", "export", "--out", "bundle.zip")
    assert told.value.exit_code in {1, 3}
    assert not Path("bundle.zip").exists()
    with pytest.raises(FindingError, match=r"entry 1 \(run .*The store was changed"):
        command("audit", "list")
    with pytest.raises(FindingError, match=r"entry 1 \(run "):
        command("audit", "show", "1")
    assert "leads to" not in command("audit", "show", "0").stdout
    command("tick")
    assert [re.findall(r"entry (\d+) ", one) for one in findings()] == [["1"]]


@pytest.mark.parametrize("what", NO_ENTRIES)
def test_the_other_rows_are_listed_and_shown(what: str):
    run = run_of(1)
    changed(NO_ENTRIES[what], run)

    told = CliRunner().invoke(iact, ["audit", "list", "--format", "json"])
    assert isinstance(told.exception, FindingError)
    listed = json.loads(told.stdout)
    assert [one["place"] for one in listed] == [0, 1, 2]
    assert [one["wrong"] is None for one in listed] == [True, False, True]
    lines = CliRunner().invoke(iact, ["audit", "list"]).stdout.splitlines()
    assert [("NOT AS THE LOG HAS IT" in line) for line in lines] == [False, True, False]
    assert run_of(2) in lines[2]
    assert "NOT AS THE LOG HAS IT" in CliRunner().invoke(iact, ["audit", "show", "1"]).stdout
    assert command("audit", "show", "2", "--format", "json").exit_code == 0


@pytest.mark.parametrize("what", NO_ENTRIES)
def test_what_a_round_found_stays_a_finding_until_it_is_whole_again(what: str):
    before = sqlite3.connect(":memory:")
    with closing(sqlite3.connect("store.db")) as connection:
        connection.backup(before)
    assert findings() == []
    changed(NO_ENTRIES[what], run_of(1))
    assert findings() == []  # nobody has looked yet

    check_rows(host())
    (found,) = findings()
    assert "1 row of the journal is not as the log has them: entry 1 (" in found
    check_rows(host(), most=1)
    assert findings() == [found]
    told = command("doctor", "--format", "json")
    assert told.exit_code == 1
    assert [one["found"] for one in json.loads(told.stdout)["findings"] if one["check"] == "journal"] == [f"{found}."]

    with closing(sqlite3.connect("store.db")) as connection, closing(before) as old:
        for table in ("journal", "log_leaves"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - two names of tables
            for row in old.execute(f"SELECT * FROM {table}"):  # noqa: S608 - as above
                connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - as above
        connection.commit()
    assert command("doctor").exit_code == 0
    check_rows(host(), most=1)
    assert findings() == []


@pytest.mark.parametrize(
    ("column", "value"),
    [("kind", "'receipt'"), ("at", "'2020-01-01T00:00:00.000000Z'"), ("digest", "'sha256:0'")],
)
def test_a_column_by_which_entries_are_found_is_part_of_the_row(column: str, value: str):
    """Who changes only when a row says that it was written hides it from whoever lists a period."""
    changed(f"UPDATE journal SET {column} = {value} WHERE run = ? AND sequence = 1", run_of(1))  # noqa: S608 - our own

    command("tick")
    (finding,) = findings()
    assert f"is kept with another `{column}` than its own" in finding
    with pytest.raises(FindingError, match=rf"entry 1 .* is kept with another `{column}`"):
        command("audit", "show", "1")


def test_a_round_looks_at_few_rows_and_goes_round():
    changed(NO_ENTRIES["junk"], run_of(1))
    looked: list[bool] = []
    for _ in range(4):
        check_rows(host(), most=1)
        looked.append(bool(findings()))
    assert looked == [False, True, True, True]
    changed("DELETE FROM journal WHERE run = ?", run_of(0))
    check_rows(host(), most=1)
    check_rows(host(), most=1)
    assert "2 rows" not in findings()[0]
    check_rows(host(), most=1)
    assert "2 rows of the journal are not" in findings()[0]


def test_tiles_that_were_changed_with_their_rows_lead_nowhere():
    changed(NO_ENTRIES["another entry"], run_of(1))
    engine = open_sqlite(Path("store.db"))
    with reading(engine) as connection:
        bodies = [leaf.content or b"" for leaf in leaves(connection, "shop", 0, 3)]
    engine.dispose()
    changed("UPDATE log_tiles SET hashes = ?", b"".join(map(leaf_hash, bodies)))

    assert "the tiles of the log were changed" in str(check_rows(host())[0])
    assert command("doctor").exit_code == 1


def test_no_more_are_kept_than_can_be_shown():
    changed("UPDATE log_heads SET size = 100000")
    assert len(check_rows(host())) == MOST_KEPT
    assert f"at least {MOST_KEPT} rows" in findings()[0]


def test_what_is_in_the_archive_and_an_erased_person_are_no_alarm():
    command("runs", "list")
    one = host()
    keep_up(one, LogIdentity("example.com/shop", Path(), None, Path(".iact/archive")))
    archive(one, LogIdentity("example.com/shop", Path(), None, Path(".iact/archive")))
    changed("DELETE FROM journal WHERE run <> 'log'")
    changed("INSERT INTO persons VALUES ('shop', 'person:1', 'Ada Probe', x'00', '2026-01-01')")
    changed("DELETE FROM persons")

    assert check_rows(one) == ()
    assert findings() == []


def test_whatever_was_kept_of_damage_can_be_shown():
    changed("UPDATE log_heads SET damage = x'ff', checked = 'nonsense'")
    assert "were found changed" in findings()[0]
    check_rows(host())
    assert findings() == []


def test_a_row_that_still_waits_and_was_changed_is_told_and_nothing_gets_a_place(caplog: pytest.LogCaptureFixture):
    changed("UPDATE journal SET body = CAST(body AS TEXT)")
    changed("UPDATE log_heads SET size = 0, root = ?", EMPTY_ROOT)
    changed("DELETE FROM log_leaves")
    changed("DELETE FROM log_tiles")
    waiting = json.dumps([[str(row[2]), 1, 1] for row in rows()]).encode()
    columns = "(project, written_at, entries)"
    changed(f"INSERT INTO journal_pending {columns} VALUES ('shop', '2026-01-01T00:00:00.000000Z', ?)", waiting)  # noqa: S608 - three names of columns
    command("audit", "key")
    assert "waits for its place in the log and is kept as text" in caplog.text
    changed("UPDATE journal_pending SET entries = 'junk'")
    command("audit", "key")
    assert "says no more which entries wait" in caplog.text


def test_a_run_whose_journal_was_changed_is_told_without_a_traceback():
    run = run_of(1)
    changed(NO_ENTRIES["junk"], run)
    with pytest.raises(FindingError, match=f"`iact audit show {run}/1`"):
        command("runs", "show", run)
