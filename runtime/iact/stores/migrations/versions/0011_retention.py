"""What was deleted by a retention policy, and where the journals begin that lost their beginning."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from iact.stores.columns import Instant, ascii_identifier, identifier

revision = "0011"
down_revision = "0010"
compatible_from = "0007"
undoing_loses = "where journals begin that iact prune has shortened: what is left of them can then not be verified"


def upgrade() -> None:
    """Make the tables, and the index by which runs are found that have ended."""
    op.create_table(
        "journal_anchors",
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("run", ascii_identifier(40), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False, comment="of the last entry that was deleted"),
        sa.Column("digest", ascii_identifier(71), nullable=False, comment="likewise; the next entry names it"),
        sa.Column("pruned_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("project", "run", name="pk_journal_anchors"),
        comment="Where journals begin whose first entries were deleted; stays when the run is deleted",
    )
    op.create_table(
        "prunings",
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("records", ascii_identifier(32), nullable=False),
        sa.Column("began_at", Instant(), nullable=False),
        sa.Column(
            "cutoff", Instant(), nullable=False, comment="what ended, or of a cycle began, before it was deleted"
        ),
        sa.Column("policies", sa.Text(), nullable=False, comment="name and digest, one a line"),
        sa.Column("deleted", sa.Integer(), nullable=False, comment="how many rows"),
        sa.PrimaryKeyConstraint("project", "records", "began_at", name="pk_prunings"),
        comment="What was deleted because its time was over; rows are never deleted",
    )
    op.create_index("ix_runs_ended_at", "runs", ["project", "ended_at", "run"], unique=False)


def downgrade() -> None:
    """Drop them again; journals that lost their beginning can then not be verified."""
    op.drop_index("ix_runs_ended_at", table_name="runs")
    op.drop_table("prunings")
    op.drop_table("journal_anchors")
