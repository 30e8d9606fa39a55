"""Every change of clocks of ten years, in every zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, available_timezones

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST: Final = datetime(2018, 1, 1, tzinfo=UTC)
LAST: Final = datetime(2028, 1, 1, tzinfo=UTC)
STEP: Final = timedelta(days=4)
"""No zone changes its offset twice in so short a time."""


@cache
def clock_changes() -> list[tuple[ZoneInfo, datetime]]:
    """Return each moment in ten years at which a zone's offset changes, with the zone."""
    zones = map(ZoneInfo, sorted(available_timezones()))
    return [(zone, moment) for zone in zones for moment in _of(zone)]


def _of(zone: ZoneInfo) -> Iterator[datetime]:
    offset = FIRST.astimezone(zone).utcoffset()
    before = FIRST
    while before < LAST:
        after = before + STEP
        later = after.astimezone(zone).utcoffset()
        if later != offset:
            yield _change(zone, before, after)
        before, offset = after, later


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the first moment after `before` with another offset; offsets change at whole seconds."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
