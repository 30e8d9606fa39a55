"""Where the engine's `now` comes from: the database, or a moment that is handed in.

Within one transaction there is one `now`, and it is never before the journal's newest entry: a server whose clock was
set back must not write yesterday after today.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import text

from iact.engine.journal import LAST_MOMENT

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy.engine import Connection


class TransactionClock(Protocol):
    """What the present moment is, as seen from inside a transaction."""

    def read(self, connection: Connection) -> datetime:
        """Return the present moment in UTC."""


class DatabaseClock:
    """The database's own clock, so that many machines agree."""

    def read(self, connection: Connection) -> datetime:
        """Ask the database for its UTC."""
        if connection.dialect.name == "sqlite":
            # The embedded store lives in this process, on this machine: its clock is this machine's, and SQLite's own
            # function stops at the millisecond.
            return datetime.now(UTC)
        found: datetime = connection.execute(text("SELECT UTC_TIMESTAMP(6)")).scalar_one()
        return found.replace(tzinfo=UTC)


class ManualClock:
    """A clock that stands still until it is moved: for replays and simulations."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def read(self, connection: Connection) -> datetime:  # noqa: ARG002 - the protocol's parameter
        """Return the moment it was set to."""
        return self.moment

    def advance(self, span: timedelta) -> datetime:
        """Move on by `span` and return the new moment."""
        self.moment += span
        return self.moment


def present(connection: Connection, project: str, clock: TransactionClock) -> datetime:
    """Return the transaction's moment: the clock's, or the journal's newest where the clock is behind it."""
    row = LAST_MOMENT.one(connection, project=project)
    newest: datetime | None = row["at"] if row else None
    read = clock.read(connection)
    return max(read, newest) if newest else read
