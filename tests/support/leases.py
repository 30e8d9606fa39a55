"""Leases that end by a clock that stands still until it is moved."""

from __future__ import annotations

from iact.engine.clocks import ManualClock
from iact.engine.runners import RENEWALS, Presence


def outlast(clock: ManualClock, *watching: Presence) -> None:
    """Let a lease and more go by in which these are in touch with the store, and all others are silent."""
    for _ in range(2 * RENEWALS):
        clock.advance(watching[0].lease / RENEWALS)
        for presence in watching:
            presence.renew()
