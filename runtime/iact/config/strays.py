"""Files that look like rules and are below none of the project's `paths`, so that nobody reads them."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Final

from iact.config.envelope import API_VERSION
from iact.config.files import ENDINGS, SETTINGS
from iact.core.problems import Problem
from iact.core.tree import Position

_RESOURCE: Final = re.compile(rf"^apiVersion: *{API_VERSION.partition('/')[0]}/\S+".encode(), re.MULTILINE)
_LOOKED_AT: Final = 4096
_OTHERS: Final = ("node_modules", "site-packages")


def strays(root: Path, known: Container[str]) -> Iterator[Problem]:
    """Yield the files with a resource below `root` that are not known, in alphabetical order.

    Hidden folders, other projects (with an `iact.yaml` of their own) and installed packages are left out.

    Args:
        root: the project's folder.
        known: the files that were read, or told of, relative to it.
    """
    for parent, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if _belongs(Path(parent, name)))
        for name in sorted(files):
            path = Path(parent, name)
            shown = path.relative_to(root).as_posix()
            if name.endswith(ENDINGS) and not name.startswith(".") and shown not in known:
                yield from _stray(path, shown)


def _belongs(folder: Path) -> bool:
    return not (folder.name.startswith(".") or folder.name in _OTHERS or (folder / SETTINGS).is_file())


def _stray(path: Path, shown: str) -> Iterator[Problem]:
    try:
        with path.open("rb") as file:
            start = file.read(_LOOKED_AT)
    except OSError:
        return
    if found := _RESOURCE.search(start):
        line = start.count(b"\n", 0, found.start()) + 1
        folder = shown.rpartition("/")[0]
        yield Problem(
            rule="not-read",
            position=Position(shown, line, 1, len(found[0].decode(errors="replace"))),
            message="this file is not read: it is below none of `paths`.",
            hint=f"Add `{folder or shown}` to `paths` in {SETTINGS}, or move the file below one of them.",
        )
