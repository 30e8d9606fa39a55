"""Processes that outlive the one that started them, told apart from others that got the same number later."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_STOPPED_OR_DEAD = "ZX"


@dataclass(frozen=True, slots=True)
class Process:
    """One process.

    Attributes:
        pid: its number, which the system gives to another one after its end.
        started: when it began, in clock ticks since the machine did; the two together name one process.
    """

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Process:
        """Return the process that has this number now.

        Raises:
            ProcessLookupError: if there is none.
        """
        found = _look(pid)
        if found is None:
            raise ProcessLookupError(pid)
        return cls(pid, found)

    @property
    def is_alive(self) -> bool:
        """Whether it still runs, or is frozen."""
        return _look(self.pid) == self.started

    def send(self, signal_number: signal.Signals) -> bool:
        """Send it a signal; return False where it is gone, and never send it to another process."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            # The descriptor holds on to whatever has the number now; if that is the one meant, it cannot be mistaken.
            if not self.is_alive:
                return False
            signal.pidfd_send_signal(descriptor, signal_number)
        except ProcessLookupError:
            return False
        finally:
            os.close(descriptor)
        return True

    def ended_within(self, seconds: float) -> bool:
        """Wait for its end; return False if it has not come by then.

        It has ended when all of its threads have: until then its files are open, and its ports are listened on.
        """
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            if _look(self.pid) not in {self.started, None}:
                return True
            # A descriptor of a process can be read once the whole process is gone (pidfd_open(2)).
            end = select.poll()
            end.register(descriptor, select.POLLIN)
            if not end.poll(seconds * 1000):
                return False
        finally:
            os.close(descriptor)
        _reap(self.pid)
        return True


def start(command: Sequence[str], *, log: Path, folder: Path) -> Process:
    """Start a server that goes on when this process ends, with its output in `log`."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    child.returncode = 0  # Its end is looked for by `Process`; a Popen that is thrown away would warn.
    return Process.of(child.pid)


def _reap(pid: int) -> None:
    """Take note of the end of a child of this process; otherwise it stays as a zombie."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _look(pid: int) -> int | None:
    """Return when the process of this number began; None where it is gone or only waits for its parent to notice."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # proc_pid_stat(5): the name in brackets may hold anything; state is field 3 and starttime is field 22.
    fields = status.rpartition(")")[2].split()
    return None if fields[0] in _STOPPED_OR_DEAD else int(fields[19])
