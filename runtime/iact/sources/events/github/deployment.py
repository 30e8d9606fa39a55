"""GitHub's `deployment`: somebody asked for a deployment. That it was done, `deployment_status` tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from iact.sources.events.fields import Fields
from iact.sources.events.github.shape import SOURCE, GitHubPayload
from iact.sources.events.labels import version_name
from iact.sources.events.model import DeploymentEvent, Status
from iact.sources.events.payloads import payload


@payload("github/deployment")
class Deployment(GitHubPayload):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#deployment."""

    has = ("deployment",)
    has_not = ("deployment_status",)

    def events(self, document: Mapping[str, Any]) -> Iterator[DeploymentEvent]:
        """Yield that the deployment is pending."""
        deployment = Fields(document).part("deployment")
        yield DeploymentEvent(
            source=SOURCE,
            id=deployment.id("id"),
            at=deployment.needed_moment("created_at"),
            status=Status.PENDING,
            environment=deployment.text("environment"),
            sha=deployment.sha("sha"),
            name=version_name(deployment.text("ref")),
        )
