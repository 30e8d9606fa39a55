"""`iact ingest` as a user runs it: files in, figures out, on real git repositories and a real store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import event

from iact.core.errors import ConfigurationError
from iact.dora.cli import dora, ingest
from iact.dora.collect import collect
from iact.dora.ingest import ingest as ingest_rows
from iact.sources.events.files import understand
from iact.sources.git.rules import GitRules
from iact.stores.connect import writing
from tests.support.git import GitRepository
from tests.support.histories import MONDAY
from tests.support.kept import open_passing, write_settings
from tests.support.project import ROOT

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: product}
spec:
  extends: [iact]
  sources:
    git: {failures: {reverts: true}}
"""
PAYLOADS = ROOT / "tests/data/events"
COLUMNS = ("kind", "id", "environment", "deployed_at", "status", "sha", "opened_at", "resolved_at", "service")
DEPLOYED = {"kind": "deployment", "environment": "production", "deployed_at": "2026-03-02 09:00Z"}
MARCH = ("--from", "2026-03-01", "--to", "2026-04-01")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that extends the shipped rules, and the current folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    configure(folder)
    monkeypatch.chdir(folder)
    return folder


def configure(folder: Path, *events: str) -> None:
    """Write the project's settings, with these lines below `sources.events`."""
    more = "".join(f"      {line}\n" for line in events)
    write_settings(folder, PROJECT + (f"    events:\n{more}" if events else ""))


def take_in(repository: GitRepository, content: str, *options: str, status: int = 0) -> Any:
    """Run `iact ingest` on a file with this content, and return what it says."""
    path = Path("events")
    path.write_text(content, encoding="utf-8")
    arguments = [str(path), "--repo", str(repository.path), "--format", "json", *options]
    result = CliRunner().invoke(ingest, arguments)
    assert result.exit_code == status, result.output + repr(result.exception)
    return json.loads(result.stdout)


def table(*rows: dict[str, str]) -> str:
    return "\n".join([",".join(COLUMNS), *(",".join(row.get(name, "") for name in COLUMNS) for row in rows)]) + "\n"


def deployed(id_: str, at: str, sha: str = "", status: str = "success") -> dict[str, str]:
    return {
        "kind": "deployment",
        "id": id_,
        "environment": "production",
        "deployed_at": f"2026-03-{at}Z",
        "sha": sha,
        "status": status,
    }


def incident(id_: str, opened: str, resolved: str = "", sha: str = "") -> dict[str, str]:
    ended = f"2026-03-{resolved}Z" if resolved else ""
    return {"kind": "incident", "id": id_, "opened_at": f"2026-03-{opened}Z", "resolved_at": ended, "sha": sha}


def report(repository: GitRepository, *options: str) -> Any:
    result = CliRunner().invoke(dora, ["report", "--repo", str(repository.path), "--format", "json", *MARCH, *options])
    assert result.exit_code == 0, result.output + repr(result.exception)
    return json.loads(result.output)


def value(found: Any, name: str) -> str:
    (figure,) = (metric for metric in found["metrics"] if metric["name"] == name)
    shown: str = figure["shown"]
    return shown


def deployments(found: Any) -> list[tuple[str, int]]:
    return [(one["name"], one["changes"]) for one in found["deployments"]]


@pytest.fixture
def story(repository: GitRepository) -> GitRepository:
    """Four commits, of which the first and the third have tags."""
    repository.commit("first", at="2026-03-01 09:00")
    repository.tag("v1.0.0")
    repository.commit("second", at="2026-03-02 09:00")
    repository.commit("third", at="2026-03-03 09:00")
    repository.tag("v1.1.0")
    repository.commit("fourth", at="2026-03-04 09:00")
    return repository


def shas(repository: GitRepository) -> list[str]:
    return repository.git("rev-list", "--reverse", "main").split()


pytestmark = pytest.mark.usefixtures("project")


def test_deployments_that_are_told_bring_the_changes_of_their_commits(story):
    _, second, _, fourth = shas(story)
    take_in(story, table(deployed("1", "02 21:00", second), deployed("2", "06 09:00", fourth[:10])))

    found = report(story)

    assert deployments(found) == [("v1.0.0", 1), (second[:12], 1), (fourth[:12], 2)]
    assert value(found, "lead_time") == "48h"
    assert found["repository"]["notes"] == [
        "1 tags or merges were never deployed, as events tell of that time: `v1.1.0`."
    ]


