"""What others tell of delivery, and how sure it is which deployment failed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from iact.stores.columns import ascii_identifier, content, identifier

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table, and add the column."""
    op.create_table(
        "events",
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("repository", identifier(128), nullable=False),
        sa.Column("digest", ascii_identifier(71), nullable=False),
        sa.Column("kind", ascii_identifier(16), nullable=False, comment="deployment, incident, change or pipeline"),
        sa.Column("source", ascii_identifier(32), nullable=False),
        sa.Column("id", identifier(128), nullable=False),
        sa.Column("content", content(), nullable=False, comment="canonical bytes"),
        sa.PrimaryKeyConstraint("project", "repository", "digest", name="pk_events"),
        comment="What others told of delivery; rows are added, never changed, and mean the same in any order",
    )
    op.create_index("ix_events_thing", "events", ["project", "repository", "kind", "source", "id"], unique=False)
    op.add_column(
        "failures",
        sa.Column(
            "confidence", ascii_identifier(8), nullable=False, server_default="high", comment="high, medium or low"
        ),
    )


def downgrade() -> None:
    """Drop them again."""
    op.drop_column("failures", "confidence")
    op.drop_table("events")
