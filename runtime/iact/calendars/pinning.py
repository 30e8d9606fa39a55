"""What a run of an agent pins: the agent as it is written, its mode, and its calendars as they are known today."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from iact.config.project import Project, Resource
from iact.config.scoping import scope_of
from iact.core.canonical import digest_of
from iact.core.errors import ConfigurationError
from iact.core.machine import Mode
from iact.core.tree import Entry, MappingNode, ScalarNode, Tree
from iact.engine.calendars import YEARS_KNOWN, resolved, with_calendars
from iact.engine.definitions import Definition

LEFT_OUT: Final = Mode.OBSERVE
"""The mode of an agent that says none."""


def pinned_agent(project: Project, agent: Resource, now: datetime) -> Definition:
    """Return an agent as a run that starts now pins it.

    Args:
        project: the project that it is in.
        agent: the agent.
        now: the present moment; the holidays of ten years from then on are resolved.

    Raises:
        ConfigurationError: if a calendar cannot be resolved; the message says what to do.
    """
    years = range(now.year - 1, now.year + YEARS_KNOWN + 1)
    try:
        records = resolved(agent.spec.calendars(), scope_of(project), years)
    except LookupError as error:
        message = f"{agent.position}: the agent {agent.name} counts business time, and {error}."
        raise ConfigurationError(message) from error
    digest = digest_of([agent.digest, records]) if records else agent.digest
    tree = with_calendars(_with_mode(agent), records)
    return Definition(kind=agent.kind, name=agent.name, digest=digest, tree=tree)


def _with_mode(agent: Resource) -> Tree:
    """Return an agent's `spec` that says its mode, also where that was left out.

    `enforce` alone is not said, as it was not before there were modes: so releases of then go on with such runs, while
    they can read none that is held back and so do not act in its name.
    """
    if not isinstance(agent.tree, MappingNode):
        return agent.tree
    said = tuple(entry for entry in agent.tree.entries if entry.key.text != "mode")
    mode = agent.spec.mode or LEFT_OUT
    if agent.spec.acts and mode is not Mode.ENFORCE:
        said = (*said, Entry(ScalarNode("mode", "mode"), ScalarNode(mode.value, mode.value)))
    return MappingNode(said, agent.tree.position)


def definition_of(resource: Resource) -> Definition:
    """Return a resource as a run pins it: as it is written."""
    return Definition(kind=resource.kind, name=resource.name, digest=resource.digest, tree=resource.tree)