def test_events_are_added_to_tags_or_left_out_where_the_project_says_so(story, project):
    _, second, _, fourth = shas(story)
    take_in(story, table(deployed("1", "02 21:00", second), deployed("2", "06 09:00", fourth)))

    configure(project, "deployments: add")
    assert deployments(report(story)) == [("v1.0.0", 1), (second[:12], 1), ("v1.1.0", 1), (fourth[:12], 1)]
    configure(project, "deployments: ignore")
    assert deployments(report(story)) == [("v1.0.0", 1), ("v1.1.0", 2)]


def test_a_tag_and_its_deployment_are_one_deployment_at_the_moment_of_the_event(story):
    take_in(story, table(deployed("1", "03 12:00", shas(story)[2])))

    found = report(story)

    assert deployments(found) == [("v1.0.0", 1), ("v1.1.0", 2)]
    assert [one["deployed_at"] for one in found["deployments"]][1] == "2026-03-03T12:00:00.000000Z"


def test_merges_that_are_deployments_are_joined_by_events_as_tags_are(repository, project):
    repository.commit("first", at="2026-03-01 09:00")
    for number in (2, 3, 4):
        repository.branch(f"work-{number}")
        repository.commit("work", at=f"2026-03-0{number} 08:00")
        repository.switch("main")
        repository.merge(f"work-{number}", at=f"2026-03-0{number} 09:00")
    merged = repository.git("rev-list", "--first-parent", "--reverse", "main").split()[1:]
    write_settings(project, PROJECT.replace("{failures: {reverts: true}}", "{merges_to: main}"))
    alone = report(repository)

    take_in(repository, table(deployed("1", "03 10:00", merged[1])))
    found = report(repository)

    assert deployments(found) == deployments(alone) == [(merged[0][:12], 3), (merged[1][:12], 2), (merged[2][:12], 2)]
    assert found["deployments"][1]["deployed_at"] == "2026-03-03T10:00:00.000000Z"


def test_a_deployment_that_failed_to_go_out_counts_for_nothing(story):
    before = report(story)
    take_in(story, table(deployed("1", "02 21:00", shas(story)[1], status="failure")))

    assert report(story)["metrics"] == before["metrics"]


def test_a_deployment_of_an_unknown_commit_counts_and_has_no_lead_time(story):
    take_in(story, table(deployed("1", "09 09:00", "f" * 40)))

    found = report(story)

    assert deployments(found) == [("v1.0.0", 1), ("v1.1.0", 2), ("f" * 12, 0)]
    assert (
        "1 deployments name no commit of the history; they count, but have no lead time."
        in found["repository"]["notes"]
    )


def test_the_first_deployment_of_the_history_has_no_lead_time_though_an_unknown_one_came_before(repository):
    """It reaches back without limit, whatever happened before in another history."""
    repository.commit("old", at="2020-01-01")
    repository.commit("new", at="2026-03-02 09:00")
    take_in(repository, table(deployed("1", "01 09:00", "f" * 40), deployed("2", "02 10:00", repository.head)))

    found = report(repository)

    assert deployments(found) == [("f" * 12, 0), (repository.head[:12], 2)]
    assert value(found, "lead_time") == "unknown"


def test_an_incident_makes_a_deployment_fail_and_takes_its_time(story):
    take_in(story, table(incident("7", "03 10:00", "03 12:30")))

    found = report(story)

    assert (value(found, "change_failure_rate"), value(found, "time_to_restore")) == ("50%", "2.5h")
    assert [one["failed"] for one in found["deployments"]] == [False, True]


def test_an_incident_source_without_incidents_in_the_window_makes_failures_known(repository, project):
    write_settings(project, PROJECT.replace("{failures: {reverts: true}}", "{}"))
    repository.commit(at="2026-03-01 09:00")
    repository.tag("v1.0.0")
    assert value(report(repository), "change_failure_rate") == "unknown"

    take_in(repository, '{"kind": "incident", "id": 1, "opened_at": "2020-01-01", "resolved_at": "2020-01-02"}')

    assert value(report(repository), "change_failure_rate") == "0%"


def test_a_project_that_says_every_incident_is_told_of_has_failures_known_before_the_first(repository, project):
    repository.commit(at="2026-03-01 09:00")
    repository.tag("v1.0.0")
    settings = PROJECT.replace("{failures: {reverts: true}}", "{}") + "    events: {incidents: {}}\n"
    write_settings(project, settings)

    assert value(report(repository), "change_failure_rate") == "0%"


