"""Processes that share the runs of a project, what each has claimed, and when an action is attempted again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from iact.stores.columns import PROJECT, RUN, Instant, ascii_identifier, identifier

revision = "0013"
down_revision = "0012"
compatible_from = "0007"


def upgrade() -> None:
    """Make the tables and the column."""
    op.create_table(
        "runners",
        sa.Column("project", PROJECT, nullable=False),
        sa.Column("runner", RUN, nullable=False, comment="new at every start of a process"),
        sa.Column("machine", identifier(255), nullable=False, comment="name, boot and process space of the machine"),
        sa.Column("process", sa.Integer(), nullable=False),
        sa.Column("born", ascii_identifier(32), nullable=False, comment="tells two processes of one number apart"),
        sa.Column("version", ascii_identifier(32), nullable=False),
        sa.Column("standing", ascii_identifier(16), nullable=False, comment="working or draining"),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("lease_until", Instant(), nullable=False, comment="after it others may take what it has claimed"),
        sa.PrimaryKeyConstraint("project", "runner", name="pk_runners"),
        comment="Processes that advance runs; a row is gone once its process has ended",
    )
    op.create_table(
        "claims",
        sa.Column("project", PROJECT, nullable=False),
        sa.Column("run", RUN, nullable=False),
        sa.Column("runner", RUN, nullable=True, comment="who advances the run at present"),
        sa.Column(
            "term",
            sa.Integer(),
            nullable=False,
            comment="counts the claims; a write names the one that it is made under",
        ),
        sa.Column("claimed_at", Instant(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False, comment="steps in a row that could not be taken"),
        sa.Column("not_before", Instant(), nullable=True, comment="when it is tried again after a failure"),
        sa.Column("parked_at", Instant(), nullable=True, comment="since when it waits for a person"),
        sa.Column("trouble", sa.Text(), nullable=False, comment="why its last step could not be taken"),
        sa.PrimaryKeyConstraint("project", "run", name="pk_claims"),
        comment="Who advances each run, and which runs cannot be advanced",
    )
    op.create_index("ix_claims_runner", "claims", ["project", "runner"], unique=False)
    op.create_index("ix_claims_parked_at", "claims", ["project", "parked_at"], unique=False)
    op.add_column(
        "intents",
        sa.Column("due_at", Instant(), nullable=True, comment="not before it is attempted again; null for at once"),
    )


def downgrade() -> None:
    """Drop them again."""
    op.drop_column("intents", "due_at")
    op.drop_table("claims")
    op.drop_table("runners")
