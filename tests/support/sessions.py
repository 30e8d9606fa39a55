"""Documents that are tried out: their commands are run in order, and what they print is what the document shows.

A fenced block of the language `console` holds commands after `$ ` and below each what it prints. `...` alone on a line
stands for lines that are left out. A command that ends with another code than 0 is followed by `$ echo $?`. A block of
YAML whose first line is `# put into FILE` is written to that file, that line included.

`python -m tests.support.reader` writes what the commands print now into the documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Final

from tests.support.project import ROOT, Block, blocks

PROMPT: Final = "$ "
ELISION: Final = "..."
_FILE: Final = re.compile(r"# put into (?P<name>\S+)\n")
_LASTING: Final = re.compile(r"--(?:as-of|to)\b|\bAS_OF=")
"""What makes the output of a command the same on every day."""

_RUN: Final = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_MOMENT: Final = re.compile(r"\b\d{4}-\d\d-\d\d\b|\b\d\d:\d\dZ|\b[0-9a-f]{8}\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of a document.

    Attributes:
        document: The file, relative to the top of the checkout.
        line: Its line in the document, from 1.
        text: What is typed.
        shown: The lines that the document shows as its output.
    """

    document: str
    line: int
    text: str
    shown: tuple[str, ...]

    @property
    def lasts(self) -> bool:
        """Whether it prints the same on every day, so that its moments count too."""
        return _LASTING.search(self.text) is not None

    @property
    def asks_for_the_exit_code(self) -> bool:
        """Whether it shows how the command before it ended."""
        return self.text == "echo $?"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that a document tells its reader to write."""

    name: str
    text: str


def steps(path: Path) -> Iterator[Command | File]:
    """Give what a document tells its reader to do, in order."""
    for block in blocks(path):
        if block.language == "console":
            yield from _commands(block)
        elif block.language == "yaml" and (named := _FILE.match(block.text)):
            yield File(name=named["name"], text=block.text + "\n")


def _commands(block: Block) -> Iterator[Command]:
    lines = block.text.splitlines()
    starts = [place for place, line in enumerate(lines) if line.startswith(PROMPT)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield Command(
            document=block.document,
            line=block.line + 1 + start,
            text=lines[start].removeprefix(PROMPT),
            shown=tuple(lines[start + 1 : end]),
        )


def agrees(command: Command, printed: Sequence[str]) -> bool:
    """Return whether a command printed what its document shows."""
    shown, seen = ([_comparable(line, lasts=command.lasts) for line in lines] for lines in (command.shown, printed))
    first, *others = _segments(shown)
    if seen[: len(first)] != first:
        return False
    place = len(first)
    if not others:
        return place == len(seen)
    *middle, last = others
    for segment in middle:
        found = next((at for at in range(place, len(seen) + 1) if seen[at : at + len(segment)] == segment), None)
        if found is None:
            return False
        place = found + len(segment)
    return len(seen) - len(last) >= place and seen[len(seen) - len(last) :] == last


def renewed(command: Command, printed: Sequence[str]) -> tuple[str, ...]:
    """Return what the document should show now: as much as before, where it is most like what was shown."""
    if agrees(command, printed):
        return command.shown
    first, *others = _segments(command.shown)
    if not others:
        return tuple(printed)
    kept, place = [*printed[: len(first)]], len(first)
    *middle, last = others
    for segment in middle:
        place = max(range(place, len(printed) + 1), key=lambda at: _likeness(segment, printed[at : at + len(segment)]))
        kept += [ELISION, *printed[place : place + len(segment)]]
        place += len(segment)
    return (*kept, ELISION, *printed[max(place, len(printed) - len(last)) :])


def _segments(lines: Sequence[str]) -> list[list[str]]:
    """Split lines at the elisions: what begins, what stands between, what ends; empty where an elision does."""
    found: list[list[str]] = [[]]
    for line in lines:
        if line == ELISION:
            found.append([])
        else:
            found[-1].append(line)
    return found


def _likeness(some: Sequence[str], others: Sequence[str]) -> float:
    return SequenceMatcher(None, "\n".join(some), "\n".join(others), autojunk=False).ratio()


def _comparable(line: str, *, lasts: bool) -> str:
    line = _RUN.sub("RUN", line).rstrip()
    return line if lasts else _MOMENT.sub("MOMENT", line)


def rewrite(path: Path, printed: Sequence[tuple[Command, Sequence[str]]]) -> None:
    """Write into a document what its commands printed."""
    lines = (ROOT / path).read_text("utf-8").splitlines()
    for command, output in reversed(printed):
        lines[command.line : command.line + len(command.shown)] = renewed(command, output)
    (ROOT / path).write_text("\n".join(lines) + "\n", encoding="utf-8")
