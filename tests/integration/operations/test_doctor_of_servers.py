"""`iact doctor` names what is wrong with a server, and what it says mends it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from iact.config.opening import open_project
from iact.core.errors import ConfigurationError
from iact.dora.repository import open_store
from iact.operations.doctor.examine import examine
from iact.operations.places import place_of
from iact.stores.grants import ONLY_ADDED_TO
from iact.stores.servers import held, open_server
from services import mysql_protocol
from tests.support.databases import PASSWORD, command, run_script, tables_of, write_server_project
from tests.support.servers import DATABASE_SERVERS, DatabaseServer, breakable

Found = dict[str, Any]


@dataclass(frozen=True)
class Patient:
    """A server of one's own with a database, its tables, and an account that has exactly what is printed.

    Attributes:
        server: the server; whatever is set wrong on it meets nobody else.
        database: the database.
        user: the application's account, which the project in the current folder uses.
        folder: the project.
    """

    server: DatabaseServer
    database: str
    user: str
    folder: Path

    def found(self, check: str) -> list[Found]:
        """Return what the doctor says of one thing, as data."""
        told = command("doctor", "--format", "json")
        return [finding for finding in json.loads(told.stdout)["findings"] if finding["check"] == check]

    def one(self, check: str) -> Found:
        """Return the one finding of one thing, with how the command ended."""
        (finding,) = self.found(check)
        return finding

    def run(self, *statements: str) -> None:
        """Run statements in the database as the server's administrator."""
        self.server.execute(f"USE {self.database}", *statements)

    def mend(self, finding: Found) -> None:
        """Do what a finding says, as the administrator: every step of it that is SQL."""
        steps = [step.removesuffix(";") for step in finding["mend"] if step.endswith(";")]
        assert steps, f"nothing to run: {finding['mend']}"
        self.run(*(step.replace("'...'", f"'{mysql_protocol.PASSWORD}'") for step in steps))

    def write(self, *, user: str | None = None, more: str = "", database: str | None = None) -> None:
        """Write the project anew, with another account, other lines or another database."""
        write_server_project(self.folder, self.server, database or self.database, user=user or self.user, more=more)


