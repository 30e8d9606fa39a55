"""Where the secret key of a log is kept: where a reference says, or in a file that is made when it is first needed."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from iact.audit.keys import parse_secret, write_secret
from iact.audit.notes import NoteError, Signer
from iact.audit.whole_files import FOR_ITS_OWNER, written_beside
from iact.core.errors import EnvironmentProblemError

SEED_SIZE: Final = 32
"""Length of an Ed25519 secret in bytes (RFC 8032)."""


def read_key(file: Path) -> Signer:
    """Return the signer whose secret a file holds.

    Raises:
        EnvironmentProblemError: if it cannot be read, or holds no secret key; the message does not show what it holds.
    """
    try:
        return parse_secret(file.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError, NoteError) as error:
        why = "it is not ASCII" if isinstance(error, UnicodeDecodeError) else error
        message = f"the key of the log cannot be read from {file}: {why}. Restore it, or make another one."
        raise EnvironmentProblemError(message) from None


def make_key(file: Path, name: str) -> Signer:
    """Return the signer whose secret a file holds, and make both where the file is not there yet.

    The file is there as a whole or not at all, and is its owner's only; of several processes that make it in the same
    moment all have the key of the first.

    Args:
        file: where it is to be.
        name: of the key, best that of the log.

    Raises:
        EnvironmentProblemError: if it cannot be made, or what is there is no key.
    """
    if not file.exists():
        made = Signer.of_seed(name, secrets.token_bytes(SEED_SIZE))
        try:
            _write_once(file, write_secret(made) + "\n")
        except OSError as error:
            message = f"the key {file} cannot be written: {error.strerror}. Check its folder and permissions."
            raise EnvironmentProblemError(message) from error
    return read_key(file)


def next_to(file: Path) -> Path:
    """Return where the secret that is to follow that of a file stands until it does."""
    return file.with_name(f"{file.name}.next")


def _write_once(file: Path, text: str) -> None:
    """Write a file as a whole, unless somebody has."""
    with (
        written_beside(file, lambda opened: opened.write(text.encode("ascii")), FOR_ITS_OWNER) as beside,
        suppress(FileExistsError),
    ):
        os.link(beside, file)
