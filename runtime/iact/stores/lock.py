"""One process at a time: an advisory lock on a file, which the operating system gives back when its holder dies.

The embedded store has no server that could tell a slow process from a dead one. Whoever holds this lock knows that
nobody else is half-way through an action, so an action found half-done was left by a process that died.
"""

from __future__ import annotations

import fcntl
import logging
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from iact.core.errors import EnvironmentProblemError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
