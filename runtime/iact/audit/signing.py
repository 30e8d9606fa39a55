"""Signing how far a log goes: a checkpoint for each size at which somebody looked, kept before it is handed out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iact.audit.checkpoint import Checkpoint
from iact.audit.notes import Note
from iact.audit.store import ADD_CHECKPOINT, head, newest_checkpoint
from iact.stores.units import read, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Connection

    from iact.audit.notes import Signer
    from iact.engine.host import Host


def sign_head(host: Host, origin: str, signers: Sequence[Signer]) -> int | None:
    """Sign how far the log goes, where nobody has; return the size that was signed, None where there was none to sign.

    Ed25519 signs the same text the same way each time (RFC 8032), so two processes that sign one head make one note.

    Args:
        host: where the runs live.
        origin: what the log is called in its checkpoints.
        signers: who sign: the key in force; while keys change, the one before as well.
    """
    if not read(host.engine, lambda connection: _is_unsigned(connection, host.project)):
        return None

    def sign(connection: Connection) -> int | None:
        top = head(connection, host.project)
        if top is None or not _is_unsigned(connection, host.project):
            return None
        text = str(Checkpoint(origin, top.size, top.root))
        note = str(Note(text, tuple(signer.sign(text) for signer in signers)))
        ADD_CHECKPOINT.run(connection, project=host.project, size=top.size, note=note.encode(), at=host.now(connection))
        return top.size

    return write(host.engine, sign, meets_others=True)


def _is_unsigned(connection: Connection, project: str) -> bool:
    top, signed = head(connection, project), newest_checkpoint(connection, project)
    return top is not None and top.size > (signed.size if signed else 0)
