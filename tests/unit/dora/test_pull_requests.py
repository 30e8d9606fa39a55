"""Pull requests out of what was told, and the chains of deployments that bring them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from iact.core.problems import Problems
from iact.core.quantities import parse
from iact.core.scope import Scope
from iact.core.shape import build
from iact.core.tree import from_plain
from iact.dora.figures import DefinitionReference, Window, seconds
from iact.dora.model import Metric
from iact.dora.pull_requests import (
    FIRST_OF_CHAIN,
    UNDEPLOYED,
    UNMERGED,
    by_commit,
    delivered,
    deployment_steps,
    pull_requests_told,
)
from iact.dora.records import PullRequest
from iact.dora.rules import History, NamedMetric, measured
from iact.dora.spans import rounded_up
from iact.sources.events.model import ChangeEvent, DeploymentEvent, Status
from tests.support.events import SHA, deployment, hours

CYCLE: dict[str, Any] = {
    "question": "How long?",
    "each": "pull_request",
    "from": "opened",
    "to": "deployed",
    "show": "median",
    "unit": "hours",
    "better": "lower",
    "sources": ["deployments", "pull_requests"],
}


def went_out(id_: str, hour: float, **fields: Any) -> DeploymentEvent:
    """Return the event of a deployment."""
    usual: dict[str, Any] = {"source": "ci", "status": Status.SUCCESS, "environment": "production", "sha": SHA}
    return DeploymentEvent(id=id_, at=hours(hour), deployed_at=hours(hour), **(usual | fields))


def change(**fields: Any) -> ChangeEvent:
    """Return an event of pull request 1, which was opened at hour 0 and merged at hour 10."""
    usual: dict[str, Any] = {"opened_at": hours(0), "merged_at": hours(10), "sha": SHA, "status": Status.MERGED}
    return ChangeEvent(source="github", id="1", at=hours(10), **(usual | fields))


def request(**fields: Any) -> PullRequest:
    """Return pull request 1."""
    [found] = pull_requests_told([change()])
    return replace(found, **fields)


def previous(*events: DeploymentEvent) -> dict[str, str | None]:
    """Return which deployment each follows, by key."""
    return {step.key: step.previous for step in deployment_steps(events)}


def metric(written: dict[str, Any]) -> Metric:
    """Read a metric that is well formed."""
    problems = Problems()
    built = build(Metric, from_plain(written), problems)
    assert built is not None, list(map(str, problems))
    return built


def test_the_first_commit_and_review_are_the_earliest_whichever_was_told_first():
    [found] = pull_requests_told(
        [
            change(commit="b" * 40, authored_at=hours(-2)),
            change(commit="a" * 40, authored_at=hours(-5)),
            change(review="9", reviewed_at=hours(4)),
            change(review="7", reviewed_at=hours(3)),
        ]
    )

    assert (found.first_commit, found.first_commit_at) == ("a" * 40, hours(-5))
    assert (found.first_review, found.reviewed_at) == ("7", hours(3))


def test_a_withdrawn_pull_request_never_was():
    later = replace(change(), at=hours(99), status=Status.WITHDRAWN)

    assert pull_requests_told([change(), later]) == ()


@pytest.mark.parametrize("other", [{"scope": "b"}, {"repository": "b"}, {"environment": "staging"}])
def test_a_deployment_follows_only_one_of_its_own_scope_repository_and_environment(other: dict[str, str]):
    own = {"scope": "a", "repository": "a"}
    events = [went_out("1", 1, **own), went_out("2", 2, **(own | other)), went_out("3", 3, **own)]

    assert previous(*events) == {"ci/1": None, "ci/2": None, "ci/3": "ci/1"}


def test_what_failed_is_skipped_and_follows_nothing():
    events = [went_out("1", 1), went_out("2", 2, status=Status.FAILURE), went_out("3", 3)]

    assert previous(*events) == {"ci/1": None, "ci/2": None, "ci/3": "ci/1"}


def test_deployments_follow_each_other_by_when_they_were_finished_and_not_by_when_they_began():
    events = [went_out("1", 9, started_at=hours(1)), went_out("2", 8, started_at=hours(2))]

    assert previous(*events) == {"ci/1": "ci/2", "ci/2": None}


def test_devlake_8302_a_later_update_does_not_move_the_moment_of_finishing():
    """DevLake #8302: the moment of finishing was taken from the moment of the last update."""
    events = [went_out("1", 1), replace(went_out("1", 1), at=hours(50), status=Status.INACTIVE, deployed_at=None)]

    [step] = deployment_steps(events)

    assert step.finished_at == hours(1)


