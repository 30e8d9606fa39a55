"""What is asked of GitHub (https://docs.github.com/en/rest)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from iact.sources.events.github.deployment_status import STATES
from iact.sources.events.github.issues import NAME
from iact.sources.events.github.shape import SOURCE
from iact.sources.events.labels import INCIDENT, is_incident
from iact.sources.events.model import Event, PipelineEvent, Status
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
    seconds,
)

_SCOPES: Final = "read access to actions, deployments, issues, metadata and pull requests (a classic token: `repo`)"
_SAME_MOMENT: Final = timedelta(minutes=1)
_OVER: Final = frozenset({Status.SUCCESS, Status.FAILURE, Status.INACTIVE})


def server(url: str, token: str | None, token_name: str) -> Server:
    """Return how GitHub is asked.

    Args:
        url: where its API begins; of an own server `https://…/api/v3`.
        token: the token; None asks without one, which public repositories allow 60 times an hour.
        token_name: where the token is kept.
    """
    headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28", "User-Agent": "iact"}
    bearer = None if token is None else ("Authorization", f"Bearer {token}")
    return Server(name="GitHub", url=url, headers=headers, token=bearer, token_name=token_name, scopes=_SCOPES)


def find(client: Client, host: str, name: str) -> Remote:
    """Ask for a repository, by whatever name it once had.

    Raises:
        RefusedError: if there is none, or it is not shown to us.
    """
    found = client.get(f"/repos/{name}").body
    if not isinstance(found, dict) or not isinstance(found.get("full_name"), str) or "id" not in found:
        message = f"expected the repository {name} from GitHub, found something else. Look at the address of --url."
        raise ServerError(message)
    now = found["full_name"]
    return Remote(path=f"/repos/{now}", name=now, key=f"{host}/{found['id']}")


def streams(remote: Remote, wanted: Wanted) -> tuple[Stream, ...]:
    """Return everything that is asked for, in the order in which it is."""
    return tuple(cls(remote=remote, wanted=wanted) for cls in (Deployments, Issues, PullRequests, WorkflowRuns))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployments(Stream):
    """https://docs.github.com/en/rest/deployments/deployments and statuses.

    The list says nothing of how deployments went, and `updated_at` moves on when another takes their place. So the
    statuses of each are asked for, once it counts, until one says that it succeeded.
    """

    name: ClassVar[str] = "deployments"
    kind: ClassVar[str] = "deployment"
    source: ClassVar[str] = SOURCE
    sorted_by: ClassVar[str] = CREATED
    same_address: ClassVar[bool] = True

    @property
    def choice(self) -> str:
        """Which environments count."""
        return self.wanted.environments

    def first_page(self, since: datetime | None, *, again: bool) -> str:
        """Return the list; it cannot be narrowed to a time."""
        del since, again
        return address(f"{self.remote.path}/deployments", per_page=PAGE)

    def more(self, item: Item, told: Sequence[Event]) -> str | None:
        """Return where its statuses are, unless it is known how it went."""
        if not self.wanted.deployment(item.get("environment")) or self._is_settled(item, told):
            return None
        return address(f"{self.remote.path}/deployments/{self.id(item)}/statuses", per_page=PAGE)

    def _is_settled(self, item: Item, told: Sequence[Event]) -> bool:
        if any(event.status is Status.SUCCESS for event in told):
            return True
        over = [event.at for event in told if event.status in _OVER]
        updated_at = moment_of(item, UPDATED)
        return bool(over) and updated_at is not None and updated_at <= max(over) + _SAME_MOMENT

    def is_open(self, item: Item, more: Sequence[Item], told: Sequence[Event]) -> bool:
        """Return whether it has not come to an end."""
        ended = any(STATES.get(str(status.get("state"))) in _OVER for status in more)
        was_over = any(event.status in _OVER for event in told)
        return self.wanted.deployment(item.get("environment")) and not ended and not was_over

    def payloads(self, item: Item, more: Sequence[Item], told: Sequence[Event]) -> Iterator[Item]:
        """Yield `deployment`, and a `deployment_status` for each status."""
        del told
        yield self._payload(deployment=item)
        for status in more:
            yield self._payload(deployment=item, deployment_status=status)

    def _payload(self, **objects: Any) -> Item:
        return objects | {"repository": {"full_name": self.remote.name}}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRuns(Stream):
    """https://docs.github.com/en/rest/actions/workflow-runs.

    A run does not say when it ended, and its `updated_at` moves later. So the jobs of deploying runs are asked for.
    """

    name: ClassVar[str] = "workflow runs"
    kind: ClassVar[str] = "pipeline"
    source: ClassVar[str] = SOURCE
    sorted_by: ClassVar[str] = CREATED
    same_address: ClassVar[bool] = True

    @property
    def choice(self) -> str:
        """Which pipelines deploy."""
        return self.wanted.pipelines

    def first_page(self, since: datetime | None, *, again: bool) -> str:
        """Return the list; narrowed to a time, GitHub would end it after 1,000 runs."""
        del since, again
        return address(f"{self.remote.path}/actions/runs", per_page=PAGE, exclude_pull_requests="true")

    def items(self, body: Any) -> list[Item]:
        """Return the runs of a page."""
        return Stream.items(self, body.get("workflow_runs") if isinstance(body, dict) else None)

    def more(self, item: Item, told: Sequence[Event]) -> str | None:
        """Return where the jobs of a deploying run that succeeded are, unless it is known when it ended."""
        if not self.wanted.pipeline(item.get("name")) or item.get("conclusion") != "success":
            return None
        if any(self._tells_the_end(event, item) for event in told):
            return None
        return address(f"{self.remote.path}/actions/runs/{self.id(item)}/jobs", filter="latest", per_page=PAGE)

    def _tells_the_end(self, event: Event, item: Item) -> bool:
        ends = isinstance(event, PipelineEvent) and event.finished_at is not None
        return ends and event.at == moment_of(item, UPDATED)

    def more_items(self, body: Any) -> list[Item]:
        """Return the jobs of a page."""
        return Stream.items(self, body.get("jobs") if isinstance(body, dict) else None)

    def is_open(self, item: Item, more: Sequence[Item], told: Sequence[Event]) -> bool:
        """Return whether it still runs."""
        del more, told
        return item.get("status") != "completed"

    def payloads(self, item: Item, more: Sequence[Item], told: Sequence[Event]) -> Iterator[Item]:
        """Yield `workflow_run`, ended when the last of its jobs was; what is known of that already is said again."""
        ended = [moment for job in more if (moment := moment_of(job, "completed_at")) is not None]
        known = [event for event in told if self._tells_the_end(event, item)]
        end = max(ended, default=None)
        if not ended and known and isinstance(known[-1], PipelineEvent):
            end = known[-1].finished_at
        run = {**item, "completed_at": None if end is None else end.isoformat()}
        yield {"workflow_run": run, "repository": {"full_name": self.remote.name}}


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequests(Stream):
    """https://docs.github.com/en/rest/pulls/pulls and reviews; a request for the reviews of each that was merged."""

    name: ClassVar[str] = "pull requests"
    kind: ClassVar[str] = "change"
    source: ClassVar[str] = SOURCE
    same_address: ClassVar[bool] = True

    def first_page(self, since: datetime | None, *, again: bool) -> str:
        """Return the list; it cannot be narrowed to a time."""
        del since, again
        return address(f"{self.remote.path}/pulls", state="all", sort="updated", direction="desc", per_page=PAGE)

    def id(self, item: Item) -> str:
        """Return its number."""
        return str(item.get("number"))

    def more(self, item: Item, told: Sequence[Event]) -> str | None:
        """Return where the reviews of a merged one are, unless nothing has changed since they were asked for."""
        updated_at = moment_of(item, UPDATED)
        if not item.get("merged_at") or any(event.at == updated_at for event in told):
            return None
        return address(f"{self.remote.path}/pulls/{self.id(item)}/reviews", per_page=PAGE)

    def payloads(self, item: Item, more: Sequence[Item], told: Sequence[Event]) -> Iterator[Item]:
        """Yield `pull_request`, and a `pull_request_review` for each review that was handed in."""
        del told
        repository = {"full_name": self.remote.name}
        yield {"pull_request": item, "repository": repository}
        for review in more:
            at = moment_of(review, "submitted_at")
            if at is not None:
                yield {"review": review, "pull_request": _as_it_was(item, review, at), "repository": repository}


