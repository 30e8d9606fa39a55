"""Deleting delivery cycles whose time is over from the table `dora_metrics`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, bindparam, delete, func, or_, select
from sqlalchemy.engine import Connection

from iact.core import instants
from iact.dora.tables import DORA_METRICS
from iact.stores.columns import Instant
from iact.stores.query import query


def _after(column: str, value: str) -> Any:
    return DORA_METRICS.c[column] > bindparam(value)


_SINCE: Final = bindparam("since", type_=Instant())
_SAME_MOMENT: Final = DORA_METRICS.c.began_at == _SINCE
BEGUN: Final = query(
    "The cycles that began before a moment, the earliest first, going on after one of them.",
    select(DORA_METRICS.c.began_at, DORA_METRICS.c.repository, DORA_METRICS.c.cycle_id)
    .where(
        DORA_METRICS.c.project == bindparam("project"),
        DORA_METRICS.c.began_at < bindparam("before", type_=Instant()),
        DORA_METRICS.c.began_at >= _SINCE,
        or_(
            DORA_METRICS.c.began_at > _SINCE,
            and_(_SAME_MOMENT, _after("repository", "after_repository")),
            and_(
                _SAME_MOMENT,
                DORA_METRICS.c.repository == bindparam("after_repository"),
                _after("cycle_id", "after_cycle"),
            ),
        ),
    )
    .distinct()
    .order_by(DORA_METRICS.c.began_at, DORA_METRICS.c.repository, DORA_METRICS.c.cycle_id)
    .limit(bindparam("most")),
)
_OF_CYCLE: Final = and_(
    DORA_METRICS.c.project == bindparam("project"),
    DORA_METRICS.c.repository == bindparam("of_repository"),
    DORA_METRICS.c.cycle_id == bindparam("cycle_id"),
)
COUNT: Final = query("How many records a cycle has.", select(func.count()).select_from(DORA_METRICS).where(_OF_CYCLE))
DROP: Final = query("Delete the records of a cycle.", delete(DORA_METRICS).where(_OF_CYCLE))

Begun = tuple[datetime, str, str]
"""When a cycle began, the key of its repository, and its id."""


def begun_before(connection: Connection, project: str, before: datetime, after: Begun | None, most: int) -> list[Begun]:
    """Return cycles that began before a moment, the earliest first; one whose id tells no time is none of them.

    Args:
        connection: an open connection.
        project: the project.
        before: the moment.
        after: the cycle after which to go on; None begins with the earliest.
        most: how many at most.
    """
    # A cycle whose id tells no time stands at the first moment of 1970.
    since, repository, cycle_id = after or (instants.EPOCH.replace(microsecond=1), "", "")
    found = BEGUN.run(
        connection,
        project=project,
        before=before,
        since=since,
        after_repository=repository,
        after_cycle=cycle_id,
        most=most,
    )
    return [(row.began_at, row.repository, row.cycle_id) for row in found]


def rows_of(connection: Connection, project: str, repository: str, cycle_id: str) -> int:
    """Return how many records a cycle has."""
    found: int = COUNT.run(connection, project=project, of_repository=repository, cycle_id=cycle_id).scalar_one()
    return found


def delete_cycle(connection: Connection, project: str, repository: str, cycle_id: str) -> int:
    """Delete the records of a cycle, and return how many those were."""
    return DROP.run(connection, project=project, of_repository=repository, cycle_id=cycle_id).rowcount