def test_the_first_deployment_of_a_chain_brings_no_pull_request():
    steps = deployment_steps([went_out("1", 12)])

    found = delivered(request(), deployment(hour=12), by_commit(steps, [SHA]))

    assert (found.deployment, found.not_deployed) == (None, FIRST_OF_CHAIN)


def test_a_pull_request_is_brought_by_the_first_deployment_that_contains_its_merge():
    steps = deployment_steps([went_out("1", 2, sha="c" * 40), went_out("2", 12, sha=SHA[:12])])

    found = delivered(request(), deployment(hour=12), by_commit(steps, [SHA]))

    assert (found.deployment, found.deployment_id, found.deployed_at) == (SHA, "2", hours(12))


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (delivered(request(), None, {}), UNDEPLOYED),
        (delivered(request(merged_at=None), deployment(hour=12), {}), UNMERGED),
    ],
)
def test_a_pull_request_without_a_deployment_says_why(found: PullRequest, reason: str):
    assert (found.deployment, found.deployed_at, found.not_deployed) == (None, None, reason)


def test_moving_a_window_moves_only_the_pull_requests_at_its_edges():
    deployed = [
        request(key=f"github/{hour}", deployment=SHA, deployed_at=hours(hour), not_deployed="") for hour in (1, 24, 47)
    ]
    history = History(
        known_from=hours(-100),
        deployments=(deployment(hour=1),),
        changes=(),
        failures=(),
        failure_sources=(),
        pull_requests=tuple(deployed),
    )
    named = NamedMetric(reference=DefinitionReference(name="cycle", version="", digest=""), metric=metric(CYCLE))

    def ids(start: float, end: float) -> list[str]:
        return [row.id for row in measured(named, history, Window(hours(start), hours(end))).samples]

    assert ids(0, 47) == ["github/1", "github/24"]
    assert ids(1, 48) == ["github/1", "github/24", "github/47"]
    assert ids(2, 48) == ["github/24", "github/47"]


@pytest.mark.parametrize(
    ("span", "expected"), [("0s", "0s"), ("1s", "1m"), ("60s", "1m"), ("61s", "2m"), ("1ms", "1m")]
)
def test_durations_are_rounded_up_to_whole_minutes_where_a_definition_says_so(span: str, expected: str):
    found = rounded_up(seconds(parse(span).timedelta), parse("1m"))

    assert found == seconds(parse(expected).timedelta)
    assert rounded_up(seconds(timedelta(seconds=61)), None) == seconds(timedelta(seconds=61))


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"sum_of": [{"stage": "all", "from": "opened", "to": "merged"}]}, "`sum_of` stands instead of"),
        ({"round_up_to": "0s"}, "`round_up_to` is no time at all"),
        ({"sources": ["deployments"]}, "`sources` leaves out pull_requests"),
        ({"from": "committed"}, "`each: pull_request` does not go from committed to deployed"),
        ({"from": "deployed", "to": "opened"}, "opened does not come after deployed"),
    ],
)
def test_a_metric_of_pull_requests_that_makes_no_sense_is_refused(written: dict[str, Any], message: str):
    assert any(message in problem.message for problem in metric(CYCLE | written).check(Scope()))
