"""`iact backup` and `iact restore`: what comes out is what went in, whichever database it came from and goes to."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest
from sqlalchemy import text

from iact.core.errors import ConfigurationError, EnvironmentProblemError, FindingError
from iact.engine.journal import broken_link
from iact.stores import marker
from iact.stores.backups.archive import verify
from iact.stores.backups.restoring import restore_to_file, restore_to_server
from iact.stores.backups.saving import save
from iact.stores.connect import file_engine, open_sqlite, reading, writing
from iact.stores.migrate import upgrade
from iact.stores.revisions import newest_revision, revisions
from iact.stores.servers import connected, open_server
from services import mysql_protocol
from tests.support.databases import command
from tests.support.project import ROOT
from tests.support.stores import KINDS, PASSWORD, StoreAt, full_store, store_at
from tests.support.trials import PROJECT, write_project

EXTENDING = PROJECT.replace("spec:\n", "spec:\n  extends: [iact]\n")


def nobody(_table: str, _rows: int) -> None:
    """Wait for nothing."""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedded store that holds something of everything; it stands beside its project, and is only read."""
    return full_store(tmp_path_factory.mktemp("original"))


@pytest.fixture(scope="module")
def backup_file(original: Path) -> Path:
    """A backup of it."""
    engine = open_sqlite(original)
    target = original.with_name("original.zip")
    save(engine, target, shown_as="original", tell=nobody)
    engine.dispose()
    return target


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder is a project."""
    monkeypatch.setenv(PASSWORD, mysql_protocol.PASSWORD)
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    return tmp_path


@pytest.fixture(params=KINDS)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreAt]:
    """Where a store is on each database."""
    with store_at(request.param, request, tmp_path / "source") as place:
        yield place


@pytest.fixture(params=KINDS)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreAt]:
    """Where one will be on each database."""
    with store_at(request.param, request, tmp_path / "target") as place:
        yield place


@pytest.fixture
def server_target(database_server: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[StoreAt]:
    """An empty database of each server."""
    with store_at(database_server.name, request, tmp_path) as place:
        yield place


def contents(data: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """Return how many rows of each table a backup holds, and their digest."""
    return {table["name"]: (table["rows"], table["digest"]) for table in data["tables"]}


def test_what_is_restored_is_what_was_backed_up_in_every_direction(
    backup_file: Path, original: Path, source: StoreAt, target: StoreAt
):
    command("restore", str(backup_file), *source.words)
    first = json.loads(command("backup", "--to", "first.zip", "--format", "json", *source.words).stdout)

    restored = command("restore", "first.zip", *target.words)
    second = json.loads(command("backup", "--to", "second.zip", "--format", "json", *target.words).stdout)

    assert restored.exit_code == 0
    assert contents(first) == contents(second) == contents(verify(backup_file).manifest.to_data())
    for query in (
        "SELECT number, project, run, sequence, kind, body, digest FROM journal ORDER BY number",
        "SELECT digest, body FROM definitions ORDER BY digest",
        "SELECT digest, repository, id, content FROM events ORDER BY digest",
        "SELECT run, pins, inputs, remembered, active, version FROM runs ORDER BY run",
    ):
        expected = StoreAt(str(original)).rows(query)
        assert expected
        assert target.rows(query) == source.rows(query) == expected


def test_a_report_says_the_same_after_a_move(
    backup_file: Path, original: Path, target: StoreAt, monkeypatch: pytest.MonkeyPatch
):
    window = ("--repo", str(original.parent / "repository"), "--from", "2026-01-05", "--to", "2026-05-04")
    reports: list[list[str]] = []
    command("restore", str(backup_file), *target.words)
    for place in (StoreAt(str(original)), target):
        folder = original.parent.with_name(f"{original.parent.name}-{len(reports)}-{id(target)}")
        shutil.copytree(original.parent, folder)
        if place.server is None:
            shutil.copy(place.place, folder / "store.db")
        (folder / "iact.yaml").write_text(EXTENDING + place.lines, encoding="utf-8")
        monkeypatch.chdir(folder)
        reports.append(
            [
                command("dora", "report", *window, "--format", "json").stdout,
                command("pdca", "status", *window[:2]).stdout,
            ]
        )
        shutil.rmtree(folder)

    assert "lead_time" in reports[0][0]
    assert reports[1] == reports[0]


class Pairs:
    """Somebody who adds pairs of rows, each pair in one transaction, one row in each of two tables."""

    def __init__(self, place: StoreAt) -> None:
        """Begin with nothing added."""
        self._place = place
        self._enough = threading.Event()
        self.begun = threading.Event()
        self.added = 0

    def __enter__(self) -> Self:
        """Begin to add."""
        self._thread = threading.Thread(target=self._add)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Come to an end."""
        self._enough.set()
        self._thread.join()

    def _add(self) -> None:
        with self._place.opened() as engine:
            while not self._enough.is_set():
                with writing(engine) as connection:
                    for statement in PAIR:
                        connection.execute(text(statement), {"name": f"pair-{self.added}"})
                self.added += 1
                if self.added >= 20:
                    self.begun.set()


