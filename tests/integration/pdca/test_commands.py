"""`iact run pdca` and `iact pdca …` as a person types them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result

from iact.cli.main import iact
from iact.core.canonical import canonical
from iact.core.errors import ConfigurationError, EnvironmentProblemError, FindingError
from iact.core.tree import ScalarNode
from iact.pdca.definitions import definitions_of
from iact.pdca.pinned import PATCH as PINNED_PATCH
from iact.serving.activations import project_at
from tests.support.git import GitRepository
from tests.support.kept import keep_rows
from tests.support.project import ROOT
from tests.support.trials import BEGIN, PATCH, History, improvement, write_project

Command = Callable[..., Result]


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    """A repository with a release a week until now, in a folder with a project."""
    write_project(
        tmp_path, {**improvement(change="{patch: limits.patch}"), "playbooks/improvements/limits.patch": PATCH}
    )
    keep_rows(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    found = History(tmp_path / "shop")
    found.pass_weeks(12, wait=timedelta(days=2))
    return found


@pytest.fixture
def command() -> Command:
    """The command line; what it raises is raised."""
    return lambda *arguments: CliRunner().invoke(iact, arguments, catch_exceptions=False)


def as_of(history: History) -> str:
    """Return a moment just after the last release, as an option takes it."""
    return (history.now + timedelta(hours=1)).strftime("%Y-%m-%d %H:%MZ")


def files(folder: Path) -> dict[Path, bytes]:
    """Return every file below a folder."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def report(result: Result) -> dict[str, Any]:
    """Return the JSON report that a command printed, checked against the published schema."""
    found: dict[str, Any] = json.loads(result.stdout)
    schema = json.loads((ROOT / "catalog/schemas/report.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(found, schema, cls=jsonschema.Draft202012Validator)
    assert canonical(found), "a report holds no floats"
    return found


def test_the_first_line_says_what_the_window_cannot_tell(history: History, command: Command):
    result = command("run", "pdca", "--window", "48h", "--repo", "shop", "--as-of", as_of(history))

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "DRY RUN: nothing of this was written down, and nothing can be changed by it."
    assert lines[1].startswith("48 h cannot answer: 1 release in it, and a comparison needs 4;")
    assert lines[2].startswith("365 days: lead time ")
    assert lines[3] == "Time to restore: unknown, no failure was restored in the window"
    assert lines[4].startswith("Try faster: ")
    assert lines[5] == "Next: iact run pdca --repo shop"


def test_a_run_writes_both_reports_and_changes_nothing_else(history: History, command: Command):
    before = files(history.repository.path)

    found = report(command("run", "pdca", "--repo", "shop", "--format", "json"))

    written = sorted(path.suffix for path in Path(".iact/reports").iterdir())
    assert written == [".html", ".json"]
    assert files(history.repository.path) == before
    assert json.loads(Path(f".iact/reports/{found['run']['run']}.json").read_text(encoding="utf-8")) == found


@pytest.mark.usefixtures("history")
def test_running_again_without_news_gives_the_same_run(command: Command):
    first, second = (report(command("run", "pdca", "--repo", "shop", "--format", "json")) for _ in range(2))

    assert second["run"] == first["run"]


@pytest.mark.usefixtures("history")
def test_a_dry_run_acts_on_nothing_even_where_the_rules_would(command: Command):
    """`mode: enforce` starts by itself; in a dry run neither branch, store nor report appears."""
    text = Path("playbooks/improvements/faster.yaml").read_text(encoding="utf-8")
    Path("playbooks/improvements/faster.yaml").write_text(
        text.replace("mode: propose", "mode: enforce"), encoding="utf-8"
    )
    command("pdca", "status", "--repo", "shop")
    before = files(Path("shop")) | files(Path(".iact"))

    result = command("run", "pdca", "--repo", "shop", "--dry-run", "--format", "json")

    found = report(result)
    assert (found["decision"]["state"], found["decision"]["changed"]) == ("watching", False)
    assert "would be committed" in found["experiment"]["message"]
    assert files(Path("shop")) | files(Path(".iact")) == before


def test_a_moment_of_the_past_is_looked_at_without_a_store(history: History, command: Command):
    past = (history.now - timedelta(weeks=6)).strftime("%Y-%m-%d")

    found = report(command("run", "pdca", "--repo", "shop", "--as-of", past, "--format", "json"))

    assert found["as_of"].startswith(past)
    assert all(one["deployed_at"] < past for one in found["dora"]["deployments"])
    assert not Path(".iact").exists()


def test_what_was_worth_trying_in_the_past_is_not_offered_to_be_started_today(history: History, command: Command):
    """What `pdca start` would start is planned from today's figures, which may ask for something else."""
    past, now = (
        report(command("run", "pdca", "--repo", "shop", *asked, "--format", "json"))
        for asked in (("--as-of", as_of(history)), ("--dry-run",))
    )

    assert past["decision"]["state"] == now["decision"]["state"] == "proposed"
    assert past["next"]["command"] == "iact run pdca --repo shop"
    assert "Nothing can be started" in past["next"]["sentence"]
    assert now["next"]["command"] == "iact pdca start faster --repo shop"


@pytest.mark.usefixtures("history")
def test_why_nothing_was_to_be_tried_is_looked_at_in_the_same_moment(command: Command):
    before = f"{BEGIN + timedelta(weeks=1):%Y-%m-%d}"

    found = report(command("run", "pdca", "--repo", "shop", "--as-of", before, "--format", "json"))

    assert found["decision"]["state"] == "nothing_to_do"
    assert found["next"]["command"] == f"iact pdca plan --repo shop --as-of {found['as_of']}"
    assert command(*found["next"]["command"].split()[1:]).exit_code == 0


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_looked_at_twice_a_moment_gives_the_same_bytes(history: History, command: Command, more: tuple[str, ...]):
    arguments = ("run", "pdca", "--repo", "shop", "--as-of", as_of(history), *more, "--format", "json")

    assert command(*arguments).stdout == command(*arguments).stdout


def test_from_the_start_to_the_stop_the_branch_comes_and_goes(history: History, command: Command):
    started = report(command("pdca", "start", "faster", "--by", "Ada", "--repo", "shop", "--format", "json"))
    assert started["decision"]["state"] == "watching"
    assert history.repository.git("branch", "--list", "iact/*") != ""

    stopped = report(command("pdca", "stop", "faster", "--by", "Bo", "--repo", "shop", "--format", "json"))

    assert stopped["decision"]["state"] == "stopped"
    listed = [json.loads(command("audit", "list", "--person", who, "--format", "json").stdout) for who in ("Ada", "Bo")]
    assert [[one["entry"]["kind"] for one in entries] for entries in listed] == [
        ["started"],
        ["decision"],
    ]
    again = command("run", "pdca", "--repo", "shop")
    assert "Nothing to try: faster was stopped before. Nothing was changed." in again.stdout
    assert history.repository.git("branch", "--list", "iact/*") == ""


def test_while_somebody_looks_at_its_branch_an_experiment_is_not_stopped(history: History, command: Command):
    command("pdca", "start", "faster", "--repo", "shop")
    branch = history.repository.git("branch", "--list", "iact/*", "--format=%(refname:short)")
    history.repository.switch(branch)

    with pytest.raises(FindingError, match=f"faster goes on: the branch {branch} is checked out in .*then stop it"):
        command("pdca", "stop", "faster", "--repo", "shop")

    history.repository.switch("main")
    assert "was deleted" in command("pdca", "stop", "faster", "--repo", "shop").stdout


@pytest.mark.usefixtures("history")
def test_a_run_says_first_what_is_being_tried_and_when_it_is_judged(command: Command):
    command("pdca", "start", "faster", "--repo", "shop")

    lines = command("run", "pdca", "--repo", "shop").stdout.splitlines()

    when = r"\d{4}-\d\d-\d\d \d\d:\d\dZ"
    said = rf"faster: being tried since {when}; adoption and harm are judged on {when}, the outcome by {when}\."
    assert re.fullmatch(said, lines[0])
    assert not [line for line in lines if "Nothing to try" in line]
    assert [line for line in lines if re.fullmatch(rf"Next: iact run pdca --repo shop  # from {when} on", line)]


@pytest.mark.usefixtures("history")
def test_what_goes_on_beside_a_proposal_is_told_before_it(command: Command):
    more = improvement("sooner", metric="deployment_frequency, rises_by: 50%")
    for name, text in more.items():
        Path(name).write_text(text, encoding="utf-8")
    command("pdca", "start", "faster", "--repo", "shop")

    found = report(command("run", "pdca", "--repo", "shop", "--format", "json"))

    assert [one["improvement"] for one in found["others"]] == ["faster"]
    assert found["lines"][0].startswith("faster: being tried since ")
    assert found["next"]["command"] == "iact pdca start sooner --repo shop"


def test_the_first_screen_fits_a_terminal(history: History, command: Command, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")

    lines = command("run", "pdca", "--repo", "shop", "--as-of", as_of(history)).stdout.splitlines()

    assert len(lines) <= 24
    assert max(len(line) for line in lines) <= 80


@pytest.mark.usefixtures("history")
def test_status_shows_what_is_tried_and_when_it_goes_on(command: Command):
    assert "nothing is being tried" in command("pdca", "status", "--repo", "shop").stdout
    command("pdca", "start", "faster", "--repo", "shop")

    assert "watching" in command("pdca", "status", "--repo", "shop").stdout


def test_the_plan_alone_shows_what_could_be_found_out(history: History, command: Command):
    result = command("pdca", "plan", "--repo", "shop", "--as-of", as_of(history))

    assert "To see the expected effect:" in result.stdout
    assert f"in the 365 days before {history.now:%Y-%m-%d} (12 releases)" in result.stdout
    assert not Path(".iact").exists()


@pytest.mark.usefixtures("history")
def test_a_plan_of_a_time_before_the_first_commit_says_why_there_is_nothing_to_try(command: Command):
    shown = command("pdca", "plan", "--repo", "shop", "--as-of", f"{BEGIN - timedelta(days=1):%Y-%m-%d}").stdout

    assert shown.startswith("Nothing to try: no improvement's condition is met by figures that are known.")


@pytest.mark.usefixtures("history")
def test_the_plan_of_what_is_about_a_metric_that_is_taken_says_by_what(command: Command):
    for name, text in improvement("other").items():
        Path(name).write_text(text, encoding="utf-8")
    command("pdca", "start", "faster", "--repo", "shop")

    shown = command("pdca", "plan", "other", "--repo", "shop").stdout

    assert shown.startswith("other cannot be tried: faster is being tried on lead_time")


def test_a_history_without_releases_says_so_and_what_to_add(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
):
    write_project(tmp_path)
    keep_rows(tmp_path)
    monkeypatch.chdir(tmp_path)
    GitRepository.create(tmp_path / "new").commit("start", at=datetime.now(UTC) - timedelta(days=3))

    result = command("run", "pdca", "--repo", "new")

    assert result.exit_code == 0
    assert result.stdout.startswith("48 h cannot answer: no releases in it")
    assert "Every figure is unknown: no deployment is known." in result.stdout
    assert "tags: v*" in result.stdout


def test_where_a_history_is_thin_a_made_up_one_is_shown_and_called_so(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
):
    write_project(tmp_path)
    keep_rows(tmp_path)
    monkeypatch.chdir(tmp_path)
    GitRepository.create(tmp_path / "new").commit("start", at=datetime.now(UTC) - timedelta(days=3))

    result = command("run", "pdca", "--repo", "new", "--demo-when-thin")

    assert result.exit_code == 0
    assert "DEMO: a made-up history" in result.stdout
    assert len(list(Path(".iact/reports").glob("demo-*"))) == 2


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("pdca", "start", "fastr", "--repo", "shop"), ConfigurationError, "Did you mean faster"),
        (("pdca", "stop", "faster", "--repo", "shop"), ConfigurationError, "is not being tried"),
        (("pdca", "plan", "fastr", "--repo", "shop"), ConfigurationError, "Did you mean faster"),
        (("run", "pdca", "--repo", "nowhere"), EnvironmentProblemError, "nowhere is not a folder"),
        (("run", "pdca", "--repo", "playbooks"), EnvironmentProblemError, "is not a git repository"),
        (("run", "pdca"), EnvironmentProblemError, "--repo PATH"),
        (("run", "pdcb"), ConfigurationError, "Did you mean pdca"),
    ],
)
def test_an_error_says_what_to_do(command: Command, arguments: tuple[str, ...], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        command(*arguments)


@pytest.mark.usefixtures("history")
def test_a_shallow_clone_names_the_depth_to_fetch(tmp_path: Path, command: Command):
    GitRepository.clone(tmp_path / "shop", tmp_path / "shallow", "--depth", "1")

    with pytest.raises(EnvironmentProblemError, match="fetch-depth: 0"):
        command("run", "pdca", "--repo", "shallow")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--window", "soon"),
        ("--window", "0h"),
        ("--as-of", "yesterday"),
        ("--as-of", "2999-01-01"),
        ("--format", "xml"),
    ],
)
def test_an_option_that_says_nothing_is_a_usage_error(command: Command, arguments: tuple[str, str]):
    assert command("run", "pdca", *arguments).exit_code == 2


