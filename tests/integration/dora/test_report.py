"""`iact dora report` as a user runs it: on real git repositories, in a process of its own where bytes count."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from iact.core.document_schema import text_of
from iact.core.errors import EnvironmentProblemError
from iact.dora.cli import dora
from iact.dora.report_schema import FILE, report_schema
from tests.support.git import GitRepository
from tests.support.kept import keep_rows, write_settings
from tests.support.project import ROOT

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: product}
spec:
  extends: [iact]
  sources:
    git:
      failures: {reverts: true}
      agents: ["*[bot]*"]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that extends the shipped rules and looks for reverts."""
    folder = tmp_path / "project"
    folder.mkdir()
    write_settings(folder, PROJECT)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def story(repository: GitRepository) -> GitRepository:
    """Four releases, of which the second fails and the third takes back what broke."""
    repository.commit("first", at="2026-01-05 09:00")
    repository.tag("v1.0.0")
    broken = repository.commit("break it", at="2026-01-06 09:00")
    repository.branch("feature")
    repository.commit("slow <work>", at="2026-01-07 09:00")
    repository.switch("main")
    repository.commit("release 1.1", at="2026-01-08 09:00")
    repository.tag("v1.1.0")
    repository.revert(broken, at="2026-01-08 15:00")
    repository.tag("v1.1.1")
    repository.merge("feature", at="2026-01-10 09:00")
    repository.commit("release 1.2", at="2026-01-12 09:00")
    repository.tag("v1.2.0")
    return repository


def run(*options: str, status: int = 0) -> str:
    """Run `iact dora report` here and return what it prints."""
    result = CliRunner().invoke(dora, ["report", *options])
    assert result.exit_code == status, result.output + repr(result.exception)
    return result.output


def report(repository: GitRepository, *options: str) -> Any:
    """Return the report as data."""
    return json.loads(run("--repo", str(repository.path), "--format", "json", *options))


def metric(found: Any, name: str) -> Any:
    """Return one metric of a report."""
    return next(each for each in found["metrics"] if each["name"] == name)


def hours(number: float) -> str:
    """Return so many hours as the report writes seconds."""
    return str(round(number * 3600))


JANUARY = ("--from", "2026-01-01", "--to", "2026-02-05")


@pytest.mark.usefixtures("project")
def test_the_figures_of_a_small_history_are_those_computed_by_hand(story: GitRepository):
    found = report(story, *JANUARY)

    # Four releases in the 735 hours since the first commit, which are 4.375 weeks.
    assert metric(found, "deployment_frequency")["value"] == "0.914285714"
    # Lead times in hours: 48 and 0 (v1.1.0), 0 (v1.1.1), 120 and 0 (v1.2.0); without the first release and the merge.
    assert metric(found, "lead_time")["value"] == hours(0)
    assert metric(found, "lead_time")["n"] == 5
    assert metric(found, "change_failure_rate")["value"] == "0.25"
    assert metric(found, "time_to_restore")["value"] == hours(6)
    assert metric(found, "rework_rate")["value"] == "0.25"


@pytest.mark.usefixtures("project")
def test_stages_part_the_lead_time_and_the_slowest_change_comes_first(story: GitRepository):
    breakdown = report(story, *JANUARY)["breakdown"]

    # The feature waited 72 h for its merge and 48 h for a release; what broke waited 48 h for a release.
    assert [(stage["stage"], stage["share"]["value"]) for stage in breakdown["stages"]] == [
        ("review", "0.428571429"),
        ("waiting for a release", "0.571428571"),
    ]
    slowest = breakdown["slowest"][0]
    assert (slowest["subject"], slowest["deployment"], slowest["total"]["value"]) == (
        "slow <work>",
        "v1.2.0",
        hours(120),
    )
    assert [stage["time"]["value"] for stage in slowest["stages"]] == [hours(72), hours(48)]
    assert sum(bar["count"] for bar in breakdown["distribution"]) == 5


@pytest.mark.usefixtures("project")
def test_deployments_say_whether_they_failed(story: GitRepository):
    deployments = report(story, *JANUARY)["deployments"]

    assert [(each["name"], each["failed"], each["rework"]) for each in deployments] == [
        ("v1.0.0", False, False),
        ("v1.1.0", True, False),
        ("v1.1.1", False, True),
        ("v1.2.0", False, False),
    ]


