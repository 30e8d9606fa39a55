"""What a reading needs that only adds what is new: what waits, what told deployments became, and how much there is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from iact.stores.columns import ascii_identifier, identifier

revision = "0007"
down_revision = "0006"

_COUNTED = ("changes", "deployments", "reverts")


def upgrade() -> None:
    """Make the tables, and count what is there."""
    op.create_table(
        "unread_events",
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("repository", identifier(128), nullable=False),
        sa.Column("digest", ascii_identifier(71), nullable=False),
        sa.Column("kind", ascii_identifier(16), nullable=False),
        sa.Column("source", ascii_identifier(32), nullable=False),
        sa.Column("id", identifier(128), nullable=False),
        sa.PrimaryKeyConstraint("project", "repository", "digest", name="pk_unread_events"),
        comment="Events that came after the last reading of their repository",
    )
    op.create_table(
        "told_deployments",
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("repository", identifier(128), nullable=False),
        sa.Column("id", identifier(128), nullable=False),
        sa.Column("source", ascii_identifier(32), nullable=False),
        sa.Column("deployment", identifier(128), nullable=False),
        sa.Column("services", sa.Text(), nullable=False, comment="of the deployment, one a line; none: all"),
        sa.PrimaryKeyConstraint("project", "repository", "id", "source", name="pk_told_deployments"),
        comment="Which deployment each told one became",
    )
    op.create_index(
        "ix_told_deployments_deployment",
        "told_deployments",
        ["project", "repository", "deployment"],
        unique=False,
    )
    for name in _COUNTED:
        op.add_column("repositories", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
        counted = "DISTINCT rows_of.sha" if name == "reverts" else "*"
        op.execute(
            f"UPDATE repositories SET {name} = (SELECT COUNT({counted}) FROM {name} rows_of "  # noqa: S608 - our own names
            "WHERE rows_of.project = repositories.project AND rows_of.repository = repositories.repository)"
        )


def downgrade() -> None:
    """Drop them again."""
    for name in reversed(_COUNTED):
        op.drop_column("repositories", name)
    op.drop_table("told_deployments")
    op.drop_table("unread_events")
