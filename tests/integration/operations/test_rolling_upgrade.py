"""A new release comes in while the one before it goes on: both at work on one server while its tables change."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest

from iact.engine.journal import broken_link
from iact.stores.connect import reading
from iact.stores.revisions import newest_revision
from services import mysql_protocol
from tests.support.databases import PASSWORD, administrator, write_server_project
from tests.support.releases import PREVIOUS, Release, recorded_release, release_to_come, this_release
from tests.support.servers import DatabaseServer
from tests.support.trials import History

FUTURE = "9001"
EXPANDING = f'''"""What a release to come adds, of which this one knows nothing."""

import sqlalchemy as sa
from alembic import op

revision = "{FUTURE}"
down_revision = "{newest_revision()}"
compatible_from = "{newest_revision()}"


def upgrade() -> None:
    op.create_table("leases", sa.Column("name", sa.String(64), primary_key=True))
    op.add_column("runs", sa.Column("lease", sa.String(64), nullable=True))
    op.add_column("events", sa.Column("received", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_runs_lease", "runs", ["project", "lease"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_runs_lease", "runs")
    op.drop_column("events", "received")
    op.drop_column("runs", "lease")
    op.drop_table("leases")
'''


@dataclass(frozen=True)
class Shop:
    """A project on a server, and a repository that it measures.

    Attributes:
        server: where its store is.
        database: the database of the store.
        folder: the project.
        history: the repository.
    """

    server: DatabaseServer
    database: str
    folder: Path
    history: History

    def does(self, release: Release, *words: str, ended: int = 0) -> str:
        """Run a command of a release, which has to end so, and return what it said."""
        told = release.run(*words, cwd=self.folder)
        assert told.returncode == ended, f"{release.folder}: {words} ended with {told.returncode}\n{told.stderr}"
        return told.stdout + told.stderr

    def work(self, release: Release, name: str) -> None:
        """Take in one incident, report on it and run PDCA, with one release."""
        repository = ("--repo", str(self.history.repository.path))
        opened = f"{self.history.now - timedelta(days=3):%Y-%m-%dT%H:%M:%SZ}"
        told = self.folder / f"{name}.json"
        told.write_text(json.dumps({"kind": "incident", "id": name, "opened_at": opened}), "utf-8")
        self.does(release, "ingest", told.name, *repository)
        self.does(release, "dora", "report", *repository)
        self.does(release, "run", "pdca", *repository)

    def reports(self, release: Release) -> list[str]:
        """Return the reports of a release as data: on all there is, and as of a moment when something waited."""
        repository = ("--repo", str(self.history.repository.path), "--from", "2026-01-05", "--format", "json")
        ends = (self.history.now, self.history.now - timedelta(weeks=2))
        return [self.does(release, "dora", "report", *repository, "--to", f"{end:%Y-%m-%d}") for end in ends]

    def embedded(self, folder: Path) -> Shop:
        """Return the same project with an embedded store, which has taken in the same."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns(".iact"))
        project = folder / "iact.yaml"
        project.write_text(project.read_text("utf-8").partition("  store:")[0], "utf-8")
        other = dataclasses.replace(self, folder=folder)
        for told in folder.glob("*-*.json"):
            other.does(this_release(), "ingest", told.name, "--repo", str(self.history.repository.path))
        return other

    def revision(self) -> str:
        """Return the revision of its tables."""
        return str(self.server.rows("SELECT version_num FROM alembic_version", database=self.database)[0][0])


@pytest.fixture
def shop(database_server: DatabaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A project whose database is empty."""
    monkeypatch.setenv(PASSWORD, mysql_protocol.PASSWORD)
    history = History(tmp_path / "repository")
    history.pass_weeks(6, wait=timedelta(days=2))
    with database_server.database() as name:
        folder = tmp_path / "shop"
        write_server_project(folder, database_server, name)
        project = folder / "iact.yaml"
        project.write_text(project.read_text("utf-8").replace("spec:\n", "spec:\n  extends: [iact]\n"), "utf-8")
        # Each release brings its own.
        (folder / "agents/pdca.yaml").unlink()
        yield Shop(database_server, name, folder, history)


def upgrade_rolling(shop: Shop, old: Release, new: Release, revision: str) -> None:
    """Let a new release come in while the old one works, and have both at work afterwards."""
    shop.does(old, "db", "migrate")
    both = Barrier(2, action=lambda: shop.history.pass_weeks(1, wait=timedelta(days=2)), timeout=300)

    def old_goes_on() -> None:
        shop.work(old, "old-meanwhile")
        both.wait()
        shop.work(old, "old-afterwards")

    def new_comes_in() -> None:
        shop.does(new, "db", "migrate")
        shop.work(new, "new-meanwhile")
        both.wait()
        shop.work(new, "new-afterwards")

    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(old_goes_on), pool.submit(new_comes_in)]:
            one.result()

    assert shop.revision() == revision
    assert shop.server.rows("SELECT COUNT(*) FROM events", database=shop.database) == [(4,)]
    shop.history.pass_weeks(1, wait=timedelta(days=2))
    read_by_old = shop.reports(old)
    assert shop.reports(new) == read_by_old == shop.embedded(shop.folder.with_name("embedded")).reports(new)
    assert shop.does(old, "pdca", "parameters") == shop.does(new, "pdca", "parameters")
    engine = administrator(shop.server, shop.database)
    with reading(engine) as connection:
        runs = connection.exec_driver_sql("SELECT run FROM runs").scalars().all()
        assert len(runs) >= 1
        assert [run for run in runs if broken_link(connection, "shop", run) is not None] == []
    engine.dispose()


def test_the_previous_release_goes_on_while_this_one_comes_in(shop: Shop, tmp_path: Path):
    old = recorded_release(PREVIOUS, tmp_path / "old")
    assert old.place().is_relative_to(tmp_path / "old")

    upgrade_rolling(shop, old, this_release(), newest_revision())


def test_this_release_goes_on_while_one_to_come_comes_in(shop: Shop, tmp_path: Path):
    new = release_to_come(tmp_path / "new", FUTURE, EXPANDING)
    assert new.place().is_relative_to(tmp_path / "new")

    upgrade_rolling(shop, this_release(), new, FUTURE)


def test_a_release_that_does_not_go_along_stops_this_one_before_it_has_written(shop: Shop, tmp_path: Path):
    script = EXPANDING.replace(f'compatible_from = "{newest_revision()}"', f'compatible_from = "{FUTURE}"')
    new = release_to_come(tmp_path / "new", FUTURE, script)
    shop.does(this_release(), "db", "migrate")
    assert "Run `iact db migrate`" in shop.does(new, "db", "status", ended=1)
    shop.does(new, "db", "migrate")
    (shop.folder / "told.json").write_text(
        '{"kind": "incident", "id": 1, "opened_at": "2026-02-02T00:00:00Z"}', "utf-8"
    )

    said = shop.does(this_release(), "ingest", "told.json", "--repo", str(shop.history.repository.path), ended=3)

    assert f"changed by a newer release of iact (revision {FUTURE}" in said
    assert shop.server.rows("SELECT COUNT(*) FROM events", database=shop.database) == [(0,)]
    shop.does(new, "db", "downgrade", newest_revision(), "--yes")
    shop.does(this_release(), "ingest", "told.json", "--repo", str(shop.history.repository.path))
