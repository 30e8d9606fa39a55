"""Changing the key of a log: the old key names the new one, and what is signed from then on is signed by that.

The new secret stands beside the old one before anything is noted in the store, and takes its place afterwards. Whoever
is cut off in between leaves both, and the next who needs the key takes the one that the store names.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iact.audit.key_files import make_key, next_to
from iact.audit.keys import rotate
from iact.audit.store import ADD_KEY, keys_of
from iact.core.errors import ConfigurationError
from iact.engine import journal
from iact.engine.journal import LOG_RUN, EntryKind
from iact.engine.persons import Persons
from iact.stores.connect import make_folder
from iact.stores.lock import exclusive
from iact.stores.units import read, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy.engine import Connection

    from iact.audit.identity import LogIdentity
    from iact.audit.notes import Note, Signer
    from iact.audit.store import LogKey
    from iact.engine.host import Host

_LOCK: Final = "log.key.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Why a key is changed.

    Attributes:
        by: who says so.
        reason: why.
        lost: whether the secret of the old key is lost, so that it cannot name the new one.
    """

    by: str
    reason: str
    lost: bool = False


def change_key(host: Host, identity: LogIdentity, change: Change, out: Path | None = None) -> Signer:
    """Give the log a new key, and return it.

    Args:
        host: where the runs live.
        identity: which log it is, and where its key is kept.
        change: why.
        out: the file in which the new secret is to be, where the rules keep the key in the environment.

    Raises:
        ConfigurationError: if the log has no key yet, this machine does not have it, or there is no place for the new.
        EnvironmentProblemError: if the new secret cannot be written.
    """
    known = read(host.engine, lambda connection: keys_of(connection, host.project))
    if not known:
        message = "the log has no key yet; the first who signs it makes one: `iact tick`."
        raise ConfigurationError(message)
    with _alone(identity):
        # Whoever had to wait for another change finds another key than they meant to change.
        _check_newest(read(host.engine, lambda connection: keys_of(connection, host.project)), known[-1])
        return _change(host, identity, change, known[-1], out)


@contextmanager
def _alone(identity: LogIdentity) -> Iterator[None]:
    """Let nobody else on this machine change the key until the block ends."""
    file = identity.signed_file.with_name(_LOCK)
    make_folder(file.parent)
    with exclusive(file):
        yield


def _check_newest(known: Sequence[LogKey], newest: LogKey) -> None:
    if known[-1].key != newest.key:
        message = (
            "somebody else has changed the key meanwhile; nothing was changed. `iact audit key` prints the new one."
        )
        raise ConfigurationError(message)


def _change(host: Host, identity: LogIdentity, change: Change, newest: LogKey, out: Path | None) -> Signer:
    old = None if change.lost else _old_signer(identity, newest)
    file = identity.key_file
    place = next_to(file) if file is not None else out
    if place is None:
        message = f"the key is kept in {identity.key}: name a file for the new secret by --out, then put it there."
        raise ConfigurationError(message)
    was_there = place.exists()
    new = make_key(place, identity.origin)
    note = None if old is None else rotate(identity.origin, old, new.key)
    try:
        _note(host, newest, new, note, change)
    except ConfigurationError:
        # Nobody vouches for it, and nobody else knows it: left there, it would pass for a key of the log.
        if not was_there:
            place.unlink(missing_ok=True)
        raise
    if file is not None:
        # A process that signs may have put it there already, and another change may have begun since.
        identity.signer_of(str(new.key))
    return new


def _old_signer(identity: LogIdentity, newest: LogKey) -> Signer:
    old = identity.signer_of(newest.key)
    if old is None:
        message = (
            f"this machine does not have the secret of {newest.key}, which signs the log. Change it on one that has; "
            "if it is lost, say --lost: auditors then have to be given the new key by hand."
        )
        raise ConfigurationError(message)
    return old


def _note(host: Host, newest: LogKey, new: Signer, note: Note | None, change: Change) -> None:
    def work(connection: Connection) -> None:
        _check_newest(keys_of(connection, host.project), newest)
        now = host.now(connection)
        rotation = None if note is None else str(note)
        ADD_KEY.run(
            connection,
            project=host.project,
            number=newest.number + 1,
            key=str(new.key).encode(),
            rotation=None if rotation is None else rotation.encode(),
            since=now,
        )
        said = Persons(connection, host.project, now).said(change.by, change.reason, run=LOG_RUN)
        body = {"what": "key", "key": str(new.key), "rotation": rotation, **said}
        journal.append(connection, project=host.project, run=LOG_RUN, kind=EntryKind.LOG, at=now, body=body)

    write(host.engine, work, meets_others=True)
