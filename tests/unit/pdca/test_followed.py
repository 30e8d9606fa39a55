"""Young deployments do not look better by their youth: before and after, each is followed up for equally long."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from iact.config.opening import open_project
from iact.core.quantities import parse, share
from iact.dora.definitions import named_metrics
from iact.dora.figures import Window
from iact.dora.records import Deployment, Failure
from iact.dora.rules import History
from iact.dora.terms import Better
from iact.pdca.followed import follow_up, followed, needs_follow_up
from iact.pdca.judging import Experiment, check
from iact.pdca.measured import Measured
from iact.pdca.model import ImprovementPolicy
from iact.pdca.plan import Trial
from tests.support.project import ROOT

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)


def history(weeks: int, *failures: Failure) -> History:
    """Return a history of a release a week."""
    deployments = tuple(
        Deployment(
            key=f"v{week}",
            name=f"v{week}",
            names=(f"v{week}",),
            sha=f"{week:040x}",
            deployed_at=BEGIN + 7 * week * DAY,
            previous=None,
            environment="production",
            source="git",
            changes=1,
            is_hotfix=False,
            first_known=False,
        )
        for week in range(weeks)
    )
    return History(
        known_from=BEGIN, deployments=deployments, changes=(), failures=failures, failure_sources=("reverts",)
    )


def reverted(week: int, after: timedelta) -> Failure:
    """Return a failure of a week's release that only its revert, so long after it, gave away."""
    at = BEGIN + 7 * week * DAY
    return Failure(
        key=f"f{week}",
        kind="revert",
        deployment=f"v{week}",
        started_at=at,
        restored_at=at + after,
        restored_by="later",
        evidence="a revert",
        source="git",
    )


def measured(found: History, end: datetime) -> Measured:
    """Return what is measured of a history until a moment."""
    return Measured.of(found, Window(BEGIN, end), named_metrics(open_project(ROOT)))


def test_as_long_as_nine_in_ten_failures_took_to_show():
    delays = [reverted(week, (week + 1) * DAY) for week in range(10)]

    assert follow_up(history(10, *delays), 100 * DAY) == 9 * DAY


def test_without_a_failure_until_the_next_release():
    assert follow_up(history(5), 100 * DAY) == 7 * DAY
    assert follow_up(history(1), 100 * DAY) == timedelta()


def test_never_longer_than_is_left_to_judge():
    assert follow_up(history(10, reverted(0, 60 * DAY)), 28 * DAY) == 28 * DAY


def test_young_releases_are_left_out_whether_they_failed_or_not():
    found = measured(history(8, reverted(7, DAY)), BEGIN + 52 * DAY)

    clusters = followed(found, 7 * DAY, BEGIN + 52 * DAY).stretch("change_failure_rate").clusters

    assert clusters == ((0.0,),) * 7


def test_failures_that_showed_later_than_the_follow_up_count_on_neither_side():
    found = measured(history(8, reverted(1, 3 * DAY), reverted(2, 30 * DAY)), BEGIN + 100 * DAY)

    clusters = followed(found, 7 * DAY, BEGIN + 100 * DAY).stretch("change_failure_rate").clusters

    assert sum(value for (value,) in clusters) == 1


@pytest.mark.parametrize(("metric", "needs"), [("change_failure_rate", True), ("rework_rate", False)])
def test_only_what_fails_shows_late(metric: str, needs: bool):  # noqa: FBT001 - a table's column
    assert needs_follow_up(measured(history(3), BEGIN + 30 * DAY), metric) is needs


def test_a_failure_rate_is_judged_by_releases_of_the_same_age_and_the_report_says_so():
    """A fifth of the releases fails, as ever, and shows a week later: the last of them look sound and prove nothing."""
    failed = [reverted(week, 7 * DAY) for week in range(0, 40, 5)]
    started, now = BEGIN + 203 * DAY, BEGIN + 275 * DAY
    found = history(40, *failed)
    before = replace(found, deployments=found.deployments[:29])
    after = replace(found, deployments=found.deployments[29:])
    project = open_project(ROOT)
    experiment = Experiment(
        trial=Trial(
            improvement="canary-releases",
            definition="sha256:0",
            repository="shop",
            change="something",
            change_kind="manual",
            by_agent=False,
            mode="propose",
            metric="change_failure_rate",
            better=Better.LOWER,
            current=share(Fraction(1, 5)),
            goal=None,
            expected=Fraction(1, 2),
            history=parse("365d"),
            first_check=parse("48h"),
            verdict_by=parse("8 weeks"),
            extensions=0,
            if_unclear="revert",
            sample_needed=10,
        ),
        improvement=project.get("Improvement", "canary-releases").spec,
        policy=ImprovementPolicy(),
        applied_at=started,
    )

    metrics = named_metrics(project)
    sides = Measured.of(before, Window(BEGIN, started), metrics), Measured.of(after, Window(started, now), metrics)
    look = check(experiment, *sides, judges=True)
    unexplained = check(experiment, *sides, judges=True, explains=False)

    effect = look.details["effect"]
    assert (effect["before"], effect["after"]) == (29, 10)
    assert effect["method"].endswith("every release followed up for 1w, younger ones left out")
    assert unexplained == replace(look, details={"effect": effect, "certain_harm": [], "held_back": []})
