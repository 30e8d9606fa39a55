"""Trying a patch on a git branch of its own, and taking it back, without touching what anybody has checked out.

Everything is made in git's object store with an index file of our own (`read-tree`, `apply --cached`, `write-tree`,
`commit-tree`), and becomes visible in one step: a reference that is created only where there was none, or deleted only
where it is what we made. The work tree, the index and the checked-out branch are never read or written, and no hook of
the repository runs. The key of the attempt stands in the commit's trailer, so a repeated attempt finds the first one.

Taking a branch back leaves a mark below `refs/iact/`, in the same step that deletes the branch, and a branch is made
only where there is no such mark. So a process that was paused in the middle of an attempt, and wakes when others have
made the branch and taken it back, does not make it again (ADR 0058).
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from iact.sources.git.command import Git, GitFailed
from iact.sources.git.errors import SourceError
from iact.sources.git.refs import read_refs
from iact.sources.git.rules import GitRules

if TYPE_CHECKING:
    from datetime import datetime

    from iact.sources.git.model import Branch

NOTHING: Final = "0" * 40
"""What git calls the value of a reference that must not exist yet."""
IDENTITY: Final = ("iact", "iact@localhost.invalid")
"""Who makes the commits: nobody's name, and an address that cannot exist (RFC 2606)."""
KEY_TRAILER: Final = "Iact-Key"
ONTO_TRAILER: Final = "Iact-Onto"
TAKEN_BACK: Final = "refs/iact/taken-back/"
"""Below this stand the branches that were taken back, each with the commit that was on it; never deleted by iact."""
OWN: Final = "iact/"
"""How the names of our own branches begin; none of them is ever the one that changes are merged to."""


class BranchError(Exception):
    """The branch cannot be made or taken back; the message says why, and nothing was left behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One patch that is to be tried.

    Attributes:
        improvement: name of the improvement.
        run: identifier of the run.
        key: idempotency key of the attempt.
        at: date of the commit, UTC.
    """

    improvement: str
    run: str
    key: str
    at: datetime

    @property
    def branch(self) -> str:
        """The branch that it is tried on."""
        return f"iact/{self.improvement}-{short(self.run)}"

    @property
    def revert_branch(self) -> str:
        """The branch that takes it back where it has been merged."""
        return f"iact/revert-{self.improvement}-{short(self.run)}"


