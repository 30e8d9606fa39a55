"""Writing a report to files that are whole or not there."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iact.core.errors import EnvironmentProblemError


def write_reports(folder: Path, document: Mapping[str, Any]) -> list[Path]:
    """Write a report as JSON and as HTML, and return the files.

    Args:
        folder: where to; it is made where it is missing.
        document: the report.

    Raises:
        EnvironmentProblemError: if the folder cannot be written.
    """
    name = f"demo-{document['run']['run']}" if document["demo"] else document["run"]["run"]
    texts = {f"{name}.html": _html(document), f"{name}.json": to_json(document)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write_whole(folder / file, text) for file, text in texts.items()]
    except OSError as error:
        message = f"the report cannot be written to {folder}: {error.strerror}. Name another folder with --report."
        raise EnvironmentProblemError(message) from error


def to_json(document: Mapping[str, Any]) -> str:
    """Return the document as the text of a file."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _html(document: Mapping[str, Any]) -> str:
    from iact.reports.html import render  # noqa: PLC0415 - templates and charts load when a page is made

    return render(document)


def _write_whole(path: Path, text: str) -> Path:
    """Write beside the file and then put it in place, so that nobody ever reads half of it."""
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    return path
