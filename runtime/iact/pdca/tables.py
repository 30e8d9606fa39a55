"""The table of parameter values that experiments have set, version by version."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Integer, Table, UniqueConstraint

from iact.stores.columns import NAME, PROJECT, RUN, Instant, ascii_identifier, content
from iact.stores.metadata import METADATA

PARAMETER_OVERRIDES: Final = Table(
    "parameter_overrides",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("parameter", NAME, primary_key=True),
    Column("version", Integer, primary_key=True, comment="counted from 1 without gaps; the highest is in force"),
    Column("value", content(), nullable=True, comment="canonical bytes; null: as the files declare it"),
    Column("previous", content(), nullable=True, comment="what was in force before, likewise"),
    Column("run", RUN, nullable=False),
    Column("key", ascii_identifier(160), nullable=False, comment="idempotency key of the action that wrote it"),
    Column("at", Instant(), nullable=False),
    UniqueConstraint("project", "key", name="uq_parameter_overrides_key"),
    comment="Values that replace declared parameters; rows are added, never changed",
)
