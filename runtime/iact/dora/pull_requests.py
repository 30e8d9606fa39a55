"""Pull and merge requests out of what was told, and which deployment brought each; decisions only.

A deployment belongs to a chain: the successful deployments of one scope, repository and environment, in the order in
which they were finished. The first of a chain brings changes that reach back without limit, so that it counts as the
deployment of none (https://devlake.apache.org/docs/Metrics/LeadTimeForChanges).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from iact.dora.records import Deployment, PullRequest
from iact.dora.told import by_thing, deployments_told, newest
from iact.sources.events.model import ChangeEvent, DeploymentEvent, Status

FIRST_OF_CHAIN: Final = "brought by the first known deployment of its scope, repository and environment"
UNDEPLOYED: Final = "pull requests that no deployment brought"
UNMERGED: Final = "pull requests that are not merged"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentStep:
    """What was told of one deployment, whether it counts or not.

    Attributes:
        key: its source and id.
        id: what its source calls it.
        status: how it went.
        environment: where it went.
        scope: what deployed.
        repository: which repository it took.
        sha: the commit as it is told, perhaps abbreviated.
        started_at: when it began.
        finished_at: when it was finished.
        previous: the key of the successful one before it in its chain; None for the first, and for what failed.
    """

    key: str
    id: str
    status: Status
    environment: str | None
    scope: str | None
    repository: str | None
    sha: str | None
    started_at: datetime | None
    finished_at: datetime | None
    previous: str | None = None

    @property
    def chain(self) -> tuple[str, str, str]:
        """Which chain it belongs to."""
        return self.scope or "", self.repository or "", self.environment or ""


def deployment_steps(events: Iterable[DeploymentEvent]) -> tuple[DeploymentStep, ...]:
    """Return every deployment that was told, each with the successful one before it in its chain.

    Args:
        events: of deployments, in any order.

    Returns:
        The deployments, ordered by source and id.
    """
    every = list(events)
    succeeded = {told.key: told for told in deployments_told(every)}
    steps = []
    for things in by_thing(every):
        key = f"{things[0].source}/{things[0].id}"
        told = succeeded.get(key)
        status = Status.SUCCESS if told is not None else newest(things, "status") or Status.PENDING
        steps.append(
            DeploymentStep(
                key=key,
                id=things[0].id,
                status=status,
                environment=newest(things, "environment"),
                scope=newest(things, "scope"),
                repository=newest(things, "repository"),
                sha=told.sha if told is not None else newest(things, "sha"),
                started_at=newest(things, "started_at"),
                finished_at=told.deployed_at if told is not None else newest(things, "deployed_at"),
            )
        )
    before = previous_successes(steps)
    return tuple(replace(step, previous=before.get(step.key)) for step in steps)


def previous_successes(steps: Iterable[DeploymentStep]) -> Mapping[str, str]:
    """Return for each successful deployment the one before it in its chain, by their keys.

    What failed, and what went nowhere that is known, neither has one before it nor is one.
    """
    counted = [step for step in steps if step.status is Status.SUCCESS and step.environment and step.finished_at]
    last: dict[tuple[str, str, str], str] = {}
    found = {}
    for step in sorted(counted, key=lambda step: (step.finished_at, step.key)):
        if step.chain in last:
            found[step.key] = last[step.chain]
        last[step.chain] = step.key
    return found


def pull_requests_told(events: Iterable[ChangeEvent]) -> tuple[PullRequest, ...]:
    """Return the pull and merge requests, none of them deployed yet, ordered by source and id.

    The first commit is the one that was written first, the first review the earliest, whichever was told first.
    """
    return tuple(found for things in by_thing(events) if (found := _pull_request(things)) is not None)


def _pull_request(events: Sequence[ChangeEvent]) -> PullRequest | None:
    opened_at = newest(events, "opened_at")
    if opened_at is None or newest(events, "status") is Status.WITHDRAWN:
        return None
    commits = [(event.authored_at, event.commit or "") for event in events if event.authored_at is not None]
    reviews = [(event.reviewed_at, event.review or "") for event in events if event.reviewed_at is not None]
    first_commit_at, first_commit = min(commits, default=(None, ""))
    reviewed_at, first_review = min(reviews, default=(None, ""))
    return PullRequest(
        key=f"{events[0].source}/{events[0].id}",
        id=events[0].id,
        subject=newest(events, "title") or "",
        opened_at=opened_at,
        first_commit=first_commit or None,
        first_commit_at=first_commit_at,
        first_review=first_review or None,
        reviewed_at=reviewed_at,
        merged_at=newest(events, "merged_at"),
        sha=newest(events, "sha"),
        not_deployed=UNDEPLOYED,
    )


def delivered(
    request: PullRequest, deployment: Deployment | None, steps: Mapping[str, Sequence[DeploymentStep]]
) -> PullRequest:
    """Return a pull request with the deployment that brought it.

    Args:
        request: the pull request.
        deployment: the first deployment that contains the commit that merged it; None where none does.
        steps: what was told of the deployments of each commit, by its full id.
    """
    if request.merged_at is None:
        return replace(request, not_deployed=UNMERGED)
    if deployment is None:
        return request
    told = next((step for step in steps.get(deployment.sha, ()) if step.finished_at == deployment.deployed_at), None)
    is_first = deployment.first_known if told is None else told.previous is None
    if is_first:
        return replace(request, not_deployed=FIRST_OF_CHAIN)
    return replace(
        request,
        deployment=deployment.key,
        deployment_id=deployment.name if told is None else told.id,
        deployed_at=deployment.deployed_at,
        not_deployed="",
    )


def by_commit(steps: Iterable[DeploymentStep], commits: Iterable[str]) -> dict[str, list[DeploymentStep]]:
    """Return the successful deployments of each of some commits, the one that began first before others.

    Args:
        steps: what was told; commits may be abbreviated there.
        commits: full ids.
    """
    told = [step for step in steps if step.status is Status.SUCCESS and step.sha is not None and step.finished_at]
    in_full: dict[str, list[DeploymentStep]] = {}
    for step in sorted(told, key=lambda step: (step.started_at or step.finished_at, step.key)):
        in_full.setdefault(step.sha or "", []).append(step)
    lengths = {len(sha) for sha in in_full}
    return {sha: [step for length in sorted(lengths) for step in in_full.get(sha[:length], ())] for sha in commits}
