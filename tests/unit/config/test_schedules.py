"""What a project does again and again, as it is written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from iact.config.loading import load
from iact.config.opening import open_project

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: shop}
spec:
  extends: [iact]
  time_zone: America/New_York
  schedule:
    - {%s}
"""
AFTER = datetime(2026, 3, 7, 12, tzinfo=UTC)
"""A Saturday; on the day after clocks are put forward from 02:00 to 03:00 in New York."""


def written(folder: Path, entry: str) -> None:
    """Write a project with one entry."""
    (folder / "iact.yaml").write_text(PROJECT % entry, encoding="utf-8")


def complaints(folder: Path, entry: str) -> list[str]:
    """Return what is wrong with an entry."""
    written(folder, entry)
    return [problem.message for problem in load(folder).problems]


def following(folder: Path, entry: str) -> list[str]:
    """Return the next three times of an entry, in UTC."""
    written(folder, entry)
    project = open_project(folder)
    (only,) = project.settings.schedule
    recurrence = only.recurrence(project.settings.time_zone)
    found: list[Any] = [AFTER]
    for _ in range(3):
        found.append(recurrence.following(found[-1]))
    return [f"{moment:%m-%d %H:%M}" for moment in found[1:]]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("run: pdca, every: 6h", ["03-07 18:00", "03-08 00:00", "03-08 06:00"]),
        ('do: backup, at: "02:00"', ["03-08 07:00", "03-09 06:00", "03-10 06:00"]),
        ('do: backup, at: "02:30", dst: {gap: skip}', ["03-09 06:30", "03-10 06:30", "03-11 06:30"]),
        ('do: backup, at: "02:00", zone: UTC', ["03-08 02:00", "03-09 02:00", "03-10 02:00"]),
        ('run: pdca, at: "09:00", days: monday', ["03-09 13:00", "03-16 13:00", "03-23 13:00"]),
        ('do: health, at: ["06:00", "18:00"], month_days: -1', ["03-31 10:00", "03-31 22:00", "04-30 10:00"]),
    ],
)
def test_an_entry_says_when_it_is_due(tmp_path: Path, entry: str, expected: list[str]):
    assert following(tmp_path, entry) == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("every: 1h", ["say either `run`, an agent, or `do`, a job of iact itself."]),
        ("run: pdca, do: backup, every: 1h", ["say either `run`, an agent, or `do`, a job of iact itself."]),
        ("run: pdca", ["say either `every`, how often, or `at`, at which times of day."]),
        ('run: pdca, every: 1h, at: "02:00"', ["say either `every`, how often, or `at`, at which times of day."]),
        ("run: pdca, every: 0s", ["`every` must be a second or longer."]),
        ("run: pdca, every: 999ms", ["`every` must be a second or longer."]),
        ("run: pdca, every: 1h, days: monday", ["`days` says more about `at`, which is not there."]),
        ('run: pdca, at: "02:00", month_days: 0', ["no month has a day 0; -1 is its last day."]),
        ("run: pdca, every: 1h, with: {x: 1}", ["the agent `pdca` has no input `x`."]),
        ("do: backup, every: 1h, with: {x: 1}", ["`backup` cannot be given `x`, but `folder`, `keep`, `encrypt_for`."]),
        ("do: health, every: 1h, with: {x: 1}", ["`health` cannot be given `x`, but nothing."]),
        (
            "do: backup, every: 1h, with: {keep: none}",
            ["`keep`: expected a whole number of 1 or more, found `none`."],
        ),
        ("do: alerts, every: 1h, with: {within: 5}", ["`within`: expected a time such as 5m, found `5`."]),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, entry: str, expected: list[str]):
    assert complaints(tmp_path, entry) == expected


@pytest.mark.parametrize("time", ["2:00", "24:00", "02:60", "midnight"])
def test_a_time_of_day_that_is_none_is_refused(tmp_path: Path, time: str):
    (complaint,) = complaints(tmp_path, f'run: pdca, at: "{time}"')
    assert complaint == f"`at`: expected a time of day such as 02:00, found {time!r}."


def test_a_job_of_iact_itself_is_given_what_is_written_and_defaults_for_the_rest(tmp_path: Path):
    written(tmp_path, "do: alerts, every: 5m, with: {more_than: 3}")
    (only,) = open_project(tmp_path).settings.schedule
    assert only.given() == {"more_than": "3", "within": "5m"}
