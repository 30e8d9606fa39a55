"""The parameter values that experiments have set."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from iact.stores.columns import Instant, ascii_identifier, content, identifier

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "parameter_overrides",
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("parameter", identifier(128), nullable=False),
        sa.Column(
            "version", sa.Integer(), nullable=False, comment="counted from 1 without gaps; the highest is in force"
        ),
        sa.Column("value", content(), nullable=True, comment="canonical bytes; null: as the files declare it"),
        sa.Column("previous", content(), nullable=True, comment="what was in force before, likewise"),
        sa.Column("run", ascii_identifier(40), nullable=False),
        sa.Column("key", ascii_identifier(160), nullable=False, comment="idempotency key of the action that wrote it"),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("project", "parameter", "version", name="pk_parameter_overrides"),
        sa.UniqueConstraint("project", "key", name="uq_parameter_overrides_key"),
        comment="Values that replace declared parameters; rows are added, never changed",
    )


def downgrade() -> None:
    """Drop them again."""
    op.drop_table("parameter_overrides")
