"""A server that behaves like GitLab's REST API, with objects in the form that GitLab describes."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from tests.support.rest_server import HandClock, Reply, RestServer, read, written

TOKEN: Final = "glpat-" + "x" * 20
PROJECT: Final = 7
_PROJECT: Final = re.compile(r"/api/v4/projects/(?:(?P<path>shop/[a-z]+)|(?P<id>\d+))(?P<rest>/.*)?")


def person(number: int) -> dict[str, Any]:
    """Return an account."""
    return {
        "id": number,
        "username": f"dev-{number}",
        "name": f"Developer {number}",
        "state": "active",
        "locked": False,
        "avatar_url": None,
        "web_url": f"https://gitlab.example/dev-{number}",
    }


class GitLabServer(RestServer):
    """One project, `shop/web`.

    Attributes:
        deployments, pipelines, requests_to_merge, events, issues: what it holds.
        keyset: whether pages are named by a cursor in `Link` alone, as in keyset pagination.
    """

    def __init__(self, clock: HandClock, token: str | None = TOKEN, *, keyset: bool = False) -> None:
        """Make an empty project."""
        super().__init__(token, clock)
        self.keyset = keyset
        self.deployments: list[dict[str, Any]] = []
        self.pipelines: list[dict[str, Any]] = []
        self.requests_to_merge: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.issues: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        """Where its API begins."""
        return f"{self.origin}/api/v4"

    def link(self, path: str, query: Mapping[str, str]) -> str:
        """Return the whole address of a page."""
        return super().link(path.removeprefix("/api/v4"), query)

    def is_known(self, headers: Mapping[str, str]) -> bool:
        """Return whether the token is there."""
        return self.token is None or headers.get("private-token") == self.token

    def limits(self) -> dict[str, str]:
        """Return `RateLimit-*`, where there is a limit."""
        if self.budget is None:
            return {}
        return {
            "RateLimit-Limit": str(self.budget),
            "RateLimit-Name": "throttle_authenticated_api",
            "RateLimit-Observed": str(self.used),
            "RateLimit-Remaining": str(max(0, self.budget - self.used)),
            "RateLimit-Reset": str(int(self.reset_at.timestamp())),
        }

    def over_the_limit(self) -> Reply:
        """Return 429 with a text that is no JSON, as GitLab does."""
        after = int((self.reset_at - self.clock.now()).total_seconds())
        return Reply(b"Retry later\n", status=429, headers={"Retry-After": str(after), "Content-Type": "text/plain"})

    def page_headers(self, page: int, last: int) -> dict[str, str]:
        """Return `X-Page` and its like."""
        return {"X-Page": str(page), "X-Next-Page": str(page + 1) if page < last else "", "X-Total-Pages": str(last)}

    def paged(
        self, path: str, query: dict[str, str], items: list[Any], wrap: Callable[[Any], Any] | None = None
    ) -> Reply:
        """Return a page: by its number, or with keyset pagination by a cursor that nobody else can make."""
        if not self.keyset:
            return super().paged(path, query, items, wrap)
        start, size = int(base64.b64decode(query.get("cursor", "")) or 0), int(query.get("per_page", "20"))
        following = query | {"cursor": base64.b64encode(str(start + size).encode()).decode()}
        more = start + size < len(items)
        return Reply(
            items[start : start + size], headers={"Link": f'<{self.link(path, following)}>; rel="next"'} if more else {}
        )

    def reply(self, path: str, query: dict[str, str]) -> Reply:
        """Answer what `iact pull` may ask for."""
        found = _PROJECT.fullmatch(path)
        if found is None or found["path"] not in {"shop/web", None} or found["id"] not in {str(PROJECT), None}:
            return Reply({"message": "404 Project Not Found"}, status=404)
        return self._resource(path, found["rest"] or "", query)

    def _resource(self, path: str, rest: str, query: dict[str, str]) -> Reply:
        match rest.strip("/").split("/"):
            case [""]:
                found = Reply({"id": PROJECT, "name": "web", "path": "web", "path_with_namespace": "shop/web"})
            case ["deployments"]:
                found = self.paged(path, query, _sorted(self.deployments, query))
            case ["pipelines"]:
                listed = [{key: one[key] for key in _LISTED} for one in self.pipelines]
                found = self.paged(path, query, _sorted(listed, query))
            case ["pipelines", number]:
                found = Reply(next(one for one in self.pipelines if str(one["id"]) == number))
            case ["merge_requests"]:
                found = self.paged(path, query, _sorted(self.requests_to_merge, query))
            case ["issues"]:
                found = self.paged(path, query, _sorted(self._issues(query), query))
            case ["events"]:
                found = self.paged(path, query, self._events(query))
            case _:
                found = Reply({"error": "404 Not Found"}, status=404)
        return found

    def _issues(self, query: dict[str, str]) -> list[dict[str, Any]]:
        label, kind = query.get("labels"), query.get("issue_type")
        labelled = [one for one in self.issues if label is None or label in one["labels"]]
        return [one for one in labelled if kind is None or one["issue_type"] == kind]

    def _events(self, query: dict[str, str]) -> list[dict[str, Any]]:
        after = query.get("after")
        found = [one for one in self.events if one["action_name"] == query["action"]]
        since = [one for one in found if after is None or read(one["created_at"]).date() > read(after).date()]
        return sorted(since, key=lambda one: one["created_at"], reverse=True)

    def deployed(  # noqa: PLR0913 - a deployment has that many sides
        self,
        number: int,
        at: datetime,
        sha: str,
        status: str = "success",
        *,
        updated: datetime | None = None,
        by_job: bool = True,
    ) -> None:
        """Add a deployment whose job was finished at that moment, or which somebody told without a job."""
        began = at - timedelta(minutes=10)
        job = {
            "id": number * 10,
            "status": status,
            "stage": "deploy",
            "name": "production",
            "ref": "main",
            "tag": False,
            "coverage": None,
            "created_at": written(began),
            "started_at": written(began),
            "finished_at": written(at),
            "user": person(1),
            "commit": {"id": sha, "short_id": sha[:8], "title": "Round prices up", "created_at": written(began)},
            "pipeline": {"id": number * 100, "sha": sha, "ref": "main", "status": status},
            "runner": None,
            "artifacts": [],
        }
        self.deployments.append(
            {
                "id": number,
                "iid": number,
                "ref": "main",
                "sha": sha,
                "created_at": written(began),
                "updated_at": written(updated or at),
                "user": person(1),
                "environment": {
                    "id": 9,
                    "name": "production",
                    "external_url": "https://shop.example",
                    "tier": "production",
                },
                "deployable": job if by_job else None,
                "status": status,
            }
        )

    def ran(self, number: int, at: datetime, sha: str, *, name: str | None = "Deploy", status: str = "success") -> None:
        """Add a pipeline that ended at that moment; a moment later it was updated."""
        self.pipelines.append(
            {
                "id": number,
                "iid": number,
                "project_id": PROJECT,
                "sha": sha,
                "ref": "main",
                "status": status,
                "source": "push",
                "name": name,
                "created_at": written(at - timedelta(minutes=8)),
                "updated_at": written(at + timedelta(seconds=1)),
                "web_url": "https://gitlab.example/shop/web/-/pipelines/1",
                "before_sha": "0" * 40,
                "tag": False,
                "yaml_errors": None,
                "user": person(1),
                "started_at": written(at - timedelta(minutes=7)),
                "finished_at": written(at),
                "committed_at": None,
                "duration": 420,
                "queued_duration": 60,
                "coverage": None,
            }
        )

    def requested(  # noqa: PLR0913 - a merge request has that many sides
        self,
        number: int,
        at: datetime,
        *,
        merged: datetime | None = None,
        updated: datetime | None = None,
        sha: str | None = None,
        squash: str | None = None,
        head: str = "c" * 40,
    ) -> None:
        """Add a merge request; merged by a commit `sha`, or squashed and fast-forwarded to `squash`."""
        self.requests_to_merge.append(
            {
                "id": 10_000 + number,
                "iid": number,
                "project_id": PROJECT,
                "title": f"Change {number}",
                "description": "What and why.",
                "state": "opened" if merged is None else "merged",
                "created_at": written(at),
                "updated_at": written(updated or merged or at),
                "merged_by": None if merged is None else person(2),
                "merged_at": None if merged is None else written(merged),
                "closed_by": None,
                "closed_at": None,
                "target_branch": "main",
                "source_branch": "topic",
                "author": person(1),
                "labels": [],
                "draft": False,
                "merge_status": "can_be_merged",
                "detailed_merge_status": "not_open",
                "sha": head,
                "merge_commit_sha": sha,
                "squash_commit_sha": squash,
                "squash": squash is not None,
                "reference": f"!{number}",
                "web_url": f"https://gitlab.example/shop/web/-/merge_requests/{number}",
            }
        )

    def approved(self, number: int, at: datetime) -> None:
        """Add the event that a merge request was approved."""
        self.events.append(
            {
                "id": 30_000 + len(self.events),
                "project_id": PROJECT,
                "action_name": "approved",
                "target_id": 10_000 + number,
                "target_iid": number,
                "target_type": "MergeRequest",
                "author_id": 2,
                "target_title": f"Change {number}",
                "created_at": written(at),
                "author": person(2),
                "imported": False,
                "imported_from": "none",
                "author_username": "dev-2",
            }
        )

    def issue(
        self,
        number: int,
        at: datetime,
        *labels: str,
        closed: datetime | None = None,
        updated: datetime | None = None,
        issue_type: str = "issue",
    ) -> dict[str, Any]:
        """Add an issue and return it to be changed."""
        found: dict[str, Any] = {
            "id": 20_000 + number,
            "iid": number,
            "project_id": PROJECT,
            "title": f"Issue {number}",
            "description": "What happened.",
            "state": "opened" if closed is None else "closed",
            "created_at": written(at),
            "updated_at": written(updated or closed or at),
            "closed_at": None if closed is None else written(closed),
            "closed_by": None,
            "labels": list(labels),
            "milestone": None,
            "assignees": [],
            "author": person(1),
            "type": issue_type.upper(),
            "issue_type": issue_type,
            "severity": "UNKNOWN",
            "confidential": False,
            "web_url": f"https://gitlab.example/shop/web/-/issues/{number}",
        }
        self.issues.append(found)
        return found


_LISTED: Final = (
    "id", "iid", "project_id", "sha", "ref", "status", "source", "created_at", "updated_at", "web_url", "name",
)  # fmt: skip


def _sorted(items: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    after, key = query.get("updated_after"), query.get("order_by", "id")
    found = [one for one in items if after is None or read(one["updated_at"]) >= read(after)]
    return sorted(found, key=lambda one: (one[key], one["id"]), reverse=query.get("sort") == "desc")
