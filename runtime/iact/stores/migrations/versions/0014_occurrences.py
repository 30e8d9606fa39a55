"""What the schedule of a project asked for, one row each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from iact.stores.columns import NAME, PROJECT, RUN, Instant, ascii_identifier

revision = "0014"
down_revision = "0013"
compatible_from = "0007"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "occurrences",
        sa.Column("project", PROJECT, nullable=False),
        sa.Column("job", NAME, nullable=False),
        sa.Column("scheduled_at", Instant(), nullable=False),
        sa.Column("runner", RUN, nullable=False, comment="who carries it out, or did"),
        sa.Column("taken_at", Instant(), nullable=False),
        sa.Column("status", ascii_identifier(16), nullable=False, comment="counting, taken, done or failed"),
        sa.Column("finished_at", Instant(), nullable=True, comment="null while it is carried out"),
        sa.Column("outcome", sa.Text(), nullable=False, comment="what came of it, in a sentence"),
        sa.PrimaryKeyConstraint("project", "job", "scheduled_at", name="pk_occurrences"),
        comment="What the schedule asked for; one row each, so that no two processes carry out the same",
    )
    op.create_index("ix_occurrences_finished_at", "occurrences", ["project", "finished_at"], unique=False)


def downgrade() -> None:
    """Drop it again."""
    op.drop_table("occurrences")
