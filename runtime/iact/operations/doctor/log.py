"""What is to be said of the log of the journal: whether its rows are whole, what waits, is signed and was published."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DatabaseError

from iact.audit.identity import identity_of
from iact.audit.publishing.places import publishing_of
from iact.audit.standing import examined_log
from iact.core.errors import EnvironmentProblemError
from iact.operations.doctor.findings import ADVICE, OK, WRONG, Finding
from iact.operations.standing import standing_of
from iact.stores.units import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection

    from iact.audit.standing import ExaminedLog
    from iact.config.project import Project
    from iact.operations.places import Place

MOST_ROWS: Final = 200_000
"""How many rows are hashed again at most, which takes a few seconds; the process that serves looks at all in turn."""
_PROVES: Final = "as long as it is so, what the project can prove of its decisions is less than it seems."


def findings(project: Project, place: Place, *, is_own: bool = True, every_row: bool = True) -> Iterator[Finding]:
    """Give what is to be said of the log in a store; nothing is changed, and nothing where there is none.

    Args:
        project: whose log.
        place: the store.
        is_own: whether it is the project's own store, to which the files beside it and the places of iact.yaml belong.
        every_row: whether rows are hashed again; else what whoever serves has found is told.
    """
    about = (publishing_of(project), identity_of(project)) if is_own else None
    most = MOST_ROWS if every_row else 0

    def look(connection: Connection) -> ExaminedLog:
        return examined_log(connection, project.name, datetime.now(UTC), about, most)

    try:
        if place.is_missing or not standing_of(place).can_be_used:
            return
        engine = place.as_it_is()
        try:
            found = read(engine, look)
        finally:
            engine.dispose()
    except (DatabaseError, EnvironmentProblemError):
        return  # which is told where the store itself is looked at
    yield from _told(found, place.shown_as)


def _told(found: ExaminedLog, where: str) -> Iterator[Finding]:
    for one in found.changed:
        mend: tuple[str, ...] = (
            "keep a copy of the store as evidence",
            "iact restore BACKUP, one in which these rows are whole",
        )
        yield Finding(check="journal", level=WRONG, where=where, found=f"{one}.", why=_PROVES, mend=mend)
    if found.rows and not found.changed:
        yield Finding(check="journal", level=OK, where=where, found=f"{found.rows:,} rows are as the log has them.")
    for one in found.findings:
        mend = ("do what is said there; `iact status` says when it is over",)
        yield Finding(check="log", level=WRONG, where=where, found=f"{one.rstrip('.')}.", why=_PROVES, mend=mend)
    for one in found.notes:
        why = "whoever has the key and the store can write the log anew, and nobody else has what it was."
        mend = ("add `audit: {publish: {…}}` to iact.yaml, as docs/audit.md shows",)
        yield Finding(check="checkpoints", level=ADVICE, where="iact.yaml", found=f"{one}.", why=why, mend=mend)
