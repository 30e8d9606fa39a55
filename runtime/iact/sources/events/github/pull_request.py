"""GitHub's `pull_request`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from iact.sources.events.fields import Fields
from iact.sources.events.github.shape import SOURCE, GitHubPayload
from iact.sources.events.model import ChangeEvent, Status
from iact.sources.events.payloads import payload


@payload("github/pull_request")
class PullRequest(GitHubPayload):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request."""

    has = ("pull_request",)
    has_not = ("review", "comment", "thread", "workflow_run")

    def events(self, document: Mapping[str, Any]) -> Iterator[ChangeEvent]:
        """Yield how far the pull request has come; `merged_at` and never `updated_at` says when it was merged."""
        request = Fields(document).part("pull_request")
        yield change(request, at=request.moment("updated_at") or request.needed_moment("created_at"))


def change(
    request: Fields, *, at: datetime, reviewed_at: datetime | None = None, review: str | None = None
) -> ChangeEvent:
    """Return what the object `pull_request` tells.

    Args:
        request: the object.
        at: the moment of the event that it came with.
        reviewed_at: when that event reviewed it, if it did.
        review: the id of that review.
    """
    merged_at = request.moment("merged_at")
    is_open = request.text("state") != "closed"
    return ChangeEvent(
        source=SOURCE,
        id=request.id("number"),
        at=at,
        status=Status.OPEN if is_open else Status.CLOSED if merged_at is None else Status.MERGED,
        title=request.title("title"),
        opened_at=request.needed_moment("created_at"),
        reviewed_at=reviewed_at,
        review=review,
        merged_at=merged_at,
        # Of an open request this is a merge that GitHub only tries, and that no branch ever holds.
        sha=None if merged_at is None else request.sha("merge_commit_sha"),
        head=request.part("head").sha("sha"),
        branch=request.part("base").text("ref"),
    )
