"""What a run of an agent pins: the agent as it is written, and its calendars as they are known today."""

from __future__ import annotations

from datetime import datetime

from iact.config.project import Project, Resource
from iact.config.scoping import scope_of
from iact.core.canonical import digest_of
from iact.core.errors import ConfigurationError
from iact.engine.calendars import YEARS_KNOWN, resolved, with_calendars
from iact.engine.definitions import Definition


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
    return Definition(kind=agent.kind, name=agent.name, digest=digest, tree=with_calendars(agent.tree, records))


def definition_of(resource: Resource) -> Definition:
    """Return a resource as a run pins it: as it is written."""
    return Definition(kind=resource.kind, name=resource.name, digest=resource.digest, tree=resource.tree)
