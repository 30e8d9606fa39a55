"""Rules that were changed while they are in force: noticing it cheaply, and saying what changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from iact.config.files import SETTINGS, Folder, resource_files
from iact.core.problems import Problems

if TYPE_CHECKING:
    from iact.config.project import Project, Resource

Stamp: TypeAlias = frozenset[tuple[str, int, int, int]]
"""Path, size, inode and time of change (nanoseconds) of each file."""


def stamp(project: Project) -> Stamp:
    """Return what shows cheaply that a file of the project's own was changed, added or taken away.

    Args:
        project: whose files; `paths` of its `iact.yaml` as it was read.
    """
    folder = Folder(project.root, "project")
    problems = Problems()
    own = (file for path in project.settings.paths for file in resource_files(folder, path, problems))
    found = set()
    for file in (project.root / SETTINGS, *own):
        try:
            status = Path(file).stat()
        except FileNotFoundError:
            continue
        found.add((str(file), status.st_size, status.st_ino, status.st_mtime_ns))
    return frozenset(found)


def changes(before: Project, after: Project) -> tuple[str, ...]:
    """Return what differs between two readings of a project, a short text for each resource, by name."""
    old, new = _by_name(before), _by_name(after)
    return tuple(_differences(old, new))


def _by_name(project: Project) -> dict[tuple[str, str], Resource]:
    return {(one.kind, one.name): one for one in project.resources()}


def _differences(old: dict[tuple[str, str], Resource], new: dict[tuple[str, str], Resource]) -> Iterator[str]:
    for key in sorted(old.keys() | new.keys()):
        said = " ".join(key)
        if key not in new:
            yield f"{said} was taken away"
        elif key not in old:
            yield f"{said} is new ({new[key].position.file})"
        elif old[key].digest != new[key].digest:
            yield f"{said} changed ({new[key].position.file})"
