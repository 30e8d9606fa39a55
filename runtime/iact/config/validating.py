"""What `iact validate` checks: the project here, another one, or the files named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from iact.config.files import SETTINGS, find_settings
from iact.config.loading import Loaded, load
from iact.core.errors import ConfigurationError


def validated(here: Path, paths: Iterable[Path]) -> Loaded:
    """Return what is wrong in the project, or in the files and folders named.

    Args:
        here: the current folder.
        paths: one folder that has its own `iact.yaml`, or files and folders of one project.

    Raises:
        ConfigurationError: if the paths belong to several projects.
    """
    named = [path.resolve() for path in paths]
    if not named:
        return load(here, against_schemas=True)
    if len(named) == 1 and (named[0] / SETTINGS).is_file():
        return load(named[0], against_schemas=True)
    roots = {_root(path) for path in named}
    if len(roots) > 1:
        message = f"these files belong to several projects; check each on its own: {', '.join(sorted(map(str, roots)))}"
        raise ConfigurationError(message)
    root = roots.pop() or here.resolve()
    return _only(load(root, named, against_schemas=True), root, named)


def _root(path: Path) -> Path | None:
    settings = find_settings(path if path.is_dir() else path.parent)
    return settings.parent if settings else None


def _only(loaded: Loaded, root: Path, named: list[Path]) -> Loaded:
    """Return the findings in the named files alone; those elsewhere in the project are for another day."""

    def is_named(file: str) -> bool:
        path = (root / file).resolve()
        return any(path == each or path.is_relative_to(each) for each in named)

    problems = tuple(problem for problem in loaded.problems if is_named(problem.position.file))
    files = [file for file in loaded.sources if is_named(file)]
    return replace(loaded, problems=problems, files=len(files))
