"""Nothing of a program outlives the process that ran it, not even where that is killed.

A guard is told of every process group that programs run in. It is a process of its own that hears through a pipe, whose
other end closes with the process that runs them, however that ends. Linux could end a child with its parent by itself
(`PR_SET_PDEATHSIG`), but only that one child, and only by code between fork and exec, where a process of many threads
must not run any.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Final

GUARDS: Final = """
import os, signal, sys
groups = set()
for line in sys.stdin.buffer:
    begins, group = line[:1] == b"+", int(line[1:])
    (groups.add if begins else groups.discard)(group)
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""
"""What a guard does; it needs nothing but Python."""


class Guard:
    """Ends process groups when this process ends. Its own process is started with the first of them."""

    def __init__(self) -> None:
        """Prepare it."""
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def begins(self, group: int) -> None:
        """Note that a process group has begun."""
        self._tell(f"+{group}\n")

    def has_ended(self, group: int) -> None:
        """Note that a process group has ended, so that its number may come to mean another."""
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """Let it end; what still runs is ended with it."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            process.wait()

    def _tell(self, line: str) -> None:
        # A program is run whether it can be guarded or not: a guard is for the rare end that nothing else covers.
        with self._lock, suppress(OSError):
            if self._process is None:
                self._process = _started()
                atexit.register(self.close)
            if self._process.stdin is not None:
                os.write(self._process.stdin.fileno(), line.encode())


def _started() -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C at a terminal reaches all of a session, and the guard is the last to end.
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", GUARDS],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={},
        start_new_session=True,
        bufsize=0,
    )


GUARD: Final = Guard()
