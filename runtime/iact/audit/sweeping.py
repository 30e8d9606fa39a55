"""Finding entries of the journal that nobody let wait for their places: a process of an older release wrote them.

Such a process may be at work beside newer ones while a release comes in. What it writes of runs that newer ones go on
with gets its place with their next entry; the rest is found here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from iact.audit.store import LOCK_HEAD, MOVE_SWEPT, OLDEST_WAITING, PLACES_AFTER, never_placed
from iact.core.canonical import canonical
from iact.engine.journal import AWAIT_PLACES, spans
from iact.stores.units import write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection, RowMapping

    from iact.engine.host import Host

SETTLED_AFTER: Final = timedelta(minutes=5)
"""After this time a transaction is committed that wrote the row before one that was committed earlier."""
ROWS_AT_ONCE: Final = 5_000
"""How many rows of the journal one transaction looks at."""
TURNS: Final = 50
"""How many such transactions follow each other at most; the rest is for the next time."""


def sweep(host: Host) -> int:
    """Let entries wait for their places that have none and do not wait; return how many those were.

    Args:
        host: where the runs live; its log was begun.

    Raises:
        EnvironmentProblemError: if the store does not answer.
    """
    found = 0
    for _ in range(TURNS):
        entries, goes_on = write(host.engine, lambda connection: _look(connection, host.project, host.now(connection)))
        found += entries
        if not goes_on:
            break
    return found


def _look(connection: Connection, project: str, now: datetime) -> tuple[int, bool]:
    """Look at the next rows; return how many lacked their places, and whether there are more to look at."""
    locked = LOCK_HEAD.one(connection, project=project)
    waiting = OLDEST_WAITING.one(connection, project=project)
    before = now - SETTLED_AFTER
    if locked is None or (waiting is not None and waiting["written_at"] < before):
        return 0, False
    rows = PLACES_AFTER.all(connection, project=project, after_number=locked["swept"], before=before, most=ROWS_AT_ONCE)
    if not rows:
        return 0, False
    missing = _placeable(connection, project, [row for row in rows if row["place"] is None])
    if missing:
        entries = canonical(spans((row["run"], row["sequence"]) for row in missing))
        AWAIT_PLACES.run(connection, project=project, written_at=now, entries=entries)
    MOVE_SWEPT.run(
        connection,
        b_project=project,
        number=rows[-1]["number"],
        new_checked=locked["checked"],
        new_checked_at=locked["checked_at"],
        new_damage=locked["damage"],
    )
    return len(missing), len(rows) == ROWS_AT_ONCE


def _placeable(connection: Connection, project: str, missing: Sequence[RowMapping]) -> list[RowMapping]:
    """Leave out runs that never get a place."""
    out = never_placed(connection, project, {row["run"] for row in missing})
    return [row for row in missing if row["run"] not in out]
