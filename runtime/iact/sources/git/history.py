"""Following every commit of a history to the mainline commit that merged it and the release that first contained it.

One pass, children before parents: what contains a commit is handed on from its children, so only the commits between
what has gone by and what is still to come are ever held.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from iact.sources.git.ancestry import Ancestry
from iact.sources.git.log import Record
from iact.sources.git.model import Commit, Release
from iact.sources.git.refs import Refs
from iact.sources.git.rules import AgentPatterns, GitRules, reverted_commits

SUBJECT_LENGTH: Final = 200
_ABBREVIATED: Final = 12

# What contains a commit first: seconds since 1970, rank among releases of the same second, id.
_First = tuple[int, int, str]
# The mainline commit that merged it: how far down the mainline, its id, when it was committed.
_Merge = tuple[int, str, datetime]
_NEVER: Final[_First] = (sys.maxsize, 0, "")
_NOWHERE: Final[_Merge] = (0, "", datetime.min.replace(tzinfo=UTC))


@dataclass(slots=True)
class _Chain:
    """The first-parent chain of a branch, followed as its commits go by, the newest first."""

    next: str | None
    length: int = 0

    def reaches(self, record: Record) -> bool:
        """Return whether the chain runs through this commit, and if so follow it to the commit's first parent."""
        if record.sha != self.next:
            return False
        self.next = record.parents[0] if record.parents else None
        self.length += 1
        return True


class History:
    """The commits of a repository, or those that are new to it, and afterwards its releases.

    Args:
        refs: where the history begins.
        rules: what in it is a deployment.
    """

    def __init__(self, refs: Refs, rules: GitRules) -> None:
        self._rules = rules
        self._agents = AgentPatterns(rules.agents) if rules.agents else None
        self._mainline = _Chain(refs.mainline.tip)
        self._deploying = None if refs.merges_to is None else _Chain(refs.merges_to.tip)
        self._releases = {release.sha: release for release in refs.releases}
        self._firsts: dict[str, _First] = {
            release.sha: (int(release.deployed_at.timestamp()), rank, release.sha)
            for rank, release in enumerate(sorted(refs.releases, key=lambda release: release.order))
        }
        self._ancestry = Ancestry()
        self._numbers: dict[int, str] = {}

    def commits(self, log: Iterable[Record]) -> Iterator[Commit]:
        """Follow the commits of a log, children before parents.

        Yields:
            Each commit with how it was delivered; it is final, and nothing of it is kept.
        """
        contained: dict[str, _First] = {}
        merged: dict[str, _Merge] = {}
        for record in log:
            sha, parents = record.sha, record.parents
            committed_at = datetime.fromtimestamp(record.committed, UTC)
            first, own = contained.pop(sha, None), self._own_release(record, committed_at)
            if own is not None and (first is None or own < first):
                first = own
            merge = merged.pop(sha, None)
            if self._mainline.reaches(record):
                merge = (self._mainline.length, sha, committed_at)
            for parent in parents:
                if first is not None and first < contained.get(parent, _NEVER):
                    contained[parent] = first
                if merge is not None and merge > merged.get(parent, _NOWHERE):
                    merged[parent] = merge
            yield self._commit(record, committed_at, first, merge)

    def releases(self) -> list[Release]:
        """Return the releases, the earliest first, each with its previous one; complete once all commits have gone by.

        In a log that leaves known commits out, a previous release among those is not seen: see `update`.
        """
        previous = self._previous()
        found = [dataclasses.replace(one, previous=previous.get(one.sha)) for one in self._releases.values()]
        return sorted(found, key=lambda release: self._firsts[release.sha])

    def _own_release(self, record: Record, committed_at: datetime) -> _First | None:
        number = self._ancestry.add(record.sha, record.parents)
        if self._deploying is not None and self._deploying.reaches(record) and len(record.parents) > 1:
            name = record.sha[:_ABBREVIATED]
            self._releases[record.sha] = Release(sha=record.sha, name=name, names=(name,), deployed_at=committed_at)
            # The deeper on the branch, the earlier.
            self._firsts[record.sha] = (record.committed, -self._deploying.length, record.sha)
        own = self._firsts.get(record.sha)
        if own is not None:
            self._numbers[number] = record.sha
        return own

    def _commit(self, record: Record, committed_at: datetime, first: _First | None, merge: _Merge | None) -> Commit:
        same = record.authored == record.committed
        # By position: a call with names takes twice as long, and there is one for every commit.
        return Commit(
            record.sha,
            committed_at if same else datetime.fromtimestamp(record.authored, UTC),
            committed_at,
            None if merge is None else merge[1],
            None if merge is None else merge[2],
            None if first is None else first[2],
            len(record.parents) > 1,
            self._agents is not None and self._agents.made(record.people, record.message),
            _subject(record.message),
            reverted_commits(record.message),
        )

    def _previous(self) -> dict[str, str]:
        """Return the previous release of each release that has one."""
        return {
            self._numbers[release]: highest(self._releases[self._numbers[number]] for number in before).sha
            for release, before in self._ancestry.nearest(self._numbers).items()
            if before
        }


def highest(candidates: Iterable[Release]) -> Release:
    """Return which of the nearest releases among a release's ancestors is the one before it."""
    return max(candidates, key=lambda release: release.height)


def _subject(message: bytes) -> str:
    """Return the first line that says something, as text that any database takes."""
    line = message.lstrip().split(b"\n", 1)[0].decode(errors="replace").strip()
    return line[:SUBJECT_LENGTH]
