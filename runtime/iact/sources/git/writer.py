"""Making a new repository out of commits and tags that were thought up, by `git fast-import`.

For demonstrations and benchmarks. Existing repositories are never written to.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from iact.sources.git.command import environment
from iact.sources.git.errors import SourceError

_BRANCH: Final = "refs/heads/main"
_EMPTY_TREE: Final = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
PERSON: Final = "iact <iact@example.invalid>"


class HistoryWriter(AbstractContextManager["HistoryWriter"]):
    """Writes a bare repository with the branch `main`; its commits hold no files.

    Args:
        path: where to make it; nothing may be there yet.

    Raises:
        SourceError: there is something already, or git cannot make it.
    """

    def __init__(self, path: Path) -> None:
        if path.exists() and any(path.iterdir()):
            raise SourceError(f"{path} is not empty.", "Name a folder that does not exist yet.")
        self._path = path
        self._marks: dict[str, int] = {}

    def __enter__(self) -> Self:
        """Make the repository and begin to write."""
        made = ["git", "init", "--quiet", "--bare", "--object-format=sha1", "--template=", "--initial-branch=main"]
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            subprocess.run([*made, str(self._path)], env=environment(), check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise SourceError(
                f"No repository could be made at {self._path}: {error}.", "Is git installed, and may you write there?"
            ) from error
        command = ["git", "-C", str(self._path), "fast-import", "--quiet", "--done"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the repository; after an error, leave it unfinished."""
        if kind is None:
            self._input.write(b"done\n")
        self._input.close()
        if self._process.wait() != 0 and kind is None:
            raise SourceError(f"git could not write {self._path}.", "Is there space left on the device?")

    def commit(
        self,
        message: str,
        *,
        at: datetime,
        parents: Sequence[str] = (),
        authored: datetime | None = None,
        author: str = PERSON,
    ) -> str:
        """Write a commit and return its id.

        Args:
            message: the whole message.
            at: when it was committed, to the second.
            parents: the ids of earlier commits of this writer.
            authored: when it was written; None: when it was committed.
            author: `Name <address>`.
        """
        text = f"{message}\n".encode()
        written = f"author {author} {_seconds(authored or at)}\ncommitter {PERSON} {_seconds(at)}\n"
        sha = _id_of(written, parents, text)
        mark = self._marks[sha] = len(self._marks) + 1
        # Without a `from`, fast-import takes the branch's last commit for the parent; a reset branch has none.
        begin = b"" if parents else f"reset {_BRANCH}\n\n".encode()
        lines = [begin, f"commit {_BRANCH}\nmark :{mark}\n{written}data {len(text)}\n".encode(), text]
        lines += [
            f"{'merge' if place else 'from'} :{self._marks[parent]}\n".encode() for place, parent in enumerate(parents)
        ]
        self._input.write(b"".join(lines))
        return sha

    def tag(self, name: str, sha: str, *, at: datetime | None = None) -> None:
        """Tag a commit; with a date of its own the tag is annotated, without it is lightweight."""
        mark = self._marks[sha]
        if at is None:
            self._input.write(f"reset refs/tags/{name}\nfrom :{mark}\n\n".encode())
        else:
            tagger = f"tagger {PERSON} {_seconds(at)}"
            self._input.write(f"tag {name}\nfrom :{mark}\n{tagger}\ndata {len(name)}\n{name}\n".encode())

    def end(self, sha: str) -> None:
        """Let the branch `main` end here."""
        self._input.write(f"reset {_BRANCH}\nfrom :{self._marks[sha]}\n\n".encode())

    @property
    def _input(self) -> IO[bytes]:
        stream = self._process.stdin
        if stream is None:  # pragma: no cover - it was asked for
            raise SourceError("git takes no input.", "Use the writer in a `with` statement.")
        return stream


def _seconds(moment: datetime) -> str:
    return f"{int(moment.timestamp())} +0000"


def _id_of(written: str, parents: Sequence[str], message: bytes) -> str:
    """Return the id that git gives this commit, so that later messages can name it."""
    head = "".join([f"tree {_EMPTY_TREE}\n", *(f"parent {parent}\n" for parent in parents), written, "\n"])
    body = head.encode() + message
    return hashlib.sha1(f"commit {len(body)}\0".encode() + body, usedforsecurity=False).hexdigest()
