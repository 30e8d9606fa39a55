"""Occurrences of scheduled jobs: each is taken by one process, and by another one where that process dies.

An occurrence is a row that is unique by project, job and moment; whoever inserts it carries it out. Carrying out a job
again is harmless by its own nature, so one whose process is gone is simply carried out again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, func, insert, select, update

from iact.core.occurrences import Missed, Recurrence
from iact.serving.tables import OCCURRENCES
from iact.stores.query import query
from iact.stores.retrying import PATIENCE, Patience
from iact.stores.units import read, write

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, RowMapping

    from iact.engine.host import Host
    from iact.engine.runners import Presence

MOST_AT_ONCE: Final = 100
"""How many missed times of a job are taken up in one turn; the rest follow once these were carried out."""
GRACE: Final = timedelta(minutes=1)
"""Up to which age an occurrence is only a little late, and not missed."""

BEGINNING: Final = "counting begins here"

COUNTING: Final = "counting"
TAKEN: Final = "taken"
DONE: Final = "done"
FAILED: Final = "failed"

_OF_JOB: Final = (OCCURRENCES.c.project == bindparam("project"), OCCURRENCES.c.job == bindparam("job"))
LATEST: Final = query(
    "The latest time that a job was asked for.",
    select(OCCURRENCES).where(*_OF_JOB).order_by(OCCURRENCES.c.scheduled_at.desc()).limit(1),
)
INSERT: Final = query("Carry out what the schedule asks for.", insert(OCCURRENCES))
_LEFT: Final = select(OCCURRENCES.c.job, OCCURRENCES.c.scheduled_at, OCCURRENCES.c.runner).where(
    OCCURRENCES.c.project == bindparam("project"),
    OCCURRENCES.c.finished_at.is_(None),
    OCCURRENCES.c.runner.not_in(bindparam("living", expanding=True)),
)
LEFT: Final = query("What a process that died was carrying out.", _LEFT)
LEFT_TO_TAKE: Final = query(
    "The same, to be taken over; rows that somebody else is taking over are left out.",
    _LEFT.with_for_update(skip_locked=True),
)
_ONE: Final = (
    OCCURRENCES.c.project == bindparam("b_project"),
    OCCURRENCES.c.job == bindparam("b_job"),
    OCCURRENCES.c.scheduled_at == bindparam("b_scheduled_at"),
)
TAKE_OVER: Final = query(
    "Carry out what another process did not finish.",
    update(OCCURRENCES).where(*_ONE).values(runner=bindparam("b_runner"), taken_at=bindparam("b_now")),
)
FINISH: Final = query(
    "Note what came of it, unless another process has taken it over.",
    update(OCCURRENCES)
    .where(*_ONE, OCCURRENCES.c.runner == bindparam("b_runner"))
    .values(finished_at=bindparam("b_now"), status=bindparam("b_status"), outcome=bindparam("b_outcome")),
)
FAILED_SINCE: Final = query(
    "How many jobs failed lately.",
    select(func.count().label("failed")).where(
        OCCURRENCES.c.project == bindparam("project"),
        OCCURRENCES.c.finished_at > bindparam("lately"),
        OCCURRENCES.c.status == FAILED,
    ),
)
JOBS_KNOWN: Final = query(
    "Every job that was ever asked for.",
    select(OCCURRENCES.c.job).where(OCCURRENCES.c.project == bindparam("project")).group_by(OCCURRENCES.c.job),
    whole="every six hours, by whoever clears up; what it leaves is a month of times",
)
FORGET: Final = query(
    "Delete what the schedule asked for long ago.",
    delete(OCCURRENCES).where(
        OCCURRENCES.c.project == bindparam("b_project"),
        OCCURRENCES.c.job == bindparam("b_job"),
        OCCURRENCES.c.scheduled_at < bindparam("b_before"),
    ),
)


@dataclass(frozen=True, slots=True)
class Job:
    """Something that is done again and again.

    Attributes:
        name: unique in the project.
        recurrence: when.
        missed: what becomes of occurrences that passed while nobody ran.
    """

    name: str
    recurrence: Recurrence
    missed: Missed


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that a job is done.

    Attributes:
        job: its name.
        scheduled_at: for when, UTC.
    """

    job: str
    scheduled_at: datetime


def take_due(host: Host, presence: Presence, jobs: Sequence[Job]) -> list[Occurrence]:
    """Return what this process has to carry out now: what is due and what others left unfinished.

    The first time that a job is seen only notes that counting begins: a new schedule does not catch up with the past.
    """

    def take(connection: Connection, real: datetime) -> list[Occurrence]:
        now = host.now(connection)
        return [
            *_left(connection, presence, real, now),
            *_new(connection, host.project, presence.name, jobs, now),
        ]

    # Two processes may take the same in the same moment: one of them finds it taken at the next attempt.
    return presence.claim(take)


