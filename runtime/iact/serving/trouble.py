"""What could not be done: runs that cannot go on, and actions that failed or that a person has to look at."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, func, select

from iact.engine.tables import CLAIMS, INTENTS, RUNS
from iact.stores.query import query

IN_TROUBLE: Final = query(
    "Runs that could not go on, those that wait for a person first.",
    select(CLAIMS)
    .join(RUNS, (RUNS.c.project == CLAIMS.c.project) & (RUNS.c.run == CLAIMS.c.run))
    .where(CLAIMS.c.project == bindparam("project"), RUNS.c.active == 1, CLAIMS.c.failures > 0)
    .order_by(CLAIMS.c.parked_at.is_(None), CLAIMS.c.parked_at, CLAIMS.c.run),
)
FOR_A_PERSON: Final = query(
    "Actions whose outcome a person has to find out, or that were given up, of runs that go on.",
    select(INTENTS)
    .join(RUNS, (RUNS.c.project == INTENTS.c.project) & (RUNS.c.run == INTENTS.c.run))
    .where(INTENTS.c.project == bindparam("project"), INTENTS.c.status.in_(["review", "dead"]), RUNS.c.active == 1)
    .order_by(INTENTS.c.decided_at, INTENTS.c.key),
)
SETTLED_BADLY: Final = query(
    "How many actions that were decided on within a day failed lately, or were left to a person.",
    select(func.count().label("failed")).where(
        INTENTS.c.project == bindparam("project"),
        INTENTS.c.status.in_(["failed", "review", "dead"]),
        INTENTS.c.decided_at > bindparam("decided_since"),
        INTENTS.c.settled_at > bindparam("lately"),
    ),
)