PAIR = (
    "INSERT INTO holds (project, name, run, held_since) VALUES ('p', :name, 'run-1', '2026-03-02 12:00:00')",
    "INSERT INTO timers (project, run, visit, transition, due_at) VALUES ('p', :name, 1, 1, '2026-03-02 12:00:00')",
)


def test_a_backup_shows_one_moment_while_others_write(source: StoreAt):
    with source.opened():
        pass
    with Pairs(source) as pairs:
        assert pairs.begun.wait(60)
        counted = []
        for number in range(4):
            result = command("backup", "--to", f"{number}.zip", "--format", "json", *source.words)
            found = {name: rows for name, (rows, _) in contents(json.loads(result.stdout)).items()}
            counted.append((found["holds"], found["timers"]))

    assert all(holds == timers for holds, timers in counted)
    assert counted[0][0] >= 20
    assert counted[-1][0] > counted[0][0], "nobody wrote while the backups were made"


def test_the_digest_is_that_of_the_file_and_nothing_but_the_moment_differs(original: Path):
    made = json.loads(command("backup", "--to", "a.zip", "--format", "json", "--store", str(original)).stdout)
    again = json.loads(command("backup", "--to", "b.zip", "--format", "json", "--store", str(original)).stdout)

    assert made["digest"] == f"sha256:{hashlib.sha256(Path('a.zip').read_bytes()).hexdigest()}"
    assert {**made, "file": "", "digest": "", "moment": "", "bytes": 0} == {
        **again,
        "file": "",
        "digest": "",
        "moment": "",
        "bytes": 0,
    }
    assert Path("a.zip").stat().st_mode & 0o777 == 0o600
    assert json.loads(command("backup", "verify", "a.zip", "--format", "json").stdout)["digest"] == made["digest"]


def test_a_backup_without_a_name_is_put_beside_the_store_and_kept_out_of_git(project: Path):
    open_sqlite(project / ".iact/iact.db").dispose()

    assert command("backup").exit_code == 0

    [made] = (project / ".iact/backups").iterdir()
    assert made.name.startswith("shop-2")
    assert verify(made).manifest.revision == newest_revision()


def test_nothing_is_ever_overwritten(original: Path):
    Path("a.zip").write_text("notes", encoding="utf-8")

    with pytest.raises(EnvironmentProblemError, match="is there already, and stays as it is"):
        command("backup", "--to", "a.zip", "--store", str(original))

    assert [path.name for path in Path().iterdir() if ".zip" in path.name] == ["a.zip"]
    assert Path("a.zip").read_text(encoding="utf-8") == "notes"


def test_a_store_with_rows_is_refused_and_left_alone(backup_file: Path, target: StoreAt):
    with target.opened() as engine, writing(engine) as connection:
        connection.execute(
            text("INSERT INTO holds (project, name, run, held_since) VALUES ('p', 'n', 'run-1', '2026-03-02 12:00:00')")
        )

    with pytest.raises(EnvironmentProblemError, match=r"Move it away|is not empty: there are rows in holds"):
        command("restore", str(backup_file), *target.words)

    assert target.rows("SELECT name FROM holds") == [("n",)]