def test_without_a_failure_source_three_figures_are_unknown_and_say_what_to_add(
    story: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    keep_rows(tmp_path)

    found = report(story, *JANUARY)

    assert found["missing"] == [
        {
            "metrics": ["Change failure rate", "Time to restore", "Rework rate"],
            "reason": "no incident source",
            "add": ["sources:", "  git:", "    failures: {reverts: true}"],
            "see": "docs/incidents.md",
        }
    ]
    assert metric(found, "change_failure_rate")["value"] is None
    assert found["deployments"][0]["failed"] is None


@pytest.mark.usefixtures("project")
def test_a_window_without_a_release_has_a_frequency_and_no_lead_time(story: GitRepository):
    found = report(story, "--from", "2026-01-20", "--to", "2026-01-22")

    assert metric(found, "deployment_frequency")["value"] == "0"
    assert metric(found, "lead_time")["missing"]["reason"] == "no releases in the window"
    assert found["history"]["last"]["name"] == "v1.2.0"


@pytest.mark.usefixtures("project")
def test_a_repository_without_releases_says_how_to_name_them(repository: GitRepository):
    repository.commit("only a commit")

    found = report(repository, *JANUARY)

    assert [each["value"] for each in found["metrics"]] == [None] * 7
    assert found["missing"][0]["add"] == [
        "sources:",
        "  git:",
        "    tags: v*  # or, where every merge is one, merges_to: main",
    ]
    assert found["waiting"]["count"] == 1


@pytest.mark.usefixtures("project")
def test_changes_that_wait_are_counted_as_of_the_end_of_the_window(story: GitRepository):
    waiting = report(story, "--from", "2026-01-01", "--to", "2026-01-07")["waiting"]

    assert (waiting["count"], waiting["oldest"]["subject"]) == (1, "break it")
    assert waiting["oldest"]["waited"]["value"] == hours(15)


@pytest.mark.usefixtures("project")
def test_the_work_of_agents_is_told_apart(repository: GitRepository):
    repository.commit("first", at="2026-01-05")
    repository.tag("v1")
    repository.tag("v1.0.0")
    repository.commit("by hand", at="2026-01-06")
    repository.commit("by an agent\n\nCo-authored-by: helper[bot] <bot@example.invalid>", at="2026-01-07")
    repository.commit("release", at="2026-01-08")
    repository.tag("v1.1.0")
    write_settings(Path(), PROJECT.replace("*[bot]*", "Co-authored-by: *[bot]*"))

    agents = report(repository, *JANUARY)["breakdown"]["agents"]

    assert (agents["by_agent"]["n"], agents["by_agent"]["median"]["value"]) == (1, hours(24))
    assert (agents["by_people"]["n"], agents["by_people"]["median"]["value"]) == (2, hours(24))


@pytest.mark.parametrize("fresh", [True, False])
def test_two_runs_give_the_same_bytes(project: Path, story: GitRepository, tmp_path: Path, fresh: bool):  # noqa: FBT001 - a parameter of the test
    def bytes_of_a_run(number: int) -> bytes:
        store = tmp_path / (f"store{number}.db" if fresh else "store.db")
        command = [sys.executable, "-m", "iact.cli", "dora", "report", "--repo", str(story.path), *JANUARY]
        return subprocess.run(
            [*command, "--format", "json", "--store", str(store)], cwd=project, capture_output=True, check=True
        ).stdout

    assert bytes_of_a_run(1) == bytes_of_a_run(2) != b""


@pytest.mark.usefixtures("project")
def test_a_window_that_ends_now_says_so_and_its_end_can_be_given_again(story: GitRepository):
    first = report(story, "--window", "500w")
    again = report(story, "--from", first["window"]["from"], "--to", first["window"]["to"])

    assert first["window"].pop("to_is") == "now"
    assert again["window"].pop("to_is") == "given"
    assert first == again


def test_the_published_schema_is_the_one_of_the_code():
    assert (ROOT / "catalog/schemas" / FILE).read_text(encoding="utf-8") == text_of(report_schema())


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "options", [JANUARY, ("--from", "2026-01-20", "--to", "2026-01-21"), ("--to", "2020-01-01"), ()]
)
def test_every_report_fits_the_published_schema(story: GitRepository, options: tuple[str, ...]):
    jsonschema.Draft202012Validator(report_schema()).validate(report(story, *options))


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--from", "2026-02-01", "--to", "2026-01-01"), "is not before"),
        (("--from", "2026-02-30"), "Invalid value for --from"),
        (("--to", "2026-02-01 10:00"), "expected a date such as"),
        (("--window", "soon"), "expected a duration"),
        (("--window", "0h"), "longer than no time"),
        (("--window", "9999999w"), "expected at most 365,000 days"),
        (("--from", "0500-01-01"), "in the years 1900 to 2999"),
        (("--window", "99999999999999999w"), "Invalid value for --window"),
        (("--window", "48h", "--from", "2026-01-01"), "leave one of them out"),
        (("--format", "xml"), "Invalid value for '--format'"),
    ],
)
def test_bad_options_end_with_two_and_say_what_to_do(options: tuple[str, ...], message: str):
    assert message in run(*options, status=2)


@pytest.mark.usefixtures("project")
def test_what_is_no_repository_is_an_error_of_the_environment(tmp_path: Path, story: GitRepository):
    shallow = GitRepository.clone(story.path, tmp_path / "shallow", "--depth=1")

    for path, message in ((tmp_path / "nowhere", "not a folder"), (shallow.path, "fetch-depth: 0")):
        with pytest.raises(EnvironmentProblemError, match=message):
            CliRunner().invoke(dora, ["report", "--repo", str(path)], catch_exceptions=False)


