"""Following deployments up for equally long before and after a change, so that failures had the same time to show.

A failed deployment is often known only once it is mended. What was released a month ago was followed up for a month,
what was released yesterday for a day; counted as they are, the newest would look better by their youth alone. So a
deployment counts once it is as old as the follow-up, as failed where that showed by then: both sides censored alike.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from iact.dora.records import Deployment, Failure
from iact.dora.rules import SEEN_WHEN_MENDED, History
from iact.dora.terms import Where
from iact.pdca.measured import Measured

NEARLY_ALL: Final = 0.9
"""The share of the failures before that showed within the follow-up."""


def needs_follow_up(measured: Measured, metric: str) -> bool:
    """Return whether a metric's rows may still change: what failed shows late, what is rework shows at once."""
    return measured.metrics[metric].metric.where is Where.FAILED


def follow_up(before: History, most: timedelta) -> timedelta:
    """Return for how long deployments are followed up.

    As long as nine failures in ten took to show before the change, counted from their deployment; where none is known,
    the usual time until the next deployment.

    Args:
        before: the history before the change.
        most: the longest follow-up, so that what is tried can be judged in its time.
    """
    deployed = {deployment.key: deployment for deployment in before.deployments}
    delays = sorted(_delay(one, deployed) for one in before.failures if one.deployment in deployed and _shown_at(one))
    if delays:
        return min(most, delays[math.ceil(NEARLY_ALL * len(delays)) - 1])
    gaps = [later.deployed_at - earlier.deployed_at for earlier, later in pairwise(before.deployments)]
    return min(most, statistics.median_low(gaps)) if gaps else timedelta()


def followed(measured: Measured, span: timedelta, now: datetime) -> Measured:
    """Return what was measured with every deployment followed up for `span`, and those that are younger left out."""
    history = measured.history
    deployments = tuple(one for one in history.deployments if one.deployed_at + span <= now)
    known = {deployment.key: deployment for deployment in deployments}
    failures = tuple(
        one
        for one in history.failures
        if one.deployment in known and _shown_at(one) is not None and _delay(one, known) <= span
    )
    return replace(measured, history=replace(history, deployments=deployments, failures=failures))


def _shown_at(failure: Failure) -> datetime | None:
    """Return when a failure was first to be seen; None while it is not."""
    return failure.restored_at if failure.kind in SEEN_WHEN_MENDED else failure.started_at


def _delay(failure: Failure, deployed: Mapping[str, Deployment]) -> timedelta:
    shown = _shown_at(failure)
    return timedelta.max if shown is None else max(timedelta(), shown - deployed[failure.deployment].deployed_at)