def test_an_empty_store_of_another_revision_is_as_good_as_none(backup_file: Path, server_target: StoreAt):
    engine, _ = connected(server_target.place, mysql_protocol.PASSWORD, None)
    with engine.begin() as connection:
        upgrade(connection, revisions()[2])
    engine.dispose()

    assert command("restore", str(backup_file), *server_target.words).exit_code == 0

    assert server_target.rows("SELECT version_num FROM alembic_version") == [(newest_revision(),)]


def test_tables_of_others_in_the_database_are_left_out_and_left_alone(backup_file: Path, server_target: StoreAt):
    assert server_target.server
    server_target.server.execute(
        f"USE {server_target.database}", "CREATE TABLE notes (line TEXT)", "INSERT INTO notes VALUES ('mine')"
    )

    command("restore", str(backup_file), *server_target.words)
    made = json.loads(command("backup", "--to", "a.zip", "--format", "json", *server_target.words).stdout)

    assert made["left_out"] == ["notes"]
    assert server_target.rows("SELECT line FROM notes") == [("mine",)]


def test_what_lies_beside_a_file_would_damage_it_so_it_is_refused(backup_file: Path, tmp_path: Path):
    (tmp_path / "new.db-wal").write_bytes(b"of the store that was moved away")

    with pytest.raises(EnvironmentProblemError, match=r"new\.db-wal is there already"):
        command("restore", str(backup_file), "--store", "new.db")

    assert not (tmp_path / "new.db").exists()


def test_a_restore_that_fails_leaves_nothing(backup_file: Path, target: StoreAt, monkeypatch: pytest.MonkeyPatch):
    """The rows are restored into tables of which one refuses rows: the last one that is filled."""
    monkeypatch.setattr(
        "iact.stores.backups.restoring._compare", lambda *_: (_ for _ in ()).throw(FindingError("other rows"))
    )

    with pytest.raises(FindingError, match="other rows"):
        command("restore", str(backup_file), *target.words)

    if target.server is None:
        assert [path.name for path in Path(target.place).parent.iterdir()] == ["store.db.lock"]
    else:
        assert target.server.rows("SHOW TABLES", database=target.database) == [("iact_locks",)]


def test_rows_that_another_wrote_meanwhile_are_noticed(backup_file: Path, server_target: StoreAt):
    def interfere(table: str, _rows: int) -> None:
        if table == "timers":
            assert server_target.server
            server_target.server.execute(
                f"INSERT INTO {server_target.database}.holds (project, name, run, held_since) "  # noqa: S608 - a test's own words
                "VALUES ('p', 'n', 'run-1', '2026-03-02 12:00:00')"
            )

    engine, shown_as = connected(server_target.place, mysql_protocol.PASSWORD, None)
    with pytest.raises(FindingError, match=r"holds holds \d+ rows .* after the restore"):
        restore_to_server(verify(backup_file), engine, shown_as=shown_as, tell=interfere)
    engine.dispose()


def test_while_rows_are_restored_every_command_refuses_and_the_next_restore_begins_anew(
    backup_file: Path, server_target: StoreAt
):
    engine = open_server(server_target.place, password=mysql_protocol.PASSWORD)
    with writing(engine) as connection:
        connection.execute(
            text("INSERT INTO holds (project, name, run, held_since) VALUES ('p', 'n', 'run-1', '2026-03-02 12:00:00')")
        )
        marker.begin_restoring(connection)
    engine.dispose()

    for words in (("db", "status"), ("db", "migrate"), ("backup",)):
        with pytest.raises(EnvironmentProblemError, match="what is there is not whole"):
            command(*words, *server_target.words)
    Path("iact.yaml").write_text(EXTENDING + server_target.lines, encoding="utf-8")
    for words in (("pdca", "status"), ("dora", "report"), ("pdca", "parameters")):
        with pytest.raises(EnvironmentProblemError, match="what is there is not whole"):
            command(*words)

    assert command("restore", str(backup_file)).exit_code == 0
    assert server_target.rows("SELECT count(*) FROM holds WHERE project = 'p'") == [(0,)]