@pytest.fixture(scope="module", params=DATABASE_SERVERS)
def breakable_server(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    """A server of each kind to set wrong; MariaDB's usual binary log is switched on, as MySQL's is."""
    options = ("--log-bin", "--server-id=1", "--sync-binlog=1") if request.param == "mariadb" else ()
    with breakable(request.param, *options) as server:
        yield server


@pytest.fixture(scope="module")
def database(breakable_server: DatabaseServer) -> Iterator[str]:
    """A database with the tables of this release; each test mends what it has set wrong."""
    with breakable_server.database() as name:
        breakable_server.execute(f"ALTER DATABASE {name} CHARACTER SET utf8mb4")
        open_server(
            f"mysql://{mysql_protocol.USER}@127.0.0.1:{breakable_server.port}/{name}", password=mysql_protocol.PASSWORD
        ).dispose()
        yield name


@pytest.fixture
def patient(
    breakable_server: DatabaseServer, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Patient]:
    """See `Patient`; the current folder is its project."""
    monkeypatch.setenv(PASSWORD, mysql_protocol.PASSWORD)
    monkeypatch.chdir(tmp_path)
    user = f"{database}_app"
    breakable_server.execute(
        f"DROP USER IF EXISTS '{user}'@'%'", f"CREATE USER '{user}'@'%' IDENTIFIED BY '{mysql_protocol.PASSWORD}'"
    )
    found = Patient(breakable_server, database, user, tmp_path)
    found.write()
    run_script(breakable_server, database, command("db", "grants", "--account", "application").stdout)
    yield found
    breakable_server.execute(f"DROP USER '{user}'@'%'")


@pytest.mark.usefixtures("patient")
def test_where_all_is_well_nothing_is_said_against_it():
    told = command("doctor")

    assert told.exit_code == 0, told.stdout
    assert {line.split()[0] for line in told.stdout.splitlines()[1:-1]} == {"ok"}
    assert told.stdout.splitlines()[-1].endswith("checks, nothing wrong.")
    data = json.loads(command("doctor", "--format", "json").stdout)
    assert data["on"] == "server"
    assert {finding["level"] for finding in data["findings"]} == {"ok"}


@pytest.mark.parametrize(
    ("wrong", "check", "level"),
    [
        ("sql_mode = 'NO_ENGINE_SUBSTITUTION'", "sql_mode", "advice"),
        ("binlog_format = 'STATEMENT'", "binlog_format", "wrong"),
        ("innodb_flush_log_at_trx_commit = 2", "innodb_flush_log_at_trx_commit", "wrong"),
        ("sync_binlog = 0", "sync_binlog", "wrong"),
        ("max_allowed_packet = 1048576", "max_allowed_packet", "wrong"),
        ("wait_timeout = 60", "wait_timeout", "wrong"),
        ("read_only = ON", "read_only", "wrong"),
    ],
)
def test_a_setting_that_is_wrong_is_named_and_mended(patient: Patient, wrong: str, check: str, level: str):
    name = wrong.partition(" ")[0]
    ((before,),) = patient.server.rows(f"SELECT @@GLOBAL.{name}")
    patient.run(f"SET GLOBAL {wrong}")
    try:
        found, ended = patient.one(check), command("doctor").exit_code
        patient.mend(found)
        mended = patient.one(check)
    finally:
        patient.run(f"SET GLOBAL {name} = {before!r}")

    assert (found["level"], ended) == (level, 1 if level == "wrong" else 0)
    assert found["why"]
    assert found["where"] == f"mysql://{patient.user}@127.0.0.1:{patient.server.port}/{patient.database}"
    assert mended["level"] == "ok"


def test_a_binary_log_of_statements_really_takes_no_writes_until_it_is_mended(patient: Patient):
    engine = open_store(open_project())
    patient.run("SET GLOBAL binlog_format = 'STATEMENT'")
    engine.dispose()

    with pytest.raises(OperationalError, match="BINLOG_FORMAT"), held(engine, "anything"):
        pass
    engine.dispose()
    patient.mend(patient.one("binlog_format"))

    with held(engine, "anything"):
        assert patient.server.rows("SELECT name FROM iact_locks WHERE name = 'anything'", database=patient.database)
    engine.dispose()


def test_the_time_zone_of_the_server_does_not_matter(patient: Patient):
    patient.run("SET GLOBAL time_zone = '+05:00'")
    try:
        found = patient.one("time_zone")
    finally:
        patient.run("SET GLOBAL time_zone = 'SYSTEM'")

    assert found["level"] == "ok"
    assert "(+05:00) does not matter" in found["found"]


def test_a_row_that_is_too_large_for_the_next_write_is_told(patient: Patient):
    patient.run(
        "SET GLOBAL max_allowed_packet = 16777216",
        "INSERT INTO journal (project, run, sequence, kind, at, body, digest) VALUES "
        " ('shop', 'run-1', 1, 'fact', '2026-03-02', REPEAT('x', 9000000), 'sha256:1')",
    )
    found = patient.one("max_allowed_packet")
    patient.mend(found)

    assert (found["level"], "9,000,000" in found["found"]) == ("wrong", True)
    assert patient.one("max_allowed_packet")["level"] == "ok"
    patient.run("DELETE FROM journal")


def test_every_right_that_is_missing_is_named_with_its_table_and_granted(patient: Patient):
    user = f"'{patient.user}'@'%'"
    patient.run(
        f"REVOKE DELETE, UPDATE ON {patient.database}.holds FROM {user}",
        f"REVOKE INSERT ON {patient.database}.journal FROM {user}",
        f"REVOKE SELECT ON {patient.database}.alembic_version FROM {user}",  # noqa: S608 - rights, not rows
    )

    found = patient.found("privileges")
    told = command("doctor")
    assert told.exit_code == 1
    assert {(one["where"], one["found"]) for one in found} == {
        ("table holds", f"{patient.user} lacks UPDATE, DELETE."),
        ("table journal", f"{patient.user} lacks INSERT."),
        ("table alembic_version", f"{patient.user} lacks SELECT."),
    }
    assert f"mend:  GRANT INSERT ON `{patient.database}`.`journal` TO {user};" in told.stdout
    for one in found:
        patient.mend(one)
    assert command("doctor").exit_code == 0


def test_looking_at_rights_changes_no_row(patient: Patient):
    patient.run("INSERT INTO holds VALUES ('shop', 'lead_time', 'run-1', '2026-03-02 12:00:00')")

    command("doctor")

    assert patient.server.rows("SELECT name, run FROM holds", database=patient.database) == [("lead_time", "run-1")]
    patient.run("DELETE FROM holds")


def test_an_account_that_could_falsify_the_journal_is_told(patient: Patient):
    patient.write(user=mysql_protocol.USER)

    found = patient.one("privileges")

    assert found["level"] == "advice"
    assert f"can change or delete rows of {', '.join(sorted(ONLY_ADDED_TO))}" in found["found"]


def test_a_database_in_another_character_set_is_told_and_mended(patient: Patient):
    patient.run(f"ALTER DATABASE {patient.database} CHARACTER SET latin1")

    found = [one for one in patient.found("character set") if one["level"] == "advice"]
    assert [one["where"] for one in found] == [f"database {patient.database}"]
    patient.mend(found[0])
    assert {one["level"] for one in patient.found("character set")} == {"ok"}


def test_a_column_that_compares_otherwise_is_named_and_becomes_what_it_was(patient: Patient):
    before = tables_of(patient.server, patient.database)
    patient.run(
        "ALTER TABLE holds MODIFY name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL",
        "ALTER TABLE repositories MODIFY notes TEXT CHARACTER SET latin1 NOT NULL",
    )

    found = patient.found("collation")
    assert {one["where"] for one in found} == {"column holds.name", "column repositories.notes"}
    assert {one["level"] for one in found} == {"wrong"}
    for one in found:
        patient.mend(one)
    assert command("doctor").exit_code == 0
    after = tables_of(patient.server, patient.database)
    assert after["holds"] == before["holds"]


def test_a_table_without_transactions_is_named_and_mended(patient: Patient):
    patient.run("ALTER TABLE timers ENGINE = MyISAM")

    found = patient.one("engine")
    assert (found["where"], found["level"]) == ("table timers", "wrong")
    patient.mend(found)
    assert patient.found("engine") == []


@pytest.mark.usefixtures("patient")
def test_clocks_that_are_apart_are_told():
    place = place_of(open_project(), None, None)

    (found,) = (one for one in examine(place, lambda: datetime.now(UTC) + timedelta(hours=1)) if one.check == "clock")

    assert (found.level, found.mend) == ("wrong", ("on both machines: timedatectl set-ntp true",))
    assert "s behind this machine's" in found.found


def test_a_connection_that_is_not_checked_is_told_and_one_that_is_is_well(patient: Patient):
    patient.write(more="    tls: {verify: nothing}\n")
    (found,) = patient.found("tls")
    assert (found["level"], "is not checked" in found["found"]) == ("advice", True)

    patient.write(more=f"    tls: {{ca: {patient.server.authority}}}\n")
    (found,) = patient.found("tls")
    assert (found["level"], found["found"].startswith("TLSv1.")) == ("ok", True)


def test_a_certificate_that_ends_soon_is_told(patient: Patient):
    patient.write(more=f"    tls: {{ca: {patient.server.authority}}}\n")
    place = place_of(open_project(), None, None)

    later = [one for one in examine(place, lambda: datetime(2200, 1, 1, tzinfo=UTC)) if one.check == "certificate"]

    assert [one.level for one in later] == ["advice"]
    assert patient.found("certificate") == []


def test_tables_of_an_older_release_are_told_and_migrated(patient: Patient):
    patient.write(user=mysql_protocol.USER)
    command("db", "downgrade", "0005", "--yes")

    (found,) = [one for one in patient.found("tables") if one["level"] == "wrong"]
    assert (found["found"].startswith("revision 0005; 0006, "), found["mend"]) == (True, ["iact db migrate"])
    assert command(*found["mend"][0].split()[1:]).exit_code == 0
    assert {one["level"] for one in patient.found("tables")} == {"ok"}


def broken() -> Found:
    """Return the one finding that keeps everything else from being looked at."""
    told = command("doctor", "--format", "json")
    assert told.exit_code == 3
    (found,) = [one for one in json.loads(told.stdout)["findings"] if one["level"] != "ok"]
    assert found["level"] == "broken"
    return dict(found)


Break = Callable[[Patient], None]


def lock(patient: Patient) -> None:
    """Lock the account."""
    patient.run(f"ALTER USER '{patient.user}'@'%' ACCOUNT LOCK")


def another_password(patient: Patient) -> None:
    """Give the account a password that the project does not know."""
    patient.run(f"ALTER USER '{patient.user}'@'%' IDENTIFIED BY 'another'")


@pytest.mark.parametrize(("wrong", "says"), [(lock, "locked"), (another_password, "password")])
def test_an_account_that_is_refused_is_told_and_mended(patient: Patient, wrong: Break, says: str):
    wrong(patient)

    found = broken()
    assert found["check"] == "account"
    assert says in found["why"]
    patient.mend(found)
    assert command("doctor").exit_code == 0


def test_a_database_that_is_missing_is_told_and_made(patient: Patient):
    other = f"{patient.database}_other"
    patient.write(user=mysql_protocol.USER, database=other)

    found = broken()
    assert found["check"] == "database"
    patient.mend(found)
    assert command("db", "migrate").exit_code == 0
    assert command("doctor").exit_code == 0
    patient.run(f"DROP DATABASE {other}")


def test_an_account_without_any_right_is_sent_to_the_grants(patient: Patient):
    user = f"'{patient.user}'@'%'"
    patient.run(f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {user}")

    found = broken()
    assert found["check"] == "privileges"
    assert "`iact db grants`" in found["mend"][0]
    run_script(patient.server, patient.database, command("db", "grants", "--account", "application").stdout)
    assert command("doctor").exit_code == 0


def test_a_server_that_takes_encrypted_connections_only_is_told(patient: Patient):
    patient.run("SET GLOBAL require_secure_transport = ON")
    try:
        found = broken()
        patient.write(more=f"    tls: {{ca: {patient.server.authority}}}\n")
        encrypted = command("doctor").exit_code
    finally:
        connection = patient.server.connect(ssl={"ca": str(patient.server.authority)})
        with connection, connection.cursor() as cursor:
            cursor.execute("SET GLOBAL require_secure_transport = OFF")

    assert (found["check"], "tls: {ca: FILE}" in found["mend"][-1]) == ("tls", True)
    assert encrypted == 0


def test_a_certificate_that_nobody_vouches_for_is_told(patient: Patient):
    patient.write(more="    tls: {verify: identity}\n")

    assert broken()["check"] == "tls"


def test_a_server_that_does_not_answer_is_told(patient: Patient):
    patient.server.instance.kill()
    try:
        found = broken()
    finally:
        patient.server.instance.start()

    assert (found["check"], "no server listens" in found["why"]) == ("connection", True)
    assert command("doctor").exit_code == 0


@pytest.mark.usefixtures("patient")
def test_a_password_that_is_not_there_is_an_error_of_the_configuration(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(PASSWORD)

    with pytest.raises(ConfigurationError, match="there is no environment variable"):
        command("doctor")
