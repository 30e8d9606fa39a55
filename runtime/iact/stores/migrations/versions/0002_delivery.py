"""The delivery tables: repositories, changes, reverts, deployments and failures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from iact.stores.columns import Instant, ascii_identifier, content, identifier

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "repositories",
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("repository", identifier(128), nullable=False),
        sa.Column("mainline", identifier(255), nullable=False),
        sa.Column("cursor", content(), nullable=False, comment="where the last reading ended"),
        sa.Column(
            "failure_sources",
            ascii_identifier(64),
            nullable=False,
            comment="with commas; empty: failures are unknown",
        ),
        sa.Column("notes", sa.Text(), nullable=False, comment="one a line"),
        sa.Column("synced_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("project", "repository", name="pk_repositories"),
        comment="How far each repository has been read",
    )
    op.create_table(
        "changes",
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("repository", identifier(128), nullable=False),
        sa.Column("sha", ascii_identifier(64), nullable=False),
        sa.Column("authored_at", Instant(), nullable=False),
        sa.Column("committed_at", Instant(), nullable=False),
        sa.Column("merged_at", Instant(), nullable=True),
        sa.Column("merged_by", ascii_identifier(64), nullable=True),
        sa.Column("is_merge", sa.Boolean(), nullable=False),
        sa.Column("by_agent", sa.Boolean(), nullable=False),
        sa.Column("subject", identifier(200), nullable=False),
        sa.Column(
            "deployment",
            identifier(128),
            nullable=True,
            comment="the first deployment that contains it; null while it waits for one",
        ),
        sa.PrimaryKeyConstraint("project", "repository", "sha", name="pk_changes"),
        comment="Commits of the mainline and of deployments",
    )
    op.create_index("ix_changes_deployment", "changes", ["project", "repository", "deployment"], unique=False)
    op.create_table(
        "reverts",
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("repository", identifier(128), nullable=False),
        sa.Column("sha", ascii_identifier(64), nullable=False),
        sa.Column(
            "reverted", ascii_identifier(64), nullable=False, comment="as its message says it, so perhaps abbreviated"
        ),
        sa.PrimaryKeyConstraint("project", "repository", "sha", "reverted", name="pk_reverts"),
        comment="Which change says that it reverts which",
    )
    op.create_table(
        "deployments",
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("repository", identifier(128), nullable=False),
        sa.Column("key", identifier(128), nullable=False),
        sa.Column("name", identifier(255), nullable=False),
        sa.Column("names", sa.Text(), nullable=False, comment="all tags, one a line"),
        sa.Column("sha", ascii_identifier(64), nullable=False),
        sa.Column("deployed_at", Instant(), nullable=False),
        sa.Column("previous", identifier(128), nullable=True, comment="the deployment before it by ancestry"),
        sa.Column("environment", identifier(64), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False, comment="commits that it was the first to contain"),
        sa.Column("is_hotfix", sa.Boolean(), nullable=False),
        sa.Column("source", ascii_identifier(32), nullable=False),
        sa.PrimaryKeyConstraint("project", "repository", "key", name="pk_deployments"),
        comment="Deployments, whoever told of them",
    )
    op.create_index("ix_deployments_deployed_at", "deployments", ["project", "repository", "deployed_at"], unique=False)
    op.create_table(
        "failures",
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("repository", identifier(128), nullable=False),
        sa.Column("key", identifier(160), nullable=False),
        sa.Column("kind", ascii_identifier(16), nullable=False, comment="revert, hotfix or incident"),
        sa.Column("deployment", identifier(128), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("restored_at", Instant(), nullable=True),
        sa.Column("restored_by", identifier(128), nullable=True),
        sa.Column("evidence", identifier(500), nullable=False),
        sa.Column("source", ascii_identifier(32), nullable=False),
        sa.PrimaryKeyConstraint("project", "repository", "key", name="pk_failures"),
        comment="What went wrong with which deployment; several rows of one deployment are one failed deployment",
    )
    op.create_index("ix_failures_deployment", "failures", ["project", "repository", "deployment"], unique=False)
    op.create_index("ix_failures_started_at", "failures", ["project", "repository", "started_at"], unique=False)


def downgrade() -> None:
    """Drop them again."""
    op.drop_table("failures")
    op.drop_table("deployments")
    op.drop_table("reverts")
    op.drop_table("changes")
    op.drop_table("repositories")
