"""Reading the pull and merge requests of one repository, each with the deployment that brought it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from sqlalchemy.engine import Connection

from iact.dora import store
from iact.dora.ingest import events_of_kind
from iact.dora.pull_requests import DeploymentStep, by_commit, delivered, deployment_steps, pull_requests_told
from iact.dora.records import Deployment, PullRequest
from iact.sources.events.model import ChangeEvent, DeploymentEvent

FULL: Final = 40
"""How long the id of a commit is at least in full; shorter ones are abbreviated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldRequests:
    """What was told of pull requests and deployments.

    Attributes:
        requests: every pull request; None where none was ever told.
        steps: every deployment that was told.
    """

    requests: tuple[PullRequest, ...] | None
    steps: tuple[DeploymentStep, ...]


def read_requests(connection: Connection, project: str, repository: str) -> ToldRequests:
    """Read the pull requests of a repository and find the first deployment that contains each.

    Args:
        connection: an open connection; it is only read.
        project: the project.
        repository: the repository's key in it.
    """
    place = (project, repository)
    steps = deployment_steps(cast("Iterable[DeploymentEvent]", events_of_kind(connection, *place, "deployment")))
    told = pull_requests_told(cast("Iterable[ChangeEvent]", events_of_kind(connection, *place, "change")))
    deployments = {one.key: one for one in store.deployments(connection, *place)}
    first = _first_deployments(connection, place, [one.sha for one in told if one.sha is not None], deployments)
    of_commit = by_commit(steps, {deployment.sha for deployment in first.values()})
    requests = tuple(delivered(one, first.get(one.sha or ""), of_commit) for one in told)
    return ToldRequests(requests=requests or None, steps=steps)


def _first_deployments(
    connection: Connection, place: tuple[str, str], shas: list[str], deployments: Mapping[str, Deployment]
) -> dict[str, Deployment]:
    """Return the first deployment that contains each commit, by the commit as it was told."""
    keys = store.deployments_of_changes(connection, *place, [sha for sha in shas if len(sha) >= FULL])
    for sha in shas:
        if len(sha) < FULL and (key := store.deployment_of_abbreviated(connection, *place, sha)) is not None:
            keys[sha] = key
    return {sha: deployments[key] for sha, key in keys.items() if key in deployments}
