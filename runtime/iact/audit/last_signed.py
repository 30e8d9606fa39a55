"""The newest checkpoint that this machine has signed, in a file beside the secret key and not in the store.

A store that comes from an older backup does not know what was signed since. Whoever signs looks here first, so that no
key signs two histories by accident: the log has to go on from what the file holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iact.audit.checkpoint import Checkpoint, parse_checkpoint
from iact.audit.continuity import check_goes_on
from iact.audit.notes import NoteError, parse_note
from iact.audit.proofs import ProofError
from iact.audit.store import head, tile_reader
from iact.audit.tiles import LostTileError, Tiles
from iact.audit.whole_files import FOR_ITS_OWNER, written_beside
from iact.core.errors import EnvironmentProblemError, FindingError
from iact.stores.connect import make_folder

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from iact.audit.identity import LogIdentity


class SecondHistoryError(FindingError):
    """The log does not go on from what this machine has signed; the message says what to do."""


def last_signed(identity: LogIdentity) -> Checkpoint | None:
    """Return the newest checkpoint of a log that this machine has signed; None for none, or one of another log.

    Args:
        identity: which log it is, and where that is kept.

    Raises:
        EnvironmentProblemError: if the file cannot be read, or holds no checkpoint.
    """
    file = identity.signed_file
    try:
        found = parse_checkpoint(parse_note(file.read_bytes()).text)
    except FileNotFoundError:
        return None
    except (OSError, NoteError) as error:
        message = (
            f"what this machine signed last cannot be read from {file}: {error}. Put the file back from a copy; "
            'without one, `iact audit go-on --reason "…"` takes the log of the store as it is, and says so in it.'
        )
        raise EnvironmentProblemError(message) from None
    return found if found.origin == identity.origin else None


def keep_last_signed(identity: LogIdentity, signed: Checkpoint, note: bytes) -> None:
    """Keep a checkpoint that is about to be handed out, as a whole or not at all, unless a newer one is kept.

    It is on the disk before anybody sees the signature; where that is then not kept in the store, the log still has the
    entries that it is about.

    Args:
        identity: which log it is, and where that is kept; what is kept of another log gives way.
        signed: the checkpoint.
        note: the same as a signed note.

    Raises:
        EnvironmentProblemError: if it cannot be written.
    """
    file = identity.signed_file
    try:
        make_folder(file.parent)
        with written_beside(file, lambda opened: opened.write(note), FOR_ITS_OWNER) as beside:
            known = last_signed(identity)
            if known is None or known.size <= signed.size:
                beside.replace(file)
    except OSError as error:
        message = f"what is signed cannot be kept in {file}: {error.strerror}. Check its folder and permissions."
        raise EnvironmentProblemError(message) from error


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
            present = Checkpoint(signed.origin, size, top.root)
            check_goes_on(Tiles(size, tile_reader(connection, project)), signed, present)
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
