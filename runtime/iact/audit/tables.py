"""The tables of the log: which entry has which place, the hashes over them, and what was signed."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Integer, LargeBinary, Table, UniqueConstraint

from iact.audit.tiles import WIDTH
from iact.audit.tree import HASH_SIZE
from iact.stores.columns import PROJECT, RUN, Instant, content, counter
from iact.stores.metadata import METADATA

LOG_HEADS: Final = Table(
    "log_heads",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("size", counter(), nullable=False, comment="how many entries have their places"),
    Column("root", LargeBinary(HASH_SIZE), nullable=False, comment="of the tree over them (RFC 6962)"),
    Column("sequenced_at", Instant(), nullable=True, comment="when the newest of them was given its place"),
    comment="How far the log of a project goes; who gives places changes it from the size that it read, or nothing",
)

LOG_LEAVES: Final = Table(
    "log_leaves",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("place", counter(), primary_key=True, autoincrement=False, comment="in the log, counted from 0"),
    Column("run", RUN, nullable=False),
    Column("sequence", Integer, nullable=False),
    UniqueConstraint("project", "run", "sequence", name="uq_log_leaves_sequence"),
    comment="Which entry of the journal has which place in the log; rows are never changed",
)

LOG_TILES: Final = Table(
    "log_tiles",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("place", counter(), primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary(WIDTH * HASH_SIZE), nullable=False, comment="at most 256, one after the other"),
    comment="The hashes of the log, as C2SP tlog-tiles cuts them; a full tile is never changed",
)

LOG_CHECKPOINTS: Final = Table(
    "log_checkpoints",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("size", counter(), primary_key=True, autoincrement=False),
    Column("note", content(), nullable=False, comment="C2SP signed-note"),
    Column("at", Instant(), nullable=False),
    comment="What was signed: how many entries the log had, and their root",
)
