"""How deployments, failures and the work of agents are recognised in a git history; decisions only."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Final

from iact.sources.git.versions import Version

_REVERTED: Final = re.compile(rb"^This reverts commit ([0-9a-f]{7,64})", re.MULTILINE)
_TRAILER: Final = re.compile(r"(?P<key>[A-Za-z][A-Za-z-]*):\s*(?P<value>.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitRules:
    """What in a history is a deployment, a failure and the work of an agent.

    Attributes:
        tags: shell globs of the tags that are deployments; none means every tag that looks like a version, such as
            `v1.2`, `1.2.3` or `app-1.2.3`, but not `v2` (which usually moves) or `0.12.x` (the end of a branch).
        pre_releases: whether tags that call themselves rc, alpha, beta, dev or any other SemVer `-suffix` are
            deployments too. They are left out unless asked for, whatever the globs say.
        merges_to: instead of tags, every merge commit on the first-parent chain of this branch is a deployment.
        mainline: the branch to which changes are merged; None means the branch of the remote's HEAD, without a remote
            `merges_to`, else the branch that is checked out.
        environment: where these deployments go.
        failed_by_revert: whether reverting what an earlier deployment shipped says that this deployment failed.
        hotfix_within: a deployment is a hot fix, and the one before it failed, when only the patch part of the
            version grew within this time of the previous deployment by ancestry. None: hot fixes say nothing.
        agents: patterns of changes made by AI agents, in which only `*` is special. `Key: pattern` is compared with
            the lines of the message (`Co-authored-by: *[bot]*`), anything else with `Name <address>` of author and
            committer. Case does not matter, and nothing but yes or no is kept.

    Raises:
        ValueError: for rules that contradict each other.
    """

    tags: tuple[str, ...] = ()
    pre_releases: bool = False
    merges_to: str | None = None
    mainline: str | None = None
    environment: str = "production"
    failed_by_revert: bool = False
    hotfix_within: timedelta | None = None
    agents: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.merges_to is not None and self.tags:
            raise ValueError("`tags` and `merges_to` are two ways to recognise deployments; leave one of them out")
        if self.merges_to is not None and self.hotfix_within is not None:
            raise ValueError("`hotfix_within` compares version numbers, which merges have not; use `tags`")

    @property
    def digest(self) -> str:
        """SHA-256 of what decides which changes and deployments there are; failures are judged from those anew."""
        recognised = [self.tags, self.pre_releases, self.merges_to, self.mainline, self.environment, self.agents]
        return hashlib.sha256(json.dumps(recognised).encode()).hexdigest()

    @property
    def failure_sources(self) -> tuple[str, ...]:
        """The kinds of failure that are looked for; none means that failures are unknown, not that there are none."""
        return ("revert",) * self.failed_by_revert + ("hotfix",) * (self.hotfix_within is not None)

    def names_deployment(self, tag: str, version: Version | None) -> bool:
        """Return whether a tag of this name is a deployment; `version` is what the name says, if it says one."""
        if version is not None and version.is_pre_release and not self.pre_releases:
            return False
        return any(fnmatchcase(tag, glob) for glob in self.tags) if self.tags else version is not None


def reverted_commits(message: bytes) -> tuple[str, ...]:
    """Return the ids, full or abbreviated, that a message says it reverts, in the words `git revert` writes."""
    if b"This reverts commit " not in message:
        return ()
    return tuple(dict.fromkeys(found.decode() for found in _REVERTED.findall(message)))


class AgentPatterns:
    """Recognises the changes that an AI agent made.

    Args:
        patterns: as in `GitRules.agents`.
    """

    __slots__ = ("_known", "_lines", "_people")

    def __init__(self, patterns: tuple[str, ...]) -> None:
        trailers = [trailer for pattern in patterns if (trailer := _TRAILER.fullmatch(pattern))]
        people = [pattern for pattern in patterns if not _TRAILER.fullmatch(pattern)]
        self._lines = _any_of([rf"^{t['key']}:[ \t]*{_wildcards(t['value'])}[ \t\r]*$" for t in trailers])
        self._people = _any_of([rf"\A{_wildcards(pattern)}\Z" for pattern in people])
        self._known: dict[bytes, bool] = {}

    def made(self, people: tuple[bytes, bytes], message: bytes) -> bool:
        """Return whether an agent made the change.

        Args:
            people: author and committer, each as `Name <address>`.
            message: the whole message.
        """
        if self._people is not None and any(map(self._is_agent, people)):
            return True
        return self._lines is not None and self._lines.search(message) is not None

    def _is_agent(self, person: bytes) -> bool:
        known = self._known.get(person)
        if known is None:
            known = self._known[person] = self._people is not None and self._people.search(person) is not None
        return known


def _any_of(patterns: list[str]) -> re.Pattern[bytes] | None:
    return re.compile("|".join(patterns).encode(), re.IGNORECASE | re.MULTILINE) if patterns else None


def _wildcards(pattern: str) -> str:
    """Return a regular expression for a pattern in which only `*` is special: `[bot]` means its five letters."""
    return ".*".join(re.escape(part) for part in pattern.split("*"))
