"""GitLab's issue events: incidents, and issues labelled `incident`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from iact.sources.events.fields import Fields
from iact.sources.events.gitlab.shape import SOURCE, GitLabPayload
from iact.sources.events.labels import is_incident, mentioned, service
from iact.sources.events.model import IncidentEvent, Status
from iact.sources.events.payloads import payload

TITLE: Final = "title"
"""Where a label says what it is called."""


@payload("gitlab/incident")
class Incident(GitLabPayload):
    """https://docs.gitlab.com/user/project/integrations/webhook_events/#work-item-events."""

    kinds = ("incident", "issue", "work_item")

    def events(self, document: Mapping[str, Any]) -> Iterator[IncidentEvent]:
        """Yield the incident; `closed_at` and never `updated_at` says when it was resolved."""
        issue = Fields(document).part("object_attributes")
        labels = document.get("labels")
        if not isinstance(labels, list):
            labels = issue.content.get("labels")
        is_one = document["object_kind"] == "incident" or issue.content.get("type") == "Incident"
        is_one = is_one or is_incident(labels, TITLE)
        if not is_one and not _was_incident(document):
            return
        closed_at = issue.moment("closed_at") if issue.text("state") == "closed" else None
        description = issue.content.get("description")
        named = mentioned(description if isinstance(description, str) else "")
        status = Status.OPEN if closed_at is None else Status.RESOLVED
        yield IncidentEvent(
            source=SOURCE,
            id=issue.id("iid"),
            at=issue.moment("updated_at") or closed_at or issue.needed_moment("created_at"),
            status=status if is_one else Status.WITHDRAWN,
            title=issue.title("title"),
            opened_at=issue.needed_moment("created_at"),
            resolved_at=closed_at,
            service=service(labels, TITLE),
            sha=named.get("caused-by"),
            fixed_by=named.get("fixed-by"),
        )


def _was_incident(document: Mapping[str, Any]) -> bool:
    """Return whether this event took the label away."""
    changes = document.get("changes")
    labels = changes.get("labels") if isinstance(changes, dict) else None
    return isinstance(labels, dict) and is_incident(labels.get("previous"), TITLE)
