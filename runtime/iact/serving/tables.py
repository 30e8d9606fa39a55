"""The tables of what the schedule of a project has asked for, and of which of its rules were activated."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Integer, Table, Text

from iact.stores.columns import DIGEST, NAME, PROJECT, RUN, Instant, ascii_identifier
from iact.stores.metadata import METADATA

OCCURRENCES: Final = Table(
    "occurrences",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("job", NAME, primary_key=True),
    Column("scheduled_at", Instant(), primary_key=True),
    Column("runner", RUN, nullable=False, comment="who carries it out, or did"),
    Column("taken_at", Instant(), nullable=False),
    Column("status", ascii_identifier(16), nullable=False, comment="counting, taken, done or failed"),
    Column("finished_at", Instant(), nullable=True, comment="null while it is carried out"),
    Column("outcome", Text, nullable=False, comment="what came of it, in a sentence"),
    Index("ix_occurrences_finished_at", "project", "finished_at"),
    comment="What the schedule asked for; one row each, so that no two processes carry out the same",
)
ACTIVATIONS: Final = Table(
    "activations",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="1, 2, 3 …; the highest is in force"),
    Column("commit_id", ascii_identifier(64), nullable=False, comment="empty: the files of each checkout"),
    Column("digest", DIGEST, nullable=False, comment="of all rules at that commit"),
    Column("activated_by", Text, nullable=False),
    Column("activated_at", Instant(), nullable=False),
    comment="Which commit's rules all processes that serve a project are to follow",
)
