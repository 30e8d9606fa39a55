"""Definitions that are revoked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from iact.stores.columns import DIGEST, NAME, PROJECT, Instant

revision = "0020"
down_revision = "0019"
compatible_from = "0007"
undoing_loses = "which definitions are revoked; the log keeps who said so"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "revocations",
        sa.Column("project", PROJECT, nullable=False),
        sa.Column("digest", DIGEST, nullable=False, comment="of the content of a definition"),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("revoked_by", sa.Text(), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("project", "digest", name="pk_revocations"),
        comment="Definitions under which nothing new is begun; a row is gone once it may hold again",
    )


def downgrade() -> None:
    """Drop it again."""
    op.drop_table("revocations")
