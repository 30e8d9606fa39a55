"""Waiting for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

PATIENCE: Final = 60
"""Seconds within which whatever is waited for has come; a test that waits as long has failed."""


def until(
    holds: Callable[[], bool], told: Callable[[], str] = str, *, patience: float = PATIENCE, every: float = 0.02
) -> None:
    """Wait until something holds.

    Args:
        holds: whether it does.
        told: what to say where it never does.
        patience: seconds within which it has to.
        every: seconds between two looks; what costs the database something is asked less often.
    """
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end, f"waited for too long\n{told()}"
        time.sleep(every)
