"""Leaving in bounded time: a process that was told to stop has ended soon afterwards, whatever does not answer it."""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from iact.engine.serving import Server

_LOGGER: Final = logging.getLogger(__name__)
LATEST: Final = timedelta(seconds=5)
"""For how long after the time for actions and jobs a process may still be writing before it ends all the same."""
LEFT_BEHIND: Final = 1
"""The exit code of a process that left something under way."""


def end_now() -> NoReturn:
    """End this process although threads of it are at work, which an orderly end would wait for."""
    for handler in logging.getLogger().handlers:
        handler.flush()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(LEFT_BEHIND)


class Leaving:
    """Tells a server to stop, and ends the process where that takes too long."""

    def __init__(self, server: Server) -> None:
        """Watch over the end of `server`."""
        self._server = server
        self._heard, self._told = os.pipe()
        os.set_blocking(self._told, False)
        threading.Thread(target=self._watch, name="iact-leaving", daemon=True).start()

    def begin(self) -> None:
        """Let the server stop. Safe to call from a signal's handler: it takes no lock."""
        self._server.stop()
        with suppress(OSError):
            os.write(self._told, b"!")

    def _watch(self) -> None:
        os.read(self._heard, 1)
        self._server.wake()
        pace = self._server.pace
        most = pace.drain_within + pace.end_within + LATEST
        threading.Event().wait(most.total_seconds())
        _LOGGER.error(
            "ending after %.0f s without an orderly end; others go on with what is left", most.total_seconds()
        )
        end_now()
