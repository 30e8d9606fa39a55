"""Waiting for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

PATIENCE: Final = 60
"""Seconds within which whatever is waited for has come; a test that waits as long has failed."""


def until(holds: Callable[[], bool], told: Callable[[], str] = str) -> None:
    """Wait until something holds.

    Args:
        holds: whether it does.
        told: what to say where it never does.
    """
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"waited for too long\n{told()}"
        time.sleep(0.02)
