"""The engine's tables: definitions, runs, triggers, timers, intents, holds and the journal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from iact.stores.columns import Instant, ascii_identifier, content, counter, identifier

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "definitions",
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("digest", ascii_identifier(71), nullable=False),
        sa.Column("kind", identifier(128), nullable=False),
        sa.Column("name", identifier(128), nullable=False),
        sa.Column("body", content(), nullable=False),
        sa.Column("stored_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("project", "digest", name="pk_definitions"),
        comment="Every definition that a run was ever started under, by the digest of its content",
    )
    op.create_table(
        "holds",
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("name", identifier(255), nullable=False),
        sa.Column("run", ascii_identifier(40), nullable=False),
        sa.Column("held_since", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("project", "name", name="pk_holds"),
        comment="What only one run at a time may change",
    )
    op.create_index("ix_holds_run", "holds", ["project", "run"], unique=False)
    op.create_table(
        "intents",
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("key", ascii_identifier(160), nullable=False, comment="idempotency key: run, visit and place"),
        sa.Column("run", ascii_identifier(40), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("action", identifier(128), nullable=False),
        sa.Column("arguments", content(), nullable=False),
        sa.Column("status", ascii_identifier(16), nullable=False, comment="decided, started, done, failed or review"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=False),
        sa.Column("settled_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("project", "key", name="pk_intents"),
        comment="Actions that were decided, and what has become of them",
    )
    op.create_index("ix_intents_run", "intents", ["project", "run"], unique=False)
    op.create_index("ix_intents_status", "intents", ["project", "status", "decided_at"], unique=False)
    op.create_table(
        "journal",
        sa.Column("number", counter(), autoincrement=True, nullable=False),
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("run", ascii_identifier(40), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", ascii_identifier(32), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column(
            "body", content(), nullable=False, comment="RFC 8785 bytes; names the digest of the run's entry before"
        ),
        sa.Column("digest", ascii_identifier(71), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_journal"),
        sa.UniqueConstraint("project", "run", "sequence", name="uq_journal_sequence"),
        comment="Every fact taken in, every decision, every intent and every receipt; rows are never changed",
    )
    op.create_index("ix_journal_at", "journal", ["project", "at"], unique=False)
    op.create_table(
        "runs",
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("run", ascii_identifier(40), nullable=False),
        sa.Column("agent", identifier(128), nullable=False),
        sa.Column("definition", ascii_identifier(71), nullable=False),
        sa.Column("pins", content(), nullable=False),
        sa.Column("subject", identifier(255), nullable=False),
        sa.Column("active", sa.Integer(), nullable=True, comment="1 while the run goes on, null once it has ended"),
        sa.Column("state", identifier(128), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column(
            "version", sa.Integer(), nullable=False, comment="counts the run's changes; a change names the one it saw"
        ),
        sa.Column("outcome", identifier(128), nullable=False),
        sa.Column("inputs", content(), nullable=False),
        sa.Column("remembered", content(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("entered_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("project", "run", name="pk_runs"),
        sa.UniqueConstraint("project", "agent", "subject", "active", name="uq_runs_one_active_run"),
        comment="Where each run of an agent stands",
    )
    op.create_index("ix_runs_started_at", "runs", ["project", "agent", "started_at"], unique=False)
    op.create_table(
        "timers",
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("run", ascii_identifier(40), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("transition", sa.Integer(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("project", "run", "visit", "transition", name="pk_timers"),
        comment="Times that runs wait for; a row is gone once its time has been told or the run has moved on",
    )
    op.create_index("ix_timers_due_at", "timers", ["project", "due_at"], unique=False)
    op.create_table(
        "triggers",
        sa.Column("number", counter(), autoincrement=True, nullable=False),
        sa.Column("project", identifier(64), nullable=False),
        sa.Column("run", ascii_identifier(40), nullable=False),
        sa.Column("key", ascii_identifier(160), nullable=False, comment="the same thing told twice has the same key"),
        sa.Column("body", content(), nullable=False),
        sa.Column("arrived_at", Instant(), nullable=False),
        sa.Column("handled_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_triggers"),
        sa.UniqueConstraint("project", "run", "key", name="uq_triggers_key"),
        comment="What each run has been told and has or has not yet decided upon",
    )
    op.create_index("ix_triggers_waiting", "triggers", ["project", "run", "handled_at", "number"], unique=False)


def downgrade() -> None:
    """Drop them again."""
    op.drop_table("triggers")
    op.drop_table("timers")
    op.drop_table("runs")
    op.drop_table("journal")
    op.drop_table("intents")
    op.drop_table("holds")
    op.drop_table("definitions")
