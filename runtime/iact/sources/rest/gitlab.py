"""What is asked of GitLab (https://docs.gitlab.com/api/rest/)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from urllib.parse import quote

from iact.sources.events.gitlab.incident import TITLE
from iact.sources.events.gitlab.pipeline import OVER
from iact.sources.events.gitlab.shape import SOURCE
from iact.sources.events.labels import INCIDENT, is_incident
from iact.sources.events.model import Event, PipelineEvent
from iact.sources.rest.client import Client, Server
from iact.sources.rest.errors import ServerError
from iact.sources.rest.stream import (
    CREATED,
    PAGE,
    UPDATED,
    Hosting,
    Item,
    Remote,
    Stream,
    Wanted,
    address,
    moment_of,
    part_of,
    seconds,
)

_SCOPES: Final = "the scope `read_api` and the role Reporter"
_SAME_MOMENT: Final = timedelta(minutes=1)


def server(url: str, token: str | None, token_name: str) -> Server:
    """Return how GitLab is asked.

    Args:
        url: where its API begins, `https://…/api/v4`.
        token: the token; None asks without one, which public projects allow.
        token_name: where the token is kept.
    """
    headers = {"Accept": "application/json", "User-Agent": "iact"}
    private = None if token is None else ("PRIVATE-TOKEN", token)
    return Server(name="GitLab", url=url, headers=headers, token=private, token_name=token_name, scopes=_SCOPES)


def find(client: Client, host: str, name: str) -> Remote:
    """Ask for a project, by whatever path it once had.

    Raises:
        RefusedError: if there is none, or it is not shown to us.
    """
    found = client.get(f"/projects/{quote(name, safe='')}").body
    if not isinstance(found, dict) or not isinstance(found.get("path_with_namespace"), str) or "id" not in found:
        message = f"expected the project {name} from GitLab, found something else. Look at the address of --url."
        raise ServerError(message)
    return Remote(path=f"/projects/{found['id']}", name=found["path_with_namespace"], key=f"{host}/{found['id']}")


def streams(remote: Remote, wanted: Wanted) -> tuple[Stream, ...]:
    """Return everything that is asked for, in the order in which it is."""
    order = (Deployments, Incidents, LabelledIssues, MergeRequests, Approvals, Pipelines)
    return tuple(cls(remote=remote, wanted=wanted) for cls in order)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ProjectStream(Stream):
    """A list of a project that can be sorted by `updated_at` and narrowed to what was updated lately."""

    source: ClassVar[str] = SOURCE
    folder: ClassVar[str]
    filters: ClassVar[dict[str, str]] = {}

    def first_page(self, since: datetime | None, *, again: bool) -> str:
        """Return the list since then."""
        del again
        return self._page(since, **self.filters)

    def _page(self, since: datetime | None, **filters: str) -> str:
        path = f"{self.remote.path}/{self.folder}"
        after = seconds(since)
        return address(path, **filters, order_by=UPDATED, sort="desc", updated_after=after, per_page=PAGE)

    def _payload(self, kind: str, **objects: Any) -> Item:
        return {"object_kind": kind, "project": {"path_with_namespace": self.remote.name}, **objects}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployments(_ProjectStream):
    """https://docs.gitlab.com/api/deployments/: the job of a deployment says when it was finished."""

    name: ClassVar[str] = "deployments"
    kind: ClassVar[str] = "deployment"
    folder: ClassVar[str] = "deployments"

    def payloads(self, item: Item, more: Sequence[Item], told: Sequence[Event]) -> Iterator[Item]:
        """Yield `deployment`."""
        del more, told
        yield self._payload(
            "deployment",
            status=item.get("status"),
            status_changed_at=_finished(item),
            deployment_id=item.get("id"),
            environment=part_of(item, "environment").get("name"),
            short_sha=item.get("sha"),
            ref=item.get("ref"),
        )


