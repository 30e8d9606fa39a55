"""The kinds that configuration itself is made of: `Project`, `Person` and `Team`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from iact.core.problems import Problem
from iact.core.quantities import Quantity, duration
from iact.core.registry import EXAMPLE_RUNS, kind
from iact.core.shape import AtLeastOne, Duration, Email, Moment, Name, OneOrMany, Ref, Scope, Secret, TimeZoneName, part
from iact.core.tree import NOWHERE, Position

_FULL_NAME: Final = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.][A-Za-z0-9_.-]*)+")
_SERVER: Final = "mysql://user@host:3306/database"
DEFAULT_PATHS: Final = ("agents", "policies", "playbooks", "catalog")
"""Folders that are looked through where `paths` is left out; one that is not there is no error."""


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class StoreTls:
    """How the connection to a server is secured. Left out, the strictest is meant, save for a server on this machine.

    Attributes:
        verify: what is checked of the server: its certificate and its name, its certificate only, or nothing at all.
        ca: file with the certificate of the authority that signed the server's; left out, those that the system trusts.
    """

    verify: Literal["identity", "authority", "nothing"] = "identity"
    ca: str = ""
    positions: Mapping[str, Position] = field(default_factory=dict)

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield an authority that nothing is checked against."""
        if self.ca and self.verify == "nothing":
            message = "`ca` names an authority, and `verify: nothing` checks nothing against it."
            place = self.positions.get("verify", NOWHERE)
            yield _problem("wrong-store", place, message, "Remove `verify`, which then checks the server's identity.")


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Where state, journal and measurements are kept.

    Attributes:
        sqlite: path of the SQLite file, below the project's folder.
        url: instead of the file, a database on a server: `mysql://user@host:3306/database`, or the same with `mariadb`.
        password: where the password of the server's account is kept, such as `env:IACT_STORE_PASSWORD`.
        tls: how the connection to the server is secured.
    """

    sqlite: str = ".iact/iact.db"
    url: str | None = None
    password: Secret | None = None
    tls: StoreTls | None = None
    positions: Mapping[str, Position] = field(default_factory=dict)

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield a path that leads out of the project, and what does not go together."""
        if leads_out(self.sqlite):
            message = f"`{self.sqlite}` leads out of the project."
            yield _problem("outside-project", self._place("sqlite"), message, "Name a file in it.")
        if self.url is None:
            for key in ("password", "tls"):
                if key in self.positions:
                    message = f"`{key}` is for a server, and no `url` names one."
                    yield _problem("wrong-store", self._place(key), message, f"Add `url: {_SERVER}`, or remove it.")
        elif "sqlite" in self.positions:
            message = "`sqlite` and `url` both say where the store is; only one of them can."
            yield _problem("wrong-store", self._place("sqlite"), message, "Remove one of them.")
        elif not _names_database(self.url):
            message = "the address of the store is not understood."
            yield _problem("wrong-store", self._place("url"), message, f"Write it as {_SERVER}.")

    def _place(self, key: str) -> Position:
        return self.positions.get(key, NOWHERE)


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
            yield _problem("wrong-source", self.position, message, "Remove one of them.")
        if self.merges_to and self.failures and self.failures.hotfix:
            message = "`hotfix` compares the version numbers of tags, and with `merges_to` merges are the deployments."
            place = self.failures.positions.get("hotfix", self.position)
            yield _problem("wrong-source", place, message, "Use `tags` instead of `merges_to`, or remove `hotfix`.")


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
            yield _problem("invalid-value", self.positions.get("repository", NOWHERE), message)
        if self.url is not None and not self.url.startswith("https://"):
            message = (
                f"`{self.url}`: expected an address that begins with https://; a token must not travel in the open."
            )
            yield _problem("invalid-value", self.positions.get("url", NOWHERE), message)


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


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """An agent that is run again and again.

    Attributes:
        run: the agent.
        every: how long after the last time.
        with_: what the agent is started with.
    """

    run: Annotated[str, Ref("Agent")]
    every: Duration
    with_: Mapping[Name, str] = field(default_factory=dict)
    position: Position = NOWHERE

    def check(self, scope: Scope) -> Iterator[Problem]:
        """Yield inputs that the agent does not have, and a time that never ends."""
        if not self.every.amount:
            yield _problem("invalid-value", self.position, "`every` must be longer than no time at all.")
        agent = scope.spec("Agent", self.run)
        for name in self.with_ if agent is not None else ():
            if name not in agent.inputs:
                yield _problem("unknown-input", self.position, f"the agent `{self.run}` has no input `{name}`.")


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class TagExample:
    """A tag, and whether it is a deployment by the rules of `sources`.

    Attributes:
        tag: name of a tag, whether the repository has it or not.
        expect: whether it is a `deployment` or `left out`.
    """

    tag: str
    expect: Literal["deployment", "left out"]
    position: Position = NOWHERE


