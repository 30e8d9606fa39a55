"""The tables of the log: which entry has which place, the hashes over them, what was signed by which keys, and kept."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, Table, UniqueConstraint

from iact.audit.tiles import WIDTH
from iact.audit.tree import HASH_SIZE
from iact.stores.columns import DIGEST, NAME, PROJECT, RUN, Instant, content, counter
from iact.stores.metadata import METADATA

LOG_HEADS: Final = Table(
    "log_heads",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("size", counter(), nullable=False, comment="how many entries have their places"),
    Column("root", LargeBinary(HASH_SIZE), nullable=False, comment="of the tree over them (RFC 6962)"),
    Column("sequenced_at", Instant(), nullable=True, comment="when the newest of them was given its place"),
    Column("swept", counter(), nullable=False, comment="number of the journal's row up to which none lacks its place"),
    Column("checked", counter(), nullable=True, comment="place up to which rows were last compared with the log"),
    Column("checked_at", Instant(), nullable=True),
    Column("damage", content(), nullable=True, comment="rows that were not as the log has them, NULL for none"),
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

LOG_KEYS: Final = Table(
    "log_keys",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="counted from 1"),
    Column("key", content(), nullable=False, comment="public, C2SP signed-note"),
    Column("rotation", content(), nullable=True, comment="the note by which the key before names it"),
    Column("since", Instant(), nullable=False),
    comment="Which keys signed the log, the earliest first; rows are never changed",
)

LOG_ARCHIVES: Final = Table(
    "log_archives",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("begin_place", counter(), primary_key=True, autoincrement=False, comment="place of the first entry"),
    Column("end_place", counter(), nullable=False, comment="place after the last one"),
    Column("earliest_at", Instant(), nullable=False, comment="when the earliest of them was written"),
    Column("latest_at", Instant(), nullable=False),
    Column("file", NAME, nullable=False, comment="name of the bundle in the folder of the archive"),
    Column("digest", DIGEST, nullable=False, comment="of its bytes"),
    Column("archived_at", Instant(), nullable=False),
    Index("ix_log_archives_end", "project", "end_place"),
    comment="Which parts of the log are in the archive, one after the other; rows are never changed",
)

LOG_PUBLICATIONS: Final = Table(
    "log_publications",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("place", NAME, primary_key=True, comment="git, webhook, mail, or witness/ and a name"),
    Column("address", content(), nullable=False, comment="where that is; of another one nothing is known"),
    Column("size", counter(), nullable=False, comment="of the newest checkpoint that was published there, 0 for none"),
    Column("note", content(), nullable=True, comment="that checkpoint"),
    Column("published_at", Instant(), nullable=True),
    Column("attempt", Integer, nullable=False, comment="counted up by whoever begins to publish there"),
    Column("not_before", Instant(), nullable=True, comment="when the next may begin"),
    Column("failures", Integer, nullable=False, comment="how often it was refused one after the other"),
    Column("trouble", content(), nullable=True, comment="why, the last time"),
    Column("contradicts", Boolean, nullable=False, comment="what is there and the log do not go together"),
    comment="What was published where of the checkpoints of a log",
)

LOG_COSIGNATURES: Final = Table(
    "log_cosignatures",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("size", counter(), primary_key=True, autoincrement=False),
    Column("witness", NAME, primary_key=True, comment="name of its key"),
    Column("signature", content(), nullable=False, comment="the line below the note, C2SP tlog-cosignature"),
    Column("at", Instant(), nullable=False),
    comment="What witnesses added to checkpoints that were signed; rows are never changed",
)
