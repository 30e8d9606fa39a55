"""An incident is the fault of a deployment by revert, by name or by time, in this order, or of none."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import permutations
from typing import Any, ClassVar

import pytest

from iact.dora.attribution import Attributed, Delivered, attribute
from iact.dora.records import Deployment, Failure
from tests.support.events import deployment, hours, incident

FIRST, SECOND, THIRD = deployment("first", 0), deployment("second", 10), deployment("third", 20)
DEPLOYMENTS = (FIRST, SECOND, THIRD)
DAY = timedelta(hours=24)


def sign(failed: Deployment, repair: Deployment | None, kind: str = "revert") -> Failure:
    return Failure(
        key=f"{kind}/{failed.key}",
        kind=kind,
        deployment=failed.key,
        started_at=failed.deployed_at,
        restored_at=None if repair is None else repair.deployed_at,
        restored_by=None if repair is None else repair.key,
        evidence="",
        source="git",
    )


def attributed(
    *incidents: Any,
    signs: tuple[Failure, ...] = (),
    commits: dict[str, str] | None = None,
    services: dict[str, frozenset[str]] | None = None,
    deployments: tuple[Deployment, ...] = DEPLOYMENTS,
) -> Attributed:
    delivered = Delivered(
        deployments={one.key: one for one in deployments},
        services=services or {},
        told={("github", one.key): one.key for one in deployments},
        first=(commits or {}).get,
    )
    return attribute(incidents, signs, delivered, DAY)


def linked(found: Attributed) -> list[tuple[str, str]]:
    return [(failure.deployment, failure.confidence) for failure in found.failures if failure.kind == "incident"]


def test_time_and_service_link_to_the_last_deployment_before_with_low_confidence():
    assert linked(attributed(incident(opened=15, resolved=16))) == [("second", "low")]


def test_devlake_8150_an_incident_is_never_linked_to_an_arbitrarily_old_deployment():
    found = attributed(incident(opened=20 + 24.01, resolved=50))

    assert linked(found) == []
    (left_over,) = found.unattributed
    assert (left_over.key, left_over.opened_at) == ("incident/github/7", hours(44.01))
    assert left_over.reason == "incidents with no deployment in the 24h before them"
    assert linked(attributed(incident(opened=20 + 24, resolved=50))) == [("third", "low")]


def test_an_incident_before_every_deployment_is_nobodys_fault():
    assert linked(attributed(incident(opened=-1, resolved=1))) == []


def test_a_named_commit_counts_more_than_time_however_old():
    found = attributed(incident(opened=500, resolved=501, sha="c0ffee1"), commits={"c0ffee1": "first"})

    assert linked(found) == [("first", "medium")]


def test_a_named_deployment_counts_more_than_time():
    assert linked(attributed(incident(opened=25, resolved=26, deployment="second"))) == [("second", "medium")]


def test_a_deployment_after_the_incident_is_not_its_fault_whoever_says_so():
    found = attributed(incident(opened=5, resolved=6, sha="c0ffee1"), commits={"c0ffee1": "third"})

    assert linked(found) == [("first", "low")]


def test_a_revert_while_the_incident_was_open_counts_more_than_a_named_commit():
    found = attributed(
        incident(opened=12, resolved=21, sha="c0ffee1"), signs=(sign(FIRST, THIRD),), commits={"c0ffee1": "second"}
    )

    assert linked(found) == [("first", "high")]


def test_a_revert_after_the_incident_does_not_link_it():
    assert linked(attributed(incident(opened=12, resolved=13), signs=(sign(FIRST, THIRD),))) == [("second", "low")]


def test_a_named_fix_links_to_what_it_reverts():
    found = attributed(
        incident(opened=300, resolved=400, fixed_by="f00dfeed"),
        signs=(sign(SECOND, THIRD),),
        commits={"f00dfeed": "third"},
    )

    assert linked(found) == [("second", "high")]


def test_an_incident_of_a_service_is_not_the_fault_of_another_service():
    services = {"second": frozenset({"search"}), "first": frozenset({"checkout"})}

    assert linked(attributed(incident(opened=15, resolved=16, service="checkout"), services=services)) == [
        ("first", "low")
    ]


@pytest.mark.parametrize("kind", ["revert", "hotfix"])
def test_a_failure_that_git_shows_and_an_incident_tells_of_counts_once(kind):
    """The incident says when users were affected; the sign says what mended it."""
    (found,) = attributed(incident(opened=12, resolved=21), signs=(sign(SECOND, THIRD, kind),)).failures

    assert (found.kind, found.deployment, found.restored_by) == ("incident", "second", "third")
    assert (found.started_at, found.restored_at) == (hours(12), hours(21))


def test_a_sign_of_another_deployment_stays_a_failure():
    found = attributed(incident(opened=25, resolved=26), signs=(sign(FIRST, SECOND),))

    assert [failure.kind for failure in found.failures] == ["revert", "incident"]


def test_devlake_8890_five_incidents_of_one_deployment_are_one_failed_deployment():
    found = attributed(*(incident(str(number), opened=21 + number, resolved=30) for number in range(5)))

    assert len(found.failures) == 5
    assert {failure.deployment for failure in found.failures} == {"third"}


def test_devlake_8374_each_incident_is_linked_once_and_not_to_every_deployment():
    found = attributed(*(incident(str(number), opened=number + 0.5, resolved=100) for number in range(30)))

    assert len(found.failures) == len({failure.key for failure in found.failures}) == 30


@dataclass(frozen=True, kw_only=True)
class Watched(Deployment):
    """A deployment that counts how often somebody looks when it was."""

    looks: ClassVar[Counter[str]] = Counter()

    def __getattribute__(self, name: str) -> Any:
        if name == "deployed_at":
            Watched.looks["all"] += 1
        return super().__getattribute__(name)


@pytest.mark.parametrize("service", [None, "checkout"])
def test_devlake_8374_what_is_looked_at_grows_with_incidents_and_deployments_and_not_with_their_product(service):
    """Every second deployment is of another service, and every fifth was reverted the day after."""
    looked_at = []
    for count in (200, 2_000):
        every = [Watched(**asdict(deployment(f"{number:05}", number))) for number in range(count)]
        services = {one.key: frozenset({"search"}) for one in every[::2]}
        signs = tuple(sign(failed, repair) for failed, repair in zip(every[::5], every[24::5], strict=False))
        incidents = [incident(str(number), number + 0.5, number + 30, service=service) for number in range(count)]
        Watched.looks.clear()

        found = attributed(*incidents, signs=signs, services=services, deployments=tuple(every))

        assert len(found.failures) >= count
        looked_at.append(Watched.looks["all"])

    assert looked_at[1] < 10 * looked_at[0] * 1.5


def test_a_confidence_is_told_beside_the_evidence_and_not_in_it():
    (found,) = attributed(incident(opened=15, resolved=16, title="Checkout answers 500")).failures

    assert found.confidence == "low"
    assert found.evidence == "Checkout answers 500: seco was the last deployment before it"


def test_an_incident_that_two_ways_link_counts_once_by_the_surer():
    found = attributed(
        incident(opened=12, resolved=21, sha="c0ffee1"), signs=(sign(SECOND, THIRD),), commits={"c0ffee1": "second"}
    )

    assert linked(found) == [("second", "high")]
    assert len(found.failures) == 1
    assert found.unattributed == ()


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ({}, "incidents with no deployment in the 24h before them"),
        ({"service": "pay"}, "incidents of `pay` with no deployment of it in the 24h before them"),
        (
            {"sha": "abcdef1"},
            "incidents with no deployment in the 24h before them, whose named deployment is not known",
        ),
        (
            {"deployment": "third"},
            "incidents with no deployment in the 24h before them, whose named deployment went out only after them",
        ),
    ],
)
def test_an_incident_of_no_deployment_says_why(named, reason):
    found = attributed(incident(opened=-5, resolved=None, **named))

    assert [one.reason for one in found.unattributed] == [reason]
    assert found.failures == ()


def test_the_order_of_incidents_says_nothing():
    incidents = [incident("1", 12, 21), incident("2", 11, None), incident("3", 25, 26, sha="c0ffee1")]
    answers = {
        attributed(*order, signs=(sign(SECOND, THIRD),), commits={"c0ffee1": "second"})
        for order in permutations(incidents)
    }

    assert len(answers) == 1
