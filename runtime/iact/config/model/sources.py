"""Where facts about the outside world come from: a git history, events that are told, and what is pulled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal

from iact.config.model.checking import wrong
from iact.core.problems import Problem
from iact.core.quantities import duration
from iact.core.shape import Duration, Moment, Name, OneOrMany, Scope, Secret, part
from iact.core.tree import NOWHERE, Position

_FULL_NAME: Final = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.][A-Za-z0-9_.-]*)+")


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class HotFix:
    """When a release is a hot fix for the one before it.

    Attributes:
        within: how soon after the previous release a release that only raises its patch number repairs it.
    """

    within: Duration


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class GitFailures:
    """What in a git history shows that a deployment failed.

    Attributes:
        reverts: whether a commit that reverts a deployed one does.
        hotfix: the rule by which a release is a hot fix for the one before; left out, none is.
    """

    reverts: bool = False
    hotfix: HotFix | None = None
    positions: Mapping[str, Position] = field(default_factory=dict)


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class GitSource:
    """How a git history is read.

    Attributes:
        tags: patterns of the tags that are deployments, such as `v*`; left out, every tag that looks like a version.
        pre_releases: whether release candidates, betas and the like are deployments too.
        merges_to: instead of tags, the branch whose every merge is a deployment.
        mainline: the branch that work is merged to; left out, the remote's main branch.
        environment: name of the environment that is deployed to.
        failures: what shows that a deployment failed; left out, failures are unknown, which is not the same as none.
        agents: patterns of the trailers or authors that mark a change as made by an AI agent.
        name: what the repository is called, and what tells it from its forks; left out, its folder's name is shown.
    """

    tags: OneOrMany[str] = ()
    pre_releases: bool = False
    merges_to: str | None = None
    mainline: str | None = None
    environment: str = "production"
    failures: GitFailures | None = None
    agents: OneOrMany[str] = ()
    name: Name | None = None
    position: Position = NOWHERE

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield the choices that exclude each other."""
        if self.tags and self.merges_to:
            message = "`tags` and `merges_to` both say what a deployment is; only one of them can."
            yield wrong("wrong-source", self.position, message, "Remove one of them.")
        if self.merges_to and self.failures and self.failures.hotfix:
            message = "`hotfix` compares the version numbers of tags, and with `merges_to` merges are the deployments."
            place = self.failures.positions.get("hotfix", self.position)
            yield wrong("wrong-source", place, message, "Use `tags` instead of `merges_to`, or remove `hotfix`.")


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class ToldIncidents:
    """How incidents that events tell of are linked to deployments. That it is there says that every one is told of.

    Attributes:
        within: how soon after a deployment an incident opens that only time and service link to it.
    """

    within: Duration = duration(timedelta(hours=24))


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class EventSource:
    """What counts of the events that `iact ingest` takes in.

    Attributes:
        deployments: `replace` what git shows in the time that events tell of, `add` to it, or `ignore` them.
        environments: patterns of the environments that count, such as `prod-*`; left out, the one of `git`.
        pipelines: patterns of the pipelines and workflows whose successful run is a deployment; left out, none is.
        incidents: how incidents are linked to deployments; left out, incidents are known as soon as one was told of.
    """

    deployments: Literal["replace", "add", "ignore"] = "replace"
    environments: OneOrMany[str] = ()
    pipelines: OneOrMany[str] = ()
    incidents: ToldIncidents | None = None


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class PulledSource:
    """Where `iact pull` asks for events.

    Attributes:
        repository: the repository's full name there, such as `shop/web`.
        token: what the token is called, such as `env:SHOP_TOKEN`; left out, GITHUB_TOKEN or GITLAB_TOKEN if it is set.
        url: where the API of a server of your own begins, such as `https://git.example.org/api/v4`.
        since: from when on events are asked for; left out, the year before the first pull.
    """

    repository: str
    token: Secret | None = None
    url: str | None = None
    since: Moment | None = None
    positions: Mapping[str, Position] = field(default_factory=dict)

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield a name that no repository has, and an address that a token must not be sent to."""
        if not is_full_name(self.repository):
            message = f"`{self.repository}`: expected owner and name of a repository, such as shop/web."
            yield wrong("invalid-value", self.positions.get("repository", NOWHERE), message)
        if self.url is not None and not self.url.startswith("https://"):
            message = (
                f"`{self.url}`: expected an address that begins with https://; a token must not travel in the open."
            )
            yield wrong("invalid-value", self.positions.get("url", NOWHERE), message)


def is_full_name(text: str) -> bool:
    """Return whether it could be the full name of a repository: at least two parts, with slashes between them."""
    return _FULL_NAME.fullmatch(text) is not None


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where facts about the outside world come from.

    Attributes:
        git: how the git history is read.
        events: what counts of the events that were taken in.
        github: the repository at GitHub whose events `iact pull github` asks for.
        gitlab: the project at GitLab whose events `iact pull gitlab` asks for.
    """

    git: GitSource = field(default_factory=GitSource)
    events: EventSource = field(default_factory=EventSource)
    github: PulledSource | None = None
    gitlab: PulledSource | None = None
