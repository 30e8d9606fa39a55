"""Writing beside the thread that makes what is written.

A database, or the driver that waits for one, works without Python, so that another thread may go on meanwhile: a third
of the time that a long history takes is SQLite's.
"""

from __future__ import annotations

import sys
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final, ParamSpec, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

Given = ParamSpec("Given")

WAITING: Final = 2
"""How many calls may wait; what they are given is held in memory until then."""

TURN: Final = 0.0005
"""Seconds after which a thread that runs Python lets another have a turn, ten times as soon as is usual: a call that
waits for a database needs Python for a moment now and then, and the database does nothing until it has had it."""


class Background:
    """Calls that another thread carries out, one after the other, while the one that asks for them goes on.

    A connection that they use is theirs until the end of the `with` block, which waits for all of them. The first error
    is raised there, or by the next call; what waits behind it is not carried out.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="iact-background")
        self._waiting: deque[Future[None]] = deque()
        self._failed = False
        self._turn = sys.getswitchinterval()

    def __enter__(self) -> Self:
        """Begin."""
        sys.setswitchinterval(TURN)
        return self

    def call(self, function: Callable[Given, object], *arguments: Given.args, **named: Given.kwargs) -> None:
        """Carry out a call soon, after those before it; wait where too many do already."""
        while len(self._waiting) >= WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._carry_out, partial(function, *arguments, **named)))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Wait for every call; after an error only for the one that is being carried out."""
        try:
            while kind is None and self._waiting:
                self._waiting.popleft().result()
        finally:
            self._thread.shutdown(wait=True, cancel_futures=True)
            sys.setswitchinterval(self._turn)

    def _carry_out(self, call: Callable[[], object]) -> None:
        if self._failed:
            return
        try:
            call()
        except BaseException:
            self._failed = True
            raise
