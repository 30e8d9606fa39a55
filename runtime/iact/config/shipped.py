"""Where the rules that come with iact are, installed or in a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import iact
from iact.config.files import SETTINGS
from iact.core.errors import EnvironmentProblemError

NAME: Final = "iact"


def shipped_root() -> Path:
    """Return the folder of the shipped rules.

    Raises:
        EnvironmentProblemError: if the installation lacks them.
    """
    package = Path(iact.__file__).resolve().parent
    for candidate in (package / "shipped", package.parent.parent):
        if (candidate / SETTINGS).is_file():
            return candidate
    message = f"the installation at {package} lacks the shipped rules; install iact again"
    raise EnvironmentProblemError(message)