def test_a_store_of_an_earlier_release_is_backed_up_as_it_is_and_restored_up_to_date(tmp_path: Path, target: StoreAt):
    engine = file_engine(tmp_path / "old.db")
    with writing(engine) as connection:
        upgrade(connection, "0001")
        connection.execute(text("INSERT INTO holds VALUES ('p', 'n', 'run-1', '2026-03-02T12:00:00.000000Z')"))
    engine.dispose()

    made = json.loads(command("backup", "--to", "a.zip", "--format", "json", "--store", "old.db").stdout)
    command("restore", "a.zip", *target.words)

    assert made["revision"] == "0001"
    assert target.rows("SELECT name FROM holds") == [("n",)]
    assert target.rows("SELECT version_num FROM alembic_version") == [(newest_revision(),)]


@pytest.mark.parametrize("recorded", sorted((ROOT / "tests/data/backups").glob("*.zip")), ids=lambda path: path.stem)
def test_a_backup_of_every_earlier_release_can_be_restored(recorded: Path, target: StoreAt):
    """`tests/data/backups` holds what earlier releases wrote; none of it is ever made anew."""
    expected = contents(verify(recorded).manifest.to_data())

    assert command("restore", str(recorded), *target.words).exit_code == 0

    found = target.rows("SELECT run, count(*) FROM journal GROUP BY run")
    assert sum(count for _, count in found) == expected["journal"][0] > 0
    with target.opened() as engine, reading(engine) as connection:
        assert [broken_link(connection, "shop", run) for run, _ in found] == [None] * len(found)


def test_a_backup_of_a_newer_release_is_refused_before_anything_is_made(backup_file: Path, tmp_path: Path):
    backup = verify(backup_file)
    newer = replace(backup, manifest=replace(backup.manifest, revision="9001", release="9.0"))

    with pytest.raises(FindingError, match=r"newer release of iact \(9\.0, with tables of revision 9001; this one"):
        restore_to_file(newer, tmp_path / "new.db", tell=nobody)

    assert list(tmp_path.glob("new*")) == []


def test_a_store_that_a_newer_release_has_changed_is_not_backed_up_in_part(source: StoreAt):
    with source.opened() as engine, writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(EnvironmentProblemError, match=r"would leave out what it does not know"):
        command("backup", "--to", "a.zip", *source.words)

    assert not Path("a.zip").exists()


def test_a_store_that_is_not_there_and_one_without_tables_are_told(server_target: StoreAt):
    with pytest.raises(EnvironmentProblemError, match="is not there yet"):
        command("backup", "--to", "a.zip", "--store", "missing.db")
    with pytest.raises(EnvironmentProblemError, match="has no tables yet, so there is nothing to back up"):
        command("backup", "--to", "a.zip", *server_target.words)
    with pytest.raises(ConfigurationError, match="--password is for a server"):
        command("restore", "a.zip", "--store", "new.db", "--password", f"env:{PASSWORD}")


@pytest.fixture
def key() -> str:
    """The public key whose secret one is in `key.txt`."""
    return command("backup", "key", "key.txt").stdout.strip()


def test_an_encrypted_backup_is_restored_by_its_key_in_every_direction(
    backup_file: Path, source: StoreAt, target: StoreAt, key: str
):
    command("restore", str(backup_file), *source.words)
    words = ("backup", "--to", "a.age", "--encrypt-for", key, "--format", "json", *source.words)
    made = json.loads(command(*words).stdout)

    assert command("restore", "a.age", "--key", "file:key.txt", *target.words).exit_code == 0

    again = json.loads(command("backup", "--to", "b.zip", "--format", "json", *target.words).stdout)
    assert contents(made) == contents(again) == contents(verify(backup_file).manifest.to_data())
    assert (made["encrypted"], again["encrypted"]) == (True, False)