def _finished(item: Item) -> Any:
    """Return since when a deployment has its status; None where nobody can say.

    `updated_at` moves for other reasons too, so it is never that moment. It is a bound all the same: what was created
    and never touched after a minute has had its status since.
    """
    status, created_at = item.get("status"), moment_of(item, CREATED)
    told = item.get("finished_at") or part_of(item, "deployable").get("finished_at")
    updated_at = moment_of(item, UPDATED)
    if OVER.get(str(status)) is None:
        return item.get(CREATED)
    if told or created_at is None or updated_at is None or updated_at - created_at > _SAME_MOMENT:
        return told
    return item.get(CREATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRequests(_ProjectStream):
    """https://docs.gitlab.com/api/merge_requests/."""

    name: ClassVar[str] = "merge requests"
    kind: ClassVar[str] = "change"
    folder: ClassVar[str] = "merge_requests"
    filters: ClassVar[dict[str, str]] = {"state": "all", "scope": "all"}

    def id(self, item: Item) -> str:
        """Return its number in the project."""
        return str(item.get("iid"))

    def payloads(self, item: Item, more: Sequence[Item], told: Sequence[Event]) -> Iterator[Item]:
        """Yield `merge_request`."""
        del more, told
        yield self._payload("merge_request", object_attributes={**item, "last_commit": {"id": item.get("sha")}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals(_ProjectStream):
    """https://docs.gitlab.com/api/events/: the approvals of all merge requests in one list, instead of one for each."""

    name: ClassVar[str] = "approvals"
    kind: ClassVar[str] = "change"
    sorted_by: ClassVar[str] = CREATED

    @property
    def overlap(self) -> timedelta:
        """A day: the list is narrowed to days, and an approval never changes."""
        return timedelta(days=1)

    def first_page(self, since: datetime | None, *, again: bool) -> str:
        """Return the list since the day of that moment; the parameter names the day before."""
        del again
        after = None if since is None else f"{since - timedelta(days=1):%Y-%m-%d}"
        return address(f"{self.remote.path}/events", action="approved", sort="desc", after=after, per_page=PAGE)

    def id(self, item: Item) -> str:
        """Return the number of the merge request."""
        return str(item.get("target_iid"))

    def payloads(self, item: Item, more: Sequence[Item], told: Sequence[Event]) -> Iterator[Item]:
        """Yield the event itself, which the parsers know."""
        del more, told
        yield item


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipelines(_ProjectStream):
    """https://docs.gitlab.com/api/pipelines/: the list does not say when one ended, so deploying ones are asked for."""

    name: ClassVar[str] = "pipelines"
    kind: ClassVar[str] = "pipeline"
    folder: ClassVar[str] = "pipelines"

    @property
    def choice(self) -> str:
        """Which pipelines deploy."""
        return self.wanted.pipelines

    def more(self, item: Item, told: Sequence[Event]) -> str | None:
        """Return where all of a deploying pipeline that succeeded is, unless it is known when it ended."""
        name = item.get("name") or item.get("source")
        if not self.wanted.pipeline(name) or item.get("status") != "success" or self._ends(item, told):
            return None
        return f"{self.remote.path}/pipelines/{self.id(item)}"

    def _ends(self, item: Item, told: Sequence[Event]) -> datetime | None:
        """Return when it ended, where what is known is not older than the item."""
        updated_at = moment_of(item, UPDATED)
        ends = [event.finished_at for event in told if isinstance(event, PipelineEvent)]
        return next((end for end in ends if end and updated_at and abs(updated_at - end) <= _SAME_MOMENT), None)

    def more_items(self, body: Any) -> list[Item]:
        """Return the one pipeline."""
        return Stream.items(self, [body])

    def payloads(self, item: Item, more: Sequence[Item], told: Sequence[Event]) -> Iterator[Item]:
        """Yield `pipeline`, with its end where that was asked for or is known."""
        end, fields = self._ends(item, told), {**item, **(more[0] if more else {})}
        if end is not None and not more:
            fields["finished_at"] = end.isoformat()
        yield self._payload("pipeline", object_attributes=fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incidents(_ProjectStream):
    """https://docs.gitlab.com/api/issues/ whose type is incident."""

    name: ClassVar[str] = "incidents"
    kind: ClassVar[str] = "incident"
    folder: ClassVar[str] = "issues"
    filters: ClassVar[dict[str, str]] = {"scope": "all", "issue_type": "incident"}

    def id(self, item: Item) -> str:
        """Return its number in the project."""
        return str(item.get("iid"))

    def payloads(self, item: Item, more: Sequence[Item], told: Sequence[Event]) -> Iterator[Item]:
        """Yield `issue` for an incident, and for one that no longer is."""
        del more
        names = item.get("labels")
        labels = [{TITLE: name} for name in (names if isinstance(names, list) else []) if isinstance(name, str)]
        is_typed = str(item.get("issue_type")).casefold() == INCIDENT
        attributes = {**item, "labels": labels, "type": "Incident" if is_typed else "Issue"}
        if is_typed or is_incident(labels, TITLE):
            yield self._payload("issue", object_attributes=attributes, labels=labels)
        elif told:
            before = {"labels": {"previous": [{TITLE: INCIDENT}], "current": labels}}
            yield self._payload("issue", object_attributes=attributes, labels=labels, changes=before)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledIssues(Incidents):
    """The same, labelled `incident`; later all issues, for those that are incidents no longer."""

    name: ClassVar[str] = "labelled issues"
    filters: ClassVar[dict[str, str]] = {"scope": "all"}

    def first_page(self, since: datetime | None, *, again: bool) -> str:
        """Return the list since then."""
        labels = {} if again else {"labels": INCIDENT}
        return self._page(since, **self.filters, **labels)


GITLAB: Final = Hosting(
    name="GitLab",
    key="gitlab",
    url="https://gitlab.com/api/v4",
    token="GITLAB_TOKEN",  # noqa: S106 - the name of the variable, and no token
    server=server,
    find=find,
    streams=streams,
)
