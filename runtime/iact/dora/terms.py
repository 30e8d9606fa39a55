"""The words that a metric's definition is made of."""

from __future__ import annotations

from enum import StrEnum


class Each(StrEnum):
    """What one row of a metric is."""

    CHANGE = "change"
    DEPLOYMENT = "deployment"
    FAILURE = "failure"


class Milestone(StrEnum):
    """A moment in the life of a change or of a failure."""

    AUTHORED = "authored"
    COMMITTED = "committed"
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
}
"""The moments that each row has, in the order in which they should happen."""
