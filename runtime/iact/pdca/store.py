"""Reading and writing what experiments have changed, and which experiment holds which metric."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.engine import Connection, RowMapping

from iact.core.canonical import canonical
from iact.engine.tables import HOLDS, RUNS
from iact.pdca.plan import Trial
from iact.pdca.tables import PARAMETER_OVERRIDES
from iact.stores.query import query

OVERRIDES = PARAMETER_OVERRIDES
_LATER: Final = OVERRIDES.alias("later")

IN_FORCE: Final = query(
    "The newest version of a parameter.",
    select(OVERRIDES)
    .where(OVERRIDES.c.project == bindparam("project"), OVERRIDES.c.parameter == bindparam("parameter"))
    .order_by(OVERRIDES.c.version.desc())
    .limit(1),
)
BY_KEY: Final = query(
    "The version that an action wrote.",
    select(OVERRIDES).where(OVERRIDES.c.project == bindparam("project"), OVERRIDES.c.key == bindparam("key")),
)
ALL_VERSIONS: Final = query(
    "Every version of every parameter, oldest first.",
    select(OVERRIDES)
    .where(OVERRIDES.c.project == bindparam("project"))
    .order_by(OVERRIDES.c.parameter, OVERRIDES.c.version),
    whole="an experiment sets a parameter a few times",
)
WRITERS: Final = query(
    "The runs whose values of parameters are in force.",
    select(OVERRIDES.c.run)
    .where(
        OVERRIDES.c.project == bindparam("project"),
        OVERRIDES.c.version
        == select(func.max(_LATER.c.version))
        .where(_LATER.c.project == OVERRIDES.c.project, _LATER.c.parameter == OVERRIDES.c.parameter)
        .scalar_subquery(),
    )
    .distinct(),
    whole="an experiment sets a parameter a few times",
)
ADD_VERSION: Final = query("Add a version of a parameter.", insert(OVERRIDES))
HOLDING: Final = query(
    "The runs that hold a metric.",
    select(RUNS.c.run, RUNS.c.state, RUNS.c.remembered)
    .join(HOLDS, (RUNS.c.project == HOLDS.c.project) & (RUNS.c.run == HOLDS.c.run))
    .where(HOLDS.c.project == bindparam("project"), HOLDS.c.name.startswith("plan.measured="))
    .order_by(HOLDS.c.name),
    whole="few runs hold something at a time",
)
ENDED: Final = query(
    "The experiments that have ended, oldest first.",
    select(RUNS.c.run, RUNS.c.state, RUNS.c.remembered)
    .where(
        RUNS.c.project == bindparam("project"),
        RUNS.c.agent == "pdca",
        RUNS.c.active.is_(None),
        RUNS.c.state.in_(["kept", "reverted", "stopped", "escalated"]),
    )
    .order_by(RUNS.c.ended_at, RUNS.c.run),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One version of a parameter.

    Attributes:
        parameter: its name.
        version: counted from 1.
        value: what it replaces the declared value with; None where the declared value is in force again.
        previous: what was in force before, likewise.
        run: the run that wrote it.
        key: idempotency key of the action that wrote it.
        at: when, UTC.
    """

    parameter: str
    version: int
    value: Any
    previous: Any
    run: str
    key: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRun:
    """An experiment, going on or ended.

    Attributes:
        run: the run that experiments.
        state: the state it is in.
        trial: what it tries.
    """

    run: str
    state: str
    trial: Trial


def in_force(connection: Connection, project: str, parameter: str) -> Override | None:
    """Return the newest version of a parameter, or None where its declared value was never replaced."""
    row = IN_FORCE.one(connection, project=project, parameter=parameter)
    return _override(row) if row else None


def written_by(connection: Connection, project: str, key: str) -> Override | None:
    """Return the version that the action of this key wrote, or None."""
    row = BY_KEY.one(connection, project=project, key=key)
    return _override(row) if row else None


def versions(connection: Connection, project: str) -> Iterator[Override]:
    """Walk every version of every parameter, oldest first."""
    return (_override(row) for row in ALL_VERSIONS.rows(connection, project=project))


def add(  # noqa: PLR0913 - a version has this many parts, each named by the caller
    connection: Connection, *, project: str, parameter: str, value: Any, run: str, key: str, at: datetime
) -> Override:
    """Write the next version of a parameter, once: the version of this key is returned if it is there already.

    Args:
        connection: in a writing transaction.
        project: the project.
        parameter: its name.
        value: canonical JSON data; None puts the declared value in force again.
        run: the run that writes.
        key: idempotency key of the action.
        at: the moment.
    """
    if written := written_by(connection, project, key):
        return written
    newest = in_force(connection, project, parameter)
    override = Override(
        parameter=parameter,
        version=newest.version + 1 if newest else 1,
        value=value,
        previous=newest.value if newest else None,
        run=run,
        key=key,
        at=at,
    )
    ADD_VERSION.run(
        connection,
        project=project,
        parameter=parameter,
        version=override.version,
        value=_to_bytes(value),
        previous=_to_bytes(override.previous),
        run=run,
        key=key,
        at=at,
    )
    return override


def holding(connection: Connection, project: str) -> Iterator[TrialRun]:
    """Walk the experiments that hold a metric."""
    return (_trial_run(row) for row in HOLDING.rows(connection, project=project))


def ended(connection: Connection, project: str) -> Iterator[TrialRun]:
    """Walk the experiments that were tried and have ended, oldest first.

    Where the change could not be made, nothing was tried: such a run may have failed, or been given to a person.
    """
    return (_trial_run(row) for row in ENDED.rows(connection, project=project) if _was_tried(row))


def _was_tried(row: RowMapping) -> bool:
    return any(fact["name"] == "receipt.applied_at" for fact in json.loads(row["remembered"]))


def _trial_run(row: RowMapping) -> TrialRun:
    facts = {fact["name"]: fact for fact in json.loads(row["remembered"])}
    trial = facts["plan"]["value"]["record"]["trial"]
    return TrialRun(run=row["run"], state=row["state"], trial=Trial.from_record(trial))


def _override(row: RowMapping) -> Override:
    return Override(
        parameter=row["parameter"],
        version=row["version"],
        value=_from_bytes(row["value"]),
        previous=_from_bytes(row["previous"]),
        run=row["run"],
        key=row["key"],
        at=row["at"],
    )


def _to_bytes(value: Any) -> bytes | None:
    return None if value is None else canonical(value)


def _from_bytes(content: bytes | None) -> Any:
    return None if content is None else json.loads(content)
