"""Indices that lead to the runs that go on, and to what they were told and have not decided upon."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
compatible_from = "0007"


def upgrade() -> None:
    """Make the indices."""
    op.create_index("ix_triggers_open", "triggers", ["project", "handled_at", "run"], unique=False)
    op.create_index("ix_runs_active", "runs", ["project", "active", "agent", "started_at"], unique=False)


def downgrade() -> None:
    """Drop them again."""
    op.drop_index("ix_runs_active", table_name="runs")
    op.drop_index("ix_triggers_open", table_name="triggers")
