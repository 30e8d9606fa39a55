"""Taking the tables of a store back to an earlier revision on a person's word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.engine import Engine
from sqlalchemy.exc import DatabaseError

from iact.operations.places import Place
from iact.operations.standing import not_read
from iact.stores.connect import reading, writing
from iact.stores.migrate import downgrade
from iact.stores.revisions import Revision, newest_revision
from iact.stores.servers import is_server, one_migrates
from iact.stores.undoing import Loss, losses, undone


@dataclass(frozen=True, slots=True)
class Downgrade:
    """What taking a store back means.

    Attributes:
        to: the revision that it comes to.
        steps: what is taken back, newest first; none where it is there already.
        losses: what is gone afterwards.
    """

    to: str
    steps: tuple[Revision, ...]
    losses: tuple[Loss, ...]


def plan(place: Place, to: str) -> Downgrade:
    """Return what taking a store back to a revision would mean; nothing is changed.

    Raises:
        ConfigurationError: if it cannot be done; the message says why.
        EnvironmentProblemError: if the store cannot be read.
    """
    with _engine(place) as engine, reading(engine) as connection:
        steps = undone(connection, to, place.shown_as)
        return Downgrade(to, steps, tuple(losses(connection, to)) if steps else ())


def carry_out(place: Place, planned: Downgrade) -> None:
    """Take a store back; on a server this takes an account that may change tables.

    Raises:
        ConfigurationError: if it was changed meanwhile, so that this can no longer be done.
        EnvironmentProblemError: if the store cannot be reached or changed.
    """
    if not planned.steps:
        return
    with _engine(place, writes=True) as engine:
        if is_server(engine):
            with one_migrates(engine, place.shown_as), writing(engine) as connection:
                undone(connection, planned.to, place.shown_as)
                downgrade(connection, planned.to)
        else:
            with writing(engine) as connection:
                undone(connection, planned.to, place.shown_as)
                downgrade(connection, planned.to)


@contextmanager
def _engine(place: Place, *, writes: bool = False) -> Iterator[Engine]:
    engine = place.writable() if writes else place.as_it_is()
    try:
        yield engine
    except DatabaseError as error:
        raise not_read(engine, place, error) from error
    finally:
        engine.dispose()


def show(place: Place, planned: Downgrade, *, done: bool) -> list[str]:
    """Return the lines that tell people what is taken back, and what is lost by it.

    Args:
        place: the store.
        planned: what taking it back means.
        done: whether it was done.
    """
    if not planned.steps:
        return [f"{place.shown_as} is at revision {planned.to} already."]
    lines = [f"undo  {step.number}  {step.sentence}" for step in planned.steps]
    lines += [f"lose  {_what(loss)}" for loss in planned.losses]
    lines += [f"lose  {step.undoing_loses}" for step in planned.steps if step.undoing_loses]
    if not done:
        return [*lines, "Nothing was changed. Make a backup, and add --yes to take it back."]
    after = (
        "The next command of this release that keeps something brings it up to date again."
        if place.is_file
        else f"This release needs {newest_revision()}: it stops here until `iact db migrate`, an older one goes on."
    )
    return [*lines, f"{place.shown_as} is at revision {planned.to}. {after}"]


def _what(loss: Loss) -> str:
    rows = f"{loss.rows:,} row{'' if loss.rows == 1 else 's'}"
    return f"table {loss.table} with {rows}" if loss.column is None else f"column {loss.column} of {loss.table}, {rows}"
