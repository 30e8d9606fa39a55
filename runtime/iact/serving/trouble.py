"""What was not done: by runs that cannot go on, since it failed or waits for a person, or as a rule only observes."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, func, or_, select

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
    "Actions of runs that go on which a person has to approve or to find out about, or that were given up.",
    select(INTENTS)
    .join(RUNS, (RUNS.c.project == INTENTS.c.project) & (RUNS.c.run == INTENTS.c.run))
    .where(
        INTENTS.c.project == bindparam("project"),
        INTENTS.c.status.in_(["proposed", "review", "dead"]),
        RUNS.c.active == 1,
        # What was proposed in a state that the run has left nobody can approve any more.
        or_(INTENTS.c.status != "proposed", INTENTS.c.visit == RUNS.c.visit),
    )
    .order_by(INTENTS.c.decided_at, INTENTS.c.key),
)
OBSERVED: Final = query(
    "What rules that only observe would have done, the latest first.",
    select(
        RUNS.c.agent,
        RUNS.c.subject,
        INTENTS.c.run,
        INTENTS.c.action,
        INTENTS.c.arguments,
        INTENTS.c.decided_at,
    )
    .join(RUNS, (RUNS.c.project == INTENTS.c.project) & (RUNS.c.run == INTENTS.c.run))
    .where(INTENTS.c.project == bindparam("project"), INTENTS.c.status == "observed")
    .order_by(INTENTS.c.decided_at.desc(), INTENTS.c.key.desc())
    .limit(bindparam("most")),
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
