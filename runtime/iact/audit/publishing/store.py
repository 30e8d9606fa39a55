"""What is asked of the tables of what was published where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, insert, select, update

from iact.audit.publishing.rules import PlaceState
from iact.audit.tables import LOG_CHECKPOINTS, LOG_PUBLICATIONS
from iact.stores.columns import Instant
from iact.stores.query import query

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.engine import Connection, RowMapping

_ONE: Final = (LOG_PUBLICATIONS.c.project == bindparam("b_project"), LOG_PUBLICATIONS.c.place == bindparam("b_place"))

PUBLISHED_AT_PLACES: Final = query(
    "What was published where of a log.",
    select(LOG_PUBLICATIONS).where(LOG_PUBLICATIONS.c.project == bindparam("project")),
    whole="a project has a few places",
)
BEGIN_PLACE: Final = query("Begin to publish to a place that is new.", insert(LOG_PUBLICATIONS))
CLAIM_PLACE: Final = query(
    "Begin to publish to a place, unless somebody else has begun since it was looked at.",
    update(LOG_PUBLICATIONS)
    .where(*_ONE, LOG_PUBLICATIONS.c.attempt == bindparam("old_attempt"))
    .values(
        address=bindparam("new_address"),
        size=bindparam("new_size"),
        note=bindparam("new_note"),
        published_at=bindparam("new_published_at", type_=Instant()),
        attempt=LOG_PUBLICATIONS.c.attempt + 1,
        not_before=bindparam("new_not_before", type_=Instant()),
        failures=bindparam("new_failures"),
        trouble=bindparam("new_trouble"),
        contradicts=bindparam("new_contradicts"),
    ),
)
SETTLE_PLACE: Final = query(
    "Note what became of publishing to a place, unless somebody else has begun since.",
    update(LOG_PUBLICATIONS)
    .where(*_ONE, LOG_PUBLICATIONS.c.attempt == bindparam("own_attempt"))
    .values(
        size=bindparam("new_size"),
        note=bindparam("new_note"),
        published_at=bindparam("new_published_at", type_=Instant()),
        not_before=bindparam("new_not_before", type_=Instant()),
        failures=bindparam("new_failures"),
        trouble=bindparam("new_trouble"),
        contradicts=bindparam("new_contradicts"),
    ),
)
SIGNED_AFTER: Final = query(
    "When the first checkpoint was signed that is newer than one of a size.",
    select(LOG_CHECKPOINTS.c.at)
    .where(LOG_CHECKPOINTS.c.project == bindparam("project"), LOG_CHECKPOINTS.c.size > bindparam("after_size"))
    .order_by(LOG_CHECKPOINTS.c.size)
    .limit(1),
)


def states(connection: Connection, project: str) -> dict[str, PlaceState]:
    """Return what is known of each place of a project to which somebody ever began to publish."""
    return {row["place"]: _state(row) for row in PUBLISHED_AT_PLACES.all(connection, project=project)}


def signed_after(connection: Connection, project: str, size: int) -> datetime | None:
    """Return when the first checkpoint was signed of a log that had more entries than this; None where none was."""
    row = SIGNED_AFTER.one(connection, project=project, after_size=size)
    return row["at"] if row else None


def claim(connection: Connection, project: str, place: str, state: PlaceState | None, claimed: PlaceState) -> bool:
    """Begin to publish to a place; return False where somebody else has begun since it was looked at.

    Args:
        connection: in a transaction.
        project: the project.
        place: the place.
        state: what was known of it; None for nothing.
        claimed: what is to be known from now on; its attempt is one more.
    """
    if state is None:
        values = {"address": claimed.address.encode(), "attempt": claimed.attempt, **_values(claimed)}
        BEGIN_PLACE.run(connection, project=project, place=place, **values)
        return True
    values = {"address": claimed.address.encode(), **_values(claimed)}
    changed = CLAIM_PLACE.run(
        connection,
        b_project=project,
        b_place=place,
        old_attempt=state.attempt,
        **{f"new_{name}": value for name, value in values.items()},
    )
    return changed.rowcount == 1


def settle(connection: Connection, project: str, place: str, state: PlaceState) -> None:
    """Note what became of an attempt; where somebody else has begun since, they will note it."""
    SETTLE_PLACE.run(
        connection,
        b_project=project,
        b_place=place,
        own_attempt=state.attempt,
        **{f"new_{name}": value for name, value in _values(state).items()},
    )


def _values(state: PlaceState) -> dict[str, Any]:
    return {
        "size": state.size,
        "note": state.note,
        "published_at": state.published_at,
        "not_before": state.not_before,
        "failures": state.failures,
        "trouble": state.trouble.encode() or None,
        "contradicts": state.contradicts,
    }


def _state(row: RowMapping) -> PlaceState:
    return PlaceState(
        address=row["address"].decode(),
        size=row["size"],
        note=row["note"],
        published_at=row["published_at"],
        attempt=row["attempt"],
        not_before=row["not_before"],
        failures=row["failures"],
        trouble=(row["trouble"] or b"").decode(),
        contradicts=bool(row["contradicts"]),
    )
