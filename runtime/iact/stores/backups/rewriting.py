"""Writing a backup anew without some of its rows, or with others in their places, so that it holds what may be kept."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from iact.core.errors import FindingError
from iact.stores.backups.archive import Archive, Verified, part_of, verify
from iact.stores.backups.lines import Tally, line_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from iact.stores.backups.model import Table

    Change = Callable[[str, Mapping[str, Any]], Mapping[str, Any] | None]
    """Takes the name of a table and a row as it is written; returns the row to be, None where it is left out."""


def rewrite(path: Path, change: Change) -> bool:
    """Write a backup that is not encrypted anew; it is there as a whole or as it was. Return whether anything changed.

    Args:
        path: the file.
        change: what becomes of each row.

    Raises:
        ConfigurationError: if it is encrypted.
        EnvironmentProblemError: if it cannot be read or written.
        FindingError: if it is no backup, was altered or is of a newer format.
    """
    before = verify(path)
    if not any(changed for table, _ in before.manifest.tables for _, changed in _rows(before, table, change)):
        return False
    with part_of(path) as (file, part):
        archive = Archive(file, datetime.fromisoformat(before.manifest.moment))
        contents = []
        for table, _ in before.manifest.tables:
            tally = Tally()
            archive.add_rows(table, (tally.add([line]) for line, _ in _rows(before, table, change) if line))
            contents.append((table, tally.content))
        manifest = replace(before.manifest, tables=tuple(contents))
        archive.finish(manifest)
        file.flush()
        os.fsync(file.fileno())
        if verify(part).manifest != manifest:
            message = f"the backup {path} was written anew, and something else was read again. Check the disk."
            raise FindingError(message)
        part.replace(path)
    return True


def _rows(backup: Verified, table: Table, change: Change) -> Iterator[tuple[bytes, bool]]:
    """Walk the lines of a table as they are to be, empty for one that is left out, and whether they were changed."""
    for line in backup.lines(table):
        row = dict(zip(table.names, json.loads(line), strict=True))
        after = change(table.name, row)
        if after is None:
            yield b"", True
        elif after == row:
            yield line, False
        else:
            yield line_of(list(after.values())), True
