"""GitLab's pipeline events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from iact.sources.events.fields import Fields
from iact.sources.events.gitlab.shape import SOURCE, GitLabPayload
from iact.sources.events.model import PipelineEvent, Status
from iact.sources.events.payloads import payload

OVER: Final = {
    "success": Status.SUCCESS,
    "failed": Status.FAILURE,
    "canceled": Status.FAILURE,
    "skipped": Status.FAILURE,
}


@payload("gitlab/pipeline")
class Pipeline(GitLabPayload):
    """https://docs.gitlab.com/user/project/integrations/webhook_events/#pipeline-events."""

    kinds = ("pipeline",)

    def events(self, document: Mapping[str, Any]) -> Iterator[PipelineEvent]:
        """Yield how the pipeline went; while it runs, the moment is that of its creation, where none is later."""
        pipeline = Fields(document).part("object_attributes")
        created_at, finished_at = pipeline.needed_moment("created_at"), pipeline.moment("finished_at")
        status = pipeline.text("status")
        if status is None:
            raise pipeline.wrong("status", "a status such as success", None)
        yield PipelineEvent(
            source=SOURCE,
            id=pipeline.id("id"),
            at=finished_at or pipeline.moment("updated_at") or created_at,
            status=OVER.get(status, Status.PENDING),
            name=pipeline.text("name") or pipeline.text("source"),
            sha=pipeline.sha("sha"),
            branch=pipeline.text("ref"),
            started_at=created_at,
            finished_at=finished_at,
        )
