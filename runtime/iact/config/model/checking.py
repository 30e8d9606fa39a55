"""What the checks of several settings share."""

from __future__ import annotations

from pathlib import PurePosixPath

from iact.core.problems import Problem
from iact.core.tree import Position


def leads_out(path: str) -> bool:
    """Return whether a relative path could lead out of the folder that it is relative to."""
    pure = PurePosixPath(path)
    return pure.is_absolute() or ".." in pure.parts


def wrong(rule: str, position: Position, message: str, hint: str = "") -> Problem:
    """Return a problem with what stands at a place, and what to do about it."""
    return Problem(rule=rule, position=position, message=message, hint=hint)
