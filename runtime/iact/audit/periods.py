"""Whether all entries of a period are among some: what is told by the time of those right before and right after.

Entries stand in the order in which they were committed, which is not quite that of the moments at which they were
written: who began earlier may be done later. So the entries of a while before and after the period are there as well,
and the ones beside them are from before and after that. Whatever waits for its place for longer is a finding of
`iact status`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

OUT_OF_ORDER: Final = timedelta(minutes=5)
"""How much later than an entry that was written later another may be given its place."""


def is_before(at: str, begin: str) -> bool:
    """Return whether an entry, and so each one on its left, is from before a period.

    Args:
        at: when it was written, as iact writes moments.
        begin: the first moment of the period.
    """
    return at < written_moment(datetime.fromisoformat(begin) - OUT_OF_ORDER)


def is_after(at: str, end: str) -> bool:
    """Return whether an entry, and so each one on its right, is from after a period.

    Args:
        at: when it was written, as iact writes moments.
        end: the moment after the period.
    """
    return at >= written_moment(datetime.fromisoformat(end) + OUT_OF_ORDER)


def written_moment(moment: datetime) -> str:
    """Return a moment in UTC as iact writes it, so that moments are in the order of their texts."""
    return f"{moment.isoformat(timespec='microseconds')[:-6]}Z"
