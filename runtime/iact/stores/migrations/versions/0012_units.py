"""Ids of the units of work that were committed, by which a commit whose answer was lost is recognised."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from iact.stores.columns import Instant, ascii_identifier

revision = "0012"
down_revision = "0011"
compatible_from = "0007"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "iact_units",
        sa.Column("unit", ascii_identifier(36), nullable=False),
        sa.Column("committed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("unit", name="pk_iact_units"),
        comment="Ids of units of work that are done; inserted in the transaction that does them",
    )
    op.create_index("ix_iact_units_committed_at", "iact_units", ["committed_at"], unique=False)


def downgrade() -> None:
    """Drop it again."""
    op.drop_table("iact_units")
