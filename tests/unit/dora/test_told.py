"""Of several events about one thing the latest by its own clock counts, in whatever order they arrive."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from iact.dora.told import deployments_told, incidents_told, merged_heads, pipelines_told
from iact.sources.events.model import ChangeEvent, DeploymentEvent, IncidentEvent, PipelineEvent, Status
from tests.support.events import OTHER, SHA, hours


def status(state: Status, hour: float, **fields: Any) -> DeploymentEvent:
    usual = {"source": "github", "id": "1", "environment": "production", "sha": SHA}
    return DeploymentEvent(at=hours(hour), status=state, **(usual | fields))


def incident(state: Status, hour: float, resolved: float | None = None, **fields: Any) -> IncidentEvent:
    return IncidentEvent(
        source="github",
        id="7",
        at=hours(hour),
        status=state,
        opened_at=hours(1),
        resolved_at=None if resolved is None else hours(resolved),
        **fields,
    )


PENDING, SUCCESS, INACTIVE = status(Status.PENDING, 0), status(Status.SUCCESS, 1), status(Status.INACTIVE, 5)
FAILURE = status(Status.FAILURE, 2)
OPENED, RESOLVED, AGAIN = incident(Status.OPEN, 1), incident(Status.RESOLVED, 3, 3), incident(Status.OPEN, 4)
RESOLVED_AGAIN = incident(Status.RESOLVED, 6, 6)


@pytest.mark.parametrize(
    ("events", "deployed"),
    [
        ((PENDING,), None),
        ((PENDING, SUCCESS), 1),
        ((PENDING, SUCCESS, INACTIVE), 1),
        ((PENDING, FAILURE), None),
        ((SUCCESS, FAILURE), 1),
        ((SUCCESS, status(Status.SUCCESS, 3)), 1),
        ((SUCCESS, status(Status.WITHDRAWN, 3)), None),
        ((status(Status.SUCCESS, 1, deployed_at=hours(1)), status(Status.SUCCESS, 9, deployed_at=hours(2))), 2),
    ],
)
def test_a_deployment_went_out_when_it_first_succeeded_in_any_order_and_told_twice(events, deployed):
    for order in permutations(events):
        found = [one.deployed_at for one in deployments_told(order + order)]
        assert found == ([] if deployed is None else [hours(deployed)])


@pytest.mark.parametrize(
    ("events", "resolved"),
    [
        ((OPENED,), None),
        ((OPENED, RESOLVED), 3),
        ((OPENED, RESOLVED, AGAIN), None),
        ((OPENED, RESOLVED, AGAIN, RESOLVED_AGAIN), 6),
        ((RESOLVED, incident(Status.RESOLVED, 9, 3, title="edited later")), 3),
    ],
)
def test_an_incident_ends_as_its_latest_event_says_in_any_order_and_told_twice(events, resolved):
    for order in permutations(events):
        (found,) = incidents_told(order + order)
        assert found.resolved_at == (None if resolved is None else hours(resolved))


def test_an_incident_without_its_label_never_was():
    assert incidents_told([RESOLVED, incident(Status.WITHDRAWN, 4, 3)]) == []


def test_a_deployment_that_failed_to_go_out_is_no_deployment():
    """DORA counts what fails in production; this reached nobody."""
    assert deployments_told([PENDING, FAILURE]) == []


def test_what_a_later_event_does_not_say_an_earlier_one_still_does():
    (found,) = deployments_told([SUCCESS, status(Status.INACTIVE, 5, sha=None, environment=None)])

    assert (found.sha, found.environment) == (SHA, "production")


def test_a_full_commit_says_more_than_a_later_abbreviated_one():
    (found,) = deployments_told([SUCCESS, status(Status.SUCCESS, 2, sha=SHA[:8])])

    assert found.sha == SHA


def test_the_same_id_of_two_sources_is_two_deployments():
    found = deployments_told([SUCCESS, status(Status.SUCCESS, 1, source="jenkins")])

    assert [one.key for one in found] == ["github/1", "jenkins/1"]


def run(state: Status, hour: float) -> PipelineEvent:
    return PipelineEvent(source="github", id="9", at=hours(hour), status=state, sha=SHA, finished_at=hours(hour))


def test_a_run_is_a_deployment_when_it_succeeded_in_the_end():
    (found,) = pipelines_told([run(Status.SUCCESS, 2), run(Status.FAILURE, 1)], "production")

    assert (found.key, found.deployed_at, found.environment) == ("github/run-9", hours(2), "production")
    assert pipelines_told([run(Status.SUCCESS, 1), run(Status.FAILURE, 2)], "production") == []


def test_the_last_commit_of_a_branch_stands_for_the_commit_that_merged_it():
    opened = ChangeEvent(source="github", id="42", at=hours(0), status=Status.OPEN, head=OTHER)
    merged = ChangeEvent(source="github", id="42", at=hours(1), status=Status.MERGED, head=OTHER, sha=SHA)

    assert merged_heads([merged, opened]) == {OTHER: SHA}
    assert merged_heads([opened]) == {}
