"""Delivery as it happened: changes, deployments and failures. Rows of the store, free of any database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which repository something is told or kept of.

    Attributes:
        project: the project.
        repository: the repository's key in it.
    """

    project: str
    repository: str


class Change(NamedTuple):
    """One commit that is part of the mainline or of a deployment; a tuple, since there are many. All times are UTC.

    Attributes:
        sha: the commit.
        subject: the first line of its message, at most 200 characters.
        authored_at: when it was written.
        committed_at: when it got its present form.
        merged_at: when it reached the mainline: the date of the earliest mainline commit (first parents only) that
            contains it; None when it never did.
        merged_by: that mainline commit; the change itself when it was made there.
        is_merge: whether it merges branches and is no work of its own.
        by_agent: whether an AI agent made it.
        deployment: the key of the first deployment that contains it; None while it waits for one.
        deployed_at: when that deployment was.
    """

    sha: str
    subject: str
    authored_at: datetime
    committed_at: datetime
    merged_at: datetime | None
    merged_by: str | None
    is_merge: bool
    by_agent: bool
    deployment: str | None
    deployed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One deployment.

    Attributes:
        key: unique in its repository; for deployments recognised in git the commit.
        name: what people call it: the highest of its tags.
        names: all its tags.
        sha: the commit that was deployed.
        deployed_at: when.
        previous: the key of the deployment before it by ancestry; None for the first of its line.
        environment: where it went.
        source: who told of it, such as `git`.
        changes: how many commits it was the first to contain, merge commits included.
        is_hotfix: whether the rules see in it a hot fix of the previous one.
        first_known: whether it is the earliest of its repository and environment: its changes reach back without
            limit, so that it has no lead time.
    """

    key: str
    name: str
    names: tuple[str, ...]
    sha: str
    deployed_at: datetime
    previous: str | None
    environment: str
    source: str
    changes: int
    is_hotfix: bool
    first_known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One thing that went wrong with a deployment; a deployment with several is still one failed deployment.

    Attributes:
        key: unique in its repository.
        kind: `revert`, `hotfix` or `incident`.
        deployment: the key of the deployment that failed.
        started_at: since when users were affected.
        restored_at: when they no longer were; None while they are.
        restored_by: the key of the deployment that ended it.
        evidence: what says so, for people.
        source: who told of it, such as `git`.
        confidence: how sure it is that this deployment is the one: `high`, where what it brought was taken back;
            `medium`, where a person or the rule for hot fixes says so; `low`, where only time and service do.
    """

    key: str
    kind: str
    deployment: str
    started_at: datetime
    restored_at: datetime | None
    restored_by: str | None
    evidence: str
    source: str
    confidence: str = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unattributed:
    """An incident of which no deployment is known to be the fault, so that it is no change failure.

    Attributes:
        key: unique in its repository.
        opened_at: since when users were affected.
        reason: why nothing links it to a deployment, in words that are the same for all incidents like it.
        source: who told of it.
    """

    key: str
    opened_at: datetime
    reason: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """One pull or merge request. All times are UTC.

    Attributes:
        key: its source and id, unique in its repository.
        id: what its source calls it.
        subject: its title.
        opened_at: when it was opened.
        first_commit: the commit of its branch that was written first.
        first_commit_at: when that was written.
        first_review: what its source calls the first review of it.
        reviewed_at: when that was.
        merged_at: when it was merged; None while it is not.
        sha: the commit that merged it.
        deployment: the key of the deployment that brought it; None where none did that counts.
        deployment_id: what its source calls that deployment.
        deployed_at: when that deployment was finished.
        not_deployed: why no deployment is known to have brought it; empty where one is.
    """

    key: str
    id: str
    subject: str
    opened_at: datetime
    first_commit: str | None
    first_commit_at: datetime | None
    first_review: str | None
    reviewed_at: datetime | None
    merged_at: datetime | None
    sha: str | None
    deployment: str | None = None
    deployment_id: str | None = None
    deployed_at: datetime | None = None
    not_deployed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """What is known of one repository.

    Attributes:
        key: its name in the project.
        mainline: the branch to which changes are merged.
        synced_at: when it was last read.
        failure_sources: the kinds of failure that are looked for; none means that failures are unknown, not absent.
        changes: how many changes are known.
        deployments: how many deployments are known.
        reverts: how many changes say that they revert another.
        notes: what was left out when it was read.
    """

    key: str
    mainline: str
    synced_at: datetime
    failure_sources: tuple[str, ...]
    changes: int
    deployments: int
    reverts: int
    notes: tuple[str, ...]
