"""A server that behaves like GitHub's REST API, with objects in the form that GitHub describes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from tests.support.rest_server import HandClock, Reply, RestServer, read, written

TOKEN: Final = "ghs_" + "x" * 36
REPOSITORY: Final = 77
_REPOSITORY: Final = re.compile(r"/(?:repos/(?P<name>[^/]+/[^/]+)|repositories/(?P<id>\d+))(?P<rest>/.*)?")


def user(number: int, login: str = "octo-dev") -> dict[str, Any]:
    """Return an account."""
    return {
        "login": login,
        "id": number,
        "node_id": f"MDQ6VXNlcj{number}",
        "avatar_url": f"https://avatars.example/u/{number}",
        "url": f"https://api.github.example/users/{login}",
        "html_url": f"https://github.example/{login}",
        "type": "User",
        "user_view_type": "public",
        "site_admin": False,
    }


class GitHubServer(RestServer):
    """One repository, `shop/web`, which was once called `shop/old`.

    Attributes:
        deployments, statuses, runs, jobs, pulls, reviews, issues: what it holds; lists by the id of their owner.
        forbidden: parts of paths that the token must not read.
    """

    def __init__(self, clock: HandClock, token: str | None = TOKEN) -> None:
        """Make an empty repository."""
        super().__init__(token, clock)
        self.deployments: list[dict[str, Any]] = []
        self.statuses: dict[int, list[dict[str, Any]]] = {}
        self.runs: list[dict[str, Any]] = []
        self.jobs: dict[int, list[dict[str, Any]]] = {}
        self.pulls: list[dict[str, Any]] = []
        self.reviews: dict[int, list[dict[str, Any]]] = {}
        self.issues: list[dict[str, Any]] = []
        self.forbidden: tuple[str, ...] = ()

    def is_known(self, headers: Mapping[str, str]) -> bool:
        """Return whether the token is there."""
        return self.token is None or headers.get("authorization") == f"Bearer {self.token}"

    def limits(self) -> dict[str, str]:
        """Return `x-ratelimit-*`."""
        limit = 5000 if self.budget is None else self.budget
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - self.used)),
            "X-RateLimit-Reset": str(int(self.reset_at.timestamp())),
            "X-RateLimit-Used": str(self.used),
            "X-RateLimit-Resource": "core",
        }

    def over_the_limit(self) -> Reply:
        """Return 403, as GitHub does for the primary limit."""
        return Reply({"message": "API rate limit exceeded for user ID 1."}, status=403)

    def reply(self, path: str, query: dict[str, str]) -> Reply:
        """Answer what `iact pull` may ask for."""
        found = _REPOSITORY.fullmatch(path)
        if found is None:
            return not_found()
        rest = found["rest"] or ""
        if found["name"] == "shop/old":
            moved = f"{self.url}/repositories/{REPOSITORY}{rest}"
            return Reply({"message": "Moved Permanently", "url": moved}, status=301, headers={"Location": moved})
        if found["name"] not in {"shop/web", None} or found["id"] not in {str(REPOSITORY), None}:
            return not_found()
        if any(part in rest for part in self.forbidden):
            body = {"message": "Resource not accessible by personal access token", "status": "403"}
            return Reply(body, status=403, headers={"X-Accepted-GitHub-Permissions": "deployments=read"})
        return self._resource(path, rest, query)

    def _resource(self, path: str, rest: str, query: dict[str, str]) -> Reply:
        match rest.strip("/").split("/"):
            case [""]:
                found = Reply({"id": REPOSITORY, "name": "web", "full_name": "shop/web", "default_branch": "main"})
            case ["deployments"]:
                found = self.paged(path, query, sorted(self.deployments, key=lambda one: -one["id"]))
            case ["deployments", number, "statuses"]:
                found = self.paged(path, query, sorted(self.statuses.get(int(number), []), key=lambda one: -one["id"]))
            case ["actions", "runs"]:
                runs = sorted(self.runs, key=lambda one: one["created_at"], reverse=True)
                found = self.paged(path, query, runs, lambda shown: {"total_count": len(runs), "workflow_runs": shown})
            case ["actions", "runs", number, "jobs"]:
                jobs = self.jobs.get(int(number), [])
                found = self.paged(path, query, jobs, lambda shown: {"total_count": len(jobs), "jobs": shown})
            case ["pulls"]:
                found = self.paged(path, query, _filtered(self.pulls, query))
            case ["pulls", number, "reviews"]:
                found = self.paged(path, query, self.reviews.get(int(number), []))
            case ["issues"]:
                found = self.paged(path, query, _filtered(self.issues, query))
            case _:
                found = not_found()
        return found

    def deployed(self, number: int, at: datetime, sha: str, *states: str, environment: str = "production") -> None:
        """Add a deployment, asked for at that moment, whose statuses follow each a minute after the other."""
        home = f"{self.url}/repos/shop/web/deployments/{number}"
        for place, state in enumerate(states, start=1):
            moment = written(at + timedelta(minutes=place))
            self.statuses.setdefault(number, []).append(
                {
                    "url": f"{home}/statuses/{number}{place}",
                    "id": number * 100 + place,
                    "node_id": f"DES_{number}_{place}",
                    "state": state,
                    "creator": user(1),
                    "description": "",
                    "environment": environment,
                    "target_url": "https://ci.example/run",
                    "created_at": moment,
                    "updated_at": moment,
                    "deployment_url": home,
                    "repository_url": f"{self.url}/repos/shop/web",
                    "environment_url": "https://shop.example",
                    "log_url": "https://ci.example/run",
                    "performed_via_github_app": None,
                }
            )
        self.deployments.append(
            {
                "url": home,
                "id": number,
                "node_id": f"DE_{number}",
                "task": "deploy",
                "original_environment": environment,
                "environment": environment,
                "description": None,
                "created_at": written(at),
                "updated_at": written(at + timedelta(minutes=len(states))),
                "statuses_url": f"{home}/statuses",
                "repository_url": f"{self.url}/repos/shop/web",
                "creator": user(1),
                "sha": sha,
                "ref": "main",
                "payload": {},
                "transient_environment": False,
                "production_environment": environment == "production",
                "performed_via_github_app": None,
            }
        )

    def status(self, number: int, state: str, at: datetime) -> None:
        """Add a status to a deployment, whose `updated_at` moves on as it does at GitHub."""
        (deployment,) = (one for one in self.deployments if one["id"] == number)
        statuses = self.statuses.setdefault(number, [])
        base = {"environment": deployment["environment"], "creator": user(1), "updated_at": written(at)}
        statuses.append({"id": number * 100 + len(statuses) + 1, "state": state, "created_at": written(at), **base})
        deployment["updated_at"] = written(at)

    def ran(
        self, number: int, at: datetime, sha: str, *, name: str = "Deploy", conclusion: str | None = "success"
    ) -> None:
        """Add a run that took ten minutes, and that something touched two days later; without conclusion it runs."""
        ended = at + timedelta(minutes=10)
        self.runs.append(
            {
                "id": number,
                "name": name,
                "node_id": f"WFR_{number}",
                "head_branch": "main",
                "head_sha": sha,
                "path": ".github/workflows/deploy.yml",
                "display_title": "Round prices up",
                "run_number": number % 1000,
                "event": "push",
                "status": "in_progress" if conclusion is None else "completed",
                "conclusion": conclusion,
                "workflow_id": 3,
                "check_suite_id": 42,
                "url": f"{self.url}/repos/shop/web/actions/runs/{number}",
                "pull_requests": [],
                "created_at": written(at),
                "updated_at": written(at if conclusion is None else ended + timedelta(days=2)),
                "actor": user(1),
                "run_attempt": 1,
                "referenced_workflows": [],
                "run_started_at": written(at),
                "triggering_actor": user(1),
                "head_commit": {"id": sha, "message": "Round prices up", "timestamp": written(at)},
            }
        )
        if conclusion is not None:
            self.jobs[number] = [
                {
                    "id": number * 10 + place,
                    "run_id": number,
                    "head_sha": sha,
                    "status": "completed",
                    "conclusion": conclusion,
                    "created_at": written(at),
                    "started_at": written(at),
                    "completed_at": written(ended - timedelta(minutes=place)),
                    "name": f"job {place}",
                    "steps": [],
                }
                for place in range(2)
            ]

    def requested(  # noqa: PLR0913 - a pull request has that many sides
        self,
        number: int,
        at: datetime,
        *,
        merged: datetime | None = None,
        updated: datetime | None = None,
        sha: str | None = None,
        head: str = "c" * 40,
    ) -> None:
        """Add a pull request of account 1, opened at that moment; squashed into `sha` when it was merged."""
        changed = updated or merged or at
        self.pulls.append(
            {
                "url": f"{self.url}/repos/shop/web/pulls/{number}",
                "id": 10_000 + number,
                "node_id": f"PR_{number}",
                "number": number,
                "state": "open" if merged is None else "closed",
                "locked": False,
                "title": f"Change {number}",
                "user": user(1),
                "body": "What and why.",
                "labels": [],
                "milestone": None,
                "created_at": written(at),
                "updated_at": written(changed),
                "closed_at": None if merged is None else written(merged),
                "merged_at": None if merged is None else written(merged),
                "merge_commit_sha": sha or "d" * 40,
                "assignee": None,
                "requested_reviewers": [],
                "head": {"label": "shop:topic", "ref": "topic", "sha": head, "user": user(1)},
                "base": {"label": "shop:main", "ref": "main", "sha": "e" * 40, "user": user(1)},
                "author_association": "MEMBER",
                "auto_merge": None,
                "draft": False,
            }
        )

    def reviewed(
        self, number: int, at: datetime, *, by: int = 2, state: str = "APPROVED", head: str = "b" * 40
    ) -> None:
        """Add a review of a pull request; one that is `PENDING` was not handed in."""
        reviews = self.reviews.setdefault(number, [])
        reviews.append(
            {
                "id": number * 100 + len(reviews),
                "node_id": f"PRR_{number}_{len(reviews)}",
                "user": user(by, f"octo-{by}"),
                "body": "",
                "state": state,
                "html_url": f"https://github.example/shop/web/pull/{number}#pullrequestreview",
                "pull_request_url": f"{self.url}/repos/shop/web/pulls/{number}",
                "author_association": "MEMBER",
                "commit_id": head,
            }
            | ({} if state == "PENDING" else {"submitted_at": written(at)})
        )

    def issue(  # noqa: PLR0913 - an issue has that many sides
        self,
        number: int,
        at: datetime,
        *labels: str,
        closed: datetime | None = None,
        updated: datetime | None = None,
        body: str | None = None,
        is_request: bool = False,
    ) -> dict[str, Any]:
        """Add an issue, or a pull request as the list of issues shows it, and return it to be changed."""
        found: dict[str, Any] = {
            "url": f"{self.url}/repos/shop/web/issues/{number}",
            "id": 20_000 + number,
            "node_id": f"I_{number}",
            "number": number,
            "title": f"Issue {number}",
            "user": user(1),
            "labels": [
                {"id": place, "name": name, "color": "d73a4a", "default": False} for place, name in enumerate(labels)
            ],
            "state": "open" if closed is None else "closed",
            "state_reason": None if closed is None else "completed",
            "locked": False,
            "assignees": [],
            "milestone": None,
            "comments": 0,
            "created_at": written(at),
            "updated_at": written(updated or closed or at),
            "closed_at": None if closed is None else written(closed),
            "author_association": "MEMBER",
            "body": body,
            "reactions": {"total_count": 0},
            "timeline_url": f"{self.url}/repos/shop/web/issues/{number}/timeline",
        }
        if is_request:
            found["pull_request"] = {"url": f"{self.url}/repos/shop/web/pulls/{number}", "merged_at": None}
        self.issues.append(found)
        return found


def _filtered(items: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    """Return issues or pull requests as the parameters ask; without `state=all` only the open ones."""
    found = [one for one in items if query.get("state") == "all" or one["state"] == "open"]
    if "labels" in query:
        wanted = query["labels"].casefold()
        found = [one for one in found if wanted in (label["name"].casefold() for label in one["labels"])]
    if "since" in query:
        found = [one for one in found if read(one["updated_at"]) >= read(query["since"])]
    key = {"updated": "updated_at"}.get(query.get("sort", "created"), "created_at")
    return sorted(found, key=lambda one: (one[key], one["number"]), reverse=query.get("direction", "desc") == "desc")


def not_found() -> Reply:
    """Return the answer to what is not there, or not for this token."""
    return Reply(
        {"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}, status=404
    )
