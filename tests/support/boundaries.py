"""Processes that are killed or frozen exactly where what they did becomes the past: at commits and around deeds.

A boundary is the moment before or after a COMMIT that changes something, the moment before or after an action is
performed or asked what came of it, and the moment before a git command that writes. Those of a run without any trouble
are counted first; then there is one case for each.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import Any, Final
from unittest import mock

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from iact.core.registry import ACTIONS, Action, Receipt
from iact.engine.context import ActionContext
from iact.stores import units

BEFORE_COMMIT: Final = "before COMMIT"
AFTER_COMMIT: Final = "after COMMIT"
LONGEST: Final = 120
"""Seconds after which a process of a test is ended by the system: it hangs."""
_GIT_WRITES: Final = frozenset({"apply", "commit-tree", "read-tree", "update-ref", "write-tree"})


class Boundaries:
    """Counts the boundaries of this process, and sends it a signal at one of them."""

    def __init__(self) -> None:
        """Begin to listen; nothing is counted until somebody asks for it."""
        self._seen: list[str] | None = None
        self._fatal = 0
        self._signal = signal.SIGKILL
        self._lock = threading.Lock()
        self._local = threading.local()
        self._woken = -1
        sys.addaudithook(self._audit)
        event.listen(Engine, "commit", self._commit)

    @contextmanager
    def counted(self, *, fatal: int = 0, by: signal.Signals = signal.SIGKILL) -> Iterator[list[str]]:
        """Give the list of boundaries, which grows.

        Args:
            fatal: at which of them this process is sent a signal, counted from 1; 0 for none.
            by: the signal: `SIGKILL`, or `SIGSTOP` to be frozen until somebody sends `SIGCONT`.
        """
        self._seen, self._fatal, self._signal = [], fatal, by
        if fatal:
            # Python's own handlers run in the main thread, which may be the one that waits here, and is not interrupted
            # where another thread takes the signal. The byte is written by whichever takes it.
            self._woken, wakes = os.pipe()
            os.set_blocking(wakes, False)
            signal.set_wakeup_fd(wakes)
            signal.signal(signal.SIGCONT, _nothing)
        # Old units are forgotten now and then, by chance; that is one more COMMIT in some run or other.
        with mock.patch.object(units, "_UNITS_A_PRUNING", 1 << 130), self._around_actions():
            try:
                yield self._seen
            finally:
                self._seen = None

    def reach(self, what: str) -> None:
        """Be at a boundary."""
        with self._lock:
            if self._seen is None:
                return
            self._seen.append(what)
            here = len(self._seen) == self._fatal
        if here:
            os.kill(os.getpid(), self._signal)
            # Another thread may be the first to take the signal; this one must not go on for a single instruction.
            os.read(self._woken, 1)

    def _audit(self, name: str, arguments: tuple[Any, ...]) -> None:
        if self._seen is not None and name == "subprocess.Popen":
            for command in sorted(_GIT_WRITES & set(map(str, arguments[1]))):
                self.reach(f"before git {command}")

    def _commit(self, connection: Connection) -> None:
        if self._seen is None:
            return
        self._local.writes = not connection.get_execution_options().get("iact_reading", False)
        dialect: Any = connection.dialect
        if not isinstance(dialect.do_commit, _Committing):
            dialect.do_commit = _Committing(dialect.do_commit, self._committed)
        if self._local.writes:
            self.reach(BEFORE_COMMIT)

    def _committed(self) -> None:
        if getattr(self._local, "writes", False):
            self._local.writes = False
            self.reach(AFTER_COMMIT)

    @contextmanager
    def _around_actions(self) -> Iterator[None]:
        around = {name: _between(self, name, ACTIONS[name]) for name in ACTIONS}
        with mock.patch.object(ACTIONS, "_known", around):
            yield


def _nothing(*_: object) -> None:
    """Handle a signal of which is only to be heard."""


class _Committing:
    """A driver's COMMIT, and what is done once it has been answered."""

    def __init__(self, commit: Callable[[Any], None], committed: Callable[[], None]) -> None:
        self._do, self._committed = commit, committed

    def __call__(self, connection: Any) -> None:
        self._do(connection)
        self._committed()


def _between(boundaries: Boundaries, name: str, action: type[Action]) -> type[Action]:
    """Return an action with boundaries before and after all that it does."""

    class Between(action):  # type: ignore[valid-type, misc]  # whichever action there is
        def perform(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt:
            boundaries.reach(f"before {name}")
            receipt: Receipt = super().perform(arguments, context)
            boundaries.reach(f"after {name}")
            return receipt

        def check(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt | None:
            boundaries.reach(f"before the check of {name}")
            receipt: Receipt | None = super().check(arguments, context)
            boundaries.reach(f"after the check of {name}")
            return receipt

    return Between


BOUNDARIES: Final = Boundaries()


class Fate(Enum):
    """What has become of a process."""

    ENDED = "ended"
    KILLED = "killed"
    FROZEN = "frozen"


class Child:
    """A process that does something, perhaps up to one of its boundaries."""

    def __init__(self, do: Callable[[], object], *, fatal: int = 0, by: signal.Signals = signal.SIGKILL) -> None:
        """Begin; the arguments are those of `Boundaries.counted`."""
        self.number = os.fork()
        if self.number:
            return
        status = 1
        try:
            signal.alarm(LONGEST)
            faulthandler.dump_traceback_later(LONGEST - 5)
            with BOUNDARIES.counted(fatal=fatal, by=by):
                do()
            status = 0
        except BaseException:  # noqa: BLE001 - whatever it was, the parent must not run twice
            traceback.print_exc()
        finally:
            os._exit(status)

    def fate(self) -> Fate:
        """Wait until it has ended, was killed or is frozen, and say which.

        Raises:
            AssertionError: if it failed in any other way.
        """
        _, status = os.waitpid(self.number, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            return Fate.FROZEN
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            return Fate.KILLED
        assert os.waitstatus_to_exitcode(status) == 0, "the process failed or hung; its traceback is above"
        return Fate.ENDED

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.number, signal.SIGCONT)

    def end(self) -> None:
        """End it where it has not ended; for what a failed test leaves."""
        try:
            os.kill(self.number, signal.SIGKILL)
            os.waitpid(self.number, 0)
        except (ProcessLookupError, ChildProcessError):
            return
