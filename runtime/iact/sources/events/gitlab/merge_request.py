"""GitLab's merge request events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from iact.sources.events.fields import Fields
from iact.sources.events.gitlab.shape import SOURCE, GitLabPayload
from iact.sources.events.model import ChangeEvent, Status
from iact.sources.events.payloads import payload

STATES: Final = {
    "opened": Status.OPEN,
    "locked": Status.OPEN,
    "closed": Status.CLOSED,
    "merged": Status.MERGED,
}
REVIEWS: Final = frozenset({"approval", "approved", "unapproval", "unapproved"})


@payload("gitlab/merge_request")
class MergeRequest(GitLabPayload):
    """https://docs.gitlab.com/user/project/integrations/webhook_events/#merge-request-events."""

    kinds = ("merge_request",)

    def events(self, document: Mapping[str, Any]) -> Iterator[ChangeEvent]:
        """Yield how far the merge request has come.

        The moment of merging is `merged_at`, or that of the event whose action is `merge`; later events of a merged
        request do not say it.
        """
        request = Fields(document).part("object_attributes")
        state, action = request.text("state"), request.text("action")
        if state not in STATES:
            raise request.wrong("state", f"one of {', '.join(STATES)}", state)
        at = request.moment("updated_at") or request.needed_moment("created_at")
        merged_at = request.moment("merged_at") or (at if action == "merge" else None)
        last = request.content.get("last_commit")
        yield ChangeEvent(
            source=SOURCE,
            id=request.id("iid"),
            at=at,
            status=STATES[state],
            title=request.title("title"),
            opened_at=request.needed_moment("created_at"),
            reviewed_at=at if action in REVIEWS else None,
            merged_at=merged_at,
            sha=_merged(request) if state == "merged" else None,
            head=Fields(last, "object_attributes.last_commit.").sha("id") if isinstance(last, dict) else None,
            branch=request.text("target_branch"),
        )


def _merged(request: Fields) -> str | None:
    """Return the commit that merged it; a squash that was fast-forwarded has only its own, a fast-forward has none."""
    return request.sha("merge_commit_sha") or request.sha("squash_commit_sha")
