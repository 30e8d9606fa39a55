"""How far the lists of GitHub and GitLab have been read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from iact.stores.columns import ascii_identifier, content, identifier

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "pulls",
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("repository", identifier(128), nullable=False),
        sa.Column("source", ascii_identifier(32), nullable=False),
        sa.Column("remote", identifier(128), nullable=False, comment="host and number of the repository at the server"),
        sa.Column("stream", ascii_identifier(32), nullable=False),
        sa.Column("content", content(), nullable=False, comment="canonical bytes: how far the list has been read"),
        sa.PrimaryKeyConstraint("project", "repository", "source", "remote", "stream", name="pk_pulls"),
        comment="How far each list of a server has been read; changed in the transaction that adds the events",
    )


def downgrade() -> None:
    """Drop it again."""
    op.drop_table("pulls")
