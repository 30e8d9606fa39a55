"""The table of what the schedule of a project has asked for."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Table, Text

from iact.stores.columns import NAME, PROJECT, RUN, Instant, ascii_identifier
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
