"""Starting an agent of a project, or letting the run that goes on be the one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iact.calendars.pinning import definition_of, pinned_agent
from iact.engine.model import parse_inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iact.config.project import Project
    from iact.engine.runtime import Runtime


def start(  # noqa: PLR0913 - what a run is started with, the last two named by the caller
    project: Project, runtime: Runtime, agent: str, given: Mapping[str, str], *, subject: str = "", name: str = ""
) -> str:
    """Start a run of an agent, unless one about the same goes on; return its identifier.

    It pins every rule of the project, and the agent's calendars as they are known now.

    Args:
        project: the project.
        runtime: where its runs are.
        agent: the agent's name.
        given: what it is started with, as it is written.
        subject: what it is about; the project itself where this is left out.
        name: the new run's identifier; by default one that no other run ever has.

    Raises:
        ConfigurationError: if there is no such agent, an input is missing or none of its own, or a calendar cannot be
            resolved.
    """
    resource = project.get("Agent", agent)
    others = (definition_of(one) for one in project.resources() if one is not resource)
    return runtime.start(
        agent,
        definitions=[pinned_agent(project, resource, runtime.now()), *others],
        subject=subject or project.name,
        inputs=parse_inputs(resource.spec, given, agent),
        name=name,
    )
