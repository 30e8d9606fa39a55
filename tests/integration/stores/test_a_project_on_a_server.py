"""A project whose `store:` names a database on a server: nothing else changes for whoever uses it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from iact.cli.main import iact
from iact.config.opening import open_project
from iact.core.errors import ConfigurationError, EnvironmentProblemError
from iact.dora.repository import open_store
from iact.engine.journal import broken_link
from iact.operations.migrating import migrate_place
from iact.operations.places import place_of
from iact.stores.connect import reading, writing
from services import mysql_protocol
from tests.support.servers import DatabaseServer
from tests.support.trials import PROJECT, History, Shop, improvement, write_project

LIMIT = """\
apiVersion: iact/v1
kind: Parameters
metadata: {name: limits, owner: tech-lead}
spec: {values: {review_limit: {value: 5, means: How many reviews are open at once.}}}
"""
RULES = {**improvement(change="{parameter: {name: review_limit, to: 2}}"), "policies/limits.yaml": LIMIT}
Command = Callable[..., Result]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line; what it raises is raised."""
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(iact, arguments, catch_exceptions=False)


@pytest.fixture
def database(database_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty database of each server; the password of its account is in the environment."""
    monkeypatch.setenv("SHOP_STORE_PASSWORD", mysql_protocol.PASSWORD)
    with database_server.database() as name:
        yield name


def stored_on(server: DatabaseServer, database: str, more: str = "", *, host: str = "127.0.0.1") -> str:
    """Return the project's file with a store on a server."""
    url = f"mysql://{mysql_protocol.USER}@{host}:{server.port}/{database}"
    return f"{PROJECT}  store:\n    url: {url}\n    password: env:SHOP_STORE_PASSWORD\n{more}"


def migrated(folder: Path) -> None:
    """Make the tables of a project's store."""
    migrate_place(place_of(open_project(folder), None, None))


def bytes_kept(engine: Engine) -> tuple[list[bytes], list[tuple[str, bytes]]]:
    """Return the canonical bytes of every journal entry in order, and of every definition by its digest.

    A run's id is drawn anew for every run, and the digest of the entry before depends on it: both are made alike.
    """
    with reading(engine) as connection:
        journal = connection.execute(text("SELECT body FROM journal ORDER BY run, sequence")).all()
        definitions = connection.execute(text("SELECT digest, body FROM definitions ORDER BY digest")).all()
        (run,) = connection.execute(text("SELECT run FROM runs")).scalars()
        assert broken_link(connection, "shop", run) is None
    alike = [re.sub(rb'"previous":"[^"]*"', b'"previous":""', row[0].replace(run.encode(), b"run")) for row in journal]
    return alike, [(row[0], row[1]) for row in definitions]


def test_a_cycle_of_pdca_leaves_the_same_bytes_as_in_the_embedded_store(
    database_server: DatabaseServer, database: str, tmp_path: Path
):
    kept = []
    for place in ("embedded", "server"):
        shop = Shop.open(tmp_path / place, RULES)
        if place == "server":
            shop.engine.dispose()
            (tmp_path / place / "iact.yaml").write_text(stored_on(database_server, database), encoding="utf-8")
            migrated(tmp_path / place)
            shop.engine = open_store(open_project(tmp_path / place))
        shop.experiments().run()
        shop.experiments().start("faster")
        shop.history.pass_weeks(8, wait=timedelta(hours=6))
        ended = shop.experiments().run()
        kept.append((ended.state, ended.outcome, bytes_kept(shop.engine)))
        shop.engine.dispose()

    assert kept[0] == kept[1]


def test_every_command_says_the_same_with_a_store_on_a_server(
    database_server: DatabaseServer, database: str, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
):
    said = []
    history = History(tmp_path / "repository")
    history.pass_weeks(12, wait=timedelta(days=2))
    row = {"kind": "incident", "id": 1, "opened_at": f"{history.now - timedelta(weeks=1):%Y-%m-%dT%H:%M:%SZ}"}
    window = ("--repo", "../repository", "--from", "2026-01-05", "--to", f"{history.now:%Y-%m-%d}")
    for place, project in (("embedded", PROJECT), ("server", stored_on(database_server, database))):
        folder = tmp_path / place
        extended = project.replace("spec:\n", "spec:\n  extends: [iact]\n")
        write_project(folder, {**RULES, "iact.yaml": extended, "told.json": json.dumps(row)})
        monkeypatch.chdir(folder)
        assert command("db", "migrate").exit_code == 0
        said.append(
            [
                without_chance(command(*words).stdout)
                for words in (
                    ("ingest", "told.json", "--repo", "../repository"),
                    ("dora", "report", *window, "--format", "json"),
                    ("dora", "explain", "lead_time", *window),
                    ("run", "pdca", "--repo", "../repository", "--as-of", f"{history.now:%Y-%m-%d %H:%MZ}"),
                    ("run", "pdca", "--repo", "../repository", "--dry-run"),
                    ("pdca", "start", "faster", "--repo", "../repository"),
                    ("pdca", "status", "--repo", "../repository"),
                    ("pdca", "parameters"),
                    ("config", "show", "limits"),
                    ("pdca", "replay", "--repo", "../repository"),
                    ("pdca", "stop", "faster", "--repo", "../repository"),
                )
            ]
        )

    for embedded, server in zip(*said, strict=True):
        assert server == embedded
    assert "# in force: review_limit: 2" in said[1][8]
    assert not (tmp_path / "server/.iact/iact.db").exists()


def without_chance(text: str) -> str:
    """Return what a command said, without the names of runs and the moments at which it was called."""
    text = re.sub(r"\brun-[0-9a-f-]+|^[0-9a-f]{8}\b|\b[0-9a-f]{8}\b", "RUN", text)
    return re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?( ?UTC|Z)?", "MOMENT", text)


def test_looking_changes_nothing_on_the_server_and_shows_what_is_kept_there(
    database_server: DatabaseServer, database: str, tmp_path: Path
):
    write_project(tmp_path, {"iact.yaml": stored_on(database_server, database)})
    project = open_project(tmp_path)

    open_store(project, only_look=True).dispose()
    assert database_server.rows("SHOW TABLES", database=database) == []

    migrated(tmp_path)
    stored = open_store(project)
    with writing(stored) as connection:
        connection.execute(
            text(
                "INSERT INTO holds (project, name, run, held_since) VALUES "
                "('shop', 'n', 'run-1', '2026-03-02 12:00:00.123456'), ('other', 'n', 'run-2', '2026-03-02 12:00:00')"
            )
        )
    stored.dispose()
    copy = open_store(project, only_look=True)
    with writing(copy) as connection:
        found = connection.execute(text("SELECT project, held_since FROM holds")).all()
        connection.execute(text("DELETE FROM holds"))
    copy.dispose()

    assert [tuple(row) for row in found] == [("shop", "2026-03-02T12:00:00.123456Z")]
    assert database_server.rows("SELECT COUNT(*) FROM holds", database=database) == [(2,)]


def test_a_connection_is_encrypted_with_the_authority_that_is_named(
    database_server: DatabaseServer, database: str, tmp_path: Path
):
    tls = f"    tls: {{ca: {database_server.authority}}}\n"
    write_project(tmp_path, {"iact.yaml": stored_on(database_server, database, tls)})

    migrated(tmp_path)
    engine = open_store(open_project(tmp_path))
    with reading(engine) as connection:
        (_, cipher) = connection.execute(text("SHOW SESSION STATUS LIKE 'Ssl_cipher'")).one()
    engine.dispose()

    assert cipher


def test_a_server_whose_certificate_nobody_vouches_for_is_refused(
    database_server: DatabaseServer, database: str, tmp_path: Path
):
    write_project(
        tmp_path, {"iact.yaml": stored_on(database_server, database, "    tls: {verify: identity}\n", host="localhost")}
    )

    with pytest.raises(EnvironmentProblemError, match="certificate verify failed"):
        open_store(open_project(tmp_path))


def test_an_authority_that_is_not_there_is_told_with_its_place(
    database_server: DatabaseServer, database: str, tmp_path: Path
):
    write_project(tmp_path, {"iact.yaml": stored_on(database_server, database, "    tls: {ca: missing.pem}\n")})

    with pytest.raises(ConfigurationError, match=r"^iact\.yaml:9:\d+: the authority .*missing\.pem cannot be used"):
        open_store(open_project(tmp_path))


@pytest.mark.parametrize("verify", ["authority", "identity"])
def test_an_authority_is_asked_for_unless_nothing_is_verified(
    verify: str, database_server: DatabaseServer, database: str, tmp_path: Path
):
    write_project(tmp_path, {"iact.yaml": stored_on(database_server, database, f"    tls: {{verify: {verify}}}\n")})

    with pytest.raises(EnvironmentProblemError, match="certificate verify failed"):
        open_store(open_project(tmp_path))


@pytest.mark.parametrize("tls", ["{verify: nothing}", "{verify: authority, ca: AUTHORITY}"])
def test_a_connection_is_encrypted_however_little_is_verified(
    tls: str, database_server: DatabaseServer, database: str, tmp_path: Path
):
    asked = tls.replace("AUTHORITY", str(database_server.authority))
    write_project(tmp_path, {"iact.yaml": stored_on(database_server, database, f"    tls: {asked}\n")})

    migrated(tmp_path)
    engine = open_store(open_project(tmp_path))
    with reading(engine) as connection:
        (_, cipher) = connection.execute(text("SHOW SESSION STATUS LIKE 'Ssl_cipher'")).one()
    engine.dispose()

    assert cipher


def test_a_password_that_is_not_there_is_told_with_its_place(
    database_server: DatabaseServer, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_project(tmp_path, {"iact.yaml": stored_on(database_server, database)})
    monkeypatch.delenv("SHOP_STORE_PASSWORD")

    with pytest.raises(ConfigurationError, match=r"^iact\.yaml:8:15: env:SHOP_STORE_PASSWORD: there is no environment"):
        open_store(open_project(tmp_path))