@kind("Project", folder=".")
@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSettings:
    """What belongs together: where rules are found, where facts come from, where state is kept.

    It stands in `iact.yaml` at the top of a repository. What is left out has the default shown.

    Example:
        apiVersion: iact/v1
        kind: Project
        metadata: {name: shop}
        spec:
          extends: [iact]
          sources:
            git:
              tags: v*
              failures: {reverts: true, hotfix: {within: 48h}}
          examples:
            - {tag: v1.2.3, expect: deployment}
            - {tag: v1.2.3-rc1, expect: left out}

    Attributes:
        extends: whose rules hold as well; those of the same kind and name are overridden key by key.
        paths: folders and files that hold resources.
        store: where state is kept.
        time_zone: the zone in which days and times of day are meant.
        sources: where facts come from.
        schedule: what is run again and again.
        examples: tags, and whether they are deployments.
    """

    extends: tuple[Literal["iact"], ...] = ()
    paths: AtLeastOne[str] = DEFAULT_PATHS
    store: Store = field(default_factory=Store)
    time_zone: TimeZoneName = "UTC"
    sources: Sources = field(default_factory=Sources)
    schedule: tuple[Scheduled, ...] = ()
    examples: tuple[TagExample, ...] = ()
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    def run_examples(self, scope: Scope) -> Iterator[Problem]:
        """Yield the examples that come out otherwise than they say."""
        yield from EXAMPLE_RUNS["Project"](self, scope)

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield folders that lie outside of the project."""
        for number, path in enumerate(self.paths):
            if leads_out(path):
                place = self.positions.get(f"paths/{number}", self.position)
                yield _problem("outside-project", place, f"`{path}` leads out of the project.", "Name a folder in it.")


def leads_out(path: str) -> bool:
    """Return whether a relative path could lead out of the folder that it is relative to."""
    pure = PurePosixPath(path)
    return pure.is_absolute() or ".." in pure.parts


def _problem(rule: str, position: Position, message: str, hint: str = "") -> Problem:
    return Problem(rule=rule, position=position, message=message, hint=hint)


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorExample:
    """The author of a commit, and whether that is the person.

    Attributes:
        author: name and address, as git shows them: `Name <name@example.org>`.
        expect: whether it is this person (`them`) or `somebody else`.
    """

    author: str
    expect: Literal["them", "somebody else"]
    position: Position = NOWHERE


@kind("Person", folder="policies")
@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who owns rules, is asked, or is told; other files name them with one bare word.

    Example:
        apiVersion: iact/v1
        kind: Person
        metadata: {name: tech-lead}
        spec:
          email: tech-lead@example.org
          examples: [{author: Tech Lead <tech-lead@example.org>, expect: them}]

    Attributes:
        email: where they read mail.
        slack: their name or member identifier in Slack.
        github: their name on GitHub.
        git: further names and addresses that they commit under, such as `Name <name@example.org>`.
        examples: authors of commits, and whether they are this person.
    """

    email: Email | None = None
    slack: str | None = None
    github: str | None = None
    git: OneOrMany[str] = ()
    examples: tuple[AuthorExample, ...] = ()

    def wrote(self, author: str) -> bool:
        """Return whether an author, `Name <address>`, is this person: by the address, or by all of it."""
        address = author.rpartition("<")[2].rstrip(">")
        known = {each.casefold() for each in (self.email or "", *self.git) if each}
        return bool(known & {author.casefold(), address.casefold()})

    def run_examples(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every example run is handed the scope
        """Yield the examples that come out otherwise than they say."""
        for example in self.examples:
            came_to = "them" if self.wrote(example.author) else "somebody else"
            if came_to != example.expect:
                message = f"the example expects `{example.expect}`, and `{example.author}` is `{came_to}`."
                hint = f"They commit as {', '.join(filter(None, (self.email, *self.git))) or 'nobody yet'}."
                yield _problem("failed-example", example.position, message, hint)


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class MemberExample:
    """A person, and whether they belong to the team.

    Attributes:
        person: who.
        expect: whether they are a `member` or an `outsider`.
    """

    person: Annotated[str, Ref("Person")]
    expect: Literal["member", "outsider"]
    position: Position = NOWHERE


@kind("Team", folder="policies")
@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """People who answer together; other files name them with one bare word.

    Example:
        apiVersion: iact/v1
        kind: Team
        metadata: {name: platform-leads}
        spec:
          members: [tech-lead]
          slack: "#platform"
          examples: [{person: tech-lead, expect: member}]

    Attributes:
        members: the people in it.
        slack: the channel in which they are told.
        email: where mail for all of them goes.
        examples: people, and whether they belong to it.
    """

    members: AtLeastOne[Annotated[str, Ref("Person")]]
    slack: str | None = None
    email: Email | None = None
    examples: tuple[MemberExample, ...] = ()

    def run_examples(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every example run is handed the scope
        """Yield the examples that come out otherwise than they say."""
        for example in self.examples:
            came_to = "member" if example.person in self.members else "outsider"
            if came_to != example.expect:
                message = f"the example expects `{example.expect}`, and `{example.person}` is `{came_to}`."
                hint = f"`members` is {', '.join(self.members)}."
                yield _problem("failed-example", example.position, message, hint)


def _names_database(url: str) -> bool:
    """Return whether an address names a database of a server, and whose account it is."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    named = parts.username and parts.hostname and re.fullmatch(r"/[^/\s]+", parts.path)
    return bool(parts.scheme in {"mysql", "mariadb"} and named and port != 0 and not parts.query and not parts.fragment)


__all__ = [
    "DEFAULT_PATHS",
    "GitSource",
    "Person",
    "ProjectSettings",
    "Quantity",
    "Store",
    "StoreTls",
    "Team",
    "leads_out",
]
