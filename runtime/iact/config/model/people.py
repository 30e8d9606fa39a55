"""`Person` and `Team`: who owns rules, is asked, or is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from iact.config.model.checking import wrong
from iact.core.problems import Problem
from iact.core.registry import kind
from iact.core.shape import AtLeastOne, Email, OneOrMany, Ref, Scope, part
from iact.core.tree import NOWHERE, Position


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
                yield wrong("failed-example", example.position, message, hint)


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
                yield wrong("failed-example", example.position, message, hint)
