"""The project for every other command: whole, or an error that says all that is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from iact.config.loading import load
from iact.config.project import Project
from iact.config.rendering import render_all
from iact.core.errors import ConfigurationError


def open_project(start: Path | None = None, also: Iterable[Path] = ()) -> Project:
    """Return the project that `start` is in, or the shipped rules where there is none.

    Args:
        start: a folder; the current one when left out.
        also: further files and folders to read as part of the project.

    Raises:
        ConfigurationError: if anything is wrong; the message says everything that is.
    """
    loaded = load(start or Path.cwd(), also)
    if loaded.project is None:
        count = len(loaded.problems)
        problems = render_all(loaded.problems, loaded.sources)
        message = f"{problems}\n\n{count} problem{'' if count == 1 else 's'} in the configuration."
        raise ConfigurationError(message)
    return loaded.project