def _as_it_was(item: Item, review: Item, at: datetime) -> Item:
    """Return the pull request at the moment of a review, as far as the list says; a webhook brings it along."""
    closed_at = moment_of(item, "closed_at")
    then: dict[str, Any] = {name: item.get(name) for name in ("number", "created_at", "user", "base")}
    then["head"] = {"sha": review.get("commit_id")}
    if closed_at is None or at < closed_at:
        return then | {"state": "open"}
    return then | {"state": item.get("state"), "merged_at": item.get("merged_at")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Issues(Stream):
    """https://docs.github.com/en/rest/issues/issues, labelled `incident`; later all, for those that lost the label."""

    name: ClassVar[str] = "incidents"
    kind: ClassVar[str] = "incident"
    source: ClassVar[str] = SOURCE

    def first_page(self, since: datetime | None, *, again: bool) -> str:
        """Return the list since then."""
        return address(
            f"{self.remote.path}/issues",
            labels=None if again else INCIDENT,
            state="all",
            sort="updated",
            direction="desc",
            since=seconds(since),
            per_page=PAGE,
        )

    def id(self, item: Item) -> str:
        """Return its number."""
        return str(item.get("number"))

    def payloads(self, item: Item, more: Sequence[Item], told: Sequence[Event]) -> Iterator[Item]:
        """Yield `issues` for an incident, and for one that no longer is."""
        del more
        repository = {"full_name": self.remote.name}
        if "pull_request" in item:
            return
        if is_incident(item.get("labels"), NAME):
            yield {"issue": item, "repository": repository}
        elif told:
            yield {"action": "unlabeled", "label": {NAME: INCIDENT}, "issue": item, "repository": repository}


GITHUB: Final = Hosting(
    name="GitHub",
    key="github",
    url="https://api.github.com",
    token="GITHUB_TOKEN",  # noqa: S106 - the name of the variable, and no token
    server=server,
    find=find,
    streams=streams,
)
