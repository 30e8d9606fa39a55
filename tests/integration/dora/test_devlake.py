"""`--definition devlake` gives the figures that Apache DevLake's own tests expect, out of ingested events and git."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from iact.dora.cli import dora, ingest
from tests.support.devlake import change_rows, commit_id, deployment_rows, history, moment, table, write_lines
from tests.support.git import GitRepository
from tests.support.kept import write_settings

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: project1}
spec:
  extends: [iact]
"""
LEAD_TIME = "change_lead_time"
LINKS = "prev_success_deployment_commit"
WINDOW = ("--from", "2022-01-01", "--to", "2023-05-01")


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    write_settings(folder, PROJECT)
    monkeypatch.chdir(folder)


def take_in(file: Path, repository: GitRepository) -> Result:
    """Ingest a file as a user does."""
    return CliRunner().invoke(ingest, [str(file), "--repo", str(repository.path)])


def explained(repository: GitRepository, *options: str) -> Any:
    """Return `iact dora explain lead_time --definition devlake` as data."""
    chosen = ["explain", "lead_time", "--definition", "devlake", "--repo", str(repository.path), *WINDOW, *options]
    result = CliRunner().invoke(dora, [*chosen, "--format", "json"])
    assert result.exit_code == 0, result.output + repr(result.exception)
    return json.loads(result.output)


@pytest.fixture
def pull_requests(tmp_path: Path, repository: GitRepository) -> GitRepository:
    """DevLake's pull requests, their commits, comments and deployments, taken in."""
    commits = history(repository, LEAD_TIME)
    deployments = table(f"{LEAD_TIME}/cicd_deployment_commits")
    refused = take_in(write_lines(tmp_path / "deployments.jsonl", deployment_rows(deployments, commits)), repository)
    # Deployment 16 went to no environment that is known, so it cannot be told; DevLake does not count it either.
    assert refused.exit_code == 1
    assert "deployments.jsonl:16: `environment`: expected a value such as production" in refused.output
    assert take_in(write_lines(tmp_path / "changes.jsonl", change_rows(LEAD_TIME, commits)), repository).exit_code == 0
    return repository


def minutes(time: dict[str, str] | None) -> str:
    """Return a duration as DevLake writes it: whole minutes, or nothing."""
    return "" if time is None else str(int(time["value"]) // 60)


def at(text: str | None) -> str | None:
    """Return a moment of the product in the form of the tables' moments."""
    return None if text is None else moment(text)


EXPECTED = table(f"{LEAD_TIME}/project_pr_metrics")


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda row: row["id"])
def test_every_column_of_devlakes_pull_request_metrics_is_computed(
    pull_requests: GitRepository, expected: dict[str, str]
):
    found = next(one for one in explained(pull_requests)["pull_requests"] if one["id"] == expected["id"])

    stages = {stage["stage"]: minutes(stage["time"]) for stage in found["stages"]}
    assert {
        "first_commit_sha": found["first_commit"],
        "pr_coding_time": stages["coding"],
        "first_review_id": found["first_review"] or "",
        "pr_pickup_time": stages["pickup"],
        "pr_review_time": stages["review"],
        "deployment_commit_id": found["deployment"] or "",
        "pr_deploy_time": stages["deploy"],
        "pr_cycle_time": minutes(found["value"]),
        "first_commit_authored_date": at(found["first_commit_at"]),
        "first_comment_date": at(found["reviewed_at"]),
        "pr_created_date": at(found["opened_at"]),
        "pr_merged_date": at(found["merged_at"]),
        "pr_deployed_date": at(found["deployed_at"]),
    } == {
        "first_commit_sha": commit_id(expected["first_commit_sha"], {}),
        **{
            column: expected[column]
            for column in (
                *("pr_coding_time", "first_review_id", "pr_pickup_time", "pr_review_time"),
                *("deployment_commit_id", "pr_deploy_time", "pr_cycle_time"),
            )
        },
        **{
            column: moment(expected[column])
            for column in (
                *("first_commit_authored_date", "first_comment_date", "pr_created_date"),
                *("pr_merged_date", "pr_deployed_date"),
            )
        },
    }


def test_devlake_has_no_pull_request_that_the_product_lacks_and_the_other_way_round(pull_requests: GitRepository):
    """DevLake drops what is not merged; the product says so."""
    found = explained(pull_requests)["pull_requests"]

    assert {one["id"] for one in found if one["merged_at"]} == {row["id"] for row in EXPECTED}
    assert [(one["id"], one["left_out"]) for one in found if not one["merged_at"]] == [
        ("pr6", "pull requests that are not merged")
    ]


def test_the_lead_time_is_the_lower_median_of_the_deployed_pull_requests(pull_requests: GitRepository):
    """Deployed are pr1 with 4478 minutes, pr2 with 1598 and pr3 with 10203."""
    metric = explained(pull_requests)["metric"]

    assert (metric["value"], metric["n"], metric["clusters"]) == (str(4478 * 60), 3, 2)
    assert {left["reason"]: left["count"] for left in metric["left_out"]} == {
        "brought by the first known deployment of its scope, repository and environment": 1,
        "pull requests that no deployment brought": 2,
        "pull requests that are not merged": 1,
    }


