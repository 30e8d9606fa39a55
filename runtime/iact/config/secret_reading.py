"""Fetching a secret from where its reference says it is kept; it is handed to whoever needs it and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

from iact.core.errors import ConfigurationError
from iact.core.secret_values import SecretReference


def read_secret(reference: SecretReference, folder: Path) -> str:
    """Return the secret that a reference names.

    Args:
        reference: its name.
        folder: what the path of a file is relative to.

    Raises:
        ConfigurationError: if there is none of that name, or it is not one word of printable ASCII, which no header of
            HTTP takes; the message never holds the secret.
    """
    text = _from_environment(reference) if reference.store == "env" else _from_file(reference, folder)
    secret = text.strip()
    if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
        found = "nothing" if not secret else "something else, which is not shown"
        message = f"{reference}: expected a secret of one word, in printable ASCII, found {found}. Store it again."
        raise ConfigurationError(message)
    return secret


def _from_environment(reference: SecretReference) -> str:
    found = os.environ.get(reference.name)
    if found is None:
        message = f"{reference}: there is no environment variable {reference.name}. Set it, or name another secret."
        raise ConfigurationError(message)
    return found


def _from_file(reference: SecretReference, folder: Path) -> str:
    try:
        return (folder / reference.name).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or "it is no text"
        message = f"{reference}: the file cannot be read: {said}. Check its path and permissions."
        raise ConfigurationError(message) from error