def test_devlake_8890_the_change_failure_rate_counts_deployments_and_not_incidents(story):
    """Six incidents of one of two deployments are 50 %, not 300 %."""
    take_in(story, table(*(incident(str(number), f"03 1{number}:00", "03 20:00") for number in range(6))))

    assert value(report(story), "change_failure_rate") == "50%"


def test_fourkeys_456_an_incident_that_names_the_last_commit_of_a_squashed_branch_finds_its_deployment(story):
    head = "c0ffee" * 6 + "c0ff"
    squashed = {"kind": "change", "id": "42", "opened_at": "2026-03-01", "merged_at": "2026-03-02 09:00Z", "head": head}
    rows = [squashed | {"sha": shas(story)[1]}, incident("7", "30 10:00", "30 11:00", sha=head[:9])]
    take_in(story, "\n".join(json.dumps({key: cell for key, cell in row.items() if cell}) for row in rows))

    assert [one["failed"] for one in report(story)["deployments"]] == [False, True]


def test_a_revert_and_its_incident_are_one_failure(repository):
    repository.commit("first", at="2026-03-01 09:00")
    repository.tag("v1.0.0")
    broken = repository.commit("broken", at="2026-03-02 09:00")
    repository.tag("v1.1.0")
    repository.revert(broken, at="2026-03-02 12:00")
    repository.tag("v1.1.1")
    take_in(repository, table(incident("7", "02 11:00", "02 12:30")))

    found = report(repository)

    assert value(found, "time_to_restore") == "90m"
    (restored,) = (metric for metric in found["metrics"] if metric["name"] == "time_to_restore")
    assert restored["n"] == 1
    assert [one["rework"] for one in found["deployments"]] == [False, False, True]


def explain(repository: GitRepository, name: str, *options: str, form: str = "json") -> Any:
    """Return what `iact dora explain` prints, as data or as text."""
    command = ["explain", name, "--repo", str(repository.path), "--format", form, *MARCH, *options]
    result = CliRunner().invoke(dora, command)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return json.loads(result.output) if form == "json" else result.output


def test_an_explanation_says_what_tells_of_each_failure_and_how_sure_that_is(repository):
    repository.commit("first", at="2026-03-01 09:00")
    repository.tag("v1.0.0")
    broken = repository.commit("broken", at="2026-03-02 09:00")
    repository.tag("v1.1.0")
    repository.revert(broken, at="2026-03-02 12:00")
    repository.tag("v1.1.1")
    named = repository.commit("slow", at="2026-03-10 12:00")
    repository.tag("v1.2.0")
    rows = [
        incident("1", "02 11:00", "02 12:30"),
        incident("2", "02 13:00", "02 13:30"),
        incident("3", "20 13:00", "20 13:30", sha=named),
    ]
    take_in(repository, table(*rows))

    found = explain(repository, "change_failure_rate")

    assert [
        (row["deployment"], [(one["id"], one["confidence"]) for one in row["failures"]]) for row in found["rows"]
    ] == [
        ("v1.1.0", [("incident/file/1", "high")]),
        ("v1.1.1", [("incident/file/2", "low")]),
        ("v1.2.0", [("incident/file/3", "medium")]),
        ("v1.0.0", []),
    ]
    (failed,) = found["rows"][0]["failures"]
    assert failed["evidence"] == "what v1.1.0 brought was reverted while it lasted"
    assert (failed["started_at"], failed["restored_at"]) == (
        "2026-03-02T11:00:00.000000Z",
        "2026-03-02T12:30:00.000000Z",
    )
    shown = " ".join(explain(repository, "change_failure_rate", form="text").split())
    assert "What failed: 1 with high confidence, 1 with medium confidence, 1 with low confidence" in shown


def test_each_restored_failure_says_how_sure_its_deployment_is(story):
    take_in(story, table(incident("7", "03 10:00", "03 12:30")))

    (row,) = explain(story, "time_to_restore")["rows"]

    assert (row["id"], [one["confidence"] for one in row["failures"]]) == ("incident/file/7", ["low"])


