"""The schemas as files: what editors and other programs read."""

from __future__ import annotations

from pathlib import Path

from iact.config import schemas
from iact.config.discovery import discover
from iact.core.docstrings import purpose
from iact.core.errors import ConfigurationError
from iact.core.problems import did_you_mean
from iact.core.registry import KINDS


def list_kinds() -> str:
    """Return every kind with what it is for, one a line."""
    discover()
    width = max(map(len, KINDS))
    return "".join(f"{name:{width}}  {purpose(KINDS[name].declared_by)}\n" for name in KINDS)


def schema_text(kind: str) -> str:
    """Return the JSON Schema of a kind.

    Raises:
        ConfigurationError: if there is no such kind; the message names the nearest.
    """
    discover()
    by_lower_case = {name.lower(): name for name in KINDS}
    name = by_lower_case.get(kind.lower())
    if name is None:
        message = f"there is no kind {kind}. {did_you_mean(kind, KINDS) or 'There is ' + ', '.join(KINDS) + '.'}"
        raise ConfigurationError(message)
    return schemas.write(schemas.resource_schema(name))


def schema_files() -> dict[str, str]:
    """Return the text of every published schema, by file name."""
    discover()
    return {name: schemas.write(schema) for name, schema in schemas.every_schema().items()}


def write_schemas(folder: Path) -> list[Path]:
    """Write every schema to `folder`, and return the files.

    Raises:
        OSError: if the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in schema_files().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written
