"""Where the tables of a store stand, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DatabaseError, OperationalError

from iact.core.errors import EnvironmentProblemError
from iact.operations.places import Place, as_data
from iact.stores import marker
from iact.stores.columns import is_servers
from iact.stores.connect import reading
from iact.stores.migrate import cannot_be_used, present_revision
from iact.stores.revisions import Revision, after, newest_revision, revisions
from iact.stores.servers import is_server, unreachable


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the tables of a store stand.

    Attributes:
        present: the revision that they have; None where there are none.
        usable_from: on a server, the oldest revision whose release can use them; None where nothing was noted.
    """

    present: str | None
    usable_from: str | None

    @property
    def is_newer(self) -> bool:
        """Whether a newer release has changed them."""
        return self.present is not None and self.present not in revisions()

    @property
    def pending(self) -> tuple[Revision, ...]:
        """The steps that this release would add."""
        return () if self.is_newer else after(self.present)

    @property
    def can_be_used(self) -> bool:
        """Whether this release can use them as they are."""
        return self.present == newest_revision() or (self.is_newer and self.usable_from in revisions())

    def to_data(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "revision": self.present,
            "newest": newest_revision(),
            "usable_from": self.usable_from,
            "can_be_used": self.can_be_used,
            "pending": [{"revision": step.number, "sentence": step.sentence} for step in self.pending],
        }


def standing(connection: Connection) -> Standing:
    """Return where the tables of a store stand."""
    present = present_revision(connection)
    noted = marker.noted(connection, present) if present is not None and is_servers(connection.dialect) else None
    return Standing(present, noted)


def standing_of(place: Place) -> Standing:
    """Return where the tables of a store stand, of which nothing is changed.

    Raises:
        ConfigurationError: if the address cannot be used.
        EnvironmentProblemError: if the store cannot be read.
    """
    if place.is_missing:
        return Standing(None, None)
    engine = place.as_it_is()
    try:
        with reading(engine) as connection:
            return standing(connection)
    except DatabaseError as error:
        raise not_read(engine, place, error) from error
    finally:
        engine.dispose()


def not_read(engine: Engine, place: Place, error: DatabaseError) -> EnvironmentProblemError:
    """Return how a person is told that a store could not be read."""
    if is_server(engine) and isinstance(error, OperationalError):
        return unreachable(place.shown_as, error)
    return cannot_be_used(engine, place.shown_as, error)


def show_standing(place: Place, found: Standing) -> list[str]:
    """Return the lines that tell people where a store stands."""
    lines = [f"store     {place.shown_as}", f"revision  {_stands(found)}"]
    if found.usable_from is not None:
        lines.append(f"usable    by every release that knows revision {found.usable_from}")
    lines += [f"pending   {step.number}  {step.sentence}" for step in found.pending]
    return [*lines, _advice(place, found)]


def _stands(found: Standing) -> str:
    newest = newest_revision()
    if found.present is None:
        return f"none: there are no tables yet; this release makes those of {newest}"
    if found.is_newer:
        return f"{found.present}, made by a newer release; this one knows {newest}"
    return f"{found.present}, " + ("the newest" if found.present == newest else f"and this release needs {newest}")


def _advice(place: Place, found: Standing) -> str:
    if found.can_be_used:
        return "There is nothing to do."
    if found.is_newer:
        return "This release cannot use these tables. Install the newer release."
    if place.is_file:
        return "The next command that keeps something brings the file up to date; so does `iact db migrate`."
    return "Run `iact db migrate` with an account that may change tables, or give a DBA what `--sql` prints."


def to_data(place: Place, found: Standing) -> dict[str, Any]:
    """Return the whole of it for a program."""
    return {**as_data(place), **found.to_data()}
