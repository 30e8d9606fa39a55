"""When a checkpoint is published to a place, and when it is late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

FIRST_PAUSE: Final = timedelta(minutes=1)
"""How long a place is left alone that has refused once; twice as long each further time, `every` at most."""
LATE_AFTER: Final = 24
"""After how many times `every` it is a finding that a place does not have what was signed."""
_MOST_DOUBLINGS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceState:
    """What is known of a place.

    Attributes:
        address: where it was when that was found out.
        size: of the newest checkpoint that was published there; 0 for none.
        note: that checkpoint.
        published_at: when, UTC.
        attempt: how often somebody began to publish there.
        not_before: when the next may begin, UTC.
        failures: how often it was refused one after the other.
        trouble: why, the last time; empty where it was not.
        contradicts: whether what was there and the log do not go together.
    """

    address: str
    size: int = 0
    note: bytes | None = None
    published_at: datetime | None = None
    attempt: int = 0
    not_before: datetime | None = None
    failures: int = 0
    trouble: str = ""
    contradicts: bool = False


def is_due(state: PlaceState, newest: int, now: datetime, every: timedelta, *, looks: bool = False) -> bool:
    """Return whether it is time to publish to a place, or to look at what is there.

    Args:
        state: what is known of it.
        newest: size of the newest checkpoint that is signed.
        now: the present moment, UTC.
        every: how long a place may go without the newest one.
        looks: whether what is there is looked at as often, though nothing is new: somebody may have set it back.
    """
    if not looks and newest <= state.size:
        return False
    if not newest or (state.not_before is not None and now < state.not_before):
        return False
    return state.published_at is None or now - state.published_at >= every


def pause_after(failures: int, every: timedelta) -> timedelta:
    """Return how long a place is left alone.

    Args:
        failures: how often it has refused one after the other, at least 1.
        every: how long a place may go without the newest checkpoint.
    """
    return min(FIRST_PAUSE * (1 << min(failures - 1, _MOST_DOUBLINGS)), every)


def is_late(unpublished_since: datetime | None, now: datetime, every: timedelta) -> bool:
    """Return whether a place has gone without what was signed for too long.

    Args:
        unpublished_since: when the first checkpoint was signed that is newer than what it has; None for none.
        now: the present moment, UTC.
        every: how long a place may go without the newest one.
    """
    return unpublished_since is not None and now - unpublished_since > LATE_AFTER * every