@pytest.mark.usefixtures("history")
def test_a_patch_that_is_not_there_is_named_with_its_line(command: Command):
    Path("playbooks/improvements/limits.patch").unlink()

    with pytest.raises(ConfigurationError, match=r"playbooks/improvements/faster.yaml:6:\d+: `patch: limits.patch`"):
        command("run", "pdca", "--repo", "shop")


def test_with_the_rules_of_a_commit_its_patches_are_tried_whatever_the_files_hold(tmp_path: Path):
    write_project(
        tmp_path / "shop",
        {**improvement(change="{patch: limits.patch}"), "playbooks/improvements/limits.patch": PATCH},
    )
    shop = GitRepository.create(tmp_path / "shop")
    shop.git("add", ".")
    shop.git("commit", "--quiet", "--message", "rules")
    (shop.path / "playbooks/improvements/limits.patch").unlink()

    pinned = definitions_of(project_at(shop.path, shop.head), BEGIN)

    (patch,) = [one.tree for one in pinned if one.kind == PINNED_PATCH]
    assert isinstance(patch, ScalarNode)
    assert patch.value == PATCH


@pytest.mark.usefixtures("history")
def test_a_patch_that_does_not_apply_is_a_finding_and_leaves_nothing(command: Command):
    Path("playbooks/improvements/limits.patch").write_text(PATCH.replace("open: 5", "open: 9"), encoding="utf-8")

    result = command("pdca", "start", "faster", "--repo", "shop")

    assert result.exit_code == 1
    assert "the patch does not apply" in result.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("run", "pdca", "--repo", "shop", "--dry-run"),
        ("pdca", "status", "--repo", "shop"),
        ("pdca", "plan", "--repo", "shop"),
        ("pdca", "parameters"),
    ],
)
def test_looking_makes_no_store(history: History, command: Command, words: tuple[str, ...]):
    before = files(history.repository.path.parent)

    assert command(*words).exit_code == 0

    assert files(history.repository.path.parent) == before


