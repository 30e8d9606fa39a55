"""Real git repositories for tests: small ones built commit by commit, and the supplied histories."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

HISTORIES: Final = Path(__file__).parent.parent / "data" / "git-histories"
"""Where the bundles of `tests/data/SOURCES.md` are."""

PERSON: Final = ("dev", "dev@example.invalid")
"""Name and address of the one person who writes every commit."""

FIRST_COMMIT: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""When the first commit happens if a test does not say: a Monday morning."""

STEP: Final = timedelta(hours=1)
"""How long after the last one a commit happens if a test does not say."""


def isolated_environment() -> dict[str, str]:
    """Return the variables under which git reads nobody's configuration and asks nobody anything."""
    name, address = PERSON
    return {
        "GIT_AUTHOR_EMAIL": address,
        "GIT_AUTHOR_NAME": name,
        "GIT_COMMITTER_EMAIL": address,
        "GIT_COMMITTER_NAME": name,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def instant(at: datetime | str) -> datetime:
    """Read an instant as a test writes it.

    Args:
        at: A `datetime` with a time zone, or ISO 8601 text; text without an offset is UTC.

    Returns:
        The instant in UTC.
    """
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


@dataclass(slots=True)
class GitRepository:
    """A git repository on disk, driven by the real git.

    Attributes:
        path: The work tree.
        latest: When the last commit or annotated tag was made; the next happens one `STEP` later unless a test says.

    Example:
        repository = GitRepository.create(tmp_path / "product")
        fixed = repository.commit("fix: change", at="2026-03-02 09:00")
        repository.tag("v1.0.0")
    """

    path: Path
    latest: datetime = field(default=FIRST_COMMIT - STEP)

    @classmethod
    def create(cls, path: Path, *, branch: str = "main") -> Self:
        """Make an empty repository at `path`, whose first branch is `branch`."""
        path.mkdir(parents=True, exist_ok=True)
        repository = cls(path)
        repository.git("init", "--quiet", f"--initial-branch={branch}")
        return repository

    @classmethod
    def clone(cls, source: Path, path: Path, *options: str) -> Self:
        """Clone `source`, a repository or a bundle, to `path`.

        Args:
            source: What to clone.
            path: Where to; it must not exist yet.
            *options: Further options of `git clone`; `--depth` needs `source` to be a repository.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        origin = source.as_uri() if source.is_dir() else str(source)
        run_git(path.parent, "clone", "--quiet", *options, origin, str(path))
        return cls(path)

    def git(self, *arguments: str, text: str = "") -> str:
        """Run git here and return what it prints, without the last line break.

        Args:
            *arguments: The command and its arguments.
            text: What git reads on its standard input.

        Raises:
            AssertionError: git failed; the message holds what it said.
        """
        return run_git(self.path, *arguments, text=text)

    @property
    def head(self) -> str:
        """The full id of the commit that is checked out."""
        return self.git("rev-parse", "HEAD")

    def commit(
        self,
        message: str = "change",
        *,
        at: datetime | str | None = None,
        authored: datetime | str | None = None,
        files: Mapping[str, str] | None = None,
    ) -> str:
        """Make a commit on the current branch.

        Args:
            message: The whole message.
            at: When it was committed; one `STEP` after the last when left out.
            authored: When it was written; equal to `at` when left out.
            files: Texts to write, by path; without any the commit is empty.

        Returns:
            The full id of the commit.
        """
        for name, content in (files or {}).items():
            place = self.path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(content, encoding="utf-8")
        if files:
            self.git("add", "--", *files)
        self._dated(at, "commit", "--quiet", "--allow-empty", f"--message={message}", authored=authored)
        return self.head

    def merge(self, branch: str, *, at: datetime | str | None = None, message: str = "Merge pull request") -> str:
        """Merge `branch` into the current one with a merge commit, and return that commit's id."""
        self._dated(at, "merge", "--quiet", "--no-ff", f"--message={message}", branch)
        return self.head

    def revert(self, commit: str, *, at: datetime | str | None = None) -> str:
        """Make the commit with which git takes `commit` back, and return its id.

        Like the reverts of a real history it names what it reverts; unlike them it may be empty.
        """
        return self.commit(f"Revert change\n\nThis reverts commit {self.git('rev-parse', commit)}.", at=at)

    def branch(self, name: str, *, start: str = "HEAD") -> None:
        """Make a branch at `start` and check it out."""
        self.git("switch", "--quiet", "--create", name, start)

    def switch(self, name: str) -> None:
        """Check an existing branch out."""
        self.git("switch", "--quiet", name)

    def tag(
        self, name: str, *, commit: str = "HEAD", message: str | None = None, at: datetime | str | None = None
    ) -> None:
        """Tag `commit`.

        Args:
            name: The tag.
            commit: What it names.
            message: Makes it an annotated tag, which has a date of its own; without it the tag is lightweight.
            at: The date of an annotated tag; one `STEP` after the last when left out.
        """
        if message is None:
            self.git("tag", name, commit)
        else:
            self._dated(at, "tag", "--annotate", f"--message={message}", name, commit)

    def _dated(self, at: datetime | str | None, *arguments: str, authored: datetime | str | None = None) -> None:
        """Run a git command that makes an object, at `at`."""
        self.latest = self.latest + STEP if at is None else instant(at)
        dates = {
            "GIT_AUTHOR_DATE": (self.latest if authored is None else instant(authored)).isoformat(),
            "GIT_COMMITTER_DATE": self.latest.isoformat(),
        }
        run_git(self.path, *arguments, variables=dates)


def run_git(folder: Path, *arguments: str, text: str = "", variables: Mapping[str, str] | None = None) -> str:
    """Run git in `folder`, free of the configuration and repository of whoever runs the tests.

    Args:
        folder: Where to run it.
        *arguments: The command and its arguments.
        text: What git reads on its standard input.
        variables: Environment variables beside the isolated ones.

    Returns:
        What git prints, without the last line break.

    Raises:
        AssertionError: git failed; the message holds what it said.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    finished = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=inherited | isolated_environment() | dict(variables or {}),
        input=text,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if finished.returncode != 0:
        message = f"git {' '.join(arguments)} ended with {finished.returncode}: {finished.stderr.strip()}"
        raise AssertionError(message)
    return finished.stdout.removesuffix("\n")
