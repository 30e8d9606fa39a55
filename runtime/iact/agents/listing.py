"""The agents of a project as a list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from iact.config.project import Project, Resource
from iact.core.alignment import aligned


def as_text(project: Project) -> str:
    """Return a line for each agent: its name, what it is for and where it stands."""
    agents = list(project.resources("Agent"))
    if not agents:
        return "This project has no agent. `iact schema agent` says how one is written.\n"
    rows = [(agent.name, agent.metadata.description or "", _place(agent)) for agent in agents]
    return "".join(f"{line}\n" for line in aligned(rows))


def as_json(project: Project) -> str:
    """Return the same as JSON, with the states of each agent and what it is started with."""
    return json.dumps([_record(agent) for agent in project.resources("Agent")], indent=2, ensure_ascii=False) + "\n"


def _record(agent: Resource) -> dict[str, Any]:
    states = agent.spec.states
    return {
        "name": agent.name,
        "description": agent.metadata.description,
        "owner": agent.metadata.owner,
        "at": str(agent.position),
        "digest": agent.digest,
        "start": agent.spec.start,
        "inputs": {name: each.type for name, each in agent.spec.inputs.items()},
        "states": list(states),
        "final": [name for name, state in states.items() if state.final],
        "decisions": list(dict.fromkeys(_decisions(agent))),
    }


def _decisions(agent: Resource) -> Iterator[str]:
    return (each.decide for state in agent.spec.states.values() for each in state.next if each.decide)


def _place(agent: Resource) -> str:
    return f"{agent.position.file}:{agent.position.line}"
