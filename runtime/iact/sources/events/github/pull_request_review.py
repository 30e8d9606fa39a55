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
        """Yield that the pull request was reviewed; its author, who answers in a review too, does not review it."""
        review, request = Fields(document).part("review"), Fields(document).part("pull_request")
        reviewed_at = review.needed_moment("submitted_at")
        if _account(review) is None or _account(review) != _account(request):
            yield change(request, at=reviewed_at, reviewed_at=reviewed_at, review=review.id("id"))


def _account(fields: Fields) -> object:
    """Return the number of the account whose work it is; compared, and never kept."""
    user = fields.content.get("user")
    return user.get("id") if isinstance(user, dict) else None