@pytest.mark.usefixtures("history")
def test_config_show_says_which_value_of_a_parameter_is_in_force(command: Command):
    limit = "apiVersion: iact/v1\nkind: Parameters\nmetadata: {name: limits, owner: tech-lead}\n"
    Path("policies/limits.yaml").write_text(limit + "spec: {values: {open: {value: 5, means: How many.}}}\n", "utf-8")
    (change,) = improvement(change="{parameter: {name: open, to: 2}}").values()
    Path("playbooks/improvements/faster.yaml").write_text(change, "utf-8")
    assert "in force" not in command("config", "show", "limits").stdout
    command("pdca", "start", "faster", "--repo", "shop")

    assert "# in force: open: 2 (version 1, by run-" in command("config", "show", "limits").stdout

    command("pdca", "stop", "faster", "--repo", "shop")
    assert "in force" not in command("config", "show", "limits").stdout


def test_looking_at_the_past_knows_the_incidents_that_were_told(history: History, command: Command, tmp_path: Path):
    failed_at = history.now - timedelta(weeks=2)
    row = {"kind": "incident", "id": 1, "opened_at": f"{failed_at + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"}
    (tmp_path / "told.json").write_text(json.dumps(row), encoding="utf-8")
    options = ("run", "pdca", "--repo", "shop", "--as-of", as_of(history), "--format", "json")
    rates = []
    for take_in in (False, True):
        if take_in:
            command("ingest", "told.json", "--repo", "shop")
        figures = report(command(*options))["dora"]["metrics"]
        rates += [one["value"] for one in figures if one["name"] == "change_failure_rate"]

    assert Decimal(rates[0]) == 0
    assert Decimal(rates[1]) > 0
