"""Which commit's rules the processes that serve a project follow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from iact.stores.columns import DIGEST, PROJECT, Instant, ascii_identifier

revision = "0015"
down_revision = "0014"
compatible_from = "0007"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "activations",
        sa.Column("project", PROJECT, nullable=False),
        sa.Column(
            "number", sa.Integer(), autoincrement=False, nullable=False, comment="1, 2, 3 …; the highest is in force"
        ),
        sa.Column("commit_id", ascii_identifier(64), nullable=False, comment="empty: the files of each checkout"),
        sa.Column("digest", DIGEST, nullable=False, comment="of all rules at that commit"),
        sa.Column("activated_by", sa.Text(), nullable=False),
        sa.Column("activated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("project", "number", name="pk_activations"),
        comment="Which commit's rules all processes that serve a project are to follow",
    )


def downgrade() -> None:
    """Drop it again."""
    op.drop_table("activations")
