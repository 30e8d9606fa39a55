"""GitHub's `deployment_status`: how a deployment went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from iact.sources.events.fields import Fields
from iact.sources.events.github.shape import SOURCE, GitHubPayload
from iact.sources.events.labels import version_name
from iact.sources.events.model import DeploymentEvent, Status
from iact.sources.events.payloads import payload

STATES: Final = {
    "success": Status.SUCCESS,
    "failure": Status.FAILURE,
    "error": Status.FAILURE,
    "inactive": Status.INACTIVE,
    "pending": Status.PENDING,
    "queued": Status.PENDING,
    "waiting": Status.PENDING,
    "in_progress": Status.PENDING,
}


@payload("github/deployment_status")
class DeploymentStatus(GitHubPayload):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#deployment_status."""

    has = ("deployment", "deployment_status")

    def events(self, document: Mapping[str, Any]) -> Iterator[DeploymentEvent]:
        """Yield how the deployment went; `created_at` of the status is when, its `updated_at` may be touched later."""
        deployment, status = Fields(document).part("deployment"), Fields(document).part("deployment_status")
        state = status.text("state")
        if state not in STATES:
            raise status.wrong("state", f"one of {', '.join(STATES)}", state)
        yield DeploymentEvent(
            source=SOURCE,
            id=deployment.id("id"),
            at=status.needed_moment("created_at"),
            status=STATES[state],
            environment=status.text("environment") or deployment.text("environment"),
            sha=deployment.sha("sha"),
            name=version_name(deployment.text("ref")),
        )