def test_devlake_8150_incidents_without_a_recent_deployment_are_left_out_with_the_reason(story):
    rows = [
        incident("1", "03 10:00", "03 12:30"),
        incident("2", "20 10:00", "20 12:30"),
        incident("3", "21 10:00") | {"service": "checkout"},
        incident("4", "22 10:00", sha="f" * 40),
        incident("5", "02 10:00", sha=shas(story)[2]),
    ]
    take_in(story, table(*rows))

    (rate,) = (metric for metric in report(story)["metrics"] if metric["name"] == "change_failure_rate")

    assert (rate["shown"], rate["n"]) == ("50%", 2)
    assert rate["left_out"] == [
        {"reason": "incidents of `checkout` with no deployment of it in the 24h before them", "count": 1},
        {"reason": "incidents with no deployment in the 24h before them", "count": 1},
        {
            "reason": "incidents with no deployment in the 24h before them, whose named deployment is not known",
            "count": 1,
        },
        {
            "reason": "incidents with no deployment in the 24h before them, whose named deployment went out only after "
            "them",
            "count": 1,
        },
    ]
    assert [row["id"] for row in explain(story, "change_failure_rate")["left_out"]] == [
        "incident/file/3",
        "incident/file/2",
        "incident/file/4",
        "incident/file/5",
    ]
    assert "left out incident/file/2 of 2026-03-20 10:00Z" in explain(story, "change_failure_rate", form="text")


def test_incidents_outside_the_window_are_not_among_those_left_out(story):
    take_in(story, table(incident("1", "03 10:00", "03 12:30"), incident("2", "20 10:00")))

    result = explain(story, "change_failure_rate", "--to", "2026-03-20 10:00Z")

    assert result["left_out"] == []


def test_a_longer_limit_links_what_was_nobodys_fault(story, project):
    take_in(story, table(incident("2", "05 10:00", "05 12:30")))
    assert value(report(story), "change_failure_rate") == "0%"

    configure(project, "incidents: {within: 3d}")

    found = explain(story, "change_failure_rate")
    assert (found["metric"]["shown"], found["left_out"]) == ("50%", [])


def test_a_file_that_is_taken_in_twice_changes_nothing(story):
    rows = table(deployed("1", "03 12:00", shas(story)[2]), incident("7", "03 13:00"))
    first = take_in(story, rows)
    figures = report(story)

    again = take_in(story, rows)

    assert (first["events"]["deployment"], again["events"]["deployment"]) == (
        {"new": 1, "changed": 0, "same": 0},
        {"new": 0, "changed": 0, "same": 1},
    )
    assert report(story) == figures


def test_a_later_status_changes_what_is_known_and_an_earlier_one_that_comes_late_does_not(story):
    take_in(story, table(incident("7", "03 13:00", "03 15:00")))

    late = take_in(story, table(incident("7", "03 13:00")))

    assert late["events"]["incident"] == {"new": 0, "changed": 1, "same": 0}
    assert value(report(story), "time_to_restore") == "2h"


def test_bad_rows_are_told_with_their_lines_and_good_ones_are_kept(story):
    rows = table(deployed("1", "03 12:00", shas(story)[2]), deployed("2", "32 12:00"), deployed("3", "09 12:00"))

    done = take_in(story, rows, status=1)

    assert [one["line"] for one in done["rejected"]] == [3]
    assert "`deployed_at`: expected a date" in done["rejected"][0]["reason"]
    assert done["events"]["deployment"]["new"] == 2


def test_strict_keeps_everything_out_when_one_row_is_bad(story):
    rows = table(deployed("1", "03 12:00", shas(story)[2]), deployed("2", "32 12:00"))

    done = take_in(story, rows, "--strict", status=1)

    assert (done["events"]["deployment"]["new"], len(done["rejected"])) == (0, 1)
    assert take_in(story, table(deployed("1", "03 12:00")))["events"]["deployment"]["new"] == 1


def test_people_are_told_of_rejected_rows_as_of_any_mistake(story):
    Path("events").write_text(table(deployed("1", "03 12:00"), deployed("2", "32 12:00")), "utf-8")

    result = CliRunner().invoke(ingest, ["events", "--repo", str(story.path)])

    assert result.exit_code == 1
    assert "events:3: `deployed_at`: expected a date" in result.stderr
    assert result.stdout.splitlines() == [
        "deployments        1 new        0 changed        0 same",
        "Rejected: 1. Everything else was taken in.",
    ]


def test_the_payloads_of_github_and_gitlab_are_taken_in_as_they_were_sent(story):
    lines = [json.dumps(json.loads(path.read_text("utf-8"))) for path in sorted(PAYLOADS.glob("*.json"))]

    done = take_in(story, "\n".join(lines))

    assert {kind: (told["new"], told["changed"]) for kind, told in done["events"].items()} == {
        "deployment": (2, 2),
        "incident": (2, 1),
        "change": (2, 1),
        "pipeline": (2, 0),
    }
    assert (done["ignored"], done["rejected"]) == (1, [])


