"""Bugs of other tools in the values that people are shown, each by its name, and what is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from iact.dora.cli import dora, ingest
from iact.stores.connect import reading
from tests.support.git import GitRepository
from tests.support.kept import open_kept, write_settings

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: product}
spec:
  extends: [iact]
  sources: {git: {failures: {reverts: true}}}
"""
STORE = Path(".iact/iact.db")
KEPT = ("events", "changes", "deployments", "failures", "reverts")


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    write_settings(folder, PROJECT)
    monkeypatch.chdir(folder)


def data(command: str, repository: GitRepository, *options: str) -> Any:
    """Return what `iact dora` prints as data."""
    arguments = [*command.split(), "--repo", str(repository.path), "--format", "json", *options]
    result = CliRunner().invoke(dora, arguments)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return json.loads(result.output)


def metrics(repository: GitRepository, *options: str) -> dict[str, Any]:
    """Return the metrics of a report by name."""
    return {metric["name"]: metric for metric in data("report", repository, *options)["metrics"]}


def take_in(repository: GitRepository, *rows: dict[str, str]) -> None:
    """Ingest rows."""
    file = Path("events.jsonl")
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    result = CliRunner().invoke(ingest, [str(file), "--repo", str(repository.path)])
    assert result.exit_code == 0, result.output


def rows_kept() -> dict[str, set[tuple[Any, ...]]]:
    """Return every row of the delivery tables."""
    engine = open_kept(STORE.resolve())
    with reading(engine) as connection:
        rows = {table: set(map(tuple, connection.execute(text(f"SELECT * FROM {table}")))) for table in KEPT}  # noqa: S608 - our names
    engine.dispose()
    return rows


def released(repository: GitRepository, days: Iterator[int] | range, month: str = "2026-01") -> None:
    """Release on each of some days of a month."""
    for day in days:
        repository.commit(f"change of day {day}", at=f"{month}-{day:02} 09:00")
        repository.tag(f"v{month[-2:]}.{day}.0")


def test_middleware_375_nine_deployments_in_thirty_days_are_two_a_week_and_not_two_a_month(repository: GitRepository):
    repository.commit("begin", at="2025-06-01 09:00")
    repository.tag("v0.1.0")
    released(repository, range(2, 29, 3))

    frequency = metrics(repository, "--from", "2026-01-01", "--to", "2026-01-31")["deployment_frequency"]

    assert (frequency["n"], frequency["value"], frequency["shown"]) == (9, "2.1", "2.1/week")


@pytest.mark.parametrize("definition", ["iact", "owner", "devlake"])
def test_four_keys_and_middleware_no_data_is_unknown_and_never_zero_or_elite(
    repository: GitRepository, definition: str
):
    released(repository, range(2, 5))

    chosen = ("--definition", definition, "--bands", "dora-2023")
    found = metrics(repository, *chosen, "--from", "2026-05-01", "--to", "2026-06-01")

    unknown = {name for name, metric in found.items() if metric["value"] is None}
    assert unknown == set(found) - {"deployment_frequency"}
    assert all(found[name]["missing"]["reason"] for name in unknown)
    assert {found[name]["class"]["class"] for name in unknown if found[name]["class"]} == {None}
    # That nothing was released in a month of a known history is an observation, and of the lowest class.
    assert found["deployment_frequency"]["class"]["class"] == "low"


def test_a_repository_without_any_deployment_has_no_class_at_all(repository: GitRepository):
    repository.commit("first", at="2026-01-02 09:00")

    found = data("report", repository, "--definition", "owner", "--from", "2026-01-01", "--to", "2026-02-01")

    assert [metric["class"]["class"] for metric in found["metrics"] if metric["class"]] == [None] * 4
    assert (found["classes"]["overall"], found["classes"]["classed"]) == (None, 0)


@pytest.mark.parametrize("definition", ["iact", "owner"])
def test_devlake_4989_shifting_a_window_by_a_day_moves_only_the_rows_at_its_edges(
    flask_repository: GitRepository, definition: str
):
    chosen = ("--definition", definition)

    def rows(start: str, end: str) -> dict[str, tuple[str, str]]:
        found = data("explain lead_time", flask_repository, *chosen, "--from", start, "--to", end)["rows"]
        return {row["id"]: (row["value"], row["at"]) for row in found}

    # A release of 2022-08-01 lies on the first day of the one window, one of 2023-05-01 on the last of the other.
    before, after = rows("2022-08-01", "2023-05-01"), rows("2022-08-02", "2023-05-02")

    left, came = set(before) - set(after), set(after) - set(before)
    assert {before[id_][1][:10] for id_ in left} <= {"2022-08-01"}
    assert {after[id_][1][:10] for id_ in came} <= {"2023-05-01"}
    assert left or came
    assert {id_: before[id_] for id_ in set(before) & set(after)} == {
        id_: after[id_] for id_ in set(before) & set(after)
    }


def test_nothing_is_ever_dropped_by_a_report_or_by_taking_in_what_is_newer(repository: GitRepository):
    """Delivery data is kept for good: requirements name 90 days and for ever, and the longer one is the default."""
    broken = repository.commit("old change", at="1999-01-02 09:00")
    repository.tag("v0.1.0")
    repository.revert(broken, at="1999-01-03 09:00")
    repository.tag("v0.1.1")
    old = {"kind": "deployment", "id": "1", "environment": "production", "deployed_at": "2000-01-01 09:00Z"}
    take_in(repository, old, {"kind": "incident", "id": "2", "opened_at": "2000-01-01 10:00Z"})
    metrics(repository)
    before = rows_kept()
    assert all(before.values())

    released(repository, range(2, 5))
    take_in(repository, {"kind": "incident", "id": "3", "opened_at": "2026-01-05 10:00Z"})
    metrics(repository, "--window", "1d")
    metrics(repository, "--from", "2026-05-01", "--to", "2026-06-01")

    after = rows_kept()
    assert {table: before[table] - after[table] for table in ("events", "changes", "deployments", "reverts")} == {
        table: set() for table in ("events", "changes", "deployments", "reverts")
    }
    assert len(after["failures"]) >= len(before["failures"])