def anything_due(host: Host, presence: Presence, jobs: Sequence[Job]) -> bool:
    """Return whether there may be something to take; looking costs no write."""

    def look(connection: Connection) -> bool:
        now = host.now(connection)
        alive = presence.living(connection, host.lease_clock.read(connection))
        if any(True for _ in LEFT.rows(connection, project=host.project, living=alive)):
            return True
        for job in jobs:
            last = LATEST.one(connection, project=host.project, job=job.name)
            if last is None or any(True for _ in _due(job, last, now)):
                return True
        return False

    return read(host.engine, look)


def finish(  # noqa: PLR0913 - the last two named by the caller
    host: Host,
    runner: str,
    occurrence: Occurrence,
    outcome: str,
    *,
    failed: bool = False,
    patience: Patience = PATIENCE,
) -> None:
    """Note what came of an occurrence.

    Args:
        host: whose schedule.
        runner: who carried it out; where another has taken it over, nothing is noted.
        occurrence: which.
        outcome: what came of it, as a sentence.
        failed: whether it failed.
        patience: how long it is tried.

    Raises:
        EnvironmentProblemError: if the store did not take it for as long as that.
    """

    def note(connection: Connection) -> None:
        FINISH.run(
            connection,
            **_key(host.project, occurrence),
            b_runner=runner,
            b_now=host.now(connection),
            b_status=FAILED if failed else DONE,
            b_outcome=outcome,
        )

    write(host.engine, note, patience=patience)


def last_asked_for(host: Host, jobs: Sequence[Job]) -> Mapping[str, datetime]:
    """Return for when each job was last asked for, by its name; those that never were are left out."""

    def look(connection: Connection) -> dict[str, datetime]:
        found = {job.name: LATEST.one(connection, project=host.project, job=job.name) for job in jobs}
        return {name: row["scheduled_at"] for name, row in found.items() if row is not None}

    return read(host.engine, look)


def note_failed(host: Host, runner: str, occurrence: Occurrence, why: str) -> None:
    """Note an occurrence that was taken and failed at once, as in a play.

    Args:
        host: whose schedule.
        runner: who carried it out.
        occurrence: which.
        why: as a sentence.
    """

    def note(connection: Connection) -> None:
        _insert(connection, host.project, runner, occurrence, host.now(connection), finished=False)

    write(host.engine, note)
    finish(host, runner, occurrence, why, failed=True)


def forget_before(host: Host, before: datetime) -> int:
    """Delete what the schedule asked for before a moment, but of each job the latest, from which the next is counted.

    Args:
        host: whose schedule.
        before: the moment.

    Returns:
        How many were deleted.
    """

    def forget(connection: Connection) -> int:
        deleted = 0
        for job in [row["job"] for row in JOBS_KNOWN.rows(connection, project=host.project)]:
            last = LATEST.one(connection, project=host.project, job=job)
            if last is not None:
                until = min(before, last["scheduled_at"])
                deleted += FORGET.run(connection, b_project=host.project, b_job=job, b_before=until).rowcount
        return deleted

    return write(host.engine, forget)


def _left(connection: Connection, presence: Presence, real: datetime, now: datetime) -> list[Occurrence]:
    project, alive = presence.project, presence.living(connection, real)
    rows = presence.still_free(connection, real, LEFT_TO_TAKE.rows(connection, project=project, living=alive))
    found = [Occurrence(row["job"], row["scheduled_at"]) for row in rows]
    for one in found:
        TAKE_OVER.run(connection, **_key(project, one), b_runner=presence.name, b_now=now)
    return found


def _new(connection: Connection, project: str, runner: str, jobs: Sequence[Job], now: datetime) -> list[Occurrence]:
    found: list[Occurrence] = []
    for job in jobs:
        last = LATEST.one(connection, project=project, job=job.name)
        if last is None:
            _insert(connection, project, runner, Occurrence(job.name, now), now, finished=True)
            continue
        for moment in _due(job, last, now):
            occurrence = Occurrence(job.name, moment)
            _insert(connection, project, runner, occurrence, now, finished=False)
            found.append(occurrence)
    return found


def _insert(  # noqa: PLR0913 - private; the parts of a row
    connection: Connection, project: str, runner: str, occurrence: Occurrence, now: datetime, *, finished: bool
) -> None:
    INSERT.run(
        connection,
        project=project,
        job=occurrence.job,
        scheduled_at=occurrence.scheduled_at,
        runner=runner,
        taken_at=now,
        status=COUNTING if finished else TAKEN,
        finished_at=now if finished else None,
        outcome=BEGINNING if finished else "",
    )


def _key(project: str, occurrence: Occurrence) -> dict[str, Any]:
    return {"b_project": project, "b_job": occurrence.job, "b_scheduled_at": occurrence.scheduled_at}


def _due(job: Job, last: RowMapping, now: datetime) -> Iterator[datetime]:
    """Yield for which moments a job is to be done now: for none while the time before is still being carried out.

    Of many that were missed only some come at once, so that no transaction and no turn grows with a pause.
    """
    if last["finished_at"] is not None:
        yield from islice(job.recurrence.due(last["scheduled_at"], now, job.missed, GRACE), MOST_AT_ONCE)
