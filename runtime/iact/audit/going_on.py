"""Going on from a store that is older than what was signed: a person says so, and the log keeps who and why."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from iact.audit.last_signed import SecondHistoryError, check_goes_on_from, last_signed
from iact.core.errors import ConfigurationError, EnvironmentProblemError
from iact.engine import journal
from iact.engine.journal import LOG_RUN, EntryKind
from iact.engine.persons import Persons
from iact.stores.units import read, write

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from iact.audit.checkpoint import Checkpoint
    from iact.audit.identity import LogIdentity
    from iact.engine.host import Host


def go_on(host: Host, identity: LogIdentity, by: str, reason: str) -> Checkpoint | None:
    """Let this machine sign what the store has, though it does not go on from what the machine has signed.

    Args:
        host: where the runs live.
        identity: which log it is.
        by: who says so.
        reason: why.

    Returns:
        The checkpoint that is given up, which those who have it will ask for; None where it could not be read.

    Raises:
        ConfigurationError: if the log goes on from it anyway.
    """
    try:
        signed = last_signed(identity)
    except EnvironmentProblemError:
        signed = None
    else:
        _check_differs(host, signed)

    def work(connection: Connection) -> None:
        now = host.now(connection)
        said = Persons(connection, host.project, now).said(by, reason, run=LOG_RUN)
        given_up = {"size": 0, "root": ""}
        if signed is not None:
            given_up = {"size": signed.size, "root": base64.b64encode(signed.root).decode()}
        body = {"what": "another history", "signed": given_up, "unreadable": signed is None, **said}
        journal.append(connection, project=host.project, run=LOG_RUN, kind=EntryKind.LOG, at=now, body=body)

    write(host.engine, work, meets_others=True)
    # Only what is written down lets go of what was signed; whoever is cut off before says it once more.
    identity.signed_file.unlink(missing_ok=True)
    return signed


def _check_differs(host: Host, signed: Checkpoint | None) -> None:
    try:
        read(host.unhurried, lambda connection: check_goes_on_from(connection, host.project, signed))
    except SecondHistoryError:
        return
    message = "the log goes on from all that this machine has signed: there is nothing to say."
    raise ConfigurationError(message)