def test_a_pipeline_is_a_deployment_where_the_project_says_so(story, project):
    run = json.loads((PAYLOADS / "github-workflow-run.json").read_text("utf-8"))
    run["workflow_run"]["head_sha"] = shas(story)[1]
    take_in(story, json.dumps(run))
    assert deployments(report(story)) == [("v1.0.0", 1), ("v1.1.0", 2)]

    configure(project, "pipelines: Deploy*")

    assert deployments(report(story)) == [("v1.0.0", 1), (shas(story)[1][:12], 1), ("v1.1.0", 1)]


def test_payloads_of_several_repositories_are_refused_until_one_is_chosen(story):
    payload = json.loads((PAYLOADS / "github-deployment-status.json").read_text("utf-8"))
    other = payload | {"repository": {"full_name": "shop/app"}}
    lines = "\n".join(map(json.dumps, (payload, other)))
    Path("events").write_text(lines, "utf-8")

    refused = CliRunner().invoke(ingest, ["events", "--repo", str(story.path)])

    assert isinstance(refused.exception, ConfigurationError)
    assert "events:2: expected events of one repository, found `shop/app` after `shop/web`" in str(refused.exception)
    done = take_in(story, lines, "--only", "shop/app")
    assert (done["events"]["deployment"]["new"], done["ignored"]) == (1, 1)


def test_events_of_one_repository_say_nothing_about_another(story, tmp_path):
    other = GitRepository.create(tmp_path / "other")
    other.commit("another first", at="2026-03-01 10:00")
    other.tag("v1.0.0")
    figures = report(other)

    take_in(story, table(deployed("1", "02 21:00", shas(story)[1]), incident("7", "01 11:00", "03 12:30")))

    assert report(other) == figures


def test_devlake_8714_the_number_of_queries_grows_by_portions_and_not_by_rows(story):
    statements = []
    engine = open_passing()
    event.listen(engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    counts = []
    for number in (10, 400):
        rows = [understand(DEPLOYED | {"id": row, "source": f"of-{number}"}, row) for row in range(number)]
        statements.clear()
        with writing(engine) as connection:
            ingest_rows(connection, "p", "r", rows)
            collect(connection, "p", "r", story.path, GitRules(), MONDAY)
        counts.append(len(statements))
    engine.dispose()

    assert counts[1] <= counts[0] + 5


def test_a_date_without_a_time_is_meant_in_the_zone_of_the_project(story, project):
    """On 29 March 2026 the clocks of Berlin were put forward, so that the day had 23 hours."""
    write_settings(project, PROJECT.replace("spec:\n", "spec:\n  time_zone: Europe/Berlin\n"))

    window = report(story, "--from", "2026-03-29", "--to", "2026-03-30")["window"]

    assert (window["from"], window["to"]) == ("2026-03-28T23:00:00.000000Z", "2026-03-29T22:00:00.000000Z")
    assert window["length"]["shown"] == "23h"
    assert report(story, "--from", "2026-03-29 00:00Z")["window"]["from"] == "2026-03-29T00:00:00.000000Z"


def test_the_first_deployment_of_an_unknown_commit_is_where_the_known_history_begins(repository):
    """Nine deployments in thirty days are 2.1 a week, however long the window that was asked for."""
    repository.commit("first", at="2026-01-01")
    take_in(repository, table(*(deployed(str(day), f"{3 * day + 1:02} 00:00") for day in range(9))))

    found = report(repository, "--from", "2025-03-31", "--to", "2026-03-31")

    assert value(found, "deployment_frequency") == "2.1/week"


def test_a_row_that_tells_of_the_future_is_rejected_and_hides_no_tag(story):
    """Told deployments replace the tags from the first to the last of them: a slip of the year would hide them all."""
    before = report(story)
    rows = table(deployed("1", "02 21:00", shas(story)[1]), incident("7", "03 10:00", "03 12:30"))
    late = (
        rows + rows.splitlines()[1].replace("deployment,1", "deployment,2").replace("2026-03-02", "2099-03-02") + "\n"
    )

    done = take_in(story, late, status=1)

    assert done["rejected"] == [
        {"line": 4, "reason": "`deployed_at`: expected a moment that has come, found 2099-03-02 21:00Z."}
    ]
    assert (done["events"]["deployment"]["new"], done["events"]["incident"]["new"]) == (1, 1)
    assert [one["name"] for one in report(story)["deployments"]][-1] == before["deployments"][-1]["name"]
