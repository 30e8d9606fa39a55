"""Figures of small histories, computed by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from iact.dora.figures import DefinitionReference, Figure, LeftOut, Window
from iact.dora.model import Metric
from iact.dora.records import Change, Deployment, Failure
from iact.dora.rules import History, NamedMetric, figure, known_at, measured
from iact.dora.terms import Better, Each, Exclusion, Milestone, NoData, Source, Where
from iact.dora.trend import trend

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
FOUR_WEEKS = Window(MONDAY, MONDAY + timedelta(weeks=4))

LEAD_TIME = Metric(
    question="?", each=Each.CHANGE, show="median", unit="days", better=Better.LOWER,
    sources=(Source.CHANGES, Source.DEPLOYMENTS), from_=Milestone.COMMITTED, to=Milestone.DEPLOYED,
)  # fmt: skip
WAIT = replace(LEAD_TIME, from_=Milestone.MERGED)
FREQUENCY = Metric(
    question="?", each=Each.DEPLOYMENT, show="per_week", unit="per week", better=Better.HIGHER,
    sources=(Source.DEPLOYMENTS,), no_data=NoData.ZERO,
)  # fmt: skip
FAILURE_RATE = Metric(
    question="?", each=Each.DEPLOYMENT, show="share", unit="percent", better=Better.LOWER, where=Where.FAILED,
    sources=(Source.DEPLOYMENTS, Source.FAILURES),
)  # fmt: skip
REWORK = replace(FAILURE_RATE, where=Where.REWORK)
RESTORE = Metric(
    question="?", each=Each.FAILURE, show="median", unit="hours", better=Better.LOWER, from_=Milestone.STARTED,
    to=Milestone.RESTORED, sources=(Source.DEPLOYMENTS, Source.FAILURES),
)  # fmt: skip


def day(number: float) -> datetime:
    """Return the moment `number` days after the window begins."""
    return MONDAY + timedelta(days=number)


def deployment(key: str, at: float, **more: Any) -> Deployment:
    """Return a deployment `at` days after the window begins."""
    usual: dict[str, Any] = {
        "name": key, "names": (key,), "sha": key, "previous": None, "environment": "production", "source": "git",
        "changes": 1, "is_hotfix": False, "first_known": False,
    }  # fmt: skip
    return Deployment(key=key, deployed_at=day(at), **(usual | more))


def change(sha: str, committed: float, merged: float | None, to: Deployment, **more: Any) -> Change:
    """Return a change that was deployed by `to`."""
    usual: dict[str, Any] = {
        "subject": "change", "authored_at": day(committed), "merged_by": sha, "is_merge": False, "by_agent": False,
    }  # fmt: skip
    return Change(
        sha=sha, committed_at=day(committed), merged_at=None if merged is None else day(merged), deployment=to.key,
        deployed_at=to.deployed_at, **(usual | more),
    )  # fmt: skip


def failure(key: str, of: str, started: float, restored: float | None, **more: Any) -> Failure:
    """Return a failure of the deployment `of`."""
    usual: dict[str, Any] = {"kind": "incident", "restored_by": None, "evidence": "", "source": "git"}
    return Failure(
        key=key, deployment=of, started_at=day(started), restored_at=None if restored is None else day(restored),
        **(usual | more),
    )  # fmt: skip


A, B = deployment("a", 7), deployment("b", 14)


def history(**more: Any) -> History:
    """Return a history in which failures are looked for."""
    usual: dict[str, Any] = {
        "known_from": day(-100), "deployments": (A, B), "changes": (), "failures": (), "failure_sources": ("revert",),
    }  # fmt: skip
    return History(**(usual | more))


def compute(metric: Metric, known: History, window: Window = FOUR_WEEKS) -> Figure:
    """Return the figure of a metric without a name."""
    reference = DefinitionReference(name="figure", version="1", digest="sha256:0")
    return figure(NamedMetric(reference=reference, metric=metric), known, window)


def days(number: float) -> Decimal:
    """Return so many days in seconds."""
    return Decimal(number) * 86_400


def test_lead_time_is_the_median_from_commit_to_deployment():
    changes = (change("1", 6, 6, A), change("2", 4, 5, A), change("3", 4, 5, B), change("4", 0, 13, B))

    found = compute(LEAD_TIME, history(changes=changes))

    # 1, 3, 10 and 14 days: the middle two are 3 and 10.
    assert (found.value, found.n, found.clusters) == (days(6.5), 4, 2)
    assert found.interval is None
    assert found.no_interval == "2 releases, too few: needs 6"


def test_what_is_left_out_is_counted_with_its_reason():
    first = deployment("first", 1, first_known=True)
    changes = (
        change("1", 6, 6.5, A),
        change("2", 6, 6, A, is_merge=True),
        change("3", 9, 9, A),
        change("4", -50, -50, first),
        change("5", 6, None, A),
    )
    known = history(changes=changes, deployments=(first, A, B))

    assert compute(LEAD_TIME, known).left_out == (
        LeftOut(reason="changes of the first known deployment", count=1),
        LeftOut(reason="deployed before they were committed", count=1),
        LeftOut(reason="merge commits", count=1),
    )
    assert compute(WAIT, known).value == days(0.5)
    assert LeftOut(reason="changes that were never merged", count=1) in compute(WAIT, known).left_out


def test_a_metric_may_count_merges():
    changes = (change("1", 6, 6, A), change("2", 4, 4, A, is_merge=True))
    counting = replace(LEAD_TIME, leave_out=(Exclusion.FIRST_KNOWN_DEPLOYMENT,))

    assert compute(counting, history(changes=changes)).n == 2


def test_two_failures_of_one_deployment_are_one_failed_deployment():
    failures = (failure("1", "a", 8, 9), failure("2", "a", 10, 11))

    found = compute(FAILURE_RATE, history(failures=failures))

    assert (found.value, found.n) == (Decimal("0.5"), 2)


def test_no_failure_is_zero_where_failures_are_looked_for_and_unknown_where_not():
    looked_for, not_looked_for = history(), history(failure_sources=())

    zero = compute(FAILURE_RATE, looked_for)
    assert zero.value == 0
    assert zero.interval is not None
    assert zero.interval.high == Decimal("0.657620")

    for metric in (FAILURE_RATE, REWORK, RESTORE):
        unknown = compute(metric, not_looked_for)
        assert unknown.value is None
        assert str(unknown.missing) == "no incident source (add 3 lines: docs/incidents.md)"


def test_a_failure_counts_where_its_deployment_lies_and_its_repair_where_it_was_restored():
    """Deployed in the window, restored after it: a failed deployment, and no time to restore yet."""
    failures = (failure("1", "b", 14, 40), failure("2", "older", -3, 2))
    known = history(failures=failures)

    assert compute(FAILURE_RATE, known).value == Decimal("0.5")
    restored = compute(RESTORE, known)
    assert restored.value == days(5)
    assert restored.left_out == (LeftOut(reason="failures that were not restored by the end of the window", count=1),)


def test_a_revert_that_ships_in_a_hot_fix_is_restored_once():
    failures = (failure("1", "a", 7, 9, restored_by="b"), failure("2", "a", 8, 9, restored_by="b"))

    found = compute(RESTORE, history(failures=failures))

    assert (found.value, found.n) == (days(2), 1)


def test_rework_is_a_hot_fix_or_what_ended_a_failure():
    hotfix = deployment("c", 15, is_hotfix=True)
    known = history(deployments=(A, B, hotfix), failures=(failure("1", "a", 7, 14, restored_by="b"),))

    assert compute(REWORK, known).value == Decimal("0.666666667")


def test_frequency_is_zero_in_a_window_without_a_release_and_the_lead_time_is_unknown():
    empty = history(deployments=(), changes=())

    frequency = compute(FREQUENCY, empty)
    assert frequency.value == 0
    assert frequency.interval is not None
    assert frequency.interval.high == Decimal("0.922220")
    assert str(compute(LEAD_TIME, empty).missing) == "no releases in the window"
    assert str(compute(FAILURE_RATE, empty).missing) == "no releases in the window"


def test_a_rate_is_divided_by_the_part_of_the_window_that_is_known():
    """9 deployments in the 30 days since the first commit are 2.1 a week, however far back the window reaches."""
    nine = tuple(deployment(str(number), number) for number in range(1, 10))
    window = Window(day(-60), day(30))

    found = compute(FREQUENCY, history(known_from=day(0), deployments=nine), window)

    assert found.value == Decimal("2.1")
    assert found.observed == Window(day(0), day(30))


def test_without_any_deployment_every_figure_names_the_lines_to_add():
    nothing = history(known_from=None, deployments=())

    for metric in (FREQUENCY, LEAD_TIME, FAILURE_RATE, RESTORE):
        missing = compute(metric, nothing).missing
        assert missing is not None
        assert missing.add == ("sources:", "  git:", "    tags: v*  # or, where every merge is one, merges_to: main")


def test_a_window_before_the_history_begins_is_unknown():
    missing = compute(FREQUENCY, history(known_from=day(50))).missing

    assert str(missing) == "the history known begins after this window"


def test_a_deployment_at_the_end_of_a_window_belongs_to_the_next():
    before, after = Window(day(0), day(7)), Window(day(7), day(14))

    assert A.deployed_at not in before
    assert A.deployed_at in after


def test_the_parts_of_a_trend_hold_every_row_once():
    changes = (change("1", 6, 6, A), change("2", 4, 5, B))
    known = history(changes=changes)
    reference = DefinitionReference(name="figure", version="1", digest="sha256:0")

    lead_time = measured(NamedMetric(reference=reference, metric=LEAD_TIME), known, FOUR_WEEKS)
    frequency = measured(NamedMetric(reference=reference, metric=FREQUENCY), known, FOUR_WEEKS)

    points = trend(lead_time, known, FOUR_WEEKS)
    assert [point.n for point in points] == [0, 1, 0, 1, 0, 0]
    assert [point.value for point in points] == [None, days(1), None, days(10), None, None]
    assert [point.n for point in trend(frequency, known, FOUR_WEEKS)] == [0, 1, 0, 1, 0, 0]
    assert trend(frequency, known, FOUR_WEEKS)[0].value == 0


def test_what_was_learnt_later_is_not_known_yet():
    incident = failure("1", "a", 7, 20)
    later = failure("2", "b", 15, None)
    seen_by_its_repair = failure("3", "a", 7, 20, kind="revert")

    assert known_at((incident, later, seen_by_its_repair), day(15)) == (replace(incident, restored_at=None),)
    assert known_at((incident, later, seen_by_its_repair), day(21)) == (incident, later, seen_by_its_repair)
    assert known_at((incident, later), None) == (incident, later)


def test_a_window_must_end_after_it_starts():
    with pytest.raises(ValueError, match="must end after it starts"):
        Window(day(1), day(1))