@dataclass(frozen=True, slots=True)
class Made:
    """A branch with the commit that was made on it.

    Attributes:
        branch: its name.
        commit: the commit.
        onto: the mainline at that time, which it is to be merged to.
    """

    branch: str
    commit: str
    onto: str = ""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What taking a patch back came to.

    Attributes:
        deleted: the branch that was deleted; empty where it had been merged.
        made: the branch that reverts the merged commit and waits to be merged; None where there was nothing merged.
    """

    deleted: str = ""
    made: Made | None = None


def short(run: str) -> str:
    """Return the first eight characters that tell a run from the others."""
    return run.removeprefix("run-")[:8]


class Repository:
    """The git repository that patches are tried in."""

    def __init__(self, path: Path, rules: GitRules | None = None) -> None:
        """Look at the repository at `path`.

        Args:
            path: a work tree, a folder in one, or a bare repository.
            rules: how its history is read; patches are made for the mainline that they name.

        Raises:
            SourceError: if there is no complete repository there.
        """
        Git.open(path)
        self._git = Git(_top(path))
        self._rules = rules or GitRules()

    def attempt(self, attempt: Attempt, patch: bytes, subject: str) -> Made:
        """Commit `patch` on a new branch off the mainline; where this attempt made it before, return that.

        Args:
            attempt: which attempt it is.
            patch: a unified diff relative to the top of the repository.
            subject: first line of the commit's message.

        Raises:
            BranchError: if the patch does not apply, the branch belongs to something else, or it is not known which
                branch changes are merged to.
        """
        if made := self.made_by(attempt.branch, attempt.key):
            return made
        mainline = self._mainline()
        try:
            tree = self._tree_with(mainline.tip, patch)
        except GitFailed as failure:
            message = f"the patch does not apply to {mainline.tip[:12]}: {failure.said}"
            raise BranchError(message) from failure
        return self._publish(attempt, attempt.branch, tree, mainline, subject)

    def take_back(self, attempt: Attempt, made: Made) -> TakenBack:
        """Undo an attempt: delete its branch, or where its commit was merged make a branch that reverts it.

        Raises:
            BranchError: if the branch is checked out, holds more than what was made, or the merged commit cannot be
                reverted by itself.
        """
        if done := self.taken_back(attempt, made):
            return done
        if self._is_merged(made):
            return TakenBack(made=self._revert(attempt, made))
        if reason := self.looked_at(made):
            raise BranchError(reason)
        tip = self._resolve(f"refs/heads/{made.branch}")
        if tip != made.commit:
            message = (
                f"the branch {made.branch} holds commits that iact did not make, so it was not deleted. "
                "Delete it by hand when they are no longer needed."
            )
            raise BranchError(message)
        self._update(
            f"update {_mark(made.branch)} {made.commit}",
            f"delete refs/heads/{made.branch} {made.commit}",
        )
        return TakenBack(deleted=made.branch)

    def made_by(self, branch: str, key: str) -> Made | None:
        """Return the branch if the attempt of this key made it, or None where there is no such branch.

        Raises:
            BranchError: if there is such a branch, made by something else.
        """
        tip = self._resolve(f"refs/heads/{branch}")
        if tip is None:
            return None
        listed = self._git.run("rev-list", f"--grep={KEY_TRAILER}: {key}", "--fixed-strings", "--max-count=1", tip)
        commit = listed.decode().strip()
        if not commit:
            message = f"there is a branch {branch} already that this attempt did not make"
            raise BranchError(message)
        trailer = f"--format=%(trailers:key={ONTO_TRAILER},valueonly)"
        return Made(branch, commit, self._git.run("log", "-1", trailer, commit).decode().strip())

    def looked_at(self, made: Made) -> str:
        """Return why taking it back has to wait: its branch would be deleted under whoever has it checked out."""
        named = self._git.run("for-each-ref", "--format=%(worktreepath)", f"refs/heads/{made.branch}")
        place = named.decode(errors="replace").strip()
        if not place or self._is_merged(made):
            return ""
        return (
            f"the branch {made.branch} is checked out in {place}, so it was not deleted. "
            f"Check out another one there, then delete it: git branch -D {made.branch}"
        )

    def taken_back(self, attempt: Attempt, made: Made) -> TakenBack | None:
        """Return what taking it back came to if that was done before, or None where it is still to be done."""
        if reverted := self.made_by(attempt.revert_branch, attempt.key):
            return TakenBack(made=reverted)
        if self._resolve(f"refs/heads/{made.branch}") is None and not self._is_merged(made):
            return TakenBack(deleted=made.branch)
        return None

    def _revert(self, attempt: Attempt, made: Made) -> Made:
        mainline = self._mainline(made.onto)
        options = ("-p", "--binary", "--full-index", "--no-ext-diff", "--no-textconv")
        reverse = self._git.run("diff-tree", *options, made.commit, f"{made.commit}^")
        try:
            tree = self._tree_with(mainline.tip, reverse)
        except GitFailed as failure:
            message = f"{made.commit[:12]} was merged and cannot be reverted by itself: {failure.said}"
            raise BranchError(message) from failure
        subject = f"Revert {attempt.improvement}\n\nThis reverts commit {made.commit}."
        return self._publish(attempt, attempt.revert_branch, tree, mainline, subject)

    def _publish(self, attempt: Attempt, branch: str, tree: str, onto: Branch, subject: str) -> Made:
        """Make the commit, then the branch in one step; before that step nothing of it can be seen."""
        trailers = {"Iact-Run": attempt.run, KEY_TRAILER: attempt.key, ONTO_TRAILER: onto.name}
        message = "\n".join([subject, "", *(f"{name}: {value}" for name, value in trailers.items())])
        name, address = IDENTITY
        date = f"{int(attempt.at.timestamp())} +0000"
        who = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", name), ("EMAIL", address), ("DATE", date))
        }
        git = self._git.with_variables(who)
        commit = git.run("commit-tree", tree, "-p", onto.tip, "-F", "-", lines=message.split("\n")).decode().strip()
        self._update(
            f"verify {_mark(branch)} {NOTHING}",
            f"create refs/heads/{branch} {commit}",
        )
        return Made(branch, commit, onto.name)

    def _update(self, *changes: str) -> None:
        """Change references in one step: all of them, or none where one is not as it is said to be."""
        try:
            self._git.run("-c", f"core.hooksPath={os.devnull}", "update-ref", "--stdin", lines=changes)
        except GitFailed as failure:
            message = f"git could not update the branch: {failure.said}"
            raise BranchError(message) from failure

    def _tree_with(self, base: str, patch: bytes) -> str:
        """Return the tree of `base` with `patch` applied, made in an index file that is thrown away."""
        with tempfile.TemporaryDirectory(prefix="iact-patch-") as folder:
            index, file = Path(folder) / "index", Path(folder) / "patch"
            file.write_bytes(patch)
            git = self._git.with_variables({"GIT_INDEX_FILE": str(index)})
            git.run("read-tree", base)
            git.run("apply", "--cached", "--whitespace=nowarn", str(file))
            return git.run("write-tree").decode().strip()

    def _mainline(self, onto: str = "") -> Branch:
        """Return the mainline, the one that the figures are measured on; `onto` is what it was when the change began.

        Without a remote and without `mainline:` it is what is checked out, and that may be the change itself, because
        somebody looks at it. So what it was at the beginning is kept.
        """
        named = self._rules.mainline or onto or None
        try:
            found = read_refs(self._git, replace(self._rules, mainline=named)).mainline
        except SourceError as error:
            raise BranchError(str(error)) from error
        if found.name == "HEAD" or found.name.startswith(OWN):
            what = "no branch" if found.name == "HEAD" else found.name
            message = (
                f"{what} is checked out, so it is not known which branch changes are merged to. "
                "Say it in iact.yaml: sources: {git: {mainline: main}}"
            )
            raise BranchError(message)
        return found

    def _resolve(self, name: str) -> str | None:
        try:
            return self._git.run("rev-parse", "--quiet", "--verify", f"{name}^{{commit}}").decode().strip()
        except GitFailed:
            return None

    def _is_merged(self, made: Made) -> bool:
        """Return whether the mainline holds the commit, or one with the same change (a squash or a cherry-pick)."""
        try:
            tip = self._mainline(made.onto).tip
            compared = self._git.run("cherry", tip, made.commit, f"{made.commit}^").decode().split("\n")
        except GitFailed:
            return False
        # `git cherry` leaves out what the mainline contains and marks with "-" what it contains in another commit.
        return not any(line.startswith("+") for line in compared)


def _mark(branch: str) -> str:
    """Return the reference that says that a branch was taken back."""
    return TAKEN_BACK + branch.removeprefix(OWN)


def _top(path: Path) -> Path:
    """Return the top of the work tree, because `git apply` below it would leave out what lies above; or a bare path."""
    try:
        return Path(os.fsdecode(Git(path).run("rev-parse", "--show-toplevel").removesuffix(b"\n")))
    except GitFailed:
        return path
