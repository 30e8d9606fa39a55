"""The delivery tables: what was changed, deployed and repaired.

Every key starts with project and repository. Nothing about the people who wrote the changes is in here.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Boolean, Column, Double, FromClause, Index, Integer, Table, Text, and_, bindparam

from iact.stores.columns import DIGEST, NAME, PROJECT, Instant, ascii_identifier, content, identifier
from iact.stores.metadata import METADATA

REPOSITORY: Final = identifier(128)
SHA: Final = ascii_identifier(64)
KEY: Final = identifier(128)

REPOSITORIES: Final = Table(
    "repositories",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("repository", REPOSITORY, primary_key=True),
    Column("mainline", identifier(255), nullable=False),
    Column("cursor", content(), nullable=False, comment="where the last reading ended"),
    Column("failure_sources", ascii_identifier(64), nullable=False, comment="with commas; empty: failures are unknown"),
    Column("notes", Text, nullable=False, comment="one a line"),
    Column("synced_at", Instant(), nullable=False),
    Column("changes", Integer, nullable=False, server_default="0", comment="how many are known"),
    Column("deployments", Integer, nullable=False, server_default="0", comment="likewise"),
    Column("reverts", Integer, nullable=False, server_default="0", comment="how many changes revert another"),
    comment="How far each repository has been read",
)
CHANGES: Final = Table(
    "changes",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("repository", REPOSITORY, primary_key=True),
    Column("sha", SHA, primary_key=True),
    Column("authored_at", Instant(), nullable=False),
    Column("committed_at", Instant(), nullable=False),
    Column("merged_at", Instant()),
    Column("merged_by", SHA),
    Column("is_merge", Boolean, nullable=False),
    Column("by_agent", Boolean, nullable=False),
    Column("subject", identifier(200), nullable=False),
    Column("deployment", KEY, comment="the first deployment that contains it; null while it waits for one"),
    Index("ix_changes_deployment", "project", "repository", "deployment"),
    comment="Commits of the mainline and of deployments",
)
REVERTS: Final = Table(
    "reverts",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("repository", REPOSITORY, primary_key=True),
    Column("sha", SHA, primary_key=True),
    Column("reverted", SHA, primary_key=True, comment="as its message says it, so perhaps abbreviated"),
    comment="Which change says that it reverts which",
)
DEPLOYMENTS: Final = Table(
    "deployments",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("repository", REPOSITORY, primary_key=True),
    Column("key", KEY, primary_key=True),
    Column("name", identifier(255), nullable=False),
    Column("names", Text, nullable=False, comment="all tags, one a line"),
    Column("sha", SHA, nullable=False),
    Column("deployed_at", Instant(), nullable=False),
    Column("previous", KEY, comment="the deployment before it by ancestry"),
    Column("environment", identifier(64), nullable=False),
    Column("changes", Integer, nullable=False, comment="commits that it was the first to contain"),
    Column("is_hotfix", Boolean, nullable=False),
    Column("source", ascii_identifier(32), nullable=False),
    Column(
        "oldest_merged_at",
        Instant(),
        comment="of its changes the first to be merged, or else when it was itself; null until the reading has ended",
    ),
    Index("ix_deployments_deployed_at", "project", "repository", "deployed_at"),
    Index("ix_deployments_oldest_merged_at", "project", "repository", "oldest_merged_at", "deployed_at"),
    comment="Deployments, whoever told of them",
)
FAILURES: Final = Table(
    "failures",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("repository", REPOSITORY, primary_key=True),
    Column("key", identifier(160), primary_key=True),
    Column("kind", ascii_identifier(16), nullable=False, comment="revert, hotfix or incident"),
    Column("deployment", KEY, nullable=False),
    Column("started_at", Instant(), nullable=False),
    Column("restored_at", Instant()),
    Column("restored_by", KEY),
    Column("evidence", identifier(500), nullable=False),
    Column("source", ascii_identifier(32), nullable=False),
    Column("confidence", ascii_identifier(8), nullable=False, server_default="high", comment="high, medium or low"),
    Index("ix_failures_deployment", "project", "repository", "deployment"),
    Index("ix_failures_started_at", "project", "repository", "started_at"),
    comment="What went wrong with which deployment; several rows of one deployment are one failed deployment",
)
UNATTRIBUTED: Final = Table(
    "unattributed_incidents",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("repository", REPOSITORY, primary_key=True),
    Column("key", identifier(160), primary_key=True),
    Column("opened_at", Instant(), nullable=False),
    Column("reason", identifier(500), nullable=False, comment="the same words for all incidents like it"),
    Column("source", ascii_identifier(32), nullable=False),
    Index("ix_unattributed_incidents_opened_at", "project", "repository", "opened_at"),
    comment="Incidents of which no deployment is known to be the fault; no failed deployment is counted for them",
)
EVENTS: Final = Table(
    "events",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("repository", REPOSITORY, primary_key=True),
    Column("digest", DIGEST, primary_key=True),
    Column("kind", ascii_identifier(16), nullable=False, comment="deployment, incident, change or pipeline"),
    Column("source", ascii_identifier(32), nullable=False),
    Column("id", identifier(128), nullable=False),
    Column("content", content(), nullable=False, comment="canonical bytes"),
    Index("ix_events_thing", "project", "repository", "kind", "source", "id"),
    comment="What others told of delivery; rows are added, never changed, and mean the same in any order",
)
PULLS: Final = Table(
    "pulls",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("repository", REPOSITORY, primary_key=True),
    Column("source", ascii_identifier(32), primary_key=True),
    Column("remote", identifier(128), primary_key=True, comment="host and number of the repository at the server"),
    Column("stream", ascii_identifier(32), primary_key=True),
    Column("content", content(), nullable=False, comment="canonical bytes: how far the list has been read"),
    comment="How far each list of a server has been read; changed in the transaction that adds the events",
)
UNREAD_EVENTS: Final = Table(
    "unread_events",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("repository", REPOSITORY, primary_key=True),
    Column("digest", DIGEST, primary_key=True),
    Column("kind", ascii_identifier(16), nullable=False),
    Column("source", ascii_identifier(32), nullable=False),
    Column("id", identifier(128), nullable=False),
    comment="Events that came after the last reading of their repository",
)
TOLD_DEPLOYMENTS: Final = Table(
    "told_deployments",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("repository", REPOSITORY, primary_key=True),
    Column("id", identifier(128), primary_key=True),
    Column("source", ascii_identifier(32), primary_key=True),
    Column("deployment", KEY, nullable=False),
    Column("services", Text, nullable=False, comment="of the deployment, one a line; none: all"),
    Index("ix_told_deployments_deployment", "project", "repository", "deployment"),
    comment="Which deployment each told one became",
)
DORA_METRICS: Final = Table(
    "dora_metrics",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("repository", REPOSITORY, primary_key=True),
    Column("cycle_id", identifier(128), primary_key=True, comment="such as cycle-20251106-150000"),
    Column("sequence", Integer, primary_key=True, comment="place in the cycle, counted from 1"),
    Column("feature_id", NAME, nullable=False, comment="empty where none was named"),
    Column("phase", NAME, nullable=False, comment="cycle: the record that closes it"),
    Column("decision", NAME, nullable=False),
    Column("duration_seconds", Double, nullable=False),
    Column("change_failure_rate", Double, comment="in per cent"),
    Column("mttr", Double, comment="in hours"),
    Column("lead_time_seconds", Double, comment="of the record that closes a cycle: the sum of its phases"),
    Column("deployment_frequency_per_week", Double, comment="likewise: cycles that ended with success"),
    Column("request_id", NAME),
    Column("began_at", Instant(), nullable=False, comment="the cycle, by its id; 1970 where that tells no time"),
    Column("record", content(), nullable=False, comment="the whole record as JSON, with what has no column"),
    Index("ix_dora_metrics_began_at", "project", "began_at"),
    Index("ix_dora_metrics_request_id", "project", "request_id"),
    comment="Phases of delivery cycles as their agents recorded them; rows are added, never changed",
)


def of_repository(table: Table) -> Any:
    """Return the condition that rows belong to the repository which the parameters name."""
    return and_(
        table.c.project == bindparam("in_project"),
        table.c.repository == bindparam("in_repository"),
    )


def same_repository(one: FromClause, other: FromClause) -> Any:
    """Return the condition that two rows belong to one repository."""
    return and_(one.c.project == other.c.project, one.c.repository == other.c.repository)


def parameters_of(project: str, repository: str) -> dict[str, Any]:
    """Return the parameters that `of_repository` asks for."""
    return {"in_project": project, "in_repository": repository}
