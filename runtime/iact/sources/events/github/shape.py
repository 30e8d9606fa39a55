"""What the payloads of GitHub have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

SOURCE: Final = "github"


class GitHubPayload:
    """A payload with a `repository`; its subclasses say what else it must have and must not have.

    Attributes:
        has: the objects that it holds.
        has_not: objects that would make it another payload.
    """

    has: tuple[str, ...] = ()
    has_not: tuple[str, ...] = ()

    def recognises(self, document: Mapping[str, Any]) -> bool:
        """Return whether the objects say that it is this payload."""
        return all(isinstance(document.get(name), dict) for name in self.has) and not any(
            name in document for name in ("object_kind", *self.has_not)
        )

    def repository(self, document: Mapping[str, Any]) -> str | None:
        """Return `repository.full_name`."""
        repository = document.get("repository")
        name = repository.get("full_name") if isinstance(repository, dict) else None
        return name if isinstance(name, str) else None
