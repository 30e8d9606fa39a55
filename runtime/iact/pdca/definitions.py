"""What a run of PDCA pins: the agent, the policy, every improvement with its patch, every metric and parameter."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from iact.calendars.pinning import definition_of, pinned_agent
from iact.config.project import Project, Resource
from iact.config.scoping import scope_of
from iact.core.canonical import digest
from iact.core.errors import ConfigurationError
from iact.core.tree import MappingNode, Position, ScalarNode
from iact.engine.definitions import Definition
from iact.pdca.experiments import AGENT
from iact.pdca.pinned import PATCH

PINNED: Final = ("ImprovementPolicy", "Improvement", "Metric", "Parameters")
LARGEST_PATCH: Final = 1_000_000
"""Bytes; a larger patch is no experiment."""


def definitions_of(project: Project, now: datetime) -> tuple[Definition, ...]:
    """Return everything of a project that a run of PDCA decides by, in a fixed order.

    Args:
        project: the project.
        now: the present moment, from which on the holidays of calendars are resolved.

    Raises:
        ConfigurationError: if the agent is missing, there are several policies, a calendar cannot be resolved, or a
            patch cannot be read.
    """
    policies = [resource.name for resource in project.resources("ImprovementPolicy")]
    if len(policies) > 1:
        message = f"there are several ImprovementPolicy resources ({', '.join(policies)}); keep one of them."
        raise ConfigurationError(message)
    agent = pinned_agent(project, project.get("Agent", AGENT), now)
    pinned = [agent, *(definition_of(one) for kind in PINNED for one in project.resources(kind))]
    patches = [_patch(project, resource) for resource in project.resources("Improvement") if resource.spec.change.patch]
    return (*pinned, *patches)


def _patch(project: Project, resource: Resource) -> Definition:
    """Return the text of an improvement's patch, pinned like a rule: what is tried is what was reviewed."""
    position, patch = _position(resource), resource.spec.change.patch
    where = f"{position}: `patch: {patch}`"
    content = scope_of(project).read_beside(position, patch)
    if isinstance(content, str):
        message = f"{where}: {content}. Put the patch beside the improvement."
        raise ConfigurationError(message)
    if len(content) > LARGEST_PATCH:
        message = f"{where}: {len(content)} bytes; a patch to be tried has at most {LARGEST_PATCH}."
        raise ConfigurationError(message)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"{where}: it is not UTF-8 text."
        raise ConfigurationError(message) from error
    tree = ScalarNode(text, text, position, quoted=True)
    return Definition(kind=PATCH, name=resource.name, digest=digest(content), tree=tree)


def _position(resource: Resource) -> Position:
    """Return where the patch is named; in an override that may be another file than the rest."""
    change = resource.tree.get("change") if isinstance(resource.tree, MappingNode) else None
    patch = change.get("patch") if isinstance(change, MappingNode) else None
    return patch.position if patch is not None else resource.position
