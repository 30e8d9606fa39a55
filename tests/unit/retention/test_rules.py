"""Which records may be deleted: by age, by several policies at once, and never against a hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from iact.core.machine import Mode
from iact.core.quantities import Dimension, parse
from iact.retention.model import Keep, LegalHold, RetentionPolicy
from iact.retention.rules import as_if_enforced, cutoffs, next_rows, reason_to_keep
from iact.retention.terms import Candidate, RecordKind

NOW = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)


def policy(*holds: LegalHold, **keep: str) -> RetentionPolicy:
    spans = {name: parse(text, Dimension.DURATION) for name, text in keep.items()}
    return RetentionPolicy(
        keep=Keep(dora_metrics=spans.get("dora_metrics"), journal=spans.get("journal"), runs=spans.get("runs")),
        legal_holds=holds,
    )


def aged(days: int, records: RecordKind = RecordKind.RUNS, needed_for: str = "") -> Candidate:
    moment = NOW - days * DAY
    return Candidate(records=records, key=("run-1",), subject="shop", moment=moment, needed_for=needed_for)


def test_a_kind_that_no_policy_names_is_kept_for_ever():
    assert reason_to_keep([], aged(10_000), NOW) == "kept for ever"
    assert reason_to_keep([policy(dora_metrics="1d")], aged(10_000), NOW) == "kept for ever"
    assert cutoffs([policy()], NOW) == {}


def test_a_record_is_deleted_when_it_is_older_and_not_when_it_is_as_old():
    rules = [policy(dora_metrics="90d")]

    assert reason_to_keep(rules, aged(90, RecordKind.DORA_METRICS), NOW) == "not old enough"
    assert reason_to_keep(rules, aged(91, RecordKind.DORA_METRICS), NOW) is None


def test_the_longest_of_several_policies_counts():
    rules = [policy(journal="30d", runs="30d"), policy(journal="60d", runs="60d")]

    assert reason_to_keep(rules, aged(45), NOW) == "not old enough"
    assert reason_to_keep(rules, aged(61), NOW) is None


def test_a_policy_that_observes_has_nothing_deleted_and_keeps_as_long_as_it_says():
    short, long = policy(dora_metrics="30d"), policy(dora_metrics="90d")
    alone = replace(short, mode=Mode.OBSERVE)

    assert cutoffs([alone], NOW) == {}
    assert reason_to_keep([alone], aged(31, RecordKind.DORA_METRICS), NOW) == "kept for ever"
    assert cutoffs(as_if_enforced([alone]), NOW) == {RecordKind.DORA_METRICS: NOW - 30 * DAY}
    assert cutoffs([short, replace(long, mode=Mode.OBSERVE)], NOW) == {RecordKind.DORA_METRICS: NOW - 90 * DAY}
    assert cutoffs([alone, long], NOW) == {RecordKind.DORA_METRICS: NOW - 90 * DAY}


def test_a_run_stays_as_long_as_its_journal_whichever_policy_says_so():
    assert cutoffs([policy(runs="30d")], NOW) == {}
    together = cutoffs([policy(runs="30d", journal="30d"), policy(journal="60d")], NOW)

    assert together == {RecordKind.JOURNAL: NOW - 60 * DAY, RecordKind.RUNS: NOW - 60 * DAY}


@pytest.mark.parametrize(
    ("hold", "is_held"),
    [
        (LegalHold(reason="all"), True),
        (LegalHold(reason="runs", records=(RecordKind.RUNS,)), True),
        (LegalHold(reason="others", records=(RecordKind.DORA_METRICS,)), False),
        (LegalHold(reason="shop", subjects=("shop",)), True),
        (LegalHold(reason="bank", subjects=("bank",)), False),
        (LegalHold(reason="begins with it", from_=NOW - 100 * DAY), True),
        (LegalHold(reason="begins after it", from_=NOW - 99 * DAY), False),
        (LegalHold(reason="ends after it", until=NOW - 99 * DAY), True),
        (LegalHold(reason="ends with it", until=NOW - 100 * DAY), False),
    ],
    ids=lambda value: value.reason if isinstance(value, LegalHold) else "",
)
def test_a_hold_keeps_what_it_covers(hold, is_held):
    reason = reason_to_keep([policy(hold, journal="30d", runs="30d")], aged(100), NOW)

    assert reason == (f"legal hold: {hold.reason}" if is_held else None)


def test_a_hold_of_one_policy_keeps_what_another_lets_go():
    rules = [policy(journal="30d", runs="30d"), policy(LegalHold(reason="Case 17"))]

    assert reason_to_keep(rules, aged(100), NOW) == "legal hold: Case 17"


def test_what_is_needed_is_kept_whatever_the_policy_says():
    needed = aged(100, needed_for="an action is not settled")

    assert reason_to_keep([policy(journal="1d", runs="1d")], needed, NOW) == "an action is not settled"


@pytest.mark.parametrize(
    ("took", "following"),
    [(2.0, 500), (1.0, 1_000), (0.6, 1_000), (0.4, 2_000), (0.0, 2_000)],
)
def test_a_transaction_that_took_too_long_is_followed_by_a_smaller_one(took, following):
    seconds = timedelta(seconds=took)

    assert next_rows(1_000, seconds, most=4_000, within=timedelta(seconds=1)) == following


def test_a_batch_is_never_larger_than_allowed_and_never_nothing():
    second = timedelta(seconds=1)

    assert next_rows(900, timedelta(), most=1_000, within=second) == 1_000
    assert next_rows(12, 5 * second, most=1_000, within=second) == 10
    assert next_rows(3, 5 * second, most=3, within=second) == 3
