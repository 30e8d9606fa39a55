"""The kinds that configuration itself is made of: `Project`, `Person` and `Team`."""

from __future__ import annotations

from iact.config.model.checking import leads_out
from iact.config.model.people import Person, Team
from iact.config.model.project import DEFAULT_PATHS, ProjectSettings
from iact.config.model.sources import EventSource, GitSource, PulledSource, is_full_name
from iact.config.model.store import Store, StoreTls

__all__ = [
    "DEFAULT_PATHS",
    "EventSource",
    "GitSource",
    "Person",
    "ProjectSettings",
    "PulledSource",
    "Store",
    "StoreTls",
    "Team",
    "is_full_name",
    "leads_out",
]
