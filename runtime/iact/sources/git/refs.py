"""Branches and tags of a repository: where its mainline ends and which commits were deployed."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from iact.sources.git.command import Git, GitFailed
from iact.sources.git.errors import SourceError
from iact.sources.git.model import Branch, Release, seconds
from iact.sources.git.rules import GitRules
from iact.sources.git.versions import Version

_FIELDS: Final = (
    "%(refname)",
    "%(symref)",
    "%(objectname)",
    "%(objecttype)",
    "%(*objectname)",
    "%(*objecttype)",
    "%(taggerdate:unix)",
    "%(committerdate:unix)",
    "%(*committerdate:unix)",
)
_HEADS: Final = "refs/heads/"
_ORIGIN: Final = "refs/remotes/origin/"
_TAGS: Final = "refs/tags/"
_BRANCHES: Final = ("refs/heads", "refs/remotes/origin")
_NAMES: Final = 50
"""How many names of one release are kept; repositories of many packages put hundreds of tags on one commit."""
_SHOWN: Final = 3
"""How many names a note lists before it only counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refs:
    """Where a history begins to be read.

    Attributes:
        mainline: the branch to which changes are merged.
        merges_to: the branch whose merges are deployments, if the rules name one.
        releases: deployments recognised by tags, the earliest first.
        notes: what was left out, for the reader of a report.
    """

    mainline: Branch
    merges_to: Branch | None
    releases: tuple[Release, ...]
    notes: tuple[str, ...]

    @property
    def tips(self) -> tuple[str, ...]:
        """The commits from which everything that is read can be reached."""
        branches = (self.mainline,) if self.merges_to is None else (self.mainline, self.merges_to)
        return (*(branch.tip for branch in branches), *(release.sha for release in self.releases))

    @property
    def digest(self) -> str:
        """SHA-256 of all of it: as long as it stays, there is nothing new to read."""
        releases = [(release.sha, release.names, release.deployed_at.isoformat()) for release in self.releases]
        return hashlib.sha256(repr((self.mainline, self.merges_to, releases)).encode()).hexdigest()

    @property
    def tags_digest(self) -> str:
        """SHA-256 of all but where the mainline ends: as long as it stays, only commits can be new."""
        releases = [(release.sha, release.names, release.deployed_at.isoformat()) for release in self.releases]
        named = (self.mainline.name, self.merges_to, releases, self.notes)
        return hashlib.sha256(repr(named).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Ref:
    """One line of `git for-each-ref`."""

    name: str
    target: str
    sha: str
    kind: str
    peeled_sha: str
    peeled_kind: str
    tagged: str
    committed: str
    peeled_committed: str


@dataclass(frozen=True, slots=True)
class _Tag:
    """A tag that is a deployment, and when it was made."""

    name: str
    version: Version | None
    second: int


def read_refs(git: Git, rules: GitRules) -> Refs:
    """Find the mainline and the deployments.

    Raises:
        SourceError: the repository has no commit, or a branch that the rules name does not exist.
    """
    refs = {ref.name: ref for ref in _list_refs(git, *_BRANCHES, _TAGS)}
    mainline = _mainline(git, refs, rules)
    merges_to = None if rules.merges_to is None else _branch(git, refs, rules.merges_to)
    tags = [] if merges_to is not None else [ref for ref in refs.values() if ref.name.startswith(_TAGS)]
    releases, notes = _releases(git, tags, rules)
    return Refs(mainline=mainline, merges_to=merges_to, releases=releases, notes=notes)


def merges(git: Git, branch: Branch) -> tuple[Release, ...]:
    """Return every merge on the first-parent chain of a branch as a release, the earliest first."""
    printed = git.run("log", "--first-parent", "--merges", "--no-show-signature", "--format=%H %ct", branch.tip)
    found = [line.split() for line in printed.decode().splitlines()]
    return tuple(
        Release(sha=sha, name=sha[:12], names=(sha[:12],), deployed_at=datetime.fromtimestamp(_second(at), UTC))
        for sha, at in reversed(found)
    )


def full_ids(git: Git, shas: Iterable[str]) -> dict[str, str]:
    """Return the full id of each commit, given perhaps abbreviated, that the repository holds."""
    asked = sorted(set(shas))
    printed = git.run(
        "cat-file", "--batch-check=%(objectname) %(objecttype)", lines=[f"{sha}^{{commit}}" for sha in asked]
    )
    answers = [line.split() for line in printed.decode().splitlines()]
    return {sha: answer[0] for sha, answer in zip(asked, answers, strict=True) if answer[1:] == ["commit"]}


def read_mainline(git: Git, rules: GitRules) -> Branch:
    """Find the mainline alone; where there are many tags, that is much quicker.

    Raises:
        SourceError: the repository has no commit, or a branch that the rules name does not exist.
    """
    return _mainline(git, {ref.name: ref for ref in _list_refs(git, *_BRANCHES)}, rules)


def _list_refs(git: Git, *below: str) -> Iterator[_Ref]:
    try:
        printed = git.run("for-each-ref", f"--format={'%00'.join(_FIELDS)}", *below)
    except GitFailed as failure:
        raise SourceError(
            f"The branches and tags of {git.path} cannot be read (git says: {failure.said}).",
            "Check the repository with `git fsck`; a fresh clone usually mends it.",
        ) from None
    for line in printed.decode(errors="replace").split("\n"):
        if line:
            yield _Ref(*line.split("\0"))


def _mainline(git: Git, refs: Mapping[str, _Ref], rules: GitRules) -> Branch:
    if rules.mainline is not None:
        return _branch(git, refs, rules.mainline)
    remote = refs.get(f"{_ORIGIN}HEAD")
    if remote is not None and remote.target.startswith(_ORIGIN):
        return _branch(git, refs, remote.target.removeprefix(_ORIGIN))
    if rules.merges_to is not None:
        return _branch(git, refs, rules.merges_to)
    return _checked_out(git)


def _checked_out(git: Git) -> Branch:
    try:
        tip = git.run("rev-parse", "--quiet", "--verify", "HEAD^{commit}").decode().strip()
    except GitFailed:
        raise SourceError(
            f"{git.path} has no commit on the branch that is checked out.",
            "Commit something first, or name another branch as `mainline`.",
        ) from None
    name = git.run("rev-parse", "--abbrev-ref", "HEAD").decode(errors="replace").strip()
    return Branch(name, tip)


def _branch(git: Git, refs: Mapping[str, _Ref], name: str) -> Branch:
    """Find a branch here or at the remote; of both, the one that holds the other's commits.

    A clone's own branch is often behind the remote's, and ahead of it where people merge before they push. When each
    has commits of its own, the remote's is what everyone else sees.
    """
    local, remote = refs.get(_HEADS + name), refs.get(_ORIGIN + name)
    if local is None and remote is None:
        raise _unknown_branch(git, refs, name)
    if local is not None and remote is not None and local.sha != remote.sha:
        return Branch(name, local.sha if is_ancestor(git, remote.sha, local.sha) else remote.sha)
    return Branch(name, (local or remote).sha)  # type: ignore[union-attr]  # one of them is there


def _unknown_branch(git: Git, refs: Mapping[str, _Ref], name: str) -> SourceError:
    names = {ref.removeprefix(_HEADS).removeprefix(_ORIGIN) for ref in refs if not ref.startswith(_TAGS)} - {"HEAD"}
    if not names:
        return SourceError(f"{git.path} has no commit yet.", "Commit something first.")
    nearest = difflib.get_close_matches(name, sorted(names), n=1)
    hint = f"Did you mean `{nearest[0]}`?" if nearest else f"Its branches are: {_some(sorted(names))}."
    return SourceError(f"{git.path} has no branch `{name}`.", hint)


def is_ancestor(git: Git, older: str, newer: str) -> bool:
    """Return whether `newer` contains `older`; a commit that is no longer there is contained in nothing."""
    try:
        git.run("merge-base", "--is-ancestor", older, newer)
    except GitFailed:
        return False
    return True


def _releases(git: Git, tags: Iterable[_Ref], rules: GitRules) -> tuple[tuple[Release, ...], tuple[str, ...]]:
    tagged: dict[str, list[_Tag]] = {}
    left_out: list[str] = []
    not_commits: list[str] = []
    for ref in tags:
        name = ref.name.removeprefix(_TAGS)
        version = Version.parse(name)
        if not rules.names_deployment(name, version):
            left_out.append(name)
            continue
        commit = _tagged_commit(git, ref)
        if commit is None:
            not_commits.append(name)
        else:
            tagged.setdefault(commit[0], []).append(_Tag(name, version, commit[1]))
    releases = sorted((_release(sha, found) for sha, found in tagged.items()), key=lambda release: release.order)
    return tuple(releases), tuple(_notes(left_out, not_commits))


def _tagged_commit(git: Git, ref: _Ref) -> tuple[str, int] | None:
    """Return the commit that a tag names and the second it was tagged; None when it names a tree or a file."""
    if ref.kind == "commit":
        return ref.sha, _second(ref.committed)
    if ref.peeled_kind == "commit":
        return ref.peeled_sha, _second(ref.tagged or ref.peeled_committed)
    if ref.peeled_kind != "tag":
        return None
    try:  # a tag of a tag
        sha, committed = git.run("show", "--no-patch", "--format=%H %ct", f"{ref.sha}^{{commit}}").decode().split()
    except GitFailed:
        return None
    return sha, _second(ref.tagged or committed)


def _second(text: str) -> int:
    return seconds(text, otherwise=0)


def _release(sha: str, tags: list[_Tag]) -> Release:
    tags.sort(key=_height, reverse=True)
    return Release(
        sha=sha,
        name=tags[0].name,
        names=tuple(tag.name for tag in tags[:_NAMES]),
        deployed_at=datetime.fromtimestamp(min(tag.second for tag in tags), UTC),
        version=tags[0].version,
    )


def _height(tag: _Tag) -> tuple[bool, bool, Version | None, str]:
    """Order tags so that the highest final version comes last."""
    return tag.version is not None, tag.version is not None and not tag.version.is_pre_release, tag.version, tag.name


def _notes(left_out: list[str], not_commits: list[str]) -> Iterator[str]:
    if left_out:
        yield f"{len(left_out)} tags are not deployments by the rules: {_some(left_out)}."
    if not_commits:
        yield f"{len(not_commits)} tags name no commit and were ignored: {_some(not_commits)}."


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(f"`{name}`" for name in names[:_SHOWN]) + more