def test_ingesting_in_another_order_gives_the_same_explanation(
    tmp_path: Path, pull_requests: GitRepository, monkeypatch: pytest.MonkeyPatch
):
    before = explained(pull_requests)
    other = tmp_path / "other"
    other.mkdir()
    write_settings(other, PROJECT)
    monkeypatch.chdir(other)

    for name in ("changes.jsonl", "deployments.jsonl"):
        lines = (tmp_path / name).read_text(encoding="utf-8").splitlines(keepends=True)
        (tmp_path / f"turned-{name}").write_text("".join(reversed(lines)), encoding="utf-8")
        take_in(tmp_path / f"turned-{name}", pull_requests)

    assert explained(pull_requests) == before


@pytest.fixture
def links(tmp_path: Path, repository: GitRepository) -> dict[str, dict[str, Any]]:
    """Every deployment of DevLake's second set as the product explains it, by id; what it refused is not there."""
    repository.commit("root", at="2022-01-01 00:00")
    rows = table(f"{LINKS}/cicd_deployment_commits_before")
    file = write_lines(tmp_path / "deployments.jsonl", deployment_rows(rows, {}))
    refused = take_in(file, repository)
    assert refused.output.count("deployments.jsonl:") == 1
    return {one["id"]: one for one in explained(repository)["deployments"]}


@pytest.mark.parametrize("expected", table(f"{LINKS}/cicd_deployment_commits_after"), ids=lambda row: row["id"])
def test_each_deployment_follows_the_successful_one_that_devlake_expects(
    links: dict[str, dict[str, Any]], expected: dict[str, str]
):
    found = links.get(expected["id"])

    if not expected["environment"]:
        # Refused with its line when it was told, because nobody knows where it went; so it follows nothing.
        assert found is None
        assert expected["prev_success_deployment_commit_id"] == ""
        return
    assert found is not None
    assert {
        "commit_sha": found["sha"],
        "result": found["status"],
        "started_date": at(found["started_at"]),
        "finished_date": at(found["finished_at"]),
        "cicd_scope_id": found["scope"],
        "repo_url": found["repository"],
        "environment": found["environment"],
        "prev_success_deployment_commit_id": found["previous"] or "",
    } == {
        "commit_sha": commit_id(expected["commit_sha"], {}),
        "result": expected["result"].lower(),
        "started_date": moment(expected["started_date"]),
        "finished_date": moment(expected["finished_date"]),
        "cicd_scope_id": expected["cicd_scope_id"],
        "repo_url": expected["repo_url"],
        "environment": expected["environment"],
        "prev_success_deployment_commit_id": expected["prev_success_deployment_commit_id"],
    }


def test_people_see_the_stages_and_why_pull_requests_are_left_out(pull_requests: GitRepository):
    result = CliRunner().invoke(
        dora,
        ["explain", "lead_time", "--definition", "devlake", "--repo", str(pull_requests.path), *WINDOW],
        env={"COLUMNS": "160"},
    )

    lines = result.output.splitlines()
    assert next(line.split() for line in lines if line.startswith("pull request")) == [
        *("pull", "request", "coding", "pickup", "review", "deploy", "total", "deployment")
    ]
    assert next(line.split() for line in lines if line.startswith("pr1 ")) == [
        *("pr1", "24h", "5m", "55m", "49.6h", "3.11d", "5")
    ]
    assert "left out pr4: pull requests that no deployment brought" in lines
    assert "deployment 5 (cicd1, REPO111, PRODUCTION) follows 1" in lines
    assert "deployment 11 (cicd2, REPO111, PRODUCTION) does not count: failure" in lines


def test_without_pull_requests_the_lead_time_is_unknown_and_says_what_to_do(repository: GitRepository):
    repository.commit("first", at="2022-03-01 09:00")
    repository.tag("v1.0.0")

    found = explained(repository)

    assert found["metric"]["value"] is None
    assert "iact ingest" in found["metric"]["missing"]["reason"]


def test_a_merge_that_is_told_abbreviated_finds_its_deployment(tmp_path: Path, repository: GitRepository):
    repository.commit("first", at="2022-03-01 09:00")
    repository.tag("v1.0.0")
    merged = repository.commit("work", at="2022-03-02 09:00")
    repository.tag("v1.1.0")
    told = {"kind": "change", "id": "7", "opened_at": "2022-03-01 09:00Z", "merged_at": "2022-03-02 09:00Z"}
    file = write_lines(tmp_path / "changes.jsonl", iter([told | {"sha": merged[:12]}]))
    assert take_in(file, repository).exit_code == 0

    [found] = explained(repository)["pull_requests"]

    # Nobody told of deployments, so what the tags show counts; the first release of all would bring nothing.
    assert (found["deployment"], found["left_out"], minutes(found["value"])) == ("v1.1.0", "", "1440")


def test_deployments_outside_the_window_are_not_shown_to_people(pull_requests: GitRepository):
    result = CliRunner().invoke(
        dora,
        [
            *("explain", "lead_time", "--definition", "devlake", "--repo", str(pull_requests.path)),
            *("--from", "2023-04-13", "--to", "2023-05-01"),
        ],
        env={"COLUMNS": "160"},
    )

    assert "deployment 5 (cicd1, REPO111, PRODUCTION) follows 1" in result.output
    assert "deployment 1 (" not in result.output
