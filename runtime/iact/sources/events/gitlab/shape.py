"""What the payloads of GitLab have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

SOURCE: Final = "gitlab"


class GitLabPayload:
    """A payload that says what it is in `object_kind`.

    Attributes:
        kinds: the values of `object_kind`.
    """

    kinds: tuple[str, ...] = ()

    def recognises(self, document: Mapping[str, Any]) -> bool:
        """Return whether `object_kind` says that it is this payload."""
        return document.get("object_kind") in self.kinds

    def repository(self, document: Mapping[str, Any]) -> str | None:
        """Return `project.path_with_namespace`."""
        project = document.get("project")
        name = project.get("path_with_namespace") if isinstance(project, dict) else None
        return name if isinstance(name, str) else None
