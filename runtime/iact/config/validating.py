"""What `iact validate` checks: the project here, another one, or the files named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from iact.config.files import SETTINGS, find_settings
from iact.config.loading import Loaded, load
from iact.config.strays import strays
from iact.core.errors import ConfigurationError


def validated(here: Path, paths: Iterable[Path]) -> Loaded:
    """Return what is wrong in the project, or in the files and folders named.

    Args:
        here: the current folder.
        paths: one folder that has its own `iact.yaml`, or files and folders of one project.

    Raises:
        ConfigurationError: if there is no project and nothing is named, or the paths belong to several projects.
    """
    named = [path.resolve() for path in paths]
    if not named:
        settings = find_settings(here.resolve())
        if settings is None:
            # Other commands fall back on the shipped rules; a check of those would pass for ever in a wrong folder.
            message = (
                f"there is no {SETTINGS} here or in a folder above, so there is nothing to check. "
                "`iact init` makes one; `iact validate PATH` checks files that belong to no project."
            )
            raise ConfigurationError(message)
        return _whole(settings.parent)
    if len(named) == 1 and (named[0] / SETTINGS).is_file():
        return _whole(named[0])
    roots = {_root(path) for path in named}
    if len(roots) > 1:
        message = f"these files belong to several projects; check each on its own: {', '.join(sorted(map(str, roots)))}"
        raise ConfigurationError(message)
    root = roots.pop() or here.resolve()
    return _only(load(root, named, against_schemas=True), root, named)


def _whole(root: Path) -> Loaded:
    loaded = load(root, against_schemas=True)
    told = {problem.position.file for problem in loaded.problems}
    # Where the settings themselves are wrong, `paths` says nothing yet.
    warnings = () if SETTINGS in told else tuple(strays(root, {*loaded.sources, *told}))
    return replace(loaded, warnings=warnings)


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
