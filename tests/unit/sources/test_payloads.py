"""Each payload of GitHub and GitLab tells what it tells, and nothing that it does not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from iact.dora.told import incidents_told
from iact.sources.events.fields import EventError
from iact.sources.events.model import (
    ChangeEvent,
    DeploymentEvent,
    Event,
    IncidentEvent,
    PipelineEvent,
    Status,
)
from iact.sources.events.payloads import PAYLOADS, recognised
from tests.support.project import ROOT

FOLDER = ROOT / "tests/data/events"
SHA = "4f1c0de5a1b2c3d4e5f60718293a4b5c6d7e8f90"
HEAD = "9a8b7c6d5e4f30211203f4e5d6c7b8a990817263"
FIX = "0badc0ffee1234567890abcdef1234567890abcd"


def march(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, second, tzinfo=UTC)


AFTERNOON = datetime(2026, 2, 27, 15, tzinfo=UTC)
DEPLOYED = DeploymentEvent(
    source="github", id="3001", at=march(2, 9), status=Status.SUCCESS, environment="production", sha=SHA, name="v1.4.0"
)
INCIDENT = IncidentEvent(
    source="github",
    id="52",
    at=march(5, 16),
    status=Status.RESOLVED,
    title="Checkout answers 500",
    opened_at=march(2, 10),
    resolved_at=march(2, 11, 30),
    service="checkout",
    sha=SHA[:12],
    fixed_by=FIX,
)
TOLD: dict[str, tuple[Event, ...]] = {
    "github-deployment": (
        DeploymentEvent(
            source="github",
            id="3001",
            at=march(2, 8, 55),
            status=Status.PENDING,
            environment="production",
            sha=SHA,
            name="v1.4.0",
        ),
    ),
    "github-deployment-status": (DEPLOYED,),
    "github-deployment-status-inactive": (
        DeploymentEvent(
            source="github",
            id="3001",
            at=march(4, 9),
            status=Status.INACTIVE,
            environment="production",
            sha=SHA,
            name="v1.4.0",
        ),
    ),
    "github-pull-request": (
        ChangeEvent(
            source="github",
            id="42",
            at=march(5, 12),
            status=Status.MERGED,
            title="Round prices up",
            opened_at=AFTERNOON,
            merged_at=march(1, 10, 20),
            sha=SHA,
            head=HEAD,
            branch="main",
        ),
    ),
    "github-pull-request-review": (
        ChangeEvent(
            source="github",
            id="42",
            at=march(1, 10),
            status=Status.OPEN,
            title="Round prices up",
            opened_at=AFTERNOON,
            reviewed_at=march(1, 10),
            review="80",
            head=HEAD,
            branch="main",
        ),
    ),
    "github-workflow-run": (
        PipelineEvent(
            source="github",
            id="8001",
            at=march(2, 9, 0, 30),
            status=Status.SUCCESS,
            name="Deploy",
            sha=SHA,
            branch="main",
            started_at=march(2, 8, 50),
            finished_at=march(2, 9, 0, 30),
        ),
    ),
    "github-issues-incident": (INCIDENT,),
    "github-issues-other": (),
    "github-issues-unlabeled": (
        IncidentEvent(
            source="github",
            id="52",
            at=march(5, 16),
            status=Status.WITHDRAWN,
            title="Checkout answers 500",
            opened_at=march(2, 10),
            resolved_at=march(2, 11, 30),
            sha=SHA[:12],
            fixed_by=FIX,
        ),
    ),
    "gitlab-deployment": (
        DeploymentEvent(
            source="gitlab", id="15", at=march(2, 9), status=Status.SUCCESS, environment="production", sha=SHA
        ),
    ),
    "gitlab-merge-request": (
        ChangeEvent(
            source="gitlab",
            id="1",
            at=march(1, 10, 20),
            status=Status.MERGED,
            title="Round prices up",
            opened_at=AFTERNOON,
            merged_at=march(1, 10, 20),
            sha=SHA,
            head=HEAD,
            branch="main",
        ),
    ),
    "gitlab-pipeline": (
        PipelineEvent(
            source="gitlab",
            id="31",
            at=march(2, 9),
            status=Status.SUCCESS,
            name="Deploy production",
            sha=SHA,
            branch="main",
            started_at=march(2, 8, 50),
            finished_at=march(2, 9),
        ),
    ),
    "gitlab-incident": (
        IncidentEvent(
            source="gitlab",
            id="23",
            at=march(5, 16),
            status=Status.RESOLVED,
            title="Checkout answers 500",
            opened_at=march(2, 10),
            resolved_at=march(2, 11, 30),
            service="checkout",
        ),
    ),
}


def payload(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return loaded


def told(document: dict[str, Any]) -> tuple[Event, ...]:
    parser = recognised(document)
    assert parser is not None
    return tuple(parser.events(document))


@pytest.mark.parametrize("name", TOLD)
def test_a_payload_tells(name):
    assert told(payload(name)) == TOLD[name]


def test_every_payload_of_the_folder_is_read_here():
    assert {path.stem for path in FOLDER.glob("*.json")} == set(TOLD)


@pytest.mark.parametrize("name", TOLD)
def test_one_parser_and_no_other_recognises_a_payload(name):
    parsers = [PAYLOADS[known]() for known in PAYLOADS]

    assert len([parser for parser in parsers if parser.recognises(payload(name))]) == 1


@pytest.mark.parametrize("name", TOLD)
def test_a_payload_says_which_repository_it_is_about(name):
    parser = recognised(payload(name))

    assert parser is not None
    assert parser.repository(payload(name)) == "shop/web"


@pytest.mark.parametrize("name", TOLD)
def test_nothing_about_people_is_kept(name):
    kept = b"".join(event.content for event in told(payload(name)))

    assert not any(word in kept for word in (b"octo-dev", b"A person", b"example.invalid", b"dev@"))


def test_devlake_8302_the_moment_of_an_update_is_never_the_moment_of_finishing():
    """Somebody edits a closed incident, a merged request and a finished deployment days later."""
    (incident,), (change,), (deployment,) = (
        told(payload(name)) for name in ("github-issues-incident", "github-pull-request", "github-deployment-status")
    )

    assert isinstance(incident, IncidentEvent)
    assert isinstance(change, ChangeEvent)
    assert incident.resolved_at == march(2, 11, 30) < incident.at
    assert change.merged_at == march(1, 10, 20) < change.at
    assert deployment.at == march(2, 9)


def test_an_incident_that_is_opened_again_has_not_ended():
    document = payload("github-issues-incident")
    document["issue"] |= {"state": "open", "closed_at": None, "updated_at": "2026-03-03T08:00:00Z"}

    (incident,) = told(document)

    assert isinstance(incident, IncidentEvent)
    assert (incident.status, incident.resolved_at) == (Status.OPEN, None)


def test_an_update_of_a_merged_request_of_gitlab_does_not_say_when_it_was_merged():
    document = payload("gitlab-merge-request")
    document["object_attributes"] |= {"action": "update", "updated_at": "2026-03-09 10:00:00 UTC"}

    (change,) = told(document)

    assert isinstance(change, ChangeEvent)
    assert (change.status, change.merged_at) == (Status.MERGED, None)


@pytest.mark.parametrize(
    ("name", "broken", "reason"),
    [
        ("github-deployment", {"deployment": {"id": 1}}, "`deployment.created_at`: expected a date"),
        (
            "github-deployment-status",
            {"deployment_status": {"state": "great", "created_at": "2026-03-02T09:00:00Z"}},
            "`deployment_status.state`: expected one of success",
        ),
        ("github-issues-incident", {"issue": {"labels": [{"name": "incident"}]}}, "`issue.number`: expected an id"),
        ("gitlab-deployment", {"status": "lost"}, "`status`: expected one of success"),
        ("gitlab-deployment", {"commit_url": "", "short_sha": "main"}, "`short_sha`: expected a commit"),
        ("gitlab-pipeline", {"object_attributes": None}, "`object_attributes`: expected an object, found nothing"),
    ],
)
def test_a_payload_that_lacks_what_it_must_have_says_what(name, broken, reason):
    with pytest.raises(EventError, match=reason):
        told(payload(name) | broken)


def test_a_review_by_the_author_of_a_pull_request_is_none():
    """GitHub makes a review of each answer that the author gives in one."""
    document = payload("github-pull-request-review")
    document["review"]["user"] = document["pull_request"]["user"] = {"id": 1, "login": "octo-dev"}

    assert told(document) == ()


def test_a_review_of_which_nobody_says_who_wrote_it_counts():
    """The account is deleted."""
    document = payload("github-pull-request-review")
    document["review"]["user"] = document["pull_request"]["user"] = None

    assert len(told(document)) == 1


def test_a_run_that_is_asked_for_ended_when_its_jobs_did_or_nobody_knows_when():
    document = payload("github-workflow-run")
    del document["action"]
    document["workflow_run"]["updated_at"] = "2026-03-09T09:00:00Z"
    ends = []
    for end in ("2026-03-02T09:00:30Z", None):
        document["workflow_run"]["completed_at"] = end
        (run,) = told(document)
        assert isinstance(run, PipelineEvent)
        ends.append((run.at, run.finished_at))

    assert ends == [(march(9, 9), march(2, 9, 0, 30)), (march(9, 9), None)]


def test_an_event_of_gitlab_tells_that_a_merge_request_was_approved():
    document = {
        "id": 1,
        "project_id": 7,
        "action_name": "approved",
        "target_id": 10042,
        "target_iid": 42,
        "target_type": "MergeRequest",
        "author_id": 2,
        "target_title": "Round prices up",
        "created_at": "2026-03-01T10:00:00.000Z",
        "author_username": "octo-dev",
    }

    assert told(document) == (ChangeEvent(source="gitlab", id="42", at=march(1, 10), reviewed_at=march(1, 10)),)
    assert told(document | {"target_type": "Issue"}) == ()


@pytest.mark.parametrize("action", ["deleted", "transferred"])
def test_an_issue_that_is_no_longer_there_never_was_an_incident(action):
    """The issue says nothing new, so only being later tells the two statements apart."""
    document = payload("github-issues-incident")
    (before,), (after,) = told(document), told(document | {"action": action})

    assert isinstance(before, IncidentEvent)
    assert isinstance(after, IncidentEvent)
    assert incidents_told([after, before]) == incidents_told([before, after]) == []
    assert len(incidents_told([before])) == 1


def test_an_incident_that_gitlab_sends_as_a_work_item_is_one_and_a_task_is_none():
    document = payload("gitlab-incident") | {"object_kind": "work_item", "event_type": "work_item"}

    assert told(document) == TOLD["gitlab-incident"]
    document["object_attributes"]["type"] = "Task"
    assert told(document) == ()


def test_a_squash_that_was_fast_forwarded_was_merged_by_the_commit_of_the_squash():
    document = payload("gitlab-merge-request")
    document["object_attributes"] |= {"merge_commit_sha": None, "squash_commit_sha": FIX}

    (change,) = told(document)

    assert isinstance(change, ChangeEvent)
    assert change.sha == FIX


@pytest.mark.parametrize(
    "others",
    [
        {"deployment_status": {"state": "success", "created_at": "2026-03-02T09:00:00Z"}, "workflow_run": {"id": 8001}},
        {"workflow_run": {"id": 8001}},
        {"workflow_job": {"id": 1}},
    ],
    ids=["deployment_status", "deployment", "workflow_job"],
)
def test_what_github_sends_along_with_a_deployment_makes_nothing_else_of_it(others):
    assert {event.kind for event in told(payload("github-deployment") | others)} == {"deployment"}
