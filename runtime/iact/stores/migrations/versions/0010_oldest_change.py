"""Since when the oldest change of a deployment had waited, by which those that waited at a moment are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from iact.stores.columns import Instant

revision = "0010"
down_revision = "0009"
compatible_from = "0007"


def upgrade() -> None:
    """Add the column with its index, and fill it."""
    op.add_column(
        "deployments",
        sa.Column(
            "oldest_merged_at",
            Instant(),
            nullable=True,
            comment="of its changes the first to be merged, or else when it was itself; null until the reading has ended",  # noqa: E501 - as the table says it
        ),
    )
    op.create_index(
        "ix_deployments_oldest_merged_at",
        "deployments",
        ["project", "repository", "oldest_merged_at", "deployed_at"],
        unique=False,
    )
    op.execute(
        "UPDATE deployments SET oldest_merged_at = COALESCE((SELECT MIN(changes.merged_at) FROM changes "
        "WHERE changes.project = deployments.project AND changes.repository = deployments.repository "
        "AND changes.deployment = deployments.`key` AND changes.merged_at <= deployments.deployed_at), deployed_at) "
        "WHERE oldest_merged_at IS NULL"
    )


def downgrade() -> None:
    """Drop them again."""
    op.drop_index("ix_deployments_oldest_merged_at", table_name="deployments")
    op.drop_column("deployments", "oldest_merged_at")
