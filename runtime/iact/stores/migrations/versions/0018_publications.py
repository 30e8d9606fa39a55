"""What was published where of the checkpoints of a log, and what witnesses added to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from iact.stores.columns import NAME, PROJECT, Instant, content, counter

revision = "0018"
down_revision = "0017"
compatible_from = "0007"
undoing_loses = "what was published where, and what witnesses signed; the places themselves keep theirs"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "log_publications",
        sa.Column("project", PROJECT, nullable=False),
        sa.Column("place", NAME, nullable=False, comment="git, webhook, mail, or witness/ and a name"),
        sa.Column("address", content(), nullable=False, comment="where that is; of another one nothing is known"),
        sa.Column(
            "size", counter(), nullable=False, comment="of the newest checkpoint that was published there, 0 for none"
        ),
        sa.Column("note", content(), nullable=True, comment="that checkpoint"),
        sa.Column("published_at", Instant(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="counted up by whoever begins to publish there"),
        sa.Column("not_before", Instant(), nullable=True, comment="when the next may begin"),
        sa.Column("failures", sa.Integer(), nullable=False, comment="how often it was refused one after the other"),
        sa.Column("trouble", content(), nullable=True, comment="why, the last time"),
        sa.Column("contradicts", sa.Boolean(), nullable=False, comment="what is there and the log do not go together"),
        sa.PrimaryKeyConstraint("project", "place", name="pk_log_publications"),
        comment="What was published where of the checkpoints of a log",
    )
    op.create_table(
        "log_cosignatures",
        sa.Column("project", PROJECT, nullable=False),
        sa.Column("size", counter(), autoincrement=False, nullable=False),
        sa.Column("witness", NAME, nullable=False, comment="name of its key"),
        sa.Column("signature", content(), nullable=False, comment="the line below the note, C2SP tlog-cosignature"),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("project", "size", "witness", name="pk_log_cosignatures"),
        comment="What witnesses added to checkpoints that were signed; rows are never changed",
    )


def downgrade() -> None:
    """Drop them again."""
    op.drop_table("log_cosignatures")
    op.drop_table("log_publications")
