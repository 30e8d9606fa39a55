"""The checkout that the tests run in: its tracked files, its documents and what stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tests.support.git import run_git

ROOT: Final = Path(__file__).parents[2]
"""The top of the checkout."""

_FENCE: Final = re.compile(r"^ {0,3}```(?P<language>\S*)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a document.

    Attributes:
        document: The file, relative to the top of the checkout.
        line: The line of the opening fence, from 1.
        language: What the fence says it is, such as `console`; empty when it says nothing.
        text: The lines between the fences.
    """

    document: str
    line: int
    language: str
    text: str


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return every file that git tracks and that is on disk, relative to the top of the checkout."""
    names = run_git(ROOT, "ls-files", "-z").split("\0")
    return tuple(Path(name) for name in names if name and (ROOT / name).is_file())


def documents() -> tuple[Path, ...]:
    """Return the tracked Markdown files, relative to the top of the checkout."""
    return tuple(path for path in tracked_files() if path.suffix == ".md")


def text_of(path: Path) -> str:
    """Return the text of a tracked file; empty for one that is no text."""
    content = (ROOT / path).read_bytes()
    return "" if b"\0" in content else content.decode("utf-8")


def blocks(path: Path) -> Iterator[Block]:
    """Give the fenced blocks of a document in their order."""
    opened: tuple[int, str] | None = None
    inside: list[str] = []
    for number, line in enumerate(text_of(path).splitlines(), start=1):
        fence = _FENCE.match(line)
        if fence is None:
            inside.append(line)
        elif opened is None:
            opened, inside = (number, fence["language"]), []
        else:
            yield Block(path.as_posix(), opened[0], opened[1], "\n".join(inside))
            opened = None


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Give the numbered lines of a document that stand in no fenced block."""
    fenced = False
    for number, line in enumerate(text_of(path).splitlines(), start=1):
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            yield number, line
