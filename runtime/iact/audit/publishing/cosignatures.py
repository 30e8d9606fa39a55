"""What witnesses added to the checkpoints of a log, as it is kept beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, func, insert, select

from iact.audit.tables import LOG_COSIGNATURES
from iact.stores.query import query

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from iact.audit.notes import Signature
    from iact.audit.store import Signed

COSIGNATURES: Final = query(
    "What witnesses added to a checkpoint.",
    select(LOG_COSIGNATURES.c.witness, LOG_COSIGNATURES.c.signature)
    .where(LOG_COSIGNATURES.c.project == bindparam("project"), LOG_COSIGNATURES.c.size == bindparam("size"))
    .order_by(LOG_COSIGNATURES.c.witness),
)
ADD_COSIGNATURE: Final = query("Keep what a witness added to a checkpoint.", insert(LOG_COSIGNATURES))
WITNESSED: Final = query(
    "The largest size of the log whose checkpoint all of these witnesses have signed.",
    select(LOG_COSIGNATURES.c.size)
    .where(
        LOG_COSIGNATURES.c.project == bindparam("project"),
        LOG_COSIGNATURES.c.witness.in_(bindparam("witnesses", expanding=True)),
    )
    .group_by(LOG_COSIGNATURES.c.size)
    .having(func.count() == bindparam("count"))
    .order_by(LOG_COSIGNATURES.c.size.desc())
    .limit(1),
    whole="the newest is read, and those before it only where a witness was away",
)


def cosigned(connection: Connection, project: str, signed: Signed) -> bytes:
    """Return a checkpoint with what witnesses added to it."""
    found = COSIGNATURES.all(connection, project=project, size=signed.size)
    return signed.note + b"".join(row["signature"] + b"\n" for row in found)


def add_cosignature(connection: Connection, project: str, size: int, added: Signature, now: datetime) -> None:
    """Keep what a witness added to a checkpoint; what the same witness added before stays.

    Args:
        connection: in a transaction.
        project: the project.
        size: how many entries the log had.
        added: the signature, which was verified.
        now: the present moment, UTC.
    """
    known = {row["witness"] for row in COSIGNATURES.all(connection, project=project, size=size)}
    if added.name not in known:
        written = str(added).encode()
        ADD_COSIGNATURE.run(connection, project=project, size=size, witness=added.name, signature=written, at=now)


def witnessed_size(connection: Connection, project: str, witnesses: Collection[str]) -> int | None:
    """Return the largest size of the log whose checkpoint all of these witnesses have signed; None where none is.

    Args:
        connection: reads the store.
        project: the project.
        witnesses: their names, at least one.
    """
    row = WITNESSED.one(connection, project=project, witnesses=sorted(witnesses), count=len(witnesses))
    return row["size"] if row else None
