"""What becomes of the actions of each agent, by the rules that are in force now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from iact.calendars.pinning import LEFT_OUT

if TYPE_CHECKING:
    from iact.config.project import Project
    from iact.core.machine import Mode


def modes_of(project: Project) -> Mapping[str, Mode]:
    """Return the mode of each agent of a project, by name; one that decides no actions has none."""
    return {agent.name: agent.spec.mode or LEFT_OUT for agent in project.resources("Agent") if agent.spec.acts}
