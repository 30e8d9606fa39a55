"""Writing a backup: one moment of a store, while others go on writing to it."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import inspect

from iact import __version__
from iact.core import instants
from iact.core.errors import EnvironmentProblemError, FindingError
from iact.stores.backups.archive import Archive, Verified, part_of, put_in_place, verify
from iact.stores.backups.encryption import Encrypting
from iact.stores.backups.lines import Tally, line_of
from iact.stores.backups.model import Content, Manifest, Table
from iact.stores.backups.tables import VERSIONS, rows_of, tables_at
from iact.stores.connect import reading
from iact.stores.marker import SERVER_TABLES
from iact.stores.migrate import present_revision
from iact.stores.revisions import newest_revision, revisions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sqlalchemy.engine import Connection, Engine

    from iact.stores.backups.keys import PublicKey


def save(
    engine: Engine,
    target: Path,
    *,
    shown_as: str,
    tell: Callable[[str, int], None],
    keys: Sequence[PublicKey] = (),
) -> Verified:
    """Write everything that a store holds at one moment into a file, and read that file again.

    Args:
        engine: the store, of which nothing is changed.
        target: the file; it gets its name when it is complete, on the disk, and was read again.
        shown_as: what errors call the store.
        tell: takes the name of each table and the number of its rows when they were written.
        keys: for whom it is encrypted; one of their secret keys is enough to read it. Without any it is not encrypted.

    Raises:
        EnvironmentProblemError: if the file is there already or cannot be written, or if the store cannot be read, has
            no tables, or has those of a newer release.
        FindingError: if what was read again is not what was written.
    """
    taken = f"{target} is there already, and stays as it is. Move it away, or name another file."
    if target.exists():
        raise EnvironmentProblemError(taken)
    with part_of(target) as (file, part):
        with reading(engine) as connection:
            revision = _revision(connection, shown_as)
            moment = datetime.now(UTC)
            sealed = Encrypting(file, keys) if keys else None
            archive = Archive(sealed or file, moment)
            projects: set[str] = set()
            contents = []
            for table in tables_at(revision):
                content = _add(archive, connection, table, projects)
                contents.append((table, content))
                tell(table.name, content.rows)
        manifest = Manifest(
            release=__version__,
            revision=revision,
            moment=instants.write(moment),
            database=_database(engine),
            projects=tuple(sorted(projects)),
            tables=tuple(contents),
        )
        digest = archive.finish(manifest)
        if sealed is not None:
            sealed.finish()
        file.flush()
        os.fsync(file.fileno())
        found = verify(part, None if sealed is None else sealed.key)
        if (found.archive, found.manifest) != (digest, manifest):
            message = f"the backup {target} was written, and something else was read again. Check the disk."
            raise FindingError(message)
        put_in_place(part, target, taken)
    return replace(found, path=target)


def strangers(engine: Engine) -> list[str]:
    """Return the tables beside those of a store's revision, which no backup holds."""
    with reading(engine) as connection:
        known = {table.name for table in tables_at(present_revision(connection) or newest_revision())}
        return sorted({*inspect(connection).get_table_names()} - known - {VERSIONS, *SERVER_TABLES})


def _revision(connection: Connection, shown_as: str) -> str:
    found = present_revision(connection)
    if found is None:
        message = f"the store {shown_as} has no tables yet, so there is nothing to back up."
        raise EnvironmentProblemError(message)
    if found not in revisions():
        message = (
            f"the store {shown_as} was changed by a newer release of iact (revision {found}; this one knows "
            f"{newest_revision()}), and this one would leave out what it does not know. Back up with the newer release."
        )
        raise EnvironmentProblemError(message)
    return found


def _database(engine: Engine) -> str:
    return "mariadb" if getattr(engine.dialect, "is_mariadb", False) else engine.dialect.name


def _add(archive: Archive, connection: Connection, table: Table, projects: set[str]) -> Content:
    """Add the rows of a table, and note whose they are."""
    tally = Tally()
    place = table.names.index("project") if "project" in table.names else None

    def pieces() -> Iterator[bytes]:
        for rows in rows_of(connection, table):
            if place is not None:
                projects.update({row[place] for row in rows})
            yield tally.add(map(line_of, rows))

    archive.add_rows(table, pieces())
    return tally.content
