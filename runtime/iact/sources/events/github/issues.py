"""GitHub's `issues`, of which those labelled `incident` are incidents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from iact.sources.events.fields import Fields
from iact.sources.events.github.shape import SOURCE, GitHubPayload
from iact.sources.events.labels import is_incident, mentioned, service
from iact.sources.events.model import IncidentEvent, Status
from iact.sources.events.payloads import payload

NAME: Final = "name"
"""Where a label says what it is called."""
GONE: Final = frozenset({"deleted", "transferred"})
"""Actions after which there is no such issue here."""
_AFTERWARDS: Final = timedelta(microseconds=1)
"""An issue that goes has no moment of that; it comes after everything that the issue said of itself."""


@payload("github/issues")
class Issues(GitHubPayload):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#issues."""

    has = ("issue",)
    has_not = ("comment",)

    def events(self, document: Mapping[str, Any]) -> Iterator[IncidentEvent]:
        """Yield the incident; `closed_at` and never `updated_at` says when it was resolved.

        One that was deleted, or went to another repository, or lost its label, never was.
        """
        issue = Fields(document).part("issue")
        labels = issue.content.get("labels")
        removed = document.get("label") if document.get("action") == "unlabeled" else None
        withdrawn = isinstance(removed, dict) and is_incident([removed], NAME)
        if "pull_request" in issue.content or not (withdrawn or is_incident(labels, NAME)):
            return
        closed_at = issue.moment("closed_at") if issue.text("state") == "closed" else None
        body = issue.content.get("body")
        named = mentioned(body if isinstance(body, str) else "")
        number = issue.id("number")
        at = issue.moment("updated_at") or closed_at or issue.needed_moment("created_at")
        is_gone = document.get("action") in GONE
        status = Status.OPEN if closed_at is None else Status.RESOLVED
        yield IncidentEvent(
            source=SOURCE,
            id=number,
            at=at + _AFTERWARDS if is_gone else at,
            status=Status.WITHDRAWN if is_gone or not is_incident(labels, NAME) else status,
            title=issue.title("title"),
            opened_at=issue.needed_moment("created_at"),
            resolved_at=closed_at,
            service=service(labels, NAME),
            sha=named.get("caused-by"),
            fixed_by=named.get("fixed-by"),
        )
