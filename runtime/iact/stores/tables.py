"""The table of the units of work that were committed."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Table

from iact.stores.columns import Instant, ascii_identifier
from iact.stores.metadata import METADATA

UNITS: Final = Table(
    "iact_units",
    METADATA,
    Column("unit", ascii_identifier(36), primary_key=True),
    Column("committed_at", Instant, nullable=False),
    Index("ix_iact_units_committed_at", "committed_at"),
    comment="Ids of units of work that are done; inserted in the transaction that does them",
)
