"""GitLab's project events of the action `approved`; webhooks tell the same as merge request events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from iact.sources.events.fields import Fields
from iact.sources.events.gitlab.shape import SOURCE, GitLabPayload
from iact.sources.events.model import ChangeEvent
from iact.sources.events.payloads import payload


@payload("gitlab/approval")
class Approval(GitLabPayload):
    """https://docs.gitlab.com/api/events/."""

    def recognises(self, document: Mapping[str, Any]) -> bool:
        """Return whether it is an event of the API, which says what was done and to what."""
        return document.get("action_name") == "approved" and "target_iid" in document

    def events(self, document: Mapping[str, Any]) -> Iterator[ChangeEvent]:
        """Yield that a merge request was reviewed; what else is known of it, others tell."""
        fields = Fields(document)
        if fields.text("target_type") != "MergeRequest":
            return
        at = fields.needed_moment("created_at")
        yield ChangeEvent(source=SOURCE, id=fields.id("target_iid"), at=at, reviewed_at=at)
