"""Signing how far a log goes: a checkpoint for each size at which somebody looked, kept before it is handed out.

A log has one key at a time, which is noted in the store. Whoever signs first notes theirs; a machine that has another
one, or none, gives places all the same and leaves signing to those that have it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iact.audit.checkpoint import Checkpoint
from iact.audit.last_signed import check_goes_on_from, keep_last_signed, last_signed
from iact.audit.notes import Note
from iact.audit.store import ADD_CHECKPOINT, ADD_KEY, head, keys_of, newest_checkpoint
from iact.core.errors import ConfigurationError
from iact.stores.units import read, write

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from iact.audit.identity import LogIdentity
    from iact.audit.notes import Signer
    from iact.engine.host import Host


def sign_head(host: Host, identity: LogIdentity) -> int | None:
    """Sign how far the log goes, where nobody has and this machine has its key.

    Ed25519 signs the same text the same way each time (RFC 8032), so two processes that sign one head make one note.

    Args:
        host: where the runs live.
        identity: which log it is, and where its key is kept.

    Returns:
        The size that was signed; None where there was none to sign, or another machine has the key.

    Raises:
        ConfigurationError: if the rules name a secret that is not there, or is no key.
        EnvironmentProblemError: if a key cannot be read or made, or what is signed cannot be kept beside it.
        SecondHistoryError: if the log does not go on from what this machine has signed.
    """

    def unsigned(connection: Connection) -> bool:
        return _is_unsigned(connection, host.project)

    if not read(host.engine, unsigned):
        return None
    signer = signer_of(host, identity)
    return None if signer is None else _sign_by(host, identity, signer)


def why_unsigned(host: Host, identity: LogIdentity) -> str:
    """Sign how far the log goes where that can be done; return why it is not signed, empty where it is.

    Raises:
        IactError: as `sign_head`, which says what to do.
    """
    sign_head(host, identity)
    top, known = read(
        host.engine, lambda connection: (head(connection, host.project), keys_of(connection, host.project))
    )
    if top is None or not top.size:
        return "nothing was written to the journal yet"
    if not read(host.engine, lambda connection: _is_unsigned(connection, host.project)):
        return ""
    if known:
        return f"this machine does not have the secret of {known[-1].key}, which signs the log"
    return "no machine that has the key of the log has kept it up"


def signer_of(host: Host, identity: LogIdentity) -> Signer | None:
    """Return who signs the log on this machine; None where another machine has the key.

    Args:
        host: where the runs live.
        identity: which log it is, and where its key is kept.

    Raises:
        ConfigurationError: if the rules name a secret that is not there, or is no key.
        EnvironmentProblemError: if a key cannot be read or made.
    """
    known = read(host.engine, lambda connection: keys_of(connection, host.project))
    return identity.signer_of(known[-1].key) if known else identity.first_signer()


def _sign_by(host: Host, identity: LogIdentity, signer: Signer) -> int | None:
    # Before the transaction begins, so that it sees whatever others on this machine have signed.
    signed_before = last_signed(identity)

    def sign(connection: Connection) -> int | None:
        top = head(connection, host.project)
        if top is None or not _is_unsigned(connection, host.project):
            return None
        now = host.now(connection)
        known = keys_of(connection, host.project)
        if not known:
            written = str(signer.key).encode()
            ADD_KEY.run(connection, project=host.project, number=1, key=written, rotation=None, since=now)
        elif known[-1].key != str(signer.key):
            return None
        if signer.key.name != identity.origin:
            message = (
                f"the log is called {signer.key.name} in all that its key has signed, and {identity.origin} in "
                f"iact.yaml. A log keeps its name: write `audit: {{log: {signer.key.name}}}`."
            )
            raise ConfigurationError(message)
        check_goes_on_from(connection, host.project, signed_before)
        checkpoint = Checkpoint(identity.origin, top.size, top.root)
        text = str(checkpoint)
        note = str(Note(text, (signer.sign(text),))).encode()
        keep_last_signed(identity, checkpoint, note)
        ADD_CHECKPOINT.run(connection, project=host.project, size=top.size, note=note, at=now)
        return top.size

    return write(host.engine, sign, meets_others=True)


def _is_unsigned(connection: Connection, project: str) -> bool:
    top, signed = head(connection, project), newest_checkpoint(connection, project)
    return top is not None and top.size > (signed.size if signed else 0)
