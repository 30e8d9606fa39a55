"""Asking somebody who may answer so slowly that no silence is ever long enough to be noticed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, TypeVar

from iact.audit.publishing.model import RefusedError

Answer = TypeVar("Answer")
WHOLE_ANSWER: Final = 45.0
"""Seconds that somebody may take in all, however they spend them."""


def within(seconds: float, whom: str, ask: Callable[[], Answer]) -> Answer:
    """Return an answer, or give up after so many seconds in all, whatever trickles in.

    A thread that is given up ends with the process: it keeps nobody waiting.

    Args:
        seconds: for the whole answer.
        whom: who is asked, for the message.
        ask: asks, and has time limits of its own for each silence.

    Raises:
        RefusedError: if the time is over.
        Exception: whatever `ask` raises.
    """
    answer: Future[Answer] = Future()

    def work() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
            answer.set_exception(error)

    threading.Thread(target=work, name="iact-ask", daemon=True).start()
    try:
        return answer.result(seconds)
    except TimeoutError:
        if answer.done():
            raise
        message = f"{whom} gives no whole answer in {seconds:.0f} s"
        raise RefusedError(message) from None
