"""What `iact backup` and `iact restore` do, and what they say of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.exc import DatabaseError

from iact.config.project import Project
from iact.config.secret_reading import read_secret
from iact.core.errors import ConfigurationError, EnvironmentProblemError
from iact.core.secret_values import parse
from iact.operations.places import Place
from iact.operations.standing import not_read
from iact.stores.backups.archive import Verified, verify
from iact.stores.backups.keys import PublicKey, SecretKey, new_secret_key, public_key, secret_key
from iact.stores.backups.restoring import restore_to_file, restore_to_server
from iact.stores.backups.saving import save, strangers
from iact.stores.connect import existing_sqlite, make_folder


def back_up(
    project: Project, place: Place, to: Path | None, encrypt_for: Sequence[str] = ()
) -> tuple[Verified, list[str]]:
    """Write a backup of a store.

    Args:
        project: which names the file where nobody else does.
        place: the store.
        to: the file; None makes one in `.iact/backups` below the project, named after the moment.
        encrypt_for: the public keys of whoever may read it; without any it is not encrypted.

    Returns:
        What was written, and the tables that were left out because they are none of iact's.

    Raises:
        ConfigurationError: if one of the keys is none.
        EnvironmentProblemError: as `save` does.
        FindingError: as `save` does.
    """
    keys = [_public_key(text) for text in encrypt_for]
    engine = (
        existing_sqlite(place.where) if isinstance(place.where, Path) and not place.is_missing else place.as_it_is()
    )
    try:
        target = _target(project, to, "zip.age" if keys else "zip")
        saved = save(engine, target, shown_as=place.shown_as, tell=_tell, keys=keys)
        return saved, strangers(engine)
    except DatabaseError as error:
        raise not_read(engine, place, error) from error
    finally:
        engine.dispose()


def _target(project: Project, to: Path | None, suffix: str) -> Path:
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
    return folder / f"{project.name}-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.{suffix}"


def make_key(file: Path) -> str:
    """Make a pair of keys; keep the secret one in a file, which is only its owner's, and return the public one.

    Args:
        file: the file, which is not there yet.

    Raises:
        EnvironmentProblemError: if it is, or cannot be made.
    """
    key = new_secret_key()
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as opened:
            opened.write(f"{key.text()}\n")
    except FileExistsError as error:
        message = f"{file} is there already, and stays as it is: backups may need it. Name another file."
        raise EnvironmentProblemError(message) from error
    except OSError as error:
        message = f"the key {file} cannot be written: {error.strerror}. Check its folder and permissions."
        raise EnvironmentProblemError(message) from error
    return str(key.public)


def verified(file: Path, key: str | None, folder: Path) -> Verified:
    """Read a backup as a whole.

    Args:
        file: the backup.
        key: where the secret key is kept that reads it, such as `file:PATH`; None where it is not encrypted.
        folder: what the path of that file is relative to.

    Raises:
        ConfigurationError: if there is no such key, or the backup is encrypted and none was named, or the other way
            round.
        EnvironmentProblemError: if it cannot be read.
        FindingError: if the backup is damaged, of a newer release, or for another key.
    """
    return verify(file) if key is None else verify(file, secret_key_of(key, folder))


def secret_key_of(key: str, folder: Path) -> SecretKey:
    """Return the secret key by which encrypted backups are read.

    Args:
        key: where it is kept, such as `file:PATH`.
        folder: what the path of that file is relative to.

    Raises:
        ConfigurationError: if there is no such key.
    """
    try:
        reference = parse(key)
    except ValueError as error:
        message = f"--key: {error}."
        raise ConfigurationError(message) from error
    try:
        return secret_key(read_secret(reference, folder))
    except ValueError as error:
        message = f"{reference}: {error}"
        raise ConfigurationError(message) from error


def _public_key(text: str) -> PublicKey:
    try:
        return public_key(text)
    except ValueError as error:
        message = f"--encrypt-for: {error}"
        raise ConfigurationError(message) from error


def restore(place: Place, backup: Verified) -> None:
    """Restore a backup into a store that is empty.

    Args:
        place: the store.
        backup: the backup, of which everything was read.

    Raises:
        ConfigurationError: if the address cannot be used.
        EnvironmentProblemError: if the store is not empty, or cannot be made.
        FindingError: if the backup is damaged or of a newer release, or other rows were read again.
    """
    if isinstance(place.where, Path):
        restore_to_file(backup, place.where, tell=_tell)
        return
    engine = place.as_it_is()
    try:
        restore_to_server(backup, engine, shown_as=place.shown_as, tell=_tell)
    except DatabaseError as error:
        raise not_read(engine, place, error) from error
    finally:
        engine.dispose()


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
        f"size      {backup.size:,} bytes{'' if backup.key is None else ', encrypted'}",
        f"moment    {manifest.moment}",
        f"made by   iact {manifest.release}, out of {manifest.database}, revision {manifest.revision}",
        f"projects  {', '.join(manifest.projects) or 'none'}",
        f"rows      {manifest.rows:,}",
        *(f"  {table.name:{width}}  {content.rows:>10,}" for table, content in manifest.tables if content.rows),
    ]


def data_of(backup: Verified, **more: Any) -> dict[str, Any]:
    """Return the same for a program."""
    return {**backup.to_data(), **more}
