"""The figures of two real histories against what plain git says, computed here in another way."""

from __future__ import annotations

import json
import statistics
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from iact.dora import column_reading, measure
from iact.dora.cli import dora
from iact.dora.columns import ChangeColumns
from iact.dora.report_schema import report_schema
from tests.support.git import GitRepository
from tests.support.kept import keep_rows

YEARS = ("2019-01-01", "2024-01-01")


@pytest.fixture(scope="module", params=["flask", "requests"])
def history(request: pytest.FixtureRequest) -> GitRepository:
    """Each of the supplied histories."""
    found: GitRepository = request.getfixturevalue(f"{request.param}_repository")
    return found


@pytest.fixture(scope="module")
def found(history: GitRepository, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The report of five years under the shipped rules."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        keep_rows(folder)
        options = ["report", "--repo", str(history.path), "--from", YEARS[0], "--to", YEARS[1], "--format", "json"]
        result = CliRunner().invoke(dora, options, catch_exceptions=False)
    return json.loads(result.output)


def metric(report: Any, name: str) -> Any:
    """Return one metric of a report."""
    return next(each for each in report["metrics"] if each["name"] == name)


@cache
def releases(path: Path) -> list[tuple[datetime, str]]:
    """Return every release as moment and commit, the earliest first; of the tags of one commit, one."""
    repository = GitRepository(path)
    listed = repository.git(
        "for-each-ref", "--format=%(refname) %(*objectname) %(objectname) %(creatordate:unix)", "refs/tags"
    )
    moments: dict[str, datetime] = {}
    for line in listed.splitlines():
        name, *commits, seconds = line.split()
        if _is_final(name):
            at = datetime.fromtimestamp(int(seconds), UTC)
            moments[commits[0]] = min(at, moments.get(commits[0], at))
    return sorted((at, sha) for sha, at in moments.items())


def _is_final(name: str) -> bool:
    parts = name.removeprefix("refs/tags/").removeprefix("v").split(".")
    return len(parts) > 1 and all(part.isdecimal() for part in parts)


def lead_times(repository: GitRepository) -> list[int]:
    """Return the seconds from commit to the first release of every change that was released in the window."""
    start, end = (datetime.fromisoformat(f"{day}T00:00:00+00:00") for day in YEARS)
    earlier: list[str] = []
    found = []
    for at, sha in releases(repository.path):
        if start <= at < end:
            new = repository.git("rev-list", "--no-merges", "--timestamp", sha, *(f"^{other}" for other in earlier))
            spans = [int(at.timestamp()) - int(line.split()[0]) for line in new.splitlines()]
            found += [span for span in spans if span >= 0]
        earlier.append(sha)
    return found


def test_the_lead_time_is_the_one_that_plain_git_gives(history: GitRepository, found: Any):
    expected = lead_times(history)

    lead_time = metric(found, "lead_time")
    assert lead_time["n"] == len(expected) > 100
    assert float(lead_time["value"]) == statistics.median(expected)
    assert sum(bar["count"] for bar in found["breakdown"]["distribution"]) == len(expected)
    assert int(found["breakdown"]["slowest"][0]["total"]["value"]) == max(expected)


def test_the_frequency_is_the_number_of_releases_over_the_weeks(history: GitRepository, found: Any):
    start, end = (datetime.fromisoformat(f"{day}T00:00:00+00:00") for day in YEARS)
    released = [at for at, _ in releases(history.path) if start <= at < end]

    frequency = metric(found, "deployment_frequency")
    weeks = (end - start).days / 7
    assert frequency["n"] == len(released) == len(found["deployments"])
    assert float(frequency["value"]) == pytest.approx(len(released) / weeks, abs=1e-9)
    assert float(frequency["interval"]["low"]) < len(released) / weeks < float(frequency["interval"]["high"])


def test_an_interval_of_a_real_history_is_as_wide_as_few_releases_make_it(found: Any):
    lead_time = metric(found, "lead_time")
    low, high = (float(lead_time["interval"][end]) for end in ("low", "high"))

    assert lead_time["clusters"] >= 6
    assert 0 <= low <= float(lead_time["value"]) <= high
    assert lead_time["interval"]["method"] == "cluster sign-flip test inverted"


def test_the_report_of_a_real_history_fits_the_schema(found: Any):
    jsonschema.Draft202012Validator(report_schema()).validate(found)


@pytest.mark.parametrize("definition", ["iact", "owner", "devlake"])
def test_a_report_by_column_is_the_report_by_row(
    history: GitRepository, definition: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Columns are for windows of many changes; here they are taken for few as well."""
    monkeypatch.chdir(tmp_path)
    keep_rows(tmp_path)
    options = ["report", "--repo", str(history.path), "--from", "2012-01-01", "--to", YEARS[1], "--format", "json"]
    options += ["--definition", definition]
    by_row = CliRunner().invoke(dora, options, catch_exceptions=False).output
    taken: list[ChangeColumns] = []
    read = column_reading.read_columns

    def noting(*asked: Any) -> ChangeColumns:
        taken.append(read(*asked))
        return taken[-1]

    monkeypatch.setattr(measure, "MANY_CHANGES", 1)
    monkeypatch.setattr(column_reading, "read_columns", noting)

    by_column = CliRunner().invoke(dora, options, catch_exceptions=False).output

    assert len(taken) == 1
    assert by_column == by_row