@pytest.mark.usefixtures("project")
def test_the_terminal_shows_value_interval_definition_and_what_to_do(story: GitRepository):
    shown = run("--repo", str(story.path), *JANUARY)

    for part in (
        "Lead time",
        "25%",
        "Where lead time goes: review 42.9%",
        "slow <work>",
        "Left out: merge commits (1; Lead time",
    ):
        assert part in shown


@pytest.mark.usefixtures("project")
def test_a_report_on_the_past_counts_what_there_was_then(story: GitRepository):
    until = "--to=2026-01-08 12:00Z"
    found = report(story, "--window=1w", until)

    assert (found["history"]["changes"], found["history"]["deployments"]) == (3, 2)
    assert "3 changes and 2 releases until then, the last v1.1.0" in run("--repo", str(story.path), until)
    assert "7 changes and 4 releases are known" in run("--repo", str(story.path))


@pytest.mark.usefixtures("project")
def test_a_change_that_waits_is_counted(story: GitRepository):
    story.commit("not released", at="2026-01-13 09:00")

    assert report(story)["history"]["changes"] == 8


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("option", ["--to", "--from"])
def test_a_window_in_the_future_is_refused(story: GitRepository, option: str):
    assert "has not come yet" in run("--repo", str(story.path), option, "2999-01-01", status=2)


@pytest.mark.usefixtures("project")
def test_the_end_that_a_report_shows_can_be_given(story: GitRepository):
    shown = report(story)["window"]["to"]

    assert report(story, "--to", shown)["window"]["to"] == shown


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("columns", ["60", "80"])
def test_no_figure_is_cut_where_the_terminal_is_narrow(
    monkeypatch: pytest.MonkeyPatch, story: GitRepository, columns: str
):
    monkeypatch.setenv("COLUMNS", columns)

    assert "…" not in run("--repo", str(story.path), *JANUARY)


def explain(repository: GitRepository, name: str, *options: str) -> Any:
    """Return the explanation of a metric as data."""
    command = ["explain", name, "--repo", str(repository.path), "--format", "json", *options]
    return json.loads(CliRunner().invoke(dora, command, catch_exceptions=False).output)


@pytest.mark.usefixtures("project")
def test_an_explanation_holds_every_row_that_the_figure_was_computed_from(story: GitRepository):
    found = explain(story, "lead_time", *JANUARY)

    assert [(row["deployment"], row["value"]) for row in found["rows"]] == [
        ("v1.2.0", hours(120)),
        ("v1.1.0", hours(48)),
        ("v1.1.0", hours(0)),
        ("v1.1.1", hours(0)),
        ("v1.2.0", hours(0)),
    ]
    assert [row["reason"] for row in found["left_out"]] == ["changes of the first known deployment", "merge commits"]
    assert found["metric"]["n"] == len(found["rows"])


@pytest.mark.usefixtures("project")
def test_an_explanation_of_a_share_says_which_deployments_failed(story: GitRepository):
    found = explain(story, "change_failure_rate", *JANUARY)

    assert [(row["deployment"], row["value"]) for row in found["rows"]] == [
        ("v1.1.0", "1"),
        ("v1.0.0", "0"),
        ("v1.1.1", "0"),
        ("v1.2.0", "0"),
    ]


@pytest.mark.usefixtures("project")
def test_an_explanation_for_people_names_the_definition_and_the_interval(story: GitRepository):
    command = ["explain", "change_failure_rate", "--repo", str(story.path), *JANUARY]
    shown = CliRunner().invoke(dora, command, catch_exceptions=False).output

    for part in ("Which share of releases breaks something", "25%", "Wilson", "sha256:", "v1.1.0"):
        assert part in shown


@pytest.mark.usefixtures("project")
def test_a_metric_that_there_is_not_is_told_its_nearest_name(story: GitRepository):
    result = CliRunner().invoke(dora, ["explain", "lead_tme", "--repo", str(story.path)])

    assert result.exit_code == 2
    assert "Did you mean lead_time?" in result.output


@pytest.mark.usefixtures("project")
def test_the_window_is_as_long_as_the_metrics_say_where_nobody_says_otherwise(story: GitRepository):
    assert report(story)["window"]["length"]["shown"] == "90d"

    for name in ("deployment_frequency", "lead_time", "change_failure_rate", "time_to_restore", "rework_rate"):
        Path("catalog").mkdir(exist_ok=True)
        override = f"apiVersion: iact/v1\nkind: Metric\nmetadata: {{name: {name}}}\nspec: {{window: 4 weeks}}\n"
        Path(f"catalog/{name}.yaml").write_text(override, encoding="utf-8")
    for name in ("review_time", "wait_for_release"):
        override = f"apiVersion: iact/v1\nkind: Metric\nmetadata: {{name: {name}}}\nspec: {{window: 2 weeks}}\n"
        Path(f"catalog/{name}.yaml").write_text(override, encoding="utf-8")

    assert report(story)["window"]["length"]["value"] == str(28 * 86_400)
