"""Deciding what is deleted: pure functions of policies, records and the present moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from iact.core.machine import Mode
from iact.retention.model import RetentionPolicy
from iact.retention.terms import Candidate, RecordKind

_LEAST_ROWS: Final = 10
_GROWTH: Final = 2


def kept_for(policies: Iterable[RetentionPolicy], records: RecordKind) -> timedelta | None:
    """Return how long records of a kind are kept: the longest that a policy says; None for ever.

    A policy that observes keeps as well as others do, and alone has nothing deleted. Runs are never kept shorter than
    any policy keeps their journal.
    """
    naming = [(policy.mode, span) for policy in policies if (span := policy.keep.span(records)) is not None]
    if all(mode is Mode.OBSERVE for mode, _ in naming):
        return None
    return max(span for _, span in naming)


def as_if_enforced(policies: Iterable[RetentionPolicy]) -> list[RetentionPolicy]:
    """Return the same policies as they would be if none of them observed."""
    return [replace(policy, mode=Mode.ENFORCE) for policy in policies]


def cutoffs(policies: Sequence[RetentionPolicy], now: datetime) -> dict[RecordKind, datetime]:
    """Return, for each kind that is not kept for ever, the moment before which its records may be deleted."""
    spans = {records: kept_for(policies, records) for records in RecordKind}
    journal, runs = spans[RecordKind.JOURNAL], spans[RecordKind.RUNS]
    if runs is not None:
        # Two policies may each be sound and not go together: a run stays as long as its journal.
        spans[RecordKind.RUNS] = None if journal is None else max(runs, journal)
    return {records: now - span for records, span in spans.items() if span is not None}


def observed_cutoffs(policies: Sequence[RetentionPolicy], now: datetime) -> dict[RecordKind, datetime]:
    """Return, for each kind that only policies which observe would have deleted, the moment before which they would."""
    done = cutoffs(policies, now)
    return {records: at for records, at in cutoffs(as_if_enforced(policies), now).items() if records not in done}


def reason_to_keep(policies: Sequence[RetentionPolicy], candidate: Candidate, now: datetime) -> str | None:
    """Return why a record is kept; None where it may be deleted.

    Args:
        policies: all that there are; the longest time counts, and every hold.
        candidate: the record.
        now: the present moment, UTC.
    """
    if candidate.needed_for:
        return candidate.needed_for
    for policy in policies:
        for hold in policy.legal_holds:
            if hold.covers(candidate):
                return f"legal hold: {hold.reason}"
    cutoff = cutoffs(policies, now).get(candidate.records)
    if cutoff is None:
        return "kept for ever"
    return None if candidate.moment < cutoff else "not old enough"


def most_rows(policies: Iterable[RetentionPolicy]) -> int:
    """Return how many rows one transaction deletes at most: the fewest that a policy says."""
    return min(policy.batch.rows for policy in policies)


def longest(policies: Iterable[RetentionPolicy]) -> timedelta:
    """Return how long one transaction may take: the shortest that a policy says."""
    return min(policy.batch.within.timedelta for policy in policies)


def next_rows(rows: int, took: timedelta, *, most: int, within: timedelta) -> int:
    """Return how many rows the next transaction deletes.

    Args:
        rows: how many the last one could.
        took: how long it took.
        most: how many may be deleted at once.
        within: how long one may take.
    """
    if took > within:
        return max(min(_LEAST_ROWS, most), rows // _GROWTH)
    return min(most, rows * _GROWTH) if took * _GROWTH < within else rows
