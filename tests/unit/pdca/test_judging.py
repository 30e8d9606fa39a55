"""A verdict waits until enough is known, and credits nothing that was not practised or that harmed something else."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from iact.config.opening import open_project
from iact.core.quantities import duration, parse
from iact.dora.definitions import named_metrics
from iact.dora.figures import Window
from iact.dora.records import Change, Deployment, Failure
from iact.dora.rules import History
from iact.pdca.effect import MINIMUM_CLUSTERS
from iact.pdca.judging import Experiment, check
from iact.pdca.measured import Measured
from iact.pdca.model import ImprovementPolicy
from iact.pdca.plan import Check, Trial
from tests.support.project import ROOT

BEGIN = datetime(2025, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)
RHYTHM = 3 * DAY
"""Every three days there is a release."""
PROJECT = open_project(ROOT)
SLOW, QUICK = 10 * DAY, timedelta(hours=6)


class Shop:
    """A history of releases of three changes each: some before a change of habits, and some after it."""

    def __init__(self, before: int, after: int, *, failed: Iterable[int] = (), quick: timedelta = QUICK) -> None:
        chance = random.Random(1)  # noqa: S311 - a history that repeats, not a secret
        self.started = BEGIN + before * RHYTHM
        self.now = self.started + max(after * RHYTHM, RHYTHM)
        waits = [SLOW] * before + [quick] * after
        self.deployments = [_deployment(number) for number in range(before + after)]
        self.changes = [
            _change(number, part, wait * chance.lognormvariate(0, 0.3))
            for number, wait in enumerate(waits)
            for part in range(3)
        ]
        self.failures = tuple(_incident(before + number) for number in failed)

    def side(self, window: Window) -> Measured:
        """Return what is measured of a part of it."""
        history = History(
            known_from=BEGIN - DAY,
            deployments=tuple(one for one in self.deployments if one.deployed_at in window),
            changes=tuple(one for one in self.changes if one.deployed_at is not None and one.deployed_at in window),
            failures=self.failures,
            failure_sources=("incidents",),
        )
        return Measured.of(history, window, named_metrics(PROJECT))

    def look(self, name: str = "finish-before-starting", *, verdict_by: timedelta = 56 * DAY) -> Check:
        """Return how an experiment on its lead time stands."""
        improvement = PROJECT.get("Improvement", name).spec
        trial = Trial(
            improvement=name,
            definition="sha256:0",
            repository="shop",
            change="something",
            change_kind="manual",
            by_agent=False,
            mode="propose",
            metric=improvement.expect.metric,
            better=improvement.expect.better,
            current=parse("10d"),
            goal=None,
            expected=Fraction(1, 2),
            history=parse("365d"),
            first_check=parse("48h"),
            verdict_by=duration(verdict_by),
            extensions=2,
            if_unclear="revert",
            sample_needed=None,
        )
        experiment = Experiment(
            trial=trial, improvement=improvement, policy=ImprovementPolicy(), applied_at=self.started
        )
        before, after = self.side(Window(BEGIN, self.started)), self.side(Window(self.started, self.now))
        return check(experiment, before, after, judges=True)


def _deployment(number: int) -> Deployment:
    return Deployment(
        key=f"v{number:03}",
        name=f"v{number}",
        names=(f"v{number}",),
        sha=f"{number:040x}",
        deployed_at=BEGIN + number * RHYTHM,
        previous=None,
        environment="production",
        source="git",
        changes=3,
        is_hotfix=False,
        first_known=False,
    )


def _change(number: int, part: int, wait: timedelta) -> Change:
    at = BEGIN + number * RHYTHM
    sha = f"{number:03}-{part}"
    return Change(sha, "", at - wait, at - wait, at - wait, sha, False, False, f"v{number:03}", at)  # noqa: FBT003 - a row


def _incident(number: int) -> Failure:
    at = BEGIN + number * RHYTHM + timedelta(hours=1)
    return Failure(
        key=f"f{number}",
        kind="incident",
        deployment=f"v{number:03}",
        started_at=at,
        restored_at=at + timedelta(hours=1),
        restored_by=None,
        evidence="an incident",
        source="pager",
    )


def test_a_clear_improvement_that_harms_nothing_is_kept():
    found = Shop(30, 30).look()

    assert (found.verdict, found.proven, found.details["held_back"]) == ("keep", True, [])


@pytest.mark.parametrize(
    ("weeks", "then"), [(52, "wait"), (8, "escalate")], ids=["while there is time", "when the time is up"]
)
def test_an_improvement_that_credibly_harms_another_metric_is_not_kept_and_a_person_decides(weeks: int, then: str):
    """The changes reach users in hours instead of days, and every other release fails, which none did before."""
    found = Shop(30, 30, failed=range(0, 30, 2)).look(verdict_by=weeks * 7 * DAY)

    assert (found.verdict, found.then, found.proven) == ("inconclusive", then, False)
    assert found.details["harmed_others"] == ["change_failure_rate"]
    assert found.details["held_back"] == ["change_failure_rate credibly got worse"]


def test_a_single_failure_after_an_improvement_is_no_credible_harm():
    assert Shop(30, 30, failed=[3]).look().verdict == "keep"


def test_what_harmed_another_metric_and_improved_nothing_holds_nothing_back():
    """There is no improvement that could be credited, so the time is extended as for any other."""
    found = Shop(30, 30, failed=range(0, 30, 2), quick=SLOW).look()

    assert (found.verdict, found.then) == ("inconclusive", "extend")
    assert found.details["harmed_others"] == ["change_failure_rate"]
    assert found.details["held_back"] == []


def test_an_improvement_that_is_not_practised_is_not_credited():
    """Releases every three days meet `at least 1/week`; the same releases spread over a longer time do not."""
    shop = Shop(30, 30)
    practised = shop.look("release-weekly")
    shop.now += 200 * DAY
    given_up = shop.look("release-weekly")

    assert (practised.verdict, practised.details["held_back"]) == ("keep", [])
    assert given_up.verdict == "inconclusive"
    assert given_up.details["held_back"] == ["it is not practised", "deployment_frequency credibly got worse"]


@pytest.mark.parametrize(
    ("before", "after"), [(30, count) for count in range(4)] + [(count, 30) for count in range(1, 4)]
)
def test_no_verdict_is_given_on_fewer_releases_than_can_tell_however_large_the_effect(before: int, after: int):
    found = Shop(before, after, quick=timedelta(minutes=2)).look(verdict_by=999 * DAY)

    assert (found.verdict, found.due, found.proven) == ("inconclusive", False, False)
    assert "a comparison needs 4 on each side" in found.details["effect"]["missing"]


def test_every_verdict_rests_on_enough_releases_of_both_sides_and_comes_as_soon_as_they_tell():
    looks = {after: Shop(30, after, quick=timedelta(minutes=2)).look(verdict_by=999 * DAY) for after in range(1, 13)}

    given = [after for after, look in looks.items() if look.verdict != "inconclusive"]
    assert given
    assert given == list(range(given[0], 13))
    assert all(looks[after].details["effect"]["after"] == after >= MINIMUM_CLUSTERS for after in given)
