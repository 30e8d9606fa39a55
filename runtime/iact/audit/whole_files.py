"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FOR_ITS_OWNER: Final = 0o600
"""Rights of a file that nobody else may read."""
FOR_ALL: Final = 0o666
"""Rights of a file of which the process's mask takes its own."""


@contextmanager
def written_beside(file: Path, write: Callable[[IO[bytes]], object], mode: int = FOR_ALL) -> Iterator[Path]:
    """Give a file that was written beside another and is on the disk, to be put in its place; what stays is removed.

    Args:
        file: where it is to be.
        write: writes what it is to hold.
        mode: its rights.

    Raises:
        OSError: if it cannot be written.
    """
    beside = file.with_name(f".{file.name}-{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as opened:
            write(opened)
            opened.flush()
            os.fsync(opened.fileno())
        yield beside
    finally:
        beside.unlink(missing_ok=True)
