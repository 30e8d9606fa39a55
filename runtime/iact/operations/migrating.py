"""Bringing the tables of a store up to date on a person's word, or telling a DBA how."""

from __future__ import annotations

from sqlalchemy.exc import DatabaseError

from iact.core.errors import ConfigurationError
from iact.operations.places import Place
from iact.operations.standing import not_read, standing_of
from iact.stores.connect import reading
from iact.stores.migrate import upgrade_script
from iact.stores.revisions import newest_revision

_ABOUT = """\
-- What brings the tables of {store} to revision {newest}.
-- Run it with an account that may change tables, while no other migration runs. MySQL commits every statement that
-- changes a table: where it is cut short, ask `iact db migrate --sql` again, which leaves out what is done.

"""


def migrate_place(place: Place) -> list[str]:
    """Bring the tables of a store up to date, and return the lines that tell what was done.

    Raises:
        ConfigurationError: if the address or the password cannot be used.
        EnvironmentProblemError: if the store cannot be reached, or may not be changed by this account or this release.
    """
    before = standing_of(place)
    place.migrated().dispose()
    if before.is_newer:
        return [f"{place.shown_as} is at revision {before.present} of a newer release; there was nothing to do."]
    done = [f"done  {step.number}  {step.sentence}" for step in before.pending]
    return [*done, f"{place.shown_as} is at revision {newest_revision()}."]


def script_for(place: Place) -> str:
    """Return the SQL that would bring the tables of a store on a server up to date; nothing where they are.

    Raises:
        ConfigurationError: if the store is a file, which needs no DBA.
        EnvironmentProblemError: if the store cannot be read, or is of a newer release.
    """
    if place.is_file:
        message = f"--sql is for a database on a server, and {place.shown_as} is a file: `iact db migrate` changes it."
        raise ConfigurationError(message)
    engine = place.as_it_is()
    try:
        with reading(engine) as connection:
            script = upgrade_script(connection, place.shown_as)
    except DatabaseError as error:
        raise not_read(engine, place, error) from error
    finally:
        engine.dispose()
    return script and _ABOUT.format(store=place.shown_as, newest=newest_revision()) + script
