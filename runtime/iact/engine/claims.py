"""Claims: a run is advanced by one runner at a time, and every write names the claim that it is made under.

What can be done is read off the rows that say so (something told, an action unsettled, a time that has come), never off
a list of its own that could fall behind them. A claim is taken in one short transaction that waits for nobody: on a
server with `FOR UPDATE SKIP LOCKED`, in the embedded store under its write lock. Each claim counts the run's *term* one
up; a runner that was paused, lost its lease and wakes again writes under an old term, and is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, insert, or_, select, union, update

from iact.engine.retrying import pause_before
from iact.engine.revocations import RevokedError
from iact.engine.store import DECIDED, STARTED, WORKING
from iact.engine.tables import CLAIMS, INTENTS, TIMERS, TRIGGERS
from iact.stores.query import query
from iact.stores.units import glance, read, write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select, Table
    from sqlalchemy.engine import Connection

    from iact.engine.host import Host
    from iact.engine.runners import Presence

_FREE: Final = or_(CLAIMS.c.runner.is_(None), CLAIMS.c.runner.not_in(bindparam("living", expanding=True)))
_READY: Final = and_(
    CLAIMS.c.parked_at.is_(None), or_(CLAIMS.c.not_before.is_(None), CLAIMS.c.not_before <= bindparam("now"))
)


def _with_work(table: Table, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Return the runs for which a table has work that nobody does at present, some at a time."""
    of_the_run = and_(CLAIMS.c.project == table.c.project, CLAIMS.c.run == table.c.run)
    found = (
        select(table.c.run)
        .distinct()
        .select_from(table.outerjoin(CLAIMS, of_the_run))
        .where(table.c.project == bindparam("project"), *conditions, _FREE, _READY)
        .limit(bindparam("most"))
        .subquery()
    )
    return select(found.c.run)


WITH_WORK: Final = query(
    "Some of the runs that can go on now and that nobody advances: something told, an action unsettled, a time come.",
    union(
        _with_work(TRIGGERS, TRIGGERS.c.handled_at.is_(None)),
        _with_work(
            INTENTS,
            INTENTS.c.status.in_([DECIDED, WORKING, STARTED]),
            or_(INTENTS.c.due_at.is_(None), INTENTS.c.due_at <= bindparam("now")),
        ),
        _with_work(TIMERS, TIMERS.c.due_at <= bindparam("now")),
    ),
)
KNOWN: Final = query(
    "Which of these runs were ever claimed.",
    select(CLAIMS.c.run).where(
        CLAIMS.c.project == bindparam("project"), CLAIMS.c.run.in_(bindparam("runs", expanding=True))
    ),
)
FIRST_CLAIM: Final = query("Make room for the claims of runs.", insert(CLAIMS))
FREE: Final = query(
    "Which of these runs nobody advances; they are locked, and those that another transaction has locked are left out.",
    select(CLAIMS.c.run, CLAIMS.c.term, CLAIMS.c.runner)
    .where(CLAIMS.c.project == bindparam("project"), CLAIMS.c.run.in_(bindparam("runs", expanding=True)), _FREE, _READY)
    .with_for_update(skip_locked=True),
)
FREE_TO_A_PERSON: Final = query(
    "The same, those included that failed before: who asks for a run by name does not wait for its next try.",
    select(CLAIMS.c.run, CLAIMS.c.term, CLAIMS.c.runner)
    .where(CLAIMS.c.project == bindparam("project"), CLAIMS.c.run.in_(bindparam("runs", expanding=True)), _FREE)
    .with_for_update(skip_locked=True),
)
TAKE: Final = query(
    "Claim runs.",
    update(CLAIMS)
    .where(CLAIMS.c.project == bindparam("b_project"), CLAIMS.c.run.in_(bindparam("runs", expanding=True)))
    .values(runner=bindparam("b_runner"), claimed_at=bindparam("b_now"), term=CLAIMS.c.term + 1),
)
TAKE_ANEW: Final = query(
    "Claim runs that a person asked for, whatever is known of their failures.",
    update(CLAIMS)
    .where(CLAIMS.c.project == bindparam("b_project"), CLAIMS.c.run.in_(bindparam("runs", expanding=True)))
    .values(
        runner=bindparam("b_runner"),
        claimed_at=bindparam("b_now"),
        term=CLAIMS.c.term + 1,
        failures=0,
        not_before=None,
        parked_at=None,
        trouble="",
    ),
)
_BY_ME: Final = CLAIMS.c.runner == bindparam("b_runner")
_MINE: Final = (CLAIMS.c.project == bindparam("b_project"), CLAIMS.c.run.in_(bindparam("runs", expanding=True)), _BY_ME)
HELD: Final = query(
    "Which of these runs this runner still holds, and since which term; they stay so until the transaction ends.",
    select(CLAIMS.c.run, CLAIMS.c.term).where(*_MINE).with_for_update(),
)
RELEASE: Final = query(
    "Give back runs that went as far as they can.",
    update(CLAIMS).where(*_MINE).values(runner=None, failures=0, not_before=None, parked_at=None, trouble=""),
)
STUMBLE: Final = query(
    "Give back a run that could not go on, and say why and when it is tried again.",
    update(CLAIMS)
    .where(CLAIMS.c.project == bindparam("b_project"), CLAIMS.c.run == bindparam("b_run"), _BY_ME)
    .values(
        runner=None,
        failures=bindparam("b_failures"),
        not_before=bindparam("b_not_before"),
        parked_at=bindparam("b_parked_at"),
        trouble=bindparam("b_trouble"),
    ),
)
CLAIMED_BY: Final = query(
    "The runs that a runner has claimed.",
    select(CLAIMS.c.run).where(CLAIMS.c.project == bindparam("project"), CLAIMS.c.runner == bindparam("runner")),
)
CLAIM_OF_RUN: Final = query(
    "Who advances a run, and what is known of its failures.",
    select(CLAIMS).where(CLAIMS.c.project == bindparam("project"), CLAIMS.c.run == bindparam("run")),
)


