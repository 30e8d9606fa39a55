"""Taking a store's tables back to an earlier revision, and what that would lose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, inspect, select, table
from sqlalchemy.engine import Connection

from iact.core.errors import ConfigurationError
from iact.core.problems import did_you_mean
from iact.stores.connect import empty_memory
from iact.stores.migrate import known_revision, present_revision, upgrade
from iact.stores.revisions import Revision, described, newest_revision, revisions

_OWN: Final = frozenset({"alembic_version"})


@dataclass(frozen=True, slots=True)
class Loss:
    """What is gone once a revision is taken back.

    Attributes:
        table: the table that is dropped, or that loses a column.
        column: the column; None where it is the whole table.
        rows: how many rows it has.
    """

    table: str
    column: str | None
    rows: int


def undone(connection: Connection, to: str, shown_as: str) -> tuple[Revision, ...]:
    """Return the steps that have to be taken back to come to a revision, newest first.

    Args:
        connection: to the store.
        to: the revision.
        shown_as: what errors call the store.

    Raises:
        ConfigurationError: if there is no such revision, if it is not an earlier one, or if a step cannot be undone.
        EnvironmentProblemError: if a newer release has changed the tables so that this one does not know them.
    """
    known_revision(connection, shown_as)
    present = present_revision(connection)
    if to not in revisions():
        hint = did_you_mean(to, revisions()) or f"There is {', '.join(revisions())}."
        message = f"there is no revision {to}. {hint} To remove everything, drop the database or the file."
        raise ConfigurationError(message)
    if present is None or present not in revisions():
        stands = (
            "has no tables yet" if present is None else f"is at revision {present}, which this release does not know"
        )
        message = f"{shown_as} {stands}: only the release that made a revision can take it back."
        raise ConfigurationError(message)
    if revisions().index(to) > revisions().index(present):
        message = f"{shown_as} is at revision {present}, and {to} is a later one: `iact db migrate` goes there."
        raise ConfigurationError(message)
    steps = tuple(reversed(described()[revisions().index(to) + 1 : revisions().index(present) + 1]))
    for step in steps:
        if step.cannot_be_undone:
            message = (
                f"revision {step.number} cannot be taken back: {step.cannot_be_undone} "
                f"The earliest that can be reached is {step.number}; for an older state, restore a backup."
            )
            raise ConfigurationError(message)
    return steps


def losses(connection: Connection, to: str) -> Iterator[Loss]:
    """Give what would be gone if a store were taken back to an earlier revision, table by table.

    Args:
        connection: to the store.
        to: the revision.
    """
    before, after = _columns_at(present_revision(connection) or newest_revision()), _columns_at(to)
    for name in sorted(before):
        gone = before[name] - after.get(name, frozenset())
        if not gone or not inspect(connection).has_table(name):
            continue
        rows = connection.execute(select(func.count()).select_from(table(name))).scalar_one()
        if name not in after:
            yield Loss(name, None, rows)
        else:
            yield from (Loss(name, column, rows) for column in sorted(gone))


def _columns_at(revision: str) -> Mapping[str, frozenset[str]]:
    """Return the columns of every table as a revision leaves them."""
    engine = empty_memory()
    with engine.begin() as connection:
        upgrade(connection, revision)
        found = inspect(connection)
        columns = {
            name: frozenset(one["name"] for one in found.get_columns(name))
            for name in found.get_table_names()
            if name not in _OWN
        }
    engine.dispose()
    return columns
