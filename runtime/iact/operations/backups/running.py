"""What `iact backup` and `iact restore` do, and what they say of it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.exc import DatabaseError

from iact.config.project import Project
from iact.core.errors import EnvironmentProblemError
from iact.operations.places import Place
from iact.operations.standing import not_read
from iact.stores.backups.archive import Verified, verify
from iact.stores.backups.restoring import restore_to_file, restore_to_server
from iact.stores.backups.saving import save, strangers
from iact.stores.connect import existing_sqlite, make_folder


def back_up(project: Project, place: Place, to: Path | None) -> tuple[Verified, list[str]]:
    """Write a backup of a store.

    Args:
        project: which names the file where nobody else does.
        place: the store.
        to: the file; None makes one in `.iact/backups` below the project, named after the moment.

    Returns:
        What was written, and the tables that were left out because they are none of iact's.

    Raises:
        EnvironmentProblemError: as `save` does.
        FindingError: as `save` does.
    """
    engine = (
        existing_sqlite(place.where) if isinstance(place.where, Path) and not place.is_missing else place.as_it_is()
    )
    try:
        saved = save(engine, _target(project, to), shown_as=place.shown_as, tell=_tell)
        return saved, strangers(engine)
    except DatabaseError as error:
        raise not_read(engine, place, error) from error
    finally:
        engine.dispose()


def _target(project: Project, to: Path | None) -> Path:
    if to is not None:
        if not to.absolute().parent.is_dir():
            message = f"the folder {to.parent} of the backup is not there. Make it, or name another file."
            raise EnvironmentProblemError(message)
        return to
    state = project.root / ".iact"
    folder = state / "backups"
    try:
        make_folder(state)
        folder.mkdir(exist_ok=True)
    except OSError as error:
        message = f"the folder {folder} cannot be made: {error.strerror}. Name a file by --to."
        raise EnvironmentProblemError(message) from error
    return folder / f"{project.name}-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.zip"


def restore(place: Place, file: Path) -> Verified:
    """Restore a backup into a store that is empty.

    Args:
        place: the store.
        file: the backup.

    Raises:
        ConfigurationError: if the address cannot be used.
        EnvironmentProblemError: if the store is not empty, or cannot be made.
        FindingError: if the backup is damaged or of a newer release, or other rows were read again.
    """
    backup = verify(file)
    if isinstance(place.where, Path):
        restore_to_file(backup, place.where, tell=_tell)
        return backup
    engine = place.as_it_is()
    try:
        restore_to_server(backup, engine, shown_as=place.shown_as, tell=_tell)
    except DatabaseError as error:
        raise not_read(engine, place, error) from error
    finally:
        engine.dispose()
    return backup


def _tell(table: str, rows: int) -> None:
    """Say how far it is, to people who wait."""
    if sys.stderr.isatty():
        click.echo(f"{table}: {rows:,} rows", err=True)


def show(backup: Verified) -> list[str]:
    """Return the lines that tell people what is in a backup."""
    manifest = backup.manifest
    width = max((len(table.name) for table, _ in manifest.tables), default=0)
    return [
        f"backup    {backup.path}",
        f"digest    {backup.digest}",
        f"size      {backup.size:,} bytes",
        f"moment    {manifest.moment}",
        f"made by   iact {manifest.release}, out of {manifest.database}, revision {manifest.revision}",
        f"projects  {', '.join(manifest.projects) or 'none'}",
        f"rows      {manifest.rows:,}",
        *(f"  {table.name:{width}}  {content.rows:>10,}" for table, content in manifest.tables if content.rows),
    ]


def data_of(backup: Verified, **more: Any) -> dict[str, Any]:
    """Return the same for a program."""
    return {**backup.to_data(), **more}
