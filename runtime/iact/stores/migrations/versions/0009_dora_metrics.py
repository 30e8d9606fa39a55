"""The records of delivery cycles."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from iact.stores.columns import Instant, content, identifier

revision = "0009"
down_revision = "0008"
compatible_from = "0007"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "dora_metrics",
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("repository", identifier(128), nullable=False),
        sa.Column("cycle_id", identifier(128), nullable=False, comment="such as cycle-20251106-150000"),
        sa.Column("sequence", sa.Integer(), nullable=False, comment="place in the cycle, counted from 1"),
        sa.Column("feature_id", identifier(128), nullable=False, comment="empty where none was named"),
        sa.Column("phase", identifier(128), nullable=False, comment="cycle: the record that closes it"),
        sa.Column("decision", identifier(128), nullable=False),
        sa.Column("duration_seconds", sa.Double(), nullable=False),
        sa.Column("change_failure_rate", sa.Double(), comment="in per cent"),
        sa.Column("mttr", sa.Double(), comment="in hours"),
        sa.Column("lead_time_seconds", sa.Double(), comment="of the record that closes a cycle: the sum of its phases"),
        sa.Column("deployment_frequency_per_week", sa.Double(), comment="likewise: cycles that ended with success"),
        sa.Column("request_id", identifier(128)),
        sa.Column("began_at", Instant(), nullable=False, comment="the cycle, by its id; 1970 where that tells no time"),
        sa.Column("record", content(), nullable=False, comment="the whole record as JSON, with what has no column"),
        sa.PrimaryKeyConstraint("project", "repository", "cycle_id", "sequence", name="pk_dora_metrics"),
        comment="Phases of delivery cycles as their agents recorded them; rows are added, never changed",
    )
    op.create_index("ix_dora_metrics_began_at", "dora_metrics", ["project", "began_at"], unique=False)
    op.create_index("ix_dora_metrics_request_id", "dora_metrics", ["project", "request_id"], unique=False)


def downgrade() -> None:
    """Drop it again; the files of the agents still hold the records."""
    op.drop_table("dora_metrics")
