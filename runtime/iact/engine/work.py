"""What claimed runs can do next, read for many of them at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iact.engine import store
from iact.stores.units import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy.engine import Connection, RowMapping

    from iact.engine.claims import Claim
    from iact.engine.host import Host
    from iact.engine.store import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a claimed run can do, as of one moment of the store; the first of these that is there comes first.

    Attributes:
        claim: under which it is done.
        run: the run.
        intent: its oldest action that is not settled and may be attempted.
        told: the oldest thing that it was told and has not decided upon.
        due: the time that it has waited for longest.
    """

    claim: Claim
    run: Run
    intent: RowMapping | None = None
    told: RowMapping | None = None
    due: RowMapping | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A claimed run that cannot go on, and why."""

    claim: Claim
    error: BaseException


def work_of(host: Host, claims: Sequence[Claim]) -> list[Work | Failed]:
    """Return what each of the claimed runs can do, in the order of the claims; a run that is gone is left out."""

    def look(connection: Connection) -> list[Work | Failed]:
        return list(_work(connection, host, claims))

    return read(host.engine, look) if claims else []


def _work(connection: Connection, host: Host, claims: Sequence[Claim]) -> Iterator[Work | Failed]:
    asked: dict[str, Any] = {"project": host.project, "runs": [claim.run for claim in claims]}
    now = host.now(connection)
    runs = {row["run"]: row for row in store.RUNS_BY_NAME.all(connection, **asked)}
    intents = first_of_each(store.OPEN_INTENTS.all(connection, **asked))
    told = first_of_each(store.OLDEST_TRIGGERS.all(connection, **asked))
    due = first_of_each(store.DUE_TIMERS.all(connection, **asked, now=now))
    for claim in claims:
        if claim.run not in runs:
            continue
        try:
            run = store.run_as_read(runs[claim.run])
        except (LookupError, TypeError, ValueError) as error:
            # What is no run any more was changed by hand, or was written by a newer release.
            yield Failed(claim, error)
            continue
        intent = intents.get(claim.run)
        waits = intent is not None and intent["due_at"] is not None and intent["due_at"] > now
        yield Work(
            claim=claim,
            run=run,
            intent=None if waits else intent,
            # What comes of an action is heard before anything else, so what else was said waits with it.
            told=None if waits else told.get(claim.run),
            due=None if waits else due.get(claim.run),
        )


def first_of_each(rows: Iterable[RowMapping]) -> dict[str, RowMapping]:
    """Return of several rows of each run the first, by the run."""
    first: dict[str, RowMapping] = {}
    for row in rows:
        first.setdefault(row["run"], row)
    return first
