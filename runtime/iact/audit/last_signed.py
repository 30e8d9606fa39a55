"""The newest checkpoint that this machine has signed, in a file beside the secret key and not in the store.

A store that comes from an older backup does not know what was signed since. Whoever signs looks here first, so that no
key signs two histories by accident: the log has to go on from what the file holds.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from iact.audit.checkpoint import Checkpoint, parse_checkpoint
from iact.audit.notes import NoteError, parse_note
from iact.audit.proofs import ProofError, verify_consistency
from iact.audit.store import head, tile_reader
from iact.audit.tiles import LostTileError, Tiles
from iact.audit.tree import consistency_proof
from iact.core.errors import EnvironmentProblemError, FindingError
from iact.stores.connect import make_folder

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import Connection


class SecondHistoryError(FindingError):
    """The log does not go on from what this machine has signed; the message says what to do."""


def last_signed(file: Path) -> Checkpoint | None:
    """Return the newest checkpoint that this machine has signed; None for none.

    Args:
        file: where it is kept.

    Raises:
        EnvironmentProblemError: if the file cannot be read, or holds no checkpoint.
    """
    try:
        return parse_checkpoint(parse_note(file.read_bytes()).text)
    except FileNotFoundError:
        return None
    except (OSError, NoteError) as error:
        message = (
            f"what this machine signed last cannot be read from {file}: {error}. Put the file back from a copy; "
            'without one, `iact audit go-on --reason "…"` takes the log of the store as it is, and says so in it.'
        )
        raise EnvironmentProblemError(message) from None


def keep_last_signed(file: Path, note: bytes, size: int, origin: str) -> None:
    """Keep a checkpoint that is about to be signed, as a whole or not at all, unless a newer one is kept.

    It is on the disk before anybody sees the signature; where that is then not kept in the store, the log still has the
    entries that it is about.

    Args:
        file: where it is kept.
        note: the signed note.
        size: how many entries it is about.
        origin: which log it is of; what is kept of another gives way.

    Raises:
        EnvironmentProblemError: if it cannot be written.
    """
    beside = file.with_name(f".{file.name}-{secrets.token_hex(8)}")
    try:
        make_folder(file.parent)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(note)
            opened.flush()
            os.fsync(opened.fileno())
        known = last_signed(file)
        if known is None or known.origin != origin or known.size <= size:
            beside.replace(file)
    except OSError as error:
        message = f"what is signed cannot be kept in {file}: {error.strerror}. Check its folder and permissions."
        raise EnvironmentProblemError(message) from error
    finally:
        beside.unlink(missing_ok=True)


def check_goes_on_from(connection: Connection, project: str, signed: Checkpoint | None) -> None:
    """Check that the log of a store goes on from what this machine has signed.

    The caller reads `signed` before the transaction begins: what was signed then is in the log that it sees.

    Args:
        connection: reads the store.
        project: the project.
        signed: what `last_signed` returned.

    Raises:
        SecondHistoryError: if it does not.
    """
    if signed is None or not signed.size:
        return
    top = head(connection, project)
    size = 0 if top is None else top.size
    if top is None or size < signed.size:
        found = f"it has {size:,} entries"
    else:
        try:
            proof = consistency_proof(Tiles(size, tile_reader(connection, project)), signed.size, size)
            verify_consistency(signed.size, size, proof, signed.root, top.root)
        except (ProofError, LostTileError):
            found = f"its first {signed.size:,} entries are others"
        else:
            return
    message = (
        f"the log of the store does not go on from what this machine has signed, {signed.size:,} entries: {found}. "
        "Either the store comes from an older backup, or is another, or was rewritten. Nothing is signed, since a key "
        "that signs two histories proves none. Restore a later backup; where there is none, "
        '`iact audit go-on --reason "…"` goes on from what is there, and says so in the log.'
    )
    raise SecondHistoryError(message)
