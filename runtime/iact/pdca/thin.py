"""What a window can tell, and what it cannot: the first thing that a report says.

Releases are rare: in most histories nearly every window of 48 h holds none. A figure of nothing would be noise or a
zero, so the report says how often such windows are empty, and answers from the longest useful window instead.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from iact.core.quantities import duration
from iact.pdca.effect import MINIMUM_CLUSTERS
from iact.pdca.measured import Measured
from iact.pdca.numbers import amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """How many of the latest windows of one length held releases.

    Attributes:
        length: of each window.
        looked_at: how many adjoining windows were looked at, the latest one first.
        empty: how many of them held no release.
    """

    length: timedelta
    looked_at: int
    empty: int

    def to_record(self) -> dict[str, Any]:
        """Return it as canonical JSON data."""
        return {"length": amount(duration(self.length)), "looked_at": self.looked_at, "empty": self.empty}


def latest_windows(moments: Iterable[datetime], end: datetime, length: timedelta, span: timedelta) -> Windows:
    """Count the empty ones among the adjoining windows that cover `span` before `end`.

    Args:
        moments: when releases were made.
        end: where the latest window ends.
        length: of one window.
        span: how far back to look; the last window may reach further.
    """
    looked_at = max(1, -(-span // length))
    ordered = sorted(moments)
    counts = [
        bisect_left(ordered, end - number * length) - bisect_left(ordered, end - (number + 1) * length)
        for number in range(looked_at)
    ]
    return Windows(length=length, looked_at=looked_at, empty=counts.count(0))


def sentence(window: Measured, windows: Windows) -> str:
    """Return whether the window that was asked for answers, in one sentence."""
    length = span_words(int(windows.length.total_seconds()))
    if window.releases == 0:
        return f"{length} cannot answer: no releases in it; {_how_often(windows)}."
    if not answers(window):
        found = f"{window.releases} release{'s' if window.releases > 1 else ''} in it, and a comparison needs "
        return f"{length} cannot answer: {found}{MINIMUM_CLUSTERS}; {_how_often(windows)}."
    return f"{length}: {window.releases} releases; {_how_often(windows)}."


def answers(window: Measured) -> bool:
    """Return whether the window holds enough releases to compare it with anything."""
    return window.releases >= MINIMUM_CLUSTERS


def _how_often(windows: Windows) -> str:
    if windows.looked_at == 1:
        return "it is the only such window looked at"
    return f"{windows.empty} of the last {windows.looked_at} such windows were empty"


def span_words(seconds: int) -> str:
    """Return a length of time in words, in the largest unit in which it is whole: `48 h`, `365 days`, `3 years`."""
    if seconds % (2 * _YEAR) == 0 or (seconds % _YEAR == 0 and seconds > _YEAR):
        return f"{seconds // _YEAR} years"
    if seconds % _DAY == 0 and seconds > 3 * _DAY:
        return f"{seconds // _DAY} days"
    if seconds % _HOUR == 0:
        return f"{seconds // _HOUR} h"
    return f"{seconds / 60:.4g} min"


_HOUR = 3600
_DAY = 24 * _HOUR
_YEAR = 365 * _DAY