def test_of_an_encrypted_backup_nothing_can_be_read_and_its_digest_is_that_of_the_file(original: Path, key: str):
    words = ("backup", "--encrypt-for", key, "--format", "json", "--store", str(original))

    made = json.loads(command(*words).stdout)

    file = Path(made["file"])
    assert file.name.endswith(".zip.age")
    assert made["digest"] == f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
    assert made["bytes"] == file.stat().st_size
    assert not [one for one in (b"iact-backup", b"PK\x03\x04", b"journal", b"shop") if one in file.read_bytes()]
    assert file.stat().st_mode & 0o777 == 0o600
    read = json.loads(command("backup", "verify", made["file"], "--key", "file:key.txt", "--format", "json").stdout)
    assert read == {name: value for name, value in made.items() if name != "left_out"}


def test_each_of_several_keys_reads_it(original: Path, key: str):
    other = command("backup", "key", "other.txt").stdout.strip()
    command("backup", "--to", "a.age", "--encrypt-for", key, "--encrypt-for", other, "--store", str(original))

    for name in ("key.txt", "other.txt"):
        assert command("backup", "verify", "a.age", "--key", f"file:{name}").exit_code == 0


def test_what_the_program_age_has_encrypted_is_restored(target: StoreAt):
    folder = ROOT / "tests/data/encryption"
    plain = ROOT / "tests/data/backups/format-1-revision-0011.zip"
    words = ("--key", f"file:{folder / 'secret-key.txt'}")

    assert command("restore", str(folder / "backup-by-age.zip.age"), *words, *target.words).exit_code == 0

    expected = contents(verify(plain).manifest.to_data())
    assert target.rows("SELECT count(*) FROM journal") == [(expected["journal"][0],)]


def test_without_its_key_or_with_another_one_it_is_told_and_nothing_is_made(original: Path, key: str, tmp_path: Path):
    command("backup", "--to", "a.age", "--encrypt-for", key, "--store", str(original))
    command("backup", "--to", "a.zip", "--store", str(original))
    command("backup", "key", "other.txt")
    (tmp_path / "cut.age").write_bytes((tmp_path / "a.age").read_bytes()[:-1])

    for words, error, message in (
        (("a.age",), ConfigurationError, "is encrypted. Name the secret key that reads it: --key"),
        (("a.age", "--key", "file:other.txt"), FindingError, "was encrypted for other keys than this one"),
        (("cut.age", "--key", "file:key.txt"), FindingError, "is not what was written: the first damage is in the 64"),
        (("a.zip", "--key", "file:key.txt"), ConfigurationError, "is not encrypted, and --key names a key"),
        (("a.age", "--key", "key.txt"), ConfigurationError, "--key: expected the name of a secret"),
        (("a.age", "--key", "file:a.zip"), ConfigurationError, "file:a.zip: the file cannot be read: it is no text"),
        (("a.age", "--key", "file:iact.yaml"), ConfigurationError, "file:iact.yaml: expected a secret of one word"),
        (("a.age", "--key", "env:SHOP_STORE_PASSWORD"), ConfigurationError, "PASSWORD: expected a secret key, AGE"),
    ):
        with pytest.raises(error, match=message):
            command("restore", *words, "--store", "new.db")
    with pytest.raises(ConfigurationError, match=r"^--encrypt-for: expected a public key, age1 and 58 letters"):
        command("backup", "--to", "b.age", "--encrypt-for", key[:-1], "--store", str(original))

    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(("new", "b."))] == []


def test_a_secret_key_is_its_owners_and_is_never_overwritten(key: str):
    secret = Path("key.txt").read_text(encoding="ascii")

    with pytest.raises(EnvironmentProblemError, match="is there already, and stays as it is"):
        command("backup", "key", "key.txt")

    assert Path("key.txt").stat().st_mode & 0o777 == 0o600
    assert Path("key.txt").read_text(encoding="ascii") == secret
    assert secret.strip() != key
