"""Recording delivery cycles from the command line, and finding them in the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from iact.cli.main import iact
from iact.dora.metrics_file import NAME
from iact.dora.report_schema import report_schema


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(iact, ["dora", *map(str, arguments)])


def recorded(*phases):
    cycle: list[str] = []
    for phase in phases:
        cycle = ["--cycle", run("record", *phase, *cycle).output.strip()]
    return cycle


def test_the_phases_of_a_cycle_are_recorded_and_its_lead_time_is_their_sum(here):
    cycle = recorded(("planning", "GO", "300s"), ("testing", "GO", "2h"), ("deployment", "SUCCESS", "45s"))

    done = run("complete", "success", *cycle)

    assert done.exit_code == 0
    assert done.output == f"{cycle[1]}: 2.1h\n"
    records = json.loads((here / NAME).read_text(encoding="utf-8"))
    assert [record["decision"] for record in records] == ["go", "go", "success", "success"]
    assert records[-1]["duration_seconds"] == 7545.0


def test_the_report_of_a_repository_shows_the_cycles_that_were_recorded_in_it(repository):
    repository.commit("begin", at="2025-11-01T00:00:00Z")
    path = Path(repository.path)
    cycle = recorded(("testing", "go", "2h", "--file", path / NAME))
    run("complete", "success", *cycle, "--file", path / NAME)

    text = run("report", "--repo", path)
    report = json.loads(run("report", "--repo", path, "--format", "json").output)

    assert f"Recorded in {NAME}: 1 cycle ended; lead time 2h; failed 0%" in text.output
    assert report["cycles"]["phases"][0]["median"] == {"value": "7200", "shown": "2h"}
    assert list(Draft202012Validator(report_schema()).iter_errors(report)) == []


def test_a_repository_without_recorded_cycles_has_none_and_not_zero(repository):
    repository.commit("begin", at="2025-11-01T00:00:00Z")

    report = json.loads(run("report", "--repo", repository.path, "--format", "json").output)

    assert report["cycles"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("record", "testing", "go", "soon"), "expected a duration such as 30m, 48h or 8 weeks, found 'soon'"),
        (("record", "testing", "go", "2h", "--cycle", "monday"), "`monday` is no cycle"),
        (("complete", "success", "--cycle", "cycle-20251106-150000"), "the cycle has no phase yet"),
        (("complete", "success"), "Missing option '--cycle'"),
    ],
)
def test_what_cannot_be_recorded_says_why_and_writes_nothing(here, arguments, said):
    result = run(*arguments)

    assert result.exit_code == 2 or said in str(result.exception)
    assert said in result.output + str(result.exception)
    assert not (here / NAME).exists()


def test_a_damaged_file_is_refused_and_left_as_it_is(here):
    (here / NAME).write_text("[{]", encoding="utf-8")

    result = run("record", "testing", "go", "2h")

    assert NAME in str(result.exception)
    assert (here / NAME).read_text(encoding="utf-8") == "[{]"
