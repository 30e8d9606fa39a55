"""Three accounts with exactly the rights that `iact db grants` prints do all of the work, each its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pymysql
import pytest

from iact.config.opening import open_project
from iact.core.errors import ConfigurationError, EnvironmentProblemError
from iact.dora.repository import open_store
from services import mysql_protocol
from tests.support.databases import PASSWORD, command, run_script, write_server_project
from tests.support.servers import DatabaseServer
from tests.support.trials import Shop, improvement, write_project

LIMIT = """\
apiVersion: iact/v1
kind: Parameters
metadata: {name: limits, owner: tech-lead}
spec: {values: {review_limit: {value: 5, means: How many reviews are open at once.}}}
"""
RETENTION = """\
apiVersion: iact/v1
kind: RetentionPolicy
metadata: {name: retention, owner: tech-lead}
spec: {keep: {dora_metrics: 90d}}
"""
DENIED = (1044, 1142)
"""What the servers say of a statement that an account may not run on a database, and on a table."""
RULES = {**improvement(change="{parameter: {name: review_limit, to: 2}}"), "policies/limits.yaml": LIMIT}


@dataclass(frozen=True)
class Accounts:
    """A database whose accounts have what was printed, and whose tables the owner made.

    Attributes:
        server: where it is.
        database: its name.
        application: the account of the project in the current folder; the others are called after it.
    """

    server: DatabaseServer
    database: str
    application: str

    def url(self, suffix: str) -> str:
        """Return the address by which another account reaches it."""
        return f"mysql://{self.application}{suffix}@127.0.0.1:{self.server.port}/{self.database}"

    def refuses(self, suffix: str, statement: str) -> bool:
        """Tell whether an account may not run a statement."""
        connection = self.server.connect(
            user=f"{self.application}{suffix}", password=mysql_protocol.PASSWORD, database=self.database
        )
        with closing(connection), connection.cursor() as cursor:
            try:
                cursor.execute(statement)
            except pymysql.err.OperationalError as error:
                if error.args[0] in DENIED:
                    return True
                raise
        return False


@pytest.fixture
def accounts(database_server: DatabaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Accounts]:
    """See `Accounts`; the current folder is its project."""
    monkeypatch.setenv(PASSWORD, mysql_protocol.PASSWORD)
    monkeypatch.chdir(tmp_path)
    with database_server.database() as name:
        application = f"{name}_app"
        users = [f"'{application}{suffix}'@'%'" for suffix in ("", "_owner", "_reader")]
        database_server.execute(*(f"CREATE USER {user} IDENTIFIED BY '{mysql_protocol.PASSWORD}'" for user in users))
        write_server_project(tmp_path, database_server, name, user=application)
        found = Accounts(database_server, name, application)
        run_script(database_server, name, command("db", "grants", "--account", "owner").stdout)
        command("db", "migrate", "--store", found.url("_owner"))
        run_script(database_server, name, command("db", "grants").stdout)
        try:
            yield found
        finally:
            database_server.execute(*(f"DROP USER {user}" for user in users))


def test_the_application_runs_a_whole_cycle_of_pdca(accounts: Accounts, tmp_path: Path):
    shop = Shop.open(tmp_path / "shop", RULES)
    shop.engine.dispose()
    (tmp_path / "shop/iact.yaml").write_text((tmp_path / "iact.yaml").read_text("utf-8"), encoding="utf-8")
    shop.engine = open_store(open_project(tmp_path / "shop"))

    shop.experiments().run()
    shop.experiments().start("faster")
    shop.history.pass_weeks(8, wait=timedelta(hours=6))
    ended = shop.experiments().run()
    shop.engine.dispose()

    assert ended.state in {"kept", "reverted"}
    assert accounts.server.rows("SELECT COUNT(*) FROM journal", database=accounts.database)[0][0] > 10


def test_the_application_takes_in_events_and_reports(
    accounts: Accounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shop = Shop.open(tmp_path / "shop", RULES)
    shop.engine.dispose()
    project = (tmp_path / "iact.yaml").read_text("utf-8").replace("spec:\n", "spec:\n  extends: [iact]\n")
    (tmp_path / "shop/iact.yaml").write_text(project, encoding="utf-8")
    monkeypatch.chdir(tmp_path / "shop")
    opened = f"{shop.history.now - timedelta(weeks=1):%Y-%m-%dT%H:%M:%SZ}"
    repository = ("--repo", str(shop.history.repository.path))
    for number in (1, 2):
        rows = [{"kind": "incident", "id": one, "opened_at": opened} for one in range(number)]
        Path("told.json").write_text(json.dumps(rows), encoding="utf-8")
        assert command("ingest", "told.json", *repository).exit_code == 0
        assert command("dora", "report", *repository).exit_code == 0
        shop.history.pass_weeks(1, wait=timedelta(hours=6))

    assert command("run", "pdca", *repository).exit_code == 0
    assert accounts.server.rows("SELECT COUNT(*) FROM events", database=accounts.database) == [(2,)]


def test_the_application_can_change_neither_a_table_nor_what_was_told_nor_the_journal(accounts: Accounts):
    statements = (
        "UPDATE journal SET body = ''",
        "DELETE FROM journal",
        "DELETE FROM events",
        "UPDATE definitions SET body = ''",
        "DELETE FROM parameter_overrides",
        "UPDATE alembic_version SET version_num = '0001'",
        "DROP TABLE runs",
        "TRUNCATE TABLE journal",
        "ALTER TABLE runs ADD COLUMN x INTEGER",
        "CREATE TABLE x (x INTEGER)",
    )

    assert [statement for statement in statements if not accounts.refuses("", statement)] == []
    assert not accounts.refuses("", "SELECT * FROM journal")


def test_the_reader_sees_what_is_kept_and_writes_nothing(accounts: Accounts, tmp_path: Path):
    write_server_project(tmp_path, accounts.server, accounts.database, user=f"{accounts.application}_reader")

    assert command("db", "status").exit_code == 0
    assert command("pdca", "parameters").exit_code == 0
    for statement in ("INSERT INTO iact_locks VALUES ('x')", "DELETE FROM runs", "UPDATE runs SET version = 1"):
        assert accounts.refuses("_reader", statement)
    with pytest.raises(EnvironmentProblemError, match="command denied"):
        command("db", "migrate")


def test_only_the_owner_deletes_what_was_kept_for_long_enough(accounts: Accounts, tmp_path: Path):
    (tmp_path / "policies").mkdir(exist_ok=True)
    (tmp_path / "policies/retention.yaml").write_text(RETENTION, encoding="utf-8")
    with closing(accounts.server.connect(database=accounts.database)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO dora_metrics (project, repository, cycle_id, sequence, feature_id, phase, decision, "
            "duration_seconds, began_at, record) VALUES ('shop', 'git-abc', 'cycle-20200101-120000', 1, '', 'testing', "
            "'go', 60, '2020-01-01 12:00:00', '{}')"
        )
    reader, owner = accounts.url("_reader"), accounts.url("_owner")

    assert "1 would be deleted" in command("prune", "--dry-run", "--store", reader).stdout
    with pytest.raises(EnvironmentProblemError, match=r"may not delete what is kept.*`iact db grants`"):
        command("prune")
    assert accounts.server.rows("SELECT COUNT(*) FROM dora_metrics", database=accounts.database) == [(1,)]
    assert "1 deleted (1 of dora_metrics)" in command("prune", "--store", owner).stdout
    assert accounts.server.rows("SELECT COUNT(*) FROM dora_metrics", database=accounts.database) == [(0,)]


def test_a_file_has_no_accounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigurationError, match="is a file, which has no accounts"):
        command("db", "grants")
