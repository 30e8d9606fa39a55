"""GitLab's deployment events."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from iact.sources.events.fields import Fields
from iact.sources.events.gitlab.shape import SOURCE, GitLabPayload
from iact.sources.events.labels import version_name
from iact.sources.events.model import DeploymentEvent, Status
from iact.sources.events.payloads import payload

STATUSES: Final = {
    "success": Status.SUCCESS,
    "failed": Status.FAILURE,
    "canceled": Status.FAILURE,
    "created": Status.PENDING,
    "running": Status.PENDING,
    "blocked": Status.PENDING,
    "skipped": Status.FAILURE,
}
_COMMIT: Final = re.compile(r"/commit/(?P<sha>[0-9a-f]{7,64})$")


@payload("gitlab/deployment")
class Deployment(GitLabPayload):
    """https://docs.gitlab.com/user/project/integrations/webhook_events/#deployment-events."""

    kinds = ("deployment",)

    def events(self, document: Mapping[str, Any]) -> Iterator[DeploymentEvent]:
        """Yield how the deployment went. The payload holds a short commit, and the full one only as a link."""
        fields = Fields(document)
        status = fields.text("status")
        if status not in STATUSES:
            raise fields.wrong("status", f"one of {', '.join(STATUSES)}", status)
        link = _COMMIT.search(fields.text("commit_url") or "")
        yield DeploymentEvent(
            source=SOURCE,
            id=fields.id("deployment_id"),
            at=fields.needed_moment("status_changed_at"),
            status=STATUSES[status],
            environment=fields.text("environment"),
            sha=link["sha"] if link else fields.sha("short_sha"),
            name=version_name(fields.text("ref")),
        )
