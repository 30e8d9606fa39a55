"""How long is waited before something is tried again: twice as long each time, and not everybody at once.

Exponential backoff with jitter (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). The jitter
comes from the name of what is tried, so that the same history gives the same moments.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final

FIRST_PAUSE: Final = timedelta(seconds=2)
LONGEST_PAUSE: Final = timedelta(hours=1)
ATTEMPTS: Final = 10
"""With these pauses the last attempt is made a good quarter of an hour after the first."""

_WHOLE: Final = 2**32


def pause_before(attempt: int, name: str) -> timedelta | None:
    """Return how long is waited before an attempt; None where there have been enough.

    Args:
        attempt: its number, counted from 1.
        name: of what is tried.
    """
    if attempt > ATTEMPTS:
        return None
    whole = min(FIRST_PAUSE * 2 ** max(attempt - 2, 0), LONGEST_PAUSE)
    share = int.from_bytes(hashlib.sha256(f"{name} {attempt}".encode()).digest()[:4], "big") / _WHOLE
    pause: timedelta = whole * (0.5 + share / 2)
    return pause
