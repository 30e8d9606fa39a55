"""The words that a metric's definition is made of."""

from __future__ import annotations

from enum import StrEnum

from iact.core.quantities import Dimension


class DeliveryFigure(StrEnum):
    """A figure of delivery, however it is computed: DORA's four, and the rework rate of 2024."""

    DEPLOYMENT_FREQUENCY = "deployment_frequency"
    LEAD_TIME = "lead_time"
    CHANGE_FAILURE_RATE = "change_failure_rate"
    TIME_TO_RESTORE = "time_to_restore"
    REWORK_RATE = "rework_rate"


DIMENSION_OF = {
    DeliveryFigure.DEPLOYMENT_FREQUENCY: Dimension.RATE,
    DeliveryFigure.LEAD_TIME: Dimension.DURATION,
    DeliveryFigure.CHANGE_FAILURE_RATE: Dimension.SHARE,
    DeliveryFigure.TIME_TO_RESTORE: Dimension.DURATION,
    DeliveryFigure.REWORK_RATE: Dimension.SHARE,
}
"""What kind of amount each delivery figure is."""


class Each(StrEnum):
    """What one row of a metric is."""

    CHANGE = "change"
    DEPLOYMENT = "deployment"
    FAILURE = "failure"
    PULL_REQUEST = "pull_request"


class Milestone(StrEnum):
    """A moment in the life of a change, a failure or a pull request."""

    AUTHORED = "authored"
    COMMITTED = "committed"
    FIRST_COMMIT = "first_commit"
    OPENED = "opened"
    REVIEWED = "reviewed"
    MERGED = "merged"
    DEPLOYED = "deployed"
    STARTED = "started"
    RESTORED = "restored"


class Where(StrEnum):
    """Which deployments a share or a rate counts."""

    FAILED = "failed"
    REWORK = "rework"


class Source(StrEnum):
    """Where the rows of a metric come from."""

    CHANGES = "changes"
    DEPLOYMENTS = "deployments"
    FAILURES = "failures"
    PULL_REQUESTS = "pull_requests"


class Exclusion(StrEnum):
    """Changes that a metric leaves out. Durations below zero, where clocks disagree, are always left out."""

    FIRST_KNOWN_DEPLOYMENT = "first_known_deployment"
    MERGES = "merges"


class NoData(StrEnum):
    """What it means that a window holds no rows."""

    UNKNOWN = "unknown"
    ZERO = "zero"


class Better(StrEnum):
    """In which direction a metric improves."""

    LOWER = "lower"
    HIGHER = "higher"


MILESTONES = {
    Each.CHANGE: (Milestone.AUTHORED, Milestone.COMMITTED, Milestone.MERGED, Milestone.DEPLOYED),
    Each.DEPLOYMENT: (),
    Each.FAILURE: (Milestone.STARTED, Milestone.RESTORED),
    Each.PULL_REQUEST: (
        Milestone.FIRST_COMMIT,
        Milestone.OPENED,
        Milestone.REVIEWED,
        Milestone.MERGED,
        Milestone.DEPLOYED,
    ),
}
"""The moments that each row has, in the order in which they should happen."""
