"""When reverts and hot fixes say that a deployment failed, and when they do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from iact.dora.failures import Revert, failures_by_hotfix, failures_by_revert, without_doubles
from iact.dora.records import Deployment

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


def deployment(key: str, day: int, *, previous: str | None = None) -> Deployment:
    return Deployment(
        key=key,
        name=key,
        names=(key,),
        sha=key,
        deployed_at=MONDAY + timedelta(days=day),
        previous=previous,
        environment="production",
        source="git",
        changes=1,
        is_hotfix=False,
        first_known=day == 0,
    )


ONE, TWO, THREE = deployment("one", 0), deployment("two", 7), deployment("three", 9)
DEPLOYMENTS = {one.key: one for one in (ONE, TWO, THREE)}


def revert(sha: str, deployed: str | None, reverted: str, reverted_deployed: str | None) -> Revert:
    return Revert(sha=sha, deployment=deployed, reverted=reverted, reverted_deployment=reverted_deployed)


def told(*reverts: Revert) -> list[tuple[str, str | None]]:
    """Return which deployments failed, and with which they were repaired."""
    return [(failure.deployment, failure.restored_by) for failure in failures_by_revert(reverts, DEPLOYMENTS)]


def test_reverting_what_was_deployed_says_that_its_deployment_failed():
    (failure,) = failures_by_revert([revert("r", "two", "c", "one")], DEPLOYMENTS)

    assert (failure.deployment, failure.kind, failure.restored_by) == ("one", "revert", "two")
    assert (failure.started_at, failure.restored_at) == (ONE.deployed_at, TWO.deployed_at)


def test_reverting_what_was_never_deployed_is_no_failure():
    assert told(revert("r", None, "c", None), revert("s", "one", "d", None)) == []


def test_a_change_that_is_deployed_together_with_its_revert_is_no_failure():
    assert told(revert("r", "two", "c", "two")) == []


def test_a_failure_lasts_while_its_revert_waits():
    assert told(revert("r", None, "c", "one")) == [("one", None)]


def test_a_revert_that_came_to_users_before_its_change_is_no_failure():
    assert told(revert("r", "one", "c", "two")) == []


def test_reverting_a_revert_is_no_failure():
    assert told(revert("r", "two", "c", "one"), revert("s", "three", "r", "two")) == [("one", "two")]


def test_reverting_what_a_revert_of_a_revert_brought_back_is_one():
    """C was deployed, taken back, brought back, and taken back again."""
    four = DEPLOYMENTS | {"four": deployment("four", 20)}
    reverts = [revert("r", "two", "c", "one"), revert("s", "three", "r", "two"), revert("t", "four", "s", "three")]

    assert [(one.deployment, one.restored_by) for one in failures_by_revert(reverts, four)] == [
        ("one", "two"),
        ("three", "four"),
    ]


def test_a_revert_that_was_taken_back_before_users_got_it_counts_for_nothing():
    assert told(revert("r", "two", "c", "one"), revert("s", "two", "r", "two")) == []
    assert told(revert("r", None, "c", "one"), revert("s", None, "r", None)) == []


def test_a_revert_that_was_restored_before_users_got_any_of_it_counts_again():
    reverts = [revert("r", "two", "c", "one"), revert("s", "two", "r", "two"), revert("t", "two", "s", "two")]

    assert told(*reverts) == [("one", "two")]


def test_reverting_one_change_on_two_branches_is_one_failure_until_the_first():
    assert told(revert("r", "three", "c", "one"), revert("s", "two", "c", "one")) == [("one", "two")]


def test_changes_of_one_deployment_that_are_reverted_together_are_one_failure():
    assert told(revert("r", "two", "c", "one"), revert("s", "two", "d", "one")) == [("one", "two")]


def test_messages_that_name_each_other_come_to_an_end():
    circle = [revert(f"r{n}", "two", f"r{(n + 1) % 500}", "one") for n in range(500)]

    assert {failure.deployment for failure in failures_by_revert(circle, DEPLOYMENTS)} == {"one"}


def patch_grew(newer: str, older: str) -> bool:
    return (newer, older) == ("1.0.1", "1.0.0")


def test_a_hot_fix_says_that_the_deployment_before_it_failed():
    first, fix = deployment("1.0.0", 0), deployment("1.0.1", 2, previous="1.0.0")
    both = {first.key: first, fix.key: fix}

    (failure,) = failures_by_hotfix(both, timedelta(days=2), patch_grew)

    assert (failure.deployment, failure.restored_by, failure.kind) == ("1.0.0", "1.0.1", "hotfix")
    assert failures_by_hotfix(both, timedelta(hours=47), patch_grew) == []


def test_a_feature_release_and_a_fix_dated_before_its_release_are_no_hot_fixes():
    first, feature = deployment("1.0.0", 5), deployment("1.1.0", 6, previous="1.0.0")
    early = deployment("1.0.1", 4, previous="1.0.0")

    assert failures_by_hotfix({one.key: one for one in (first, feature, early)}, timedelta(30), patch_grew) == []


def test_a_hot_fix_that_ships_a_revert_is_the_same_failure():
    first, fix = deployment("1.0.0", 0), deployment("1.0.1", 1, previous="1.0.0")
    both = {first.key: first, fix.key: fix}
    reverted = failures_by_revert([revert("r", "1.0.1", "c", "1.0.0")], both)

    assert without_doubles(reverted, failures_by_hotfix(both, timedelta(7), patch_grew)) == reverted
