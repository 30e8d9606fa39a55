"""The log: the place of every entry of the journal, the hashes over them, what was signed, and what is archived."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from iact.stores.columns import DIGEST, NAME, PROJECT, RUN, Instant, content, counter, is_servers

revision = "0016"
down_revision = "0015"
compatible_from = "0007"
undoing_loses = "what was signed: a log that is begun anew later does not go on from it, and no checkpoint fits it"


def upgrade() -> None:
    """Make the tables, and let every entry that is there wait for its place."""
    op.create_table(
        "journal_pending",
        sa.Column("number", counter(), autoincrement=True, nullable=False),
        sa.Column("project", PROJECT, nullable=False),
        sa.Column("written_at", Instant(), nullable=False),
        sa.Column(
            "entries", content(), nullable=False, comment="RFC 8785 bytes: run, first and last sequence of each run"
        ),
        sa.PrimaryKeyConstraint("number", name="pk_journal_pending"),
        comment="Which entries of the journal have no place in the log yet; written in their own transaction",
    )
    op.create_index("ix_journal_pending_number", "journal_pending", ["project", "number"])
    _make_log()
    _make_keys_and_archives()
    _let_wait()


def _make_log() -> None:
    op.create_table(
        "log_heads",
        sa.Column("project", PROJECT, nullable=False),
        sa.Column("size", counter(), nullable=False, comment="how many entries have their places"),
        sa.Column("root", sa.LargeBinary(32), nullable=False, comment="of the tree over them (RFC 6962)"),
        sa.Column("sequenced_at", Instant(), nullable=True, comment="when the newest of them was given its place"),
        sa.Column(
            "swept", counter(), nullable=False, comment="number of the journal's row up to which none lacks its place"
        ),
        sa.PrimaryKeyConstraint("project", name="pk_log_heads"),
        comment="How far the log of a project goes; who gives places changes it from the size that it read, or nothing",
    )
    op.create_table(
        "log_leaves",
        sa.Column("project", PROJECT, nullable=False),
        sa.Column("place", counter(), autoincrement=False, nullable=False, comment="in the log, counted from 0"),
        sa.Column("run", RUN, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project", "place", name="pk_log_leaves"),
        sa.UniqueConstraint("project", "run", "sequence", name="uq_log_leaves_sequence"),
        comment="Which entry of the journal has which place in the log; rows are never changed",
    )
    op.create_table(
        "log_tiles",
        sa.Column("project", PROJECT, nullable=False),
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("place", counter(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(8192), nullable=False, comment="at most 256, one after the other"),
        sa.PrimaryKeyConstraint("project", "level", "place", name="pk_log_tiles"),
        comment="The hashes of the log, as C2SP tlog-tiles cuts them; a full tile is never changed",
    )
    op.create_table(
        "log_checkpoints",
        sa.Column("project", PROJECT, nullable=False),
        sa.Column("size", counter(), autoincrement=False, nullable=False),
        sa.Column("note", content(), nullable=False, comment="C2SP signed-note"),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("project", "size", name="pk_log_checkpoints"),
        comment="What was signed: how many entries the log had, and their root",
    )


def _make_keys_and_archives() -> None:
    op.create_table(
        "log_keys",
        sa.Column("project", PROJECT, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False, comment="counted from 1"),
        sa.Column("key", content(), nullable=False, comment="public, C2SP signed-note"),
        sa.Column("rotation", content(), nullable=True, comment="the note by which the key before names it"),
        sa.Column("since", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("project", "number", name="pk_log_keys"),
        comment="Which keys signed the log, the earliest first; rows are never changed",
    )
    op.create_table(
        "log_archives",
        sa.Column("project", PROJECT, nullable=False),
        sa.Column("begin_place", counter(), autoincrement=False, nullable=False, comment="place of the first entry"),
        sa.Column("end_place", counter(), nullable=False, comment="place after the last one"),
        sa.Column("earliest_at", Instant(), nullable=False, comment="when the earliest of them was written"),
        sa.Column("latest_at", Instant(), nullable=False),
        sa.Column("file", NAME, nullable=False, comment="name of the bundle in the folder of the archive"),
        sa.Column("digest", DIGEST, nullable=False, comment="of its bytes"),
        sa.Column("archived_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("project", "begin_place", name="pk_log_archives"),
        comment="Which parts of the log are in the archive, one after the other; rows are never changed",
    )
    op.create_index("ix_log_archives_end", "log_archives", ["project", "end_place"])


def _let_wait() -> None:
    """Write a row for each run, in the order in which they began, as a release writes it that knows the log.

    A run whose first entries were deleted is left out: whoever reads its others could not tell what they follow from.
    """
    bind = op.get_bind()
    pieces = ("'[[\"'", "run", "'\",'", "MIN(sequence)", "','", "MAX(sequence)", "']]'")
    made = f"CONCAT({', '.join(pieces)})" if is_servers(bind.dialect) else " || ".join(pieces)
    kind = "BINARY" if is_servers(bind.dialect) else "BLOB"
    op.execute(
        "INSERT INTO journal_pending (project, written_at, entries) "  # noqa: S608 - nothing in it was handed in
        f"SELECT project, MAX(at), CAST({made} AS {kind}) FROM journal "
        "WHERE NOT EXISTS (SELECT 1 FROM journal_anchors "
        "WHERE journal_anchors.project = journal.project AND journal_anchors.run = journal.run) "
        "GROUP BY project, run ORDER BY MIN(number)"
    )


def downgrade() -> None:
    """Drop them again; the journal is left as it is."""
    for table in (
        "log_archives",
        "log_keys",
        "log_checkpoints",
        "log_tiles",
        "log_leaves",
        "log_heads",
        "journal_pending",
    ):
        op.drop_table(table)
