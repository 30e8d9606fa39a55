"""GitHub's `pull_request_review`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from iact.sources.events.fields import Fields
from iact.sources.events.github.pull_request import change
from iact.sources.events.github.shape import GitHubPayload
from iact.sources.events.model import ChangeEvent
from iact.sources.events.payloads import payload


@payload("github/pull_request_review")
class PullRequestReview(GitHubPayload):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request_review."""

    has = ("pull_request", "review")

    def events(self, document: Mapping[str, Any]) -> Iterator[ChangeEvent]:
        """Yield that the pull request was reviewed."""
        reviewed_at = Fields(document).part("review").needed_moment("submitted_at")
        yield change(Fields(document).part("pull_request"), at=reviewed_at, reviewed_at=reviewed_at)
