"""What an event tells; free of any format and any database.

An event is one statement about one thing at one moment. The thing is named by its source and id, the moment is the
event's own and never that of its arrival. Nothing about people is in here.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Final, get_type_hints

from iact.core import instants
from iact.core.canonical import digest

TITLE_LENGTH: Final = 200


class Status(StrEnum):
    """How far a thing has come."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    INACTIVE = "inactive"
    OPEN = "open"
    RESOLVED = "resolved"
    MERGED = "merged"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    """It never was: told by mistake."""


_STATUSES: Final = {one.value: one for one in Status}
_CANONICAL: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every event says.

    Attributes:
        source: who tells, such as `github`.
        id: what the source calls the thing; with source and kind its natural key.
        at: the moment at which this was so, by the source's clock.
        status: how far the thing had come; None where the event does not say.
    """

    kind: ClassVar[str] = ""
    statuses: ClassVar[tuple[Status, ...]] = ()

    source: str
    id: str
    at: datetime
    status: Status | None = None

    @property
    def content(self) -> bytes:
        """Canonical bytes (RFC 8785): texts only, keys in ASCII, so that sorting them is all there is to do."""
        record = {
            name: instants.write(value) if isinstance(value, datetime) else value
            for name in _types(self.kind)
            if (value := getattr(self, name)) is not None
        }
        return _CANONICAL.encode(record).encode()

    @property
    def digest(self) -> str:
        """Digest of kind and content: telling the same twice changes nothing."""
        return self.digest_of(self.content)

    def digest_of(self, content: bytes) -> str:
        """Return the digest of an event of this kind with this content, for whoever has the content already."""
        return digest(f"{self.kind} ".encode() + content)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentEvent(Event):
    """One statement about a deployment.

    Attributes:
        environment: where it goes.
        sha: the commit, full or abbreviated to seven characters or more.
        name: what people call it, such as a version.
        service: what is deployed, where a repository holds several services.
        deployed_at: when it was finished, where that is not the moment of the event itself.
        started_at: when it began.
        scope: what deployed, such as a job of a tool; the deployments of one scope follow each other.
        repository: what was taken from where, when one deployment takes several repositories.
    """

    kind: ClassVar[str] = "deployment"
    statuses: ClassVar[tuple[Status, ...]] = (
        Status.PENDING, Status.SUCCESS, Status.FAILURE, Status.INACTIVE, Status.WITHDRAWN,
    )  # fmt: skip

    environment: str | None = None
    sha: str | None = None
    name: str | None = None
    service: str | None = None
    deployed_at: datetime | None = None
    started_at: datetime | None = None
    scope: str | None = None
    repository: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentEvent(Event):
    """One statement about an incident.

    Attributes:
        title: what it is about.
        opened_at: since when users were affected.
        resolved_at: since when they no longer were.
        environment: where it was seen; None: where the project deploys to.
        service: which service it was.
        deployment: the id of the deployment that caused it, where somebody found out.
        sha: the commit that caused it, likewise; of a change or of a deployment.
        fixed_by: the commit that ended it.
    """

    kind: ClassVar[str] = "incident"
    statuses: ClassVar[tuple[Status, ...]] = (Status.OPEN, Status.RESOLVED, Status.WITHDRAWN)

    title: str | None = None
    opened_at: datetime | None = None
    resolved_at: datetime | None = None
    environment: str | None = None
    service: str | None = None
    deployment: str | None = None
    sha: str | None = None
    fixed_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeEvent(Event):
    """One statement about a pull or merge request.

    Attributes:
        title: what it is about.
        opened_at: when it was opened.
        reviewed_at: when somebody other than its author reviewed it.
        review: what the source calls that review.
        merged_at: when it was merged.
        sha: the commit that merged it: of a squash the one new commit.
        head: the last commit of its branch.
        branch: where it is merged to.
        commit: a commit of its branch.
        authored_at: when that commit was written.
    """

    kind: ClassVar[str] = "change"
    statuses: ClassVar[tuple[Status, ...]] = (Status.OPEN, Status.MERGED, Status.CLOSED, Status.WITHDRAWN)

    title: str | None = None
    opened_at: datetime | None = None
    reviewed_at: datetime | None = None
    review: str | None = None
    merged_at: datetime | None = None
    sha: str | None = None
    head: str | None = None
    branch: str | None = None
    commit: str | None = None
    authored_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineEvent(Event):
    """One statement about the run of a pipeline or workflow.

    Attributes:
        name: which pipeline.
        sha: the commit that it ran on.
        branch: the branch or tag that it ran for.
        started_at: when it began.
        finished_at: when it ended.
    """

    kind: ClassVar[str] = "pipeline"
    statuses: ClassVar[tuple[Status, ...]] = (Status.PENDING, Status.SUCCESS, Status.FAILURE, Status.WITHDRAWN)

    name: str | None = None
    sha: str | None = None
    branch: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


EVENTS: Final[dict[str, type[Event]]] = {
    event.kind: event for event in (DeploymentEvent, IncidentEvent, ChangeEvent, PipelineEvent)
}
"""Every sort of event by its kind."""


def read_content(kind: str, content: bytes) -> Event:
    """Return the event whose canonical bytes these are.

    Args:
        kind: of what kind it is.
        content: as `Event.content` wrote it.
    """
    types = _types(kind)
    return EVENTS[kind](**{name: types[name](text) for name, text in json.loads(content).items()})


@cache
def _types(kind: str) -> dict[str, Any]:
    """Return for every field of the events of a kind what reads its text."""
    cls = EVENTS[kind]
    hints = get_type_hints(cls)
    return {field.name: _reader(str(hints[field.name])) for field in dataclasses.fields(cls)}


def _reader(hint: str) -> Any:
    if "datetime" in hint:
        return datetime.fromisoformat
    return _STATUSES.__getitem__ if "Status" in hint else str
