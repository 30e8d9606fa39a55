"""`--definition` and `--bands`: one history measured by several definitions, as a user asks for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from iact.config.loading import load
from iact.core.document_schema import text_of
from iact.dora.cli import dora
from iact.dora.comparison_schema import FILE, comparison_schema
from iact.dora.report_schema import report_schema
from tests.support.git import GitRepository
from tests.support.kept import write_settings
from tests.support.project import ROOT

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: product}
spec:
  extends: [iact]
  paths: [rules]
  sources: {git: {failures: {reverts: true}}}
"""
OURS = """\
apiVersion: iact/v1
kind: Definition
metadata: {name: ours}
spec:
  figures: {lead_time: wait_for_release}
  bands: dora-2023
"""
JANUARY = ("--from", "2026-01-01", "--to", "2026-02-05")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that extends the shipped rules and has a definition of its own."""
    folder = tmp_path / "project"
    (folder / "rules").mkdir(parents=True)
    write_settings(folder, PROJECT)
    (folder / "rules/ours.yaml").write_text(OURS, encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def story(repository: GitRepository) -> GitRepository:
    """Three releases of work that was quickly done; a branch waited for its merge."""
    repository.commit("first", at="2026-01-05 09:00")
    repository.tag("v1.0.0")
    repository.branch("feature")
    repository.commit("slow work", at="2026-01-06 09:00")
    repository.switch("main")
    repository.merge("feature", at="2026-01-09 09:00")
    repository.commit("release", at="2026-01-09 21:00")
    repository.tag("v1.1.0")
    repository.commit("more", at="2026-01-12 09:00")
    repository.tag("v1.2.0")
    return repository


def run(*options: str, status: int = 0) -> str:
    """Run `iact dora` here and return what it prints."""
    result = CliRunner().invoke(dora, options, env={"COLUMNS": "200"})
    assert result.exit_code == status, result.output + repr(result.exception)
    return result.output


def data(command: str, repository: GitRepository, *options: str) -> Any:
    """Return what a command prints as data."""
    return json.loads(run(*command.split(), "--repo", str(repository.path), "--format", "json", *JANUARY, *options))


def named(found: Any, name: str) -> Any:
    """Return one metric of a report."""
    return next(each for each in found["metrics"] if each["name"] == name)


@pytest.mark.usefixtures("project")
def test_the_owners_definition_classes_the_four_figures_and_all_together(story: GitRepository):
    found = data("report", story, "--definition", "owner")

    jsonschema.Draft202012Validator(report_schema()).validate(found)
    assert found["definition"]["name"] == "owner"
    assert {each["name"]: each["class"]["class"] for each in found["metrics"] if each["class"]} == {
        "deployment_frequency": None,
        "lead_time": "elite",
        "change_failure_rate": "high",
        "time_to_restore": None,
    }
    # One Elite, one High and two without a class: most are in none.
    assert (found["classes"]["overall"], found["classes"]["classed"], found["classes"]["label"]) == (
        None,
        2,
        "owner (2025)",
    )


@pytest.mark.usefixtures("project")
def test_every_shown_class_names_its_bands_and_their_year(story: GitRepository):
    shown = run("report", "--repo", str(story.path), *JANUARY, "--definition", "owner")

    assert "classes by the bands owner (2025)" in shown
    assert "Elite, no interval" in shown
    assert "classes by the bands dora-2021" in run(
        "report", "--repo", str(story.path), *JANUARY, "--definition", "owner", "--bands", "dora-2021"
    )


@pytest.mark.usefixtures("project")
def test_without_bands_nothing_is_classed(story: GitRepository):
    found = data("report", story)

    assert found["definitions"] == "iact"
    assert found["classes"] is None
    assert [each["class"] for each in found["metrics"]] == [None] * len(found["metrics"])


@pytest.mark.usefixtures("project")
def test_several_definitions_stand_side_by_side(story: GitRepository):
    found = data("report", story, "--definition", "iact", "--definition", "ours,owner")

    jsonschema.Draft202012Validator(comparison_schema()).validate(found)
    assert [definition["name"] for definition in found["definitions"]] == ["iact", "ours", "owner"]
    by = next(row for row in found["figures"] if row["figure"] == "lead_time")["by"]
    assert {name: metric["name"] for name, metric in by.items()} == {
        "iact": "lead_time",
        "ours": "wait_for_release",
        "owner": "lead_time",
    }
    # From commit: 84.5 h, 0 h and 0 h. From merge to main: 12 h, 0 h and 0 h; the release itself and v1.2.0 wait 0 h.
    assert by["iact"]["value"] == named(data("report", story), "lead_time")["value"]
    assert by["ours"]["class"]["bands"] == "dora-2023"
    restore = next(row for row in found["figures"] if row["figure"] == "time_to_restore")["by"]
    assert restore["ours"] is None


@pytest.mark.usefixtures("project")
def test_side_by_side_is_a_column_for_each_definition(story: GitRepository):
    lines = run("report", "--repo", str(story.path), *JANUARY, "--definition", "iact,ours").splitlines()

    assert lines[1].split() == ["iact", "ours"]
    assert any(line.startswith("Change failure rate") and line.rstrip().endswith("not defined") for line in lines)
    assert any(line.startswith("ours ") and "classes by the bands dora-2023" in line for line in lines)


@pytest.mark.usefixtures("project")
def test_explain_takes_the_figure_as_the_definition_computes_it(story: GitRepository):
    assert data("explain lead_time", story)["metric"]["name"] == "lead_time"
    found = data("explain lead_time", story, "--definition", "ours")
    assert (found["metric"]["name"], found["by_definition"]) == ("wait_for_release", "ours")
    both = data("explain lead_time", story, "--definition", "iact,ours")
    assert [one["metric"]["name"] for one in both["explanations"]] == ["lead_time", "wait_for_release"]


@pytest.mark.usefixtures("project")
def test_an_unknown_definition_figure_or_band_gets_the_nearest_right_name(story: GitRepository):
    repo = ("--repo", str(story.path))

    error = CliRunner().invoke(dora, ["report", *repo, "--definition", "onwer"]).exception
    assert "there is no Definition named onwer. Did you mean owner?" in str(error)
    error = CliRunner().invoke(dora, ["report", *repo, "--bands", "dora-2032"]).exception
    assert "there is no Bands named dora-2032. Did you mean dora-2023?" in str(error)
    assert "named lead_tiem by the definition ours. Did you mean lead_time?" in run(
        "explain", "lead_tiem", *repo, "--definition", "ours", status=2
    )


def test_a_project_overrides_a_definition_key_by_key(project: Path, story: GitRepository):
    override = "apiVersion: iact/v1\nkind: Definition\nmetadata: {name: iact}\n"
    (project / "rules/iact.yaml").write_text(
        f"{override}spec: {{figures: {{lead_time: wait_for_release}}}}\n", encoding="utf-8"
    )

    assert [metric["name"] for metric in data("report", story)["metrics"]][:3] == [
        "deployment_frequency",
        "wait_for_release",
        "change_failure_rate",
    ]


def test_a_definition_whose_metric_is_of_another_kind_is_refused(project: Path):
    wrong = OURS.replace("wait_for_release", "change_failure_rate")
    (project / "rules/ours.yaml").write_text(wrong, encoding="utf-8")

    [problem] = load(project).problems

    assert "`lead_time: change_failure_rate`: that metric is a share" in problem.message
    assert "A lead_time is a duration" in problem.hint


def test_the_committed_schema_of_a_comparison_is_the_one_of_the_code():
    assert (ROOT / "catalog/schemas" / FILE).read_text(encoding="utf-8") == text_of(comparison_schema())


def test_a_report_says_how_far_each_figure_has_come_to_its_target(project: Path, story: GitRepository):
    begins = "apiVersion: iact/v1\nkind: Targets\nmetadata: {name: half-year}\nspec: {begins: 2026-01-01}\n"
    (project / "rules/targets.yaml").write_text(begins, encoding="utf-8")

    found = data("report", story, "--targets", "half-year")

    jsonschema.Draft202012Validator(report_schema()).validate(found)
    rows = {row["figure"]: row for row in found["targets"]["figures"]}
    # 35 of 182 days are gone.
    assert found["targets"]["elapsed"]["value"] == "0.192307692"
    # Of the lead time every value is known, but of three releases there is no interval.
    assert rows["lead_time"]["reached"] == "not sure yet: no interval"
    assert rows["change_failure_rate"]["share_of_way"]["value"] == "1.5"
    assert rows["time_to_restore"]["share_of_way"] is None
    assert rows["time_to_restore"]["missing"] == "no failure was restored in the window"
    shown = run("report", "--repo", str(story.path), *JANUARY, "--targets", "half-year")
    assert "26w, 19.2% of the time is gone" in shown


@pytest.mark.usefixtures("project")
def test_unknown_targets_get_the_nearest_right_name(story: GitRepository):
    error = CliRunner().invoke(dora, ["report", "--repo", str(story.path), "--targets", "half-yaer"]).exception

    assert "there is no Targets named half-yaer. Did you mean half-year?" in str(error)


@pytest.mark.usefixtures("project")
def test_targets_go_with_one_definition(story: GitRepository):
    assert "--targets goes with one --definition" in run(
        *("report", "--repo", str(story.path), "--targets", "half-year", "--definition", "iact,owner"), status=2
    )
