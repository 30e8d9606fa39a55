"""A ref of another repository as a place: a commit for each checkpoint, on top of the one before, never by force.

Objects are made in the project's own repository; its work tree, its index and its own branches stay as they are. Unlike
where a history is measured, git uses the configuration of whoever runs it: they push to their own remote.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from iact.agents.program import Ended, Stopped, run
from iact.audit.bundles import CHECKPOINT, KEYS, shortened
from iact.audit.notes import Signature
from iact.audit.publishing.model import ContradictionError, Kept, MovedError, Publication, RefusedError
from iact.config.model.publish import PublishToGit
from iact.sources.git.writer import PERSON

TIMEOUT: Final = timedelta(seconds=30)
"""How long git may take for one thing."""
SEEN: Final = "refs/iact/checkpoints-seen/"
"""Below it stands in the project's repository how far the refs went that this machine has looked at."""
_MOST: Final = 1 << 20
"""Bytes that git may write; a checkpoint has some hundred."""
_OPTIONS: Final = (
    "-c", f"core.hooksPath={os.devnull}",
    "-c", "i18n.commitEncoding=UTF-8",
    "-c", "maintenance.auto=false",
    "-c", "gc.auto=0",
)  # fmt: skip
# What a hook or a shell may have set to another repository (`git rev-parse --local-env-vars`); what lets git in at a
# server stays.
_NOT_OURS: Final = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_NAMESPACE",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_QUARANTINE_PATH",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)
_PASSWORD: Final = re.compile(r"://[^/\s@]+@")
"""What some addresses of remotes have before the host, and git repeats."""
_SET: Final = {
    "GCM_INTERACTIVE": "never",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
    "SSH_ASKPASS_REQUIRE": "never",
}