class ClaimLostError(Exception):
    """Others went on with the run, since this runner had not been back in time: it is theirs now."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to advance a run.

    Attributes:
        run: which.
        term: how often it was claimed, this time included.
    """

    run: str
    term: int


def with_work(host: Host, presence: Presence, most: int, *, counts_silent: bool = True) -> list[str]:
    """Return some of the runs that can go on now and that nobody advances.

    Args:
        host: where they live.
        presence: who asks.
        most: how many of each sort of work are looked at.
        counts_silent: whether those count as advancing their runs whose lease has ended and that are still waited for.
    """

    def look(connection: Connection) -> list[str]:
        alive = presence.living(connection, host.lease_clock.read(connection), counts_silent=counts_silent)
        now = host.now(connection)
        rows = WITH_WORK.all(connection, project=host.project, now=now, living=alive, most=most)
        return [row["run"] for row in rows]

    return glance(host.engine, look)


def take(host: Host, presence: Presence, runs: Sequence[str], *, by_name: bool = False) -> list[Claim]:
    """Claim those of `runs` that nobody advances.

    Args:
        host: where they live.
        presence: who claims them.
        runs: which.
        by_name: whether somebody asked for just these, failed before or not.
    """
    if not runs:
        return []

    def claim(connection: Connection, real: datetime) -> list[Claim]:
        alive = presence.living(connection, real)
        known = {row["run"] for row in KNOWN.all(connection, project=host.project, runs=list(runs))}
        FIRST_CLAIM.run_many(connection, [unclaimed(host.project, run) for run in runs if run not in known])
        asked = {"project": host.project, "runs": list(runs), "living": alive}
        found = FREE_TO_A_PERSON.all(connection, **asked) if by_name else _free(connection, host, asked)
        free = {row["run"]: row["term"] for row in presence.still_free(connection, real, found)}
        if free:
            taking = TAKE_ANEW if by_name else TAKE
            taking.run(connection, b_project=host.project, runs=list(free), b_runner=presence.name, b_now=real)
        return [Claim(run, free[run] + 1) for run in runs if run in free]

    # Two runners may make room for the claims of one run in the same moment.
    return presence.claim(claim)


def _free(connection: Connection, host: Host, asked: dict[str, Any]) -> Any:
    return FREE.all(connection, **asked, now=host.now(connection))


def unclaimed(project: str, run: str) -> dict[str, Any]:
    """Return the row of a run that nobody has claimed yet."""
    return {
        "project": project,
        "run": run,
        "runner": None,
        "term": 0,
        "claimed_at": None,
        "failures": 0,
        "not_before": None,
        "parked_at": None,
        "trouble": "",
    }


def still_held(connection: Connection, project: str, runner: str, claims: Sequence[Claim]) -> frozenset[Claim]:
    """Return those claims that nobody has taken over, and keep it so until the transaction ends."""
    rows = HELD.all(connection, b_project=project, runs=[claim.run for claim in claims], b_runner=runner)
    return frozenset(Claim(row["run"], row["term"]) for row in rows) & frozenset(claims)


def is_held(host: Host, presence: Presence, claim: Claim) -> bool:
    """Return whether nobody has taken a claim over, nor will in the next moment: for as long as a deed may begin.

    Whoever was kept waiting until its lease was over renews that first, before anything is looked at.
    """

    def look(connection: Connection) -> tuple[bool, datetime]:
        row = CLAIM_OF_RUN.one(connection, project=host.project, run=claim.run)
        is_own = row is not None and (row["runner"], row["term"]) == (presence.name, claim.term)
        return is_own, host.lease_clock.read(connection)

    is_own, now = glance(host.engine, look)
    if is_own and not presence.holds_at(now):
        presence.renew()
        is_own, _ = glance(host.engine, look)
    return is_own


def release(host: Host, runner: str, runs: Sequence[str]) -> None:
    """Give back runs that went as far as they can, so that whoever comes next may advance them."""
    if runs:
        own = {"b_project": host.project, "runs": list(runs), "b_runner": runner}
        write(host.engine, lambda connection: RELEASE.run(connection, **own).rowcount)


def claimed_by(host: Host, runner: str) -> list[str]:
    """Return the runs that a runner has claimed."""

    def look(connection: Connection) -> list[str]:
        return [row["run"] for row in CLAIMED_BY.all(connection, project=host.project, runner=runner)]

    return read(host.engine, look)


def stumble(host: Host, runner: str, run: str, error: BaseException) -> bool:
    """Give back a run that could not go on: it is tried again later, or waits for a person; return whether it does.

    Args:
        host: where it lives.
        runner: who has claimed it.
        run: which.
        error: why it could not go on.
    """

    def note(connection: Connection) -> bool:
        row = CLAIM_OF_RUN.one(connection, project=host.project, run=run)
        failures = (row["failures"] if row else 0) + 1
        now = host.now(connection)
        # What is revoked stays so until a person says otherwise: to try it again is of no use.
        pause = None if isinstance(error, RevokedError) else pause_before(failures + 1, run)
        STUMBLE.run(
            connection,
            b_project=host.project,
            b_run=run,
            b_runner=runner,
            b_failures=failures,
            b_not_before=now + pause if pause else None,
            b_parked_at=None if pause else now,
            b_trouble=f"{type(error).__name__}: {error}".encode("utf-8", "backslashreplace").decode(),
        )
        return pause is None

    return write(host.engine, note)
