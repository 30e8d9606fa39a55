"""A reader of the documents: has a home and a checkout, and types what the documents say.

`python -m tests.support.reader` writes what the commands print now into the documents.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from tests.support.git import GitRepository, isolated_environment
from tests.support.project import ROOT
from tests.support.sessions import Command, File, rewrite, steps

HOME: Final = "/home/you"
"""What documents show where the reader's home folder would stand."""

RULES: Final = ("agents", "catalog", "playbooks", "policies", "tests/policies")
TOOLS: Final = ("git", "make", "sh", "cat", "ls", "grep")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A document whose commands are run, and where its reader begins."""

    path: Path
    start: str
    installed: bool


TRIED: Final = (
    Tried(path=Path("README.md"), start="iact", installed=False),
    Tried(path=Path("docs/tutorial.md"), start=".", installed=True),
    Tried(path=Path("docs/backup.md"), start=".", installed=True),
    Tried(path=Path("docs/serving.md"), start=".", installed=True),
)


@dataclass(slots=True)
class Reader:
    """Somebody at a terminal of 80 columns.

    Attributes:
        home: The home folder. It holds `iact`, a checkout that is installed.
        folder: Where the reader is now.
        installed: Whether `iact` is found by its name, not only as `.venv/bin/iact` of the checkout.
        code: How the last command ended.
    """

    home: Path
    folder: Path
    installed: bool
    code: int = field(default=0)

    @classmethod
    def of(cls, document: Tried, home: Path) -> Self:
        """Prepare an empty folder as the home of somebody who reads this document."""
        _check_out(home / "iact")
        return cls(home=home, folder=home / document.start, installed=document.installed)

    def follow(self, document: Tried) -> Iterator[tuple[Command, list[str]]]:
        """Do what a document says, and give each command with the lines it printed."""
        for step in steps(document.path):
            if isinstance(step, File):
                (self.folder / step.name).write_text(step.text, encoding="utf-8")
            else:
                yield step, self.type(step)

    def type(self, command: Command) -> list[str]:
        """Run a command where the reader is, as a shell would that stays open."""
        place = self.home / ".folder"
        script = f"(exit {self.code})\n{command.text}\ncode=$?\npwd >{shlex.quote(str(place))}\nexit $code\n"
        finished = subprocess.run(
            ["sh", "-c", script],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            check=False,
        )
        self.code, self.folder = finished.returncode, Path(place.read_text("utf-8").rstrip("\n"))
        return [line.rstrip().replace(str(self.home), HOME) for line in finished.stdout.splitlines()]

    def _environment(self) -> dict[str, str]:
        programs = [str(Path(sys.executable).parent)] if self.installed else []
        tools = dict.fromkeys(str(Path(place).parent) for tool in TOOLS if (place := shutil.which(tool)))
        own = {"HOME": str(self.home), "PATH": os.pathsep.join([*programs, *tools]), "COLUMNS": "80"}
        return isolated_environment() | {"LC_ALL": "C.UTF-8"} | own


def _check_out(place: Path) -> None:
    """Make a checkout that is installed already, with a history in which nothing was released yet."""
    repository = GitRepository.create(place)
    for folder in RULES:
        shutil.copytree(ROOT / folder, place / folder)
    for file in ("iact.yaml", "Makefile"):
        shutil.copy(ROOT / file, place)
    (place / "tests" / "data").symlink_to(ROOT / "tests" / "data")
    _put(place / ".ci" / "install", "#!/bin/sh\n")
    (place / ".venv" / "bin").mkdir(parents=True)
    (place / ".venv" / "bin" / "iact").symlink_to(Path(sys.executable).parent / "iact")
    repository.commit("The rules", at="2025-01-06 09:00", files={"README.md": "# iact\n"})


def _put(program: Path, script: str) -> None:
    program.parent.mkdir(parents=True)
    program.write_text(script, encoding="utf-8")
    program.chmod(0o755)


def main() -> None:
    """Write what the commands print now into the documents."""
    for document in TRIED:
        with tempfile.TemporaryDirectory(prefix="reader-") as home:
            reader = Reader.of(document, Path(home))
            rewrite(document.path, list(reader.follow(document)))


if __name__ == "__main__":
    main()
