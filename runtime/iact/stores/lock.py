"""One process at a time: a lock that is given back when its holder dies.

The embedded store has no server that could tell a slow process from a dead one: there it is an advisory lock on a file.
On a server it is a row. Whoever holds it knows that nobody else is half-way through an action, so an action found
half-done was left by a process that died.
"""

from __future__ import annotations

import fcntl
import logging
import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from iact.core.errors import EnvironmentProblemError
from iact.stores.failures import Failure, failure_of
from iact.stores.idling import unlimited
from iact.stores.retrying import persistently
from iact.stores.servers import held

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Engine

_LOGGER = logging.getLogger(__name__)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock on `path` until the block ends; wait while another process holds it, and say so.

    Args:
        path: the lock's file, which is made where it is missing and never removed: a removed one could be locked twice.

    Raises:
        EnvironmentProblemError: if the file cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        message = f"the lock {path} cannot be made: {error.strerror}. Check the folder's permissions."
        raise EnvironmentProblemError(message) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _LOGGER.warning("another iact process is at work here; waiting until it is done (%s)", path)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def exclusive_row(engine: Engine, name: str) -> Iterator[None]:
    """Hold a row of a store on a server until the block ends; wait while another process holds it.

    The row is given back as well when the connection is lost. What is done under the lock has transactions of its own,
    which say whether they are kept, so a lock that is found lost at the end takes nothing back.

    Args:
        engine: a store on a server.
        name: of the row, 64 characters at most.

    Raises:
        EnvironmentProblemError: if another process holds it for too long, or the server does not answer.
    """

    def take() -> ExitStack:
        with ExitStack() as taken:
            # It is held for as long as an action takes.
            taken.enter_context(held(unlimited(engine), name))
            return taken.pop_all()

    lock = persistently(engine, take)
    try:
        yield
    finally:
        try:
            lock.close()
        except DBAPIError as error:
            if failure_of(error) is not Failure.LOST:
                raise
            _LOGGER.info("the connection that held %s was lost before the work was done", name)
