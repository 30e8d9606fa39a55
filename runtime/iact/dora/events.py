"""What was told of one repository, read from the store and put together with its git history."""

from __future__ import annotations

import dataclasses
import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy.engine import Connection

from iact.dora.attribution import KIND as INCIDENT
from iact.dora.deploying import Deploying, combine
from iact.dora.ingest import count_events, events_of_kind
from iact.dora.told import (
    DeploymentTold,
    IncidentTold,
    deployments_told,
    incidents_told,
    merged_heads,
    pipelines_told,
)
from iact.sources.events.model import ChangeEvent, DeploymentEvent, Event, IncidentEvent, PipelineEvent
from iact.sources.events.rules import EventRules, Use
from iact.sources.git.command import Git
from iact.sources.git.refs import Refs, full_ids, merges

ATTRIBUTION: Final = 2
"""Counts how the linking of incidents has changed: an older store links them anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was told of one repository's environment.

    Attributes:
        deployments: those that went out.
        incidents: those that were seen there.
        heads: the commit that merged each change, by the last commit of its branch.
    """

    deployments: tuple[DeploymentTold, ...]
    incidents: tuple[IncidentTold, ...]
    heads: Mapping[str, str]


def version(connection: Connection, project: str, repository: str, rules: EventRules) -> str:
    """Return what says which events there are and how they are used; empty when none was ever told."""
    count = count_events(connection, project, repository)
    if not count:
        return ""
    return f"{count} {rules.incidents_within} {rules.incidents_told} {ATTRIBUTION}"


def deploying_digest(rules: EventRules) -> str:
    """Return SHA-256 of the rules that decide which told deployments there are."""
    return hashlib.sha256(repr((rules.deployments, rules.environments, rules.pipelines)).encode()).hexdigest()


def read_told(connection: Connection, project: str, repository: str, rules: EventRules, environment: str) -> Told:
    """Read what was told.

    Args:
        connection: an open connection.
        project: the project.
        repository: the repository's key in it.
        rules: what of it counts.
        environment: the name of the project's environment.
    """

    def events(kind: str) -> Any:
        return events_of_kind(connection, project, repository, kind)

    kinds = ("deployment", "pipeline") if rules.pipelines else ("deployment",)
    deployments = [one for kind in kinds for one in told_deployments_of(kind, events(kind), rules, environment)]
    return Told(
        deployments=tuple(deployments),
        incidents=tuple(incidents_seen(events(INCIDENT), rules, environment)),
        heads=merged_heads(cast("Iterable[ChangeEvent]", events("change"))),
    )


def told_deployments_of(
    kind: str, events: Iterable[Event], rules: EventRules, environment: str
) -> list[DeploymentTold]:
    """Return the deployments that count of those that events of one kind tell of.

    Args:
        kind: `deployment` or `pipeline`.
        events: of that kind.
        rules: what of the told counts.
        environment: the name of the project's environment.
    """
    if rules.deployments is Use.IGNORE:
        return []
    if kind == "deployment":
        told = deployments_told(cast("Iterable[DeploymentEvent]", events))
        return [one for one in told if rules.is_deployed_to(one.environment, environment)]
    runs = cast("Iterable[PipelineEvent]", events)
    return pipelines_told([run for run in runs if rules.is_deploying(run.name)], environment)


def incidents_seen(events: Iterable[Event], rules: EventRules, environment: str) -> list[IncidentTold]:
    """Return the incidents that count of those that events tell of; the parameters are those of `told_deployments_of`.

    An incident that names no environment was seen in the project's own.
    """
    incidents = incidents_told(cast("Iterable[IncidentEvent]", events))
    return [one for one in incidents if one.environment is None or rules.is_deployed_to(one.environment, environment)]


def deployed(git: Git, shown: Refs, told: Told, rules: EventRules) -> tuple[Refs, Deploying]:
    """Put the told deployments together with those that git shows.

    Args:
        git: the repository.
        shown: its branches, and the deployments that git shows.
        told: what was told.
        rules: what of it counts.

    Returns:
        The branches with the first deployment of each commit, and all that is known of deployments.
    """
    releases = shown.releases if shown.merges_to is None else merges(git, shown.merges_to)
    commits = full_ids(git, (one.sha for one in told.deployments if one.sha is not None))
    found = combine(releases, told.deployments, commits, rules.deployments)
    notes = (*shown.notes, *found.notes)
    return dataclasses.replace(shown, merges_to=None, releases=found.releases, notes=notes), found


def first_deployments(
    git: Git, told: Told, deploying: Deploying, known: Callable[[list[str]], Mapping[str, str | None]]
) -> dict[str, str]:
    """Return the first deployment that contains each commit which an incident names.

    A commit that the history does not hold may be the last one of a branch that was squashed: then the commit that
    merged it stands for it (dora-team/fourkeys#456).

    Args:
        git: the repository.
        told: what was told.
        deploying: all that is known of deployments.
        known: returns of full ids of commits those that are part of the history, each with its first deployment.
    """
    named = sorted({sha for one in told.incidents for sha in (one.sha, one.fixed_by) if sha is not None})
    heads = sorted(told.heads)
    squashed = {sha: told.heads[head] for sha in named if (head := _beginning(heads, sha)) is not None}
    full = full_ids(git, (*named, *squashed.values()))
    delivered = known(sorted(set(full.values())))
    outside = {one.sha: one.key for one in reversed(deploying.repeated) if one.sha}
    found: dict[str, str] = {}
    for sha in named:
        asked = full.get(sha, ""), full.get(squashed.get(sha, ""), "")
        key = next((one for each in asked if (one := delivered.get(each)) is not None), None)
        key = key or outside.get(sha)
        if key is not None:
            found[sha] = key
    return found


def _beginning(ordered: list[str], start: str) -> str | None:
    """Return the one text that begins like this; None where none or several do."""
    place = bisect_left(ordered, start)
    found = [text for text in ordered[place : place + 2] if text.startswith(start)]
    return found[0] if len(found) == 1 else None
