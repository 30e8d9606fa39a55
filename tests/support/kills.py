"""Killing a process at any of its writes, to see what the next one finds."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.engine import Engine

READING: Final = (
    "SELECT",
    "PRAGMA",
    "BEGIN DEFERRED",
    "WITH",
    "SHOW",
    "DESCRIBE",
    "START TRANSACTION WITH CONSISTENT",
)
_BY_CHANCE: Final = "DELETE FROM IACT_UNITS"
"""Old units are forgotten now and then, so the next time it may be another write, or none."""
_GIT_WRITES: Final = frozenset({"apply", "commit-tree", "read-tree", "update-ref", "write-tree"})
_FILE_CHANGES: Final = frozenset({"os.rename", "os.remove", "os.mkdir", "os.truncate", "os.link", "os.symlink"})


class Writes:
    """Counts the writes of this process, and kills it just before one of them.

    A write is an SQL statement that is no query, a commit, a file that is opened for writing, made, renamed or removed,
    and a git command that writes. Killed before the next one, a process dies after the one before: so every place
    between two writes is visited.
    """

    def __init__(self) -> None:
        """Begin to listen; nothing is counted until somebody asks for it."""
        self._seen: list[str] | None = None
        self._fatal = 0
        self._by_chance = False
        sys.addaudithook(self._audit)
        event.listen(Engine, "before_cursor_execute", self._execute)
        event.listen(Engine, "commit", self._commit)

    @contextmanager
    def counted(self, *, fatal: int = 0) -> Iterator[list[str]]:
        """Give the list of writes, which grows; die before the write of number `fatal`, counted from 1."""
        self._seen, self._fatal = [], fatal
        try:
            yield self._seen
        finally:
            self._seen = None

    def _audit(self, name: str, arguments: tuple[Any, ...]) -> None:
        if self._seen is None:
            return
        if name == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            self._happens(f"open {arguments[0]}")
        elif name in _FILE_CHANGES or (name == "subprocess.Popen" and _GIT_WRITES & set(map(str, arguments[1]))):
            self._happens(f"{name} {arguments[1] if name == 'subprocess.Popen' else arguments[0]}")

    def _execute(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        self._by_chance = statement.lstrip().upper().startswith(_BY_CHANCE)
        if not self._by_chance and not statement.lstrip().upper().startswith(READING):
            self._happens(statement)

    def _commit(self, connection: Any) -> None:
        if not self._by_chance and not connection.get_execution_options().get("iact_reading", False):
            self._happens("COMMIT")

    def _happens(self, what: str) -> None:
        if self._seen is None:
            return
        self._seen.append(what)
        if len(self._seen) == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)


WRITES: Final = Writes()


def in_a_child(do: Callable[[], None], *, killed_at: int = 0) -> bool:
    """Do something in a process of its own; return whether it lived to its end.

    Args:
        do: what to do.
        killed_at: the write before which it kills itself, counted from 1; 0 lets it live.

    Raises:
        AssertionError: if it failed in any other way than by being killed.
    """
    child = os.fork()
    if not child:
        status = 1
        try:
            with WRITES.counted(fatal=killed_at):
                do()
            status = 0
        except BaseException:  # noqa: BLE001 - whatever it was, the parent must not run twice
            traceback.print_exc()
        finally:
            os._exit(status)
    _, result = os.waitpid(child, 0)
    if os.WIFSIGNALED(result) and os.WTERMSIG(result) == signal.SIGKILL:
        return False
    assert os.WEXITSTATUS(result) == 0, "the process failed instead of being killed; its traceback is above"
    return True


def quick_folder() -> Path | None:
    """Return a folder in memory, where a copy costs nothing; None where there is none."""
    shared = Path("/dev/shm")  # noqa: S108 - it only saves time; every copy is made below a folder of its own
    return shared if shared.is_dir() and os.access(shared, os.W_OK) else None
