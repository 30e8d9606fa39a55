"""What git shows and what events tell are put together without counting anything twice."""

from __future__ import annotations

from datetime import datetime

import pytest

from iact.dora.deploying import Deploying, combine
from iact.sources.events.rules import EventRules, Use
from tests.support.events import OTHER, SHA, hours, release, told

WEEK = 7 * 24


def combined(releases, deployments, *, use: Use = Use.REPLACE, known: tuple[str, ...] = (SHA, OTHER)) -> Deploying:
    commits = {one.sha: one.sha for one in deployments if one.sha in known}
    return combine(releases, deployments, commits, use)


def moments(found: Deploying) -> list[datetime]:
    return sorted([*(one.deployed_at for one in found.releases), *(one.deployed_at for one in found.repeated)])


def test_without_events_git_alone_speaks():
    releases = (release(), release(OTHER, 5, "v1.1.0"))

    assert combined(releases, ()) == Deploying(releases=releases, services={SHA: frozenset(), OTHER: frozenset()})


@pytest.mark.parametrize("use", [Use.REPLACE, Use.ADD])
@pytest.mark.parametrize("tagged", [-WEEK, -1, 0, 3, WEEK])
def test_a_tag_and_the_event_of_its_deployment_are_one_deployment(use, tagged):
    found = combined((release(hour=tagged),), (told(hour=0, name="4711"),), use=use)

    (one,) = found.releases
    assert (one.name, one.names, one.deployed_at, one.source) == ("v1.0.0", ("v1.0.0", "4711"), hours(0), "github")
    assert found.repeated == ()


def test_a_tag_of_long_before_is_a_deployment_of_its_own():
    found = combined((release(hour=-WEEK - 1),), (told(hour=0),))

    assert [(one.source, one.deployed_at) for one in found.releases] == [("git", hours(-WEEK - 1))]
    assert [(one.key, one.deployed_at) for one in found.repeated] == [("github/1", hours(0))]


def test_two_tools_that_tell_of_one_deployment_are_one_deployment():
    found = combined((), (told(hour=0), told("x", 0.1, source="jenkins")))

    assert moments(found) == [hours(0)]
    assert found.keys == {("github", "1"): SHA, ("jenkins", "x"): SHA}


def test_going_back_to_a_commit_is_a_second_deployment_that_brings_nothing():
    found = combined((), (told("1", 0), told("2", 1, sha=OTHER), told("3", 2)))

    assert [(one.sha, one.deployed_at) for one in found.releases] == [(SHA, hours(0)), (OTHER, hours(1))]
    assert [(one.key, one.sha, one.deployed_at) for one in found.repeated] == [("github/3", SHA, hours(2))]


def test_in_the_time_that_events_tell_of_a_tag_is_no_deployment():
    tags = (release("c" * 40, -9, "v0.9"), release("d" * 40, 1, "v1.1"), release("e" * 40, 9, "v1.2"))

    found = combined(tags, (told("1", 0), told("2", 5, sha=OTHER)))

    assert moments(found) == [hours(-9), hours(0), hours(5), hours(9)]
    assert found.notes == ("1 tags or merges were never deployed, as events tell of that time: `v1.1`.",)


def test_added_events_leave_every_tag_a_deployment():
    tags = (release("d" * 40, 1, "v1.1"),)

    assert moments(combined(tags, (told("1", 0), told("2", 5, sha=OTHER)), use=Use.ADD)) == [
        hours(0),
        hours(1),
        hours(5),
    ]


@pytest.mark.parametrize("sha", [None, "c" * 40])
def test_a_deployment_of_an_unknown_commit_counts_and_brings_nothing(sha):
    found = combined((), (told(sha=sha),))

    assert found.releases == ()
    assert [(one.key, one.sha) for one in found.repeated] == [("github/1", sha or "")]
    assert found.notes == ("1 deployments name no commit of the history; they count, but have no lead time.",)


def test_deployments_without_a_commit_are_never_taken_for_one_another():
    assert len(combined((), (told("1", sha=None), told("2", sha=None, source="jenkins"))).repeated) == 2


def test_the_order_of_events_says_nothing():
    deployments = [told("1", 0), told("2", 1, sha=OTHER), told("x", 0.5, source="jenkins"), told("3", 2)]
    tags = (release(), release("d" * 40, 1, "v1.1"))

    assert combined(tags, deployments) == combined(tags, deployments[::-1])


@pytest.mark.parametrize(
    ("environments", "environment", "counts"),
    [
        ((), "production", True),
        ((), "Production", True),
        ((), "staging", False),
        ((), None, False),
        (("prod-*",), "prod-eu", True),
        (("prod-*",), "production", False),
    ],
)
def test_only_deployments_to_the_environment_count(environments, environment, counts):
    assert EventRules(environments=environments).is_deployed_to(environment, "production") is counts
