"""What runs of a project need: its store, opened, with what the project supplies to their actions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from iact.agents.modes import modes_in_force
from iact.audit.identity import identity_of
from iact.audit.keeping import keeping_up
from iact.dora.repository import git_rules, open_store
from iact.engine.runtime import Runtime

if TYPE_CHECKING:
    from iact.config.project import Project


@contextmanager
def runtime_of(project: Project, *, only_look: bool = False) -> Iterator[Runtime]:
    """Give what runs of a project need, with its store open; in the end what was written gets its places in the log.

    Args:
        project: the project.
        only_look: whether nothing may be changed.
    """
    services: dict[str, Any] = {"pretend": True}
    if not only_look:
        services = {
            "repository": project.root,
            "git_rules": git_rules(project.settings.sources.git),
            "folder": project.root,
        }
    engine = open_store(project, only_look=only_look)
    try:
        runtime = Runtime(engine, project=project.name, services=services, modes=modes_in_force(project, engine))
        with nullcontext() if only_look else keeping_up(runtime.host, identity_of(project)):
            yield runtime
    finally:
        engine.dispose()
