"""GitHub's `workflow_run`: the run of a workflow of GitHub Actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from iact.sources.events.fields import Fields
from iact.sources.events.github.shape import SOURCE, GitHubPayload
from iact.sources.events.model import PipelineEvent, Status
from iact.sources.events.payloads import payload


@payload("github/workflow_run")
class WorkflowRun(GitHubPayload):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#workflow_run."""

    has = ("workflow_run",)

    def events(self, document: Mapping[str, Any]) -> Iterator[PipelineEvent]:
        """Yield how the run went.

        A run has no moment at which it was completed but the `updated_at` of the event that completed it. Where a run
        comes with `completed_at`, that counts: a run that is asked for later may have been updated since.
        """
        run = Fields(document).part("workflow_run")
        at = run.moment("updated_at") or run.needed_moment("created_at")
        is_over = run.text("status") == "completed"
        succeeded = run.text("conclusion") == "success"
        yield PipelineEvent(
            source=SOURCE,
            id=run.id("id"),
            at=at,
            status=Status.PENDING if not is_over else Status.SUCCESS if succeeded else Status.FAILURE,
            name=run.text("name"),
            sha=run.sha("head_sha"),
            branch=run.text("head_branch"),
            started_at=run.moment("run_started_at") or run.moment("created_at"),
            finished_at=run.moment("completed_at") if "completed_at" in run.content else at if is_over else None,
        )
