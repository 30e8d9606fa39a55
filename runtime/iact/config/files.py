"""Which files hold resources, and their bytes: nothing outside the project is ever read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from iact.config.source_text import LARGEST_FILE, SourceText, decode
from iact.core.problems import Problem, Problems
from iact.core.tree import Position

SETTINGS: Final = "iact.yaml"
ENDINGS: Final = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of rules.

    Attributes:
        root: the folder.
        layer: whose rules they are: `project`, or whom the project extends.
        label: what is put before each path, so that a reader knows whose file it is.
    """

    root: Path
    layer: str
    label: str = ""

    def name(self, path: Path) -> str:
        """Return the path as the user knows it."""
        return self.label + path.relative_to(self.root).as_posix()


def find_settings(start: Path) -> Path | None:
    """Return the nearest `iact.yaml` in `start` or above it."""
    return next((path for folder in (start, *start.parents) if (path := folder / SETTINGS).is_file()), None)


def resource_files(folder: Folder, path: str, problems: Problems) -> Iterator[Path]:
    """Walk the YAML files at or below `path`, in alphabetical order, hidden ones left out."""
    start = folder.root / path
    if start.is_symlink() or not start.is_dir():
        if _is_inside(folder, start, problems) and not start.is_dir():
            yield start
        return
    for parent, folders, files in os.walk(start):
        folders.sort()
        folders[:] = [name for name in folders if _enters(folder, Path(parent, name), problems)]
        for name in sorted(files):
            if name.endswith(ENDINGS) and not name.startswith("."):
                found = Path(parent, name)
                if _is_inside(folder, found, problems):
                    yield found


def _enters(folder: Folder, path: Path, problems: Problems) -> bool:
    if path.name.startswith(".") or path.name == "node_modules":
        return False
    if not path.is_symlink():
        return True
    if _is_inside(folder, path, problems):
        message = "a symbolic link to a folder is not followed."
        problems.add("symbolic-link", Position(folder.name(path), 1, 1), message, "Name the folder itself in `paths`.")
    return False


def _is_inside(folder: Folder, path: Path, problems: Problems) -> bool:
    """Return whether the path stays in the project; only a symbolic link can leave it."""
    if not path.is_symlink():
        return True
    target = path.resolve()
    if target.is_relative_to(folder.root.resolve()):
        return True
    message = "a symbolic link that leads out of the project is not read."
    problems.add("outside-project", Position(folder.name(path), 1, 1), message, "Copy the file into the project.")
    return False


def read_source(folder: Folder, path: Path) -> SourceText | Problem:
    """Return the text of a file, or what keeps it from being read."""
    name = folder.name(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        return _unreadable(name, error.strerror or "unknown error")
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            return _unreadable(name, "it is not a regular file")
        # One byte more tells whether it is too large; a file that grows meanwhile is cut all the same.
        content = file.read(LARGEST_FILE + 1)
    return decode(name, content, size=max(state.st_size, len(content)))


def read_beside(folders: Iterable[Folder], position: Position, path: str) -> bytes | str:
    """Return the bytes of a file that is named relative to the file of `position`, or why it is not read.

    Args:
        folders: the folders that rules stand in; nothing outside of them is read.
        position: where the file is named.
        path: how it is named.
    """
    folder = max((one for one in folders if position.file.startswith(one.label)), key=lambda one: len(one.label))
    file = (folder.root / position.file.removeprefix(folder.label)).parent / path
    if not file.resolve().is_relative_to(folder.root.resolve()):
        return "it leads out of the project"
    if not file.is_file():
        return f"there is no such file beside {position.file}"
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        return error.strerror or "it cannot be read"
    return content if len(content) <= LARGEST_FILE else f"it is larger than {LARGEST_FILE} bytes"


def _unreadable(name: str, reason: str) -> Problem:
    return Problem(rule="unreadable", position=Position(name, 1, 1), message=f"the file cannot be read: {reason}.")
