"""The project around a resource, for what is looked up after loading."""

from __future__ import annotations

from functools import partial

from iact.config.discovery import known_facts
from iact.config.files import Folder, read_beside
from iact.config.project import Project
from iact.config.shipped import NAME as SHIPPED
from iact.config.shipped import shipped_root
from iact.core.scope import Scope

OWN = "project"
"""The layer of the user's own files."""


def folders(own: Folder) -> tuple[Folder, ...]:
    """Return the folders whose files resources may name: the project's and that of the shipped rules."""
    return own, Folder(shipped_root(), SHIPPED, label=f"{SHIPPED}:")


def scope_of(project: Project) -> Scope:
    """Return what a resource of a project can look up: names, resources, facts, and files beside them."""
    return Scope(
        names={kind: {name: one.position for name, one in named.items()} for kind, named in project.by_kind.items()},
        specs={kind: {name: one.spec for name, one in named.items()} for kind, named in project.by_kind.items()},
        facts=known_facts(),
        read_beside=partial(read_beside, folders(Folder(project.rules_root, OWN))),
    )
