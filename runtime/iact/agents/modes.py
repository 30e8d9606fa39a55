"""What becomes of the actions of each agent, by the rules that are in force now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from iact.calendars.pinning import LEFT_OUT
from iact.core.machine import strictest
from iact.engine.activations import in_force
from iact.stores.units import glance

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from iact.config.project import Project
    from iact.core.machine import Mode


def modes_of(project: Project) -> Mapping[str, Mode]:
    """Return the mode of each agent of a project, by name; one that decides no actions has none."""
    return {agent.name: agent.spec.mode or LEFT_OUT for agent in project.resources("Agent") if agent.spec.acts}


def modes_in_force(project: Project, engine: Engine) -> Mapping[str, Mode]:
    """Return the mode of each agent for one command in a checkout: the stricter of its files and of what was activated.

    Args:
        project: as the files say.
        engine: its store.
    """
    own = modes_of(project)
    activation = glance(engine, lambda connection: in_force(connection, project.name))
    activated = activation.modes if activation else {}
    return {
        name: strictest([modes[name] for modes in (own, activated) if name in modes])
        for name in own.keys() | activated.keys()
    }
