"""What events tell of each thing, put together; decisions only.

Of several events about one thing the one that is later by its own clock counts, at the same moment the one with the
higher digest: so any order of arrival, and any repetition, gives the same. What a later event does not say, an earlier
one still does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from iact.sources.events.model import ChangeEvent, DeploymentEvent, Event, IncidentEvent, PipelineEvent, Status

AnyEvent = TypeVar("AnyEvent", bound=Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentTold:
    """A deployment that went out.

    Attributes:
        source: who tells of it.
        id: what the source calls it.
        deployed_at: when it was finished.
        environment: where it went; None where that is the project's own.
        sha: the commit as it is told, perhaps abbreviated.
        name: what people call it.
        service: what was deployed.
        started_at: when it began.
        scope: what deployed.
        repository: which repository it took.
    """

    source: str
    id: str
    deployed_at: datetime
    environment: str | None
    sha: str | None
    name: str | None
    service: str | None
    started_at: datetime | None = None
    scope: str | None = None
    repository: str | None = None

    @property
    def key(self) -> str:
        """What names it in its repository."""
        return f"{self.source}/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentTold:
    """An incident.

    Attributes:
        source: who tells of it.
        id: what the source calls it.
        title: what it is about.
        opened_at: since when users were affected.
        resolved_at: since when they no longer are; None while they are.
        environment: where; None: where the project deploys to.
        service: which service.
        deployment: the id of the deployment that caused it.
        sha: the commit that caused it.
        fixed_by: the commit that ended it.
    """

    source: str
    id: str
    title: str | None
    opened_at: datetime
    resolved_at: datetime | None
    environment: str | None
    service: str | None
    deployment: str | None
    sha: str | None
    fixed_by: str | None

    @property
    def key(self) -> str:
        """What names it in its repository."""
        return f"{self.source}/{self.id}"


def deployments_told(events: Iterable[DeploymentEvent]) -> list[DeploymentTold]:
    """Return the deployments that went out, ordered by source and id.

    One that succeeded went out, whatever became of it later: that it is inactive says that another took its place. One
    that never succeeded reached no user, so it is no deployment, and no failed one either. When it was is what the
    newest event that says so says, else the moment of its first success.
    """
    return [told for things in by_thing(events) if (told := _deployment(things)) is not None]


def pipelines_told(events: Iterable[PipelineEvent], environment: str) -> list[DeploymentTold]:
    """Return the successful runs of deploying pipelines as deployments, ordered by source and id.

    Args:
        events: of deploying pipelines alone.
        environment: where they deploy to.
    """
    found = []
    for things in by_thing(events):
        finished_at = newest(things, "finished_at")
        if things[-1].status is Status.SUCCESS and finished_at is not None:
            found.append(
                DeploymentTold(
                    source=things[0].source,
                    id=f"run-{things[0].id}",
                    deployed_at=finished_at,
                    environment=environment,
                    sha=newest(things, "sha"),
                    name=None,
                    service=None,
                )
            )
    return found


def incidents_told(events: Iterable[IncidentEvent]) -> list[IncidentTold]:
    """Return the incidents, ordered by source and id; one that was opened again is open."""
    return [told for things in by_thing(events) if (told := _incident(things)) is not None]


def merged_heads(events: Iterable[ChangeEvent]) -> Mapping[str, str]:
    """Return the commit that merged each change by the last commit of its branch: a squash leaves only the former."""
    found = {}
    for things in by_thing(events):
        merged, head = newest(things, "sha"), newest(things, "head")
        if merged is not None and head is not None and things[-1].status is not Status.WITHDRAWN:
            found[head] = merged
    return found


def by_thing(events: Iterable[AnyEvent]) -> Iterator[Sequence[AnyEvent]]:
    """Yield the events of each thing, the earliest first."""
    things: dict[tuple[str, str], list[AnyEvent]] = {}
    for event in events:
        things.setdefault((event.source, event.id), []).append(event)
    for key in sorted(things):
        found = things[key]
        yield found if len(found) == 1 else sorted(found, key=lambda event: (event.at, event.digest))


def newest(events: Sequence[Event], name: str) -> Any:
    """Return what the newest event that says anything of it says.

    Args:
        events: of one thing, the earliest first.
        name: the field.
    """
    if len(events) == 1:  # of nearly everything
        return getattr(events[0], name)
    return next((value for event in reversed(events) if (value := getattr(event, name)) is not None), None)


def _deployment(events: Sequence[DeploymentEvent]) -> DeploymentTold | None:
    succeeded = [event for event in events if event.status is Status.SUCCESS]
    if not succeeded or newest(events, "status") is Status.WITHDRAWN:
        return None
    return DeploymentTold(
        source=events[0].source,
        id=events[0].id,
        deployed_at=newest(succeeded, "deployed_at") or succeeded[0].at,
        environment=newest(events, "environment"),
        sha=_longest(events),
        name=newest(events, "name"),
        service=newest(events, "service"),
        started_at=newest(events, "started_at"),
        scope=newest(events, "scope"),
        repository=newest(events, "repository"),
    )


def _longest(events: Collection[DeploymentEvent]) -> str | None:
    """Return the commit, the newest one that is longest: some events abbreviate what others say in full."""
    shas = [event.sha for event in events if event.sha is not None]
    longest = max(map(len, shas), default=0)
    return next((sha for sha in reversed(shas) if len(sha) == longest), None)


def _incident(events: Sequence[IncidentEvent]) -> IncidentTold | None:
    opened_at, status = newest(events, "opened_at"), newest(events, "status")
    if opened_at is None or status is Status.WITHDRAWN:
        return None
    resolved_at = newest(events, "resolved_at") if status is Status.RESOLVED else None
    return IncidentTold(
        source=events[0].source,
        id=events[0].id,
        title=newest(events, "title"),
        opened_at=opened_at,
        resolved_at=resolved_at,
        environment=newest(events, "environment"),
        service=newest(events, "service"),
        deployment=newest(events, "deployment"),
        sha=newest(events, "sha"),
        fixed_by=newest(events, "fixed_by"),
    )
