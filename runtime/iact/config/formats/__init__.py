"""The forms in which `iact validate` tells its findings: one module each, with the function `write`."""

from __future__ import annotations

import importlib
from typing import Final, Protocol, cast

from iact.config.loading import Loaded

NAMES: Final = ("text", "json", "github", "sarif")


class Format(Protocol):
    """A module that writes findings."""

    def write(self, loaded: Loaded) -> str:
        """Return the findings as the text that is printed."""


def write(name: str, loaded: Loaded) -> str:
    """Return the findings in the form of that name."""
    module = cast("Format", importlib.import_module(f"iact.config.formats.{name}"))
    return module.write(loaded)
