"""Which repository a folder holds, told by its history: where the folder is, and what it is called, may change."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from iact.sources.git.command import Git, GitFailed
from iact.sources.git.errors import SourceError


def folder_name(git: Git) -> str:
    """Return what people call a repository: the name of its folder, from wherever in it or in a linked work tree."""
    common = Path(git.run("rev-parse", "--path-format=absolute", "--git-common-dir").decode(errors="replace").strip())
    folder = common.parent if common.name == ".git" else common
    return folder.name.removesuffix(".git") or "repository"


def first_commit(git: Git, tip: str, known: Mapping[str, str]) -> str:
    """Return the first commit of the branch that ends at `tip`, following first parents only.

    Other roots do not count: merging in another project's history makes no other repository. Since a commit's first
    parents never change, what is known of an earlier end of the branch holds for a later one, and only the commits
    between them are walked.

    Args:
        git: the repository.
        tip: the full id of the branch's last commit.
        known: the first commit of some commits; they need not be in this repository.

    Raises:
        SourceError: the history cannot be read.
    """
    if tip in known:
        return known[tip]
    last = _walk(git, [tip, *(f"^{sha}" for sha in known)], "--parents") if known else []
    for parent in last[1:2]:
        if parent in known:
            return known[parent]
    return _root(git, tip)


@lru_cache(maxsize=16)
def _root(git: Git, tip: str) -> str:
    return _walk(git, [tip], "--max-parents=0")[0]


def _walk(git: Git, ends: list[str], option: str) -> list[str]:
    """Return the ids on the last line that a walk along first parents prints."""
    try:
        printed = git.run("rev-list", "--first-parent", "--ignore-missing", option, "--stdin", lines=ends)
    except GitFailed as failure:
        raise SourceError(
            f"The history of {git.path} cannot be read (git says: {failure.said}).",
            "Check the repository with `git fsck`; a fresh clone usually mends it.",
        ) from None
    return printed.decode().rstrip("\n").rpartition("\n")[2].split()
