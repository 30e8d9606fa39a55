"""`Project`: what belongs together, and what is run again and again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from iact.config.model.audit import Audit
from iact.config.model.checking import leads_out, wrong
from iact.config.model.schedule import Scheduled
from iact.config.model.sources import Sources
from iact.config.model.store import Store
from iact.core.problems import Problem
from iact.core.registry import EXAMPLE_RUNS, kind
from iact.core.shape import AtLeastOne, Scope, TimeZoneName, part
from iact.core.tree import NOWHERE, Position

DEFAULT_PATHS: Final = ("agents", "policies", "playbooks", "catalog")
"""Folders that are looked through where `paths` is left out; one that is not there is no error."""


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
        environment: in `production` only rules are served that git has recorded: those of the checkout's commit, or of
            an activated one.
        audit: how the log of the journal is called, who signs it, and where what is old goes.
        examples: tags, and whether they are deployments.
    """

    extends: tuple[Literal["iact"], ...] = ()
    paths: AtLeastOne[str] = DEFAULT_PATHS
    store: Store = field(default_factory=Store)
    time_zone: TimeZoneName = "UTC"
    sources: Sources = field(default_factory=Sources)
    schedule: tuple[Scheduled, ...] = ()
    environment: Literal["development", "production"] = "development"
    audit: Audit = field(default_factory=Audit)
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
                yield wrong("outside-project", place, f"`{path}` leads out of the project.", "Name a folder in it.")
