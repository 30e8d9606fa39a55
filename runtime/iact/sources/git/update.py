"""Reading only what is new in a repository, and noticing when what was known is no longer so.

New commits and releases can be added to what is known as long as nothing before them changed: the mainline still runs
through its old end, every known release is where it was, and every new release came after all known ones. Anything
else (a forced push, a tag that was moved, deleted or added in hindsight) is a reason to read everything again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from iact.sources.git.ancestry import NearestSearch
from iact.sources.git.command import Git, GitFailed
from iact.sources.git.log import Record, read_log
from iact.sources.git.model import Branch, Release
from iact.sources.git.refs import Refs


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What an earlier reading found.

    Attributes:
        mainline: the end of the mainline at that time.
        merges_to: the end of the branch whose merges are deployments, if there is one.
        releases: names and date of each known release, by its commit.
        delivered: some commits that were merged and released; what they contain need not be read again. The newer
            they are, the less is read.
    """

    mainline: str
    merges_to: str | None
    releases: Mapping[str, tuple[tuple[str, ...], datetime]]
    delivered: Collection[str]

    @property
    def newest(self) -> datetime | None:
        """When the last known release was deployed."""
        return max((deployed_at for _, deployed_at in self.releases.values()), default=None)


def new_refs(refs: Refs, known: Known) -> Refs:
    """Return the same branches with only the releases that are new."""
    return dataclasses.replace(refs, releases=tuple(one for one in refs.releases if one.sha not in known.releases))


def why_reread(git: Git, refs: Refs, known: Known) -> str | None:
    """Return why what is known cannot be added to; None when it can."""
    return (
        why_branch_reread(git, refs.mainline, known.mainline, newest=None)
        or (refs.merges_to and why_branch_reread(git, refs.merges_to, known.merges_to, newest=known.newest))
        or (None if refs.merges_to else _tags_reason(refs, known))
    )


def read_new(git: Git, new: Refs, known: Known) -> Iterator[Record]:
    """Stream the commits that are new, newly merged or newly released, and perhaps some that are not.

    Args:
        git: the repository.
        new: where the history ends now, with only the new releases (`new_refs`).
        known: what was known before.

    Raises:
        SourceError: when git cannot read them.
    """
    old_end = () if new.releases or new.merges_to else (known.mainline,)
    return read_log(git, new.tips, without=(*known.delivered, *old_end))


def nearest_before(git: Git, new: Collection[str], released: Container[str]) -> dict[str, list[str]]:
    """Return the nearest releases among the ancestors of each new one, reading back only as far as these.

    Args:
        git: the repository.
        new: the commits that were released now.
        released: all commits that were released; these may be left out.

    Raises:
        SourceError: when git cannot read them.
    """
    search = NearestSearch(new, released)
    if new:
        with git.stream("rev-list", "--parents", "--stdin", lines=new) as pieces:
            for line in _lines(pieces):
                sha, *parents = line.split()
                search.add(sha, parents)
                if not search.open:
                    break
    return {sha: _independent(git, found) for sha, found in search.found.items()}


def _independent(git: Git, commits: Collection[str]) -> list[str]:
    """Leave out the commits that another of them contains."""
    if len(commits) <= 1:
        return list(commits)
    return git.run("merge-base", "--independent", *sorted(commits)).decode().split()


def _lines(pieces: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from (line.decode() for line in lines)


def why_branch_reread(git: Git, branch: Branch, old: str | None, *, newest: datetime | None) -> str | None:
    """Return why the branch does not simply go on from its old end; merges must not be older than `newest`."""
    if old is None or branch.tip == old:
        return None
    try:
        printed = git.run("log", "--first-parent", "--format=%H %ct %P", "--no-show-signature", branch.tip, f"^{old}")
    except GitFailed:
        return f"the commit {old[:12]}, where `{branch.name}` used to end, is gone"
    added = [line.split() for line in printed.decode().splitlines()]
    if not added or added[-1][2:3] != [old]:
        return f"`{branch.name}` no longer runs through {old[:12]}, where it used to end"
    merged = [int(seconds) for _, seconds, *parents in added if len(parents) > 1]
    if newest is not None and merged and min(merged) <= newest.timestamp():
        return f"a merge to `{branch.name}` is dated before an earlier one"
    return None


def _tags_reason(refs: Refs, known: Known) -> str | None:
    now = {release.sha: release for release in refs.releases}
    for sha, (names, deployed_at) in known.releases.items():
        release = now.get(sha)
        if release is None or (release.names, release.deployed_at) != (names, deployed_at):
            return f"the tag `{names[0]}` was moved, deleted, or joined by another on its commit"
    newest = known.newest
    late = [one for one in refs.releases if one.sha not in known.releases and newest and one.deployed_at <= newest]
    return _late_reason(late[0]) if late else None


def _late_reason(release: Release) -> str:
    return f"the tag `{release.name}` is new and older than a known deployment"
