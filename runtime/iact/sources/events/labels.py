"""What labels, descriptions and refs say."""

from __future__ import annotations

import re
from typing import Any, Final

from iact.sources.git.versions import Version

INCIDENT: Final = "incident"
_SERVICE: Final = re.compile(r"service(?:::|[:/]) *(?P<name>.+)", re.IGNORECASE)
_MENTIONED: Final = re.compile(
    r"^(?P<key>caused-by|fixed-by):[ \t]*(?P<sha>[0-9a-f]{7,64})\b", re.IGNORECASE | re.MULTILINE
)


def is_incident(labels: Any, key: str) -> bool:
    """Return whether one of the labels is `incident`, in any case.

    Args:
        labels: the list of labels as the payload holds it.
        key: where a label says what it is called: `name` at GitHub, `title` at GitLab.
    """
    return INCIDENT in (name.casefold() for name in _names(labels, key))


def service(labels: Any, key: str) -> str | None:
    """Return the service that a label such as `service: web` or `service::web` names; None where none does.

    Of several the first by name, so that the order of labels says nothing.
    """
    found = sorted(match["name"].strip() for name in _names(labels, key) if (match := _SERVICE.fullmatch(name)))
    return found[0][:100] if found else None


def mentioned(description: str) -> dict[str, str]:
    """Return the commits in lines such as `Caused-by: 1f2e3d4c`, by the key in small letters; the last one counts."""
    return {match["key"].lower(): match["sha"].lower() for match in _MENTIONED.finditer(description)}


def version_name(ref: str | None) -> str | None:
    """Return a ref that says a version; a branch, which every deployment has in common, names none."""
    return ref if ref is not None and Version.parse(ref) is not None else None


def _names(labels: Any, key: str) -> list[str]:
    if not isinstance(labels, list):
        return []
    return [label[key].strip() for label in labels if isinstance(label, dict) and isinstance(label.get(key), str)]