@dataclass(frozen=True, slots=True)
class GitRef:
    """A ref of another repository.

    Attributes:
        settings: which remote, and which ref there.
        root: a folder of the project's repository.
    """

    settings: PublishToGit
    root: Path

    @property
    def name(self) -> str:
        """What it is called in the project."""
        return "git"

    @property
    def address(self) -> str:
        """Which remote and ref."""
        return f"{self.settings.remote} {self.settings.ref}"

    @property
    def reads_back(self) -> bool:
        """Whether what was published there can be looked at: everybody can."""
        return True

    def look(self) -> Kept | None:
        """Return the newest checkpoint that the ref has; None where there is no such ref yet.

        Raises:
            RefusedError: if the remote gives no answer.
            ContradictionError: if the ref holds something else.
        """
        tip = self._tip()
        if not tip:
            return None
        if self._git("cat-file", "-e", f"{tip}^{{commit}}").code:
            self._do(
                "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--refmap=",
                self.settings.remote, self.settings.ref,
            )  # fmt: skip
        found = self._git("cat-file", "blob", f"{tip}:{CHECKPOINT}")
        if found.stopped is Stopped.TIME:
            raise RefusedError(_too_long("cat-file"))
        if found.code or found.stopped:
            message = f"{self.address} holds something else than checkpoints: commit {tip[:12]} has no {CHECKPOINT}"
            raise ContradictionError(message)
        seen = self._seen()
        return Kept(found.output, tip, goes_on=not seen or self._descends(tip, seen))

    def remember(self, found: Kept | None) -> None:
        """Keep in a ref of the project's own repository which commit was found, so that its history can be asked for.

        Raises:
            RefusedError: if git does not take it.
        """
        if found is not None:
            self._do("update-ref", self._seen_ref, found.state)
        elif self._seen():
            self._do("update-ref", "-d", self._seen_ref)

    def publish(self, publication: Publication, after: Kept | None) -> Signature | None:
        """Add a commit with a checkpoint, to which nothing is added.

        Raises:
            RefusedError: if the remote does not take it.
            MovedError: if the ref has moved.
        """
        keys = "".join(f"{key}\n" for key in publication.keys).encode()
        listed = "".join(
            f"100644 blob {self._do('hash-object', '-w', '--no-filters', '--stdin', given=content)}\t{file}\n"
            for file, content in ((CHECKPOINT, publication.note), (KEYS, keys))
        )
        tree = self._do("mktree", given=listed.encode())
        parents = () if after is None else ("-p", after.state)
        subject = f"Checkpoint of {publication.origin}: {publication.size} entries\n"
        seconds = int(publication.at.timestamp())
        commit = self._do("commit-tree", tree, *parents, given=subject.encode(), at=seconds)
        if after is None or after.state != commit:
            self._push(commit)
        return None

    @property
    def _seen_ref(self) -> str:
        return f"{SEEN}{self.settings.remote}/{self.settings.ref.removeprefix('refs/')}"

    def _seen(self) -> str:
        """Return the commit at which the ref ended when this machine looked the last time; empty for none."""
        found = self._git("rev-parse", "--quiet", "--verify", f"{self._seen_ref}^{{commit}}")
        return "" if found.code or found.stopped else found.output.decode("ascii", "replace").strip()

    def _descends(self, tip: str, seen: str) -> bool:
        """Return whether the history that ends at one commit has another in it.

        Raises:
            RefusedError: if git cannot tell.
        """
        ended = self._git("merge-base", "--is-ancestor", seen, tip)
        if ended.stopped or ended.code not in {0, 1}:
            raise RefusedError(_said(ended, "merge-base"))
        return not ended.code

    def _tip(self) -> str:
        """Return the commit at which the ref ends; empty where there is no such ref."""
        listed = self._do("ls-remote", "--quiet", self.settings.remote, self.settings.ref)
        found = [line.split("\t") for line in listed.splitlines()]
        return next((name for name, ref in found if ref == self.settings.ref), "")

    def _push(self, commit: str) -> None:
        ended = self._git(
            "push", "--quiet", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed",
            "--recurse-submodules=no", self.settings.remote, f"{commit}:{self.settings.ref}",
        )  # fmt: skip
        if not ended.code and not ended.stopped:
            return
        told = [line for line in ended.output.decode(errors="replace").splitlines() if line.startswith("!")]
        # Of two who push at once the server lets one lock the ref, and rejects the other in words of its own.
        if any("[rejected]" in line or "cannot lock ref" in line for line in told):
            message = f"{self.address} has moved meanwhile"
            raise MovedError(message)
        why = told[0].split("\t")[-1] if told else ""
        said = _said(ended, "push")
        message = f"{self.settings.remote} does not take it: {f'{shortened(why)}; ' if why else ''}{said}"
        raise RefusedError(message)

    def _do(self, *arguments: str, given: bytes = b"", at: int = 0) -> str:
        """Return what a git command prints.

        Raises:
            RefusedError: if it ends with an error.
        """
        ended = self._git(*arguments, given=given, at=at)
        if ended.code or ended.stopped:
            raise RefusedError(_said(ended, arguments[0]))
        return ended.output.decode("utf-8", errors="replace").strip()

    def _git(self, *arguments: str, given: bytes = b"", at: int = 0) -> Ended:
        variables = {name: value for name, value in os.environ.items() if name not in _NOT_OURS} | _SET
        name, _, address = PERSON.rstrip(">").partition(" <")
        for role in ("AUTHOR", "COMMITTER"):
            variables |= {f"GIT_{role}_NAME": name, f"GIT_{role}_EMAIL": address, f"GIT_{role}_DATE": f"@{at} +0000"}
        try:
            return run(
                ["git", *_OPTIONS, *arguments],
                folder=self.root,
                environment=variables,
                given=given,
                timeout=TIMEOUT,
                most=_MOST,
            )
        except OSError as error:
            message = f"the program git cannot be started: {error.strerror}"
            raise RefusedError(message) from None


def _said(ended: Ended, command: str) -> str:
    if ended.stopped is Stopped.TIME:
        return _too_long(command)
    lines = [line.strip() for line in ended.errors.decode(errors="replace").splitlines() if line.strip()]
    # What a server says goes before what git concludes from it.
    telling = [line for line in lines if line.startswith(("remote:", "fatal:", "error:", "ssh:"))] or lines
    told = _PASSWORD.sub("://…@", "; ".join(telling[:3])) or f"ended with {ended.code}"
    return f"git {command}: {shortened(told)}"


def _too_long(command: str) -> str:
    return f"git {command} took longer than {TIMEOUT.total_seconds():.0f} s"
