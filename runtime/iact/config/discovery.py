"""Find the plug-ins: every room's, by looking at the package's own folders, and those of other packages.

There is no central list. A room that has a `model`, `actions`, `facts` or `statistics` module has it imported, and its
decorators do the rest (`iact.core.registry`).
"""

from __future__ import annotations

import functools
import importlib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

import iact
from iact.core.errors import EnvironmentProblemError
from iact.core.facts import FactType
from iact.core.registry import FACT_SOURCES

ENTRY_POINT_GROUP: Final = "iact.plugins"
_DECLARING: Final = ("model", "actions", "facts", "statistics")


@functools.cache
def discover() -> None:
    """Import everything that declares kinds, actions, facts or statistics.

    Raises:
        EnvironmentProblemError: if a plug-in of another package cannot be imported.
    """
    for name in declaring_modules():
        importlib.import_module(name)
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        try:
            entry.load()
        except Exception as error:
            message = f"the plug-in {entry.name} ({entry.value}) cannot be loaded: {error}"
            raise EnvironmentProblemError(message) from error


def declaring_modules() -> list[str]:
    """Return the names of this package's modules that declare plug-ins, in alphabetical order."""
    package = Path(iact.__file__).parent
    return sorted(
        f"iact.{room.name}.{name}"
        for room in package.iterdir()
        if (room / "__init__.py").is_file()
        for name in _DECLARING
        if (room / f"{name}.py").is_file() or (room / name / "__init__.py").is_file()
    )


def known_facts() -> dict[str, FactType]:
    """Return every fact that a registered source supplies, with its type."""
    return {name: fact_type for source in FACT_SOURCES for name, fact_type in FACT_SOURCES[source].provides.items()}
