"""Keeping up the log of a project: whoever has written to the journal gives what waits its places, and signs.

Whoever serves publishes what was signed as well, beside the keeping up, which waits for nobody outside.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DBAPIError

from iact.audit.publishing.places import Publishing
from iact.audit.publishing.rounds import publish
from iact.audit.sequencing import HeadMovedError, LostEntryError, sequence
from iact.audit.signing import sign_head, signer_of
from iact.audit.stored_rows import check_rows, damage_findings
from iact.audit.sweeping import sweep
from iact.core.errors import IactError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iact.audit.identity import LogIdentity
    from iact.engine.host import Host

_LOGGER: Final = logging.getLogger(__name__)
KEPT_UP_EVERY: Final = 1.0
"""Seconds between two times that a process which serves gives places."""
SIGNED_EVERY: Final = 60.0
"""Seconds between two signatures of the log at least: each is a row that stays. The end of a process is signed, too."""


def keep_up(host: Host, identity: LogIdentity, *, signs: bool = True) -> None:
    """Give everything that waits its place in the log; sign how far it goes, once nothing lacks its place.

    Args:
        host: where the runs live.
        identity: which log it is.
        signs: whether it is swept and signed, too; each signature is a row that stays.

    Raises:
        LostEntryError: if an entry that waits is not in the journal.
        ConfigurationError: if the key that the rules name is not there.
        EnvironmentProblemError: if the store does not answer, or the key cannot be read.
    """
    sequence(host)
    if signs:
        if sweep(host):
            sequence(host)
        sign_head(host, identity)


def keep_up_in_spite(host: Host, identity: LogIdentity, *, signs: bool = True) -> None:
    """Keep up the log; where that fails, say why and leave it to the next: what waits is in the store."""
    try:
        keep_up(host, identity, signs=signs)
    except HeadMovedError:
        return
    except (IactError, LostEntryError, DBAPIError) as error:
        _LOGGER.warning("the log of the journal could not be kept up: %s", error)


@contextmanager
def keeping_up(host: Host, identity: LogIdentity) -> Iterator[None]:
    """Keep up the log at the end of a block, whatever became of it."""
    try:
        yield
    finally:
        keep_up_in_spite(host, identity)


def publish_in_spite(host: Host, identity: LogIdentity, publishing: Publishing) -> None:
    """Publish what is signed where it is time to, if this machine is one that signs; where that fails, say why."""
    try:
        if signer_of(host, identity) is not None:
            publish(host, publishing)
    except (IactError, DBAPIError) as error:
        _LOGGER.warning("checkpoints of the log could not be published: %s", error)


def check_in_spite(host: Host) -> None:
    """Compare some rows of the journal with the log; where that fails, say why and leave it to the next."""
    try:
        changed = check_rows(host)
    except (IactError, DBAPIError) as error:
        _LOGGER.warning("the rows of the journal could not be compared with the log: %s", error)
        return
    for finding in damage_findings(changed):
        _LOGGER.warning("%s", finding)


def keep_up_once(host: Host, identity: LogIdentity, publishing: Publishing) -> None:
    """Do once all that a process which serves does for the log each minute; what fails is told, and left to the next.

    Args:
        host: where the runs live.
        identity: which log it is.
        publishing: where its checkpoints go.
    """
    keep_up_in_spite(host, identity)
    check_in_spite(host)
    if publishing.everywhere:
        publish_in_spite(host, identity, publishing)


class LogKeeper:
    """Keeps up the log beside a process that serves, which never waits for it, and publishes beside that."""

    def __init__(self, host: Host, identity: LogIdentity, publishing: Publishing | None = None) -> None:
        """Prepare to keep up the log of the project that `host` serves, and to publish its checkpoints."""
        self._host, self._identity = host, identity
        self._publishing = publishing or Publishing()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="iact-log")
        self._publisher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="iact-publish")
        self._under_way: Future[None] | None = None
        self._published: Future[None] | None = None
        self._kept_up = self._signed = float("-inf")

    def follow(self, publishing: Publishing) -> None:
        """Publish to other places from now on."""
        self._publishing = publishing

    def keep_up(self) -> None:
        """Begin to do so where it is time to, and leave."""
        now = time.monotonic()
        is_busy = self._under_way is not None and not self._under_way.done()
        if is_busy or now - self._kept_up < KEPT_UP_EVERY:
            return
        self._kept_up = now
        signs = now - self._signed >= SIGNED_EVERY
        if signs:
            self._signed = now
        self._under_way = self._pool.submit(self._keep_up, signs=signs)

    def _keep_up(self, *, signs: bool) -> None:
        keep_up_in_spite(self._host, self._identity, signs=signs)
        is_publishing = self._published is not None and not self._published.done()
        if signs:
            check_in_spite(self._host)
        if signs and self._publishing.everywhere and not is_publishing:
            asked = (self._host, self._identity, self._publishing)
            self._published = self._publisher.submit(publish_in_spite, *asked)

    def close(self) -> None:
        """Wait for what is under way."""
        self._pool.shutdown(wait=True)
        self._publisher.shutdown(wait=True)
