"""Running git: alike on every machine, and never steered by the repository's own configuration or hooks."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from iact.sources.git.errors import SourceError

_CHUNK: Final = 1 << 18
_OPTIONS: Final = (
    "--no-pager",
    # History is read as it was recorded: replacements and grafts are one clone's private view of it.
    "--no-replace-objects",
    "-c", "safe.directory=*",
    "-c", "core.quotePath=false",
    # The repository may belong to someone else, so nothing that its configuration names is started.
    "-c", "core.fsmonitor=false",
    "-c", f"core.hooksPath={os.devnull}",
    "-c", "log.showSignature=false",
    "-c", "log.mailmap=false",
    "-c", "i18n.logOutputEncoding=UTF-8",
)  # fmt: skip
_LITTLE_AT_ONCE: Final = (
    # A walk goes through a pack once, and git would hold all of it that has gone by: a fifth of what a million commits
    # take. Looking commits up in any order is another matter: it is twice as quick with the whole pack at hand.
    "-c", "core.packedGitWindowSize=4m",
    "-c", "core.packedGitLimit=32m",
)  # fmt: skip
_ENVIRONMENT: Final = {
    "LC_ALL": "C",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_GRAFT_FILE": f"{os.devnull}/none",  # a file that cannot exist; an empty one makes git give advice
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}


class GitFailed(Exception):  # noqa: N818 - reads as the sentence it is: `except GitFailed`
    """git ended with an error.

    Attributes:
        status: its exit status.
        said: what it wrote about it.
    """

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"git ended with {status}: {said}")
        self.status = status
        self.said = said


@dataclass(frozen=True, slots=True)
class Git:
    """The git program, run on one repository.

    Attributes:
        path: a work tree, a folder in one, a linked work tree or a bare repository.
        variables: environment variables that every command gets, such as an index file of its own.
    """

    path: Path
    variables: tuple[tuple[str, str], ...] = ()

    @classmethod
    def open(cls, path: Path) -> Git:
        """Return git for the repository at `path`.

        Raises:
            SourceError: git is missing, there is no repository, or it is a shallow clone, which holds only the last
                commits, so that every figure made of it would be wrong.
        """
        if not path.is_dir():
            raise SourceError(f"{path} is not a folder.", "Give the folder of a git repository.")
        git = cls(path)
        try:
            shallow = git.run("rev-parse", "--is-shallow-repository")
        except OSError as error:
            raise SourceError(
                f"The program git cannot be started: {error.strerror}.", "Install git 2.31 or later."
            ) from None
        except GitFailed as failure:
            raise SourceError(
                f"{path} is not a git repository (git says: {failure.said}).",
                "Give the folder of one, or clone it there with its whole history.",
            ) from None
        if shallow.strip() == b"true":
            raise SourceError(
                f"{path} is a shallow clone: its older commits are missing, and figures from it would be wrong.",
                "In GitHub Actions give actions/checkout `fetch-depth: 0`; elsewhere: `git fetch --unshallow --tags`.",
            )
        return git

    def with_variables(self, variables: Mapping[str, str]) -> Git:
        """Return git for the same repository with further environment variables."""
        return Git(self.path, (*self.variables, *variables.items()))

    def run(self, *arguments: str, lines: Iterable[str] = ()) -> bytes:
        """Return what a git command prints.

        Args:
            *arguments: the command and its arguments.
            lines: what it reads on its standard input.

        Raises:
            GitFailed: it ended with an error.
        """
        finished = subprocess.run(
            self._command(arguments), input=_text(lines), env=self._environment(), capture_output=True, check=False
        )
        if finished.returncode != 0:
            raise GitFailed(finished.returncode, _said(finished.stderr))
        return finished.stdout

    @contextmanager
    def stream(self, *arguments: str, lines: Iterable[str] = ()) -> Iterator[Iterator[bytes]]:
        """Run a git command and give what it prints piece by piece; leaving early ends the command.

        Args:
            *arguments: the command and its arguments; it must read its standard input whole before it prints.
            lines: what it reads there.

        Raises:
            SourceError: it ended with an error, as it does when objects are missing or damaged.
        """
        with tempfile.TemporaryFile() as said:
            command = self._command((*_LITTLE_AT_ONCE, *arguments))
            with subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=self._environment()
            ) as process:
                finished = False
                try:
                    _write(process.stdin, _text(lines))
                    yield _pieces(process.stdout)
                    finished = process.stdout is not None and not process.stdout.read(1)
                finally:
                    if not finished:
                        process.kill()
            if finished and process.returncode != 0:
                said.seek(0)
                raise SourceError(
                    f"The history of {self.path} cannot be read (git says: {_said(said.read())}).",
                    "Check the repository with `git fsck`; a fresh clone usually mends it.",
                )

    def _environment(self) -> dict[str, str]:
        return environment() | dict(self.variables)

    def _command(self, arguments: Iterable[str]) -> list[str]:
        return ["git", "-C", os.fspath(self.path), *_OPTIONS, *arguments]


def environment() -> dict[str, str]:
    """Return the environment without what a hook or a shell may have set: GIT_DIR would read another repository."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _ENVIRONMENT


def _text(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _write(stream: IO[bytes] | None, text: bytes) -> None:
    if stream is None:
        return
    try:
        stream.write(text)
        stream.close()
    except BrokenPipeError:
        # git ended before it read everything; its exit status and its words say why.
        return


def _pieces(stream: IO[bytes] | None) -> Iterator[bytes]:
    while stream is not None and (piece := stream.read(_CHUNK)):
        yield piece


def _said(error: bytes) -> str:
    return error.decode(errors="replace").strip().removeprefix("fatal: ").replace("\n", "; ")
