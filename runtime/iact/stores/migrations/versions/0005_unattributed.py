"""Incidents of which no deployment is known to be the fault, with the reason."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from iact.stores.columns import Instant, ascii_identifier, identifier

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "unattributed_incidents",
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("repository", identifier(128), nullable=False),
        sa.Column("key", identifier(160), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("reason", identifier(500), nullable=False, comment="the same words for all incidents like it"),
        sa.Column("source", ascii_identifier(32), nullable=False),
        sa.PrimaryKeyConstraint("project", "repository", "key", name="pk_unattributed_incidents"),
        comment="Incidents of which no deployment is known to be the fault; no failed deployment is counted for them",
    )
    op.create_index(
        "ix_unattributed_incidents_opened_at",
        "unattributed_incidents",
        ["project", "repository", "opened_at"],
        unique=False,
    )


def downgrade() -> None:
    """Drop it again."""
    op.drop_table("unattributed_incidents")
