"""Findings for people."""

from __future__ import annotations

from iact.config.loading import Loaded
from iact.config.rendering import render_all


def write(loaded: Loaded) -> str:
    """Return every finding with its line, and one line that sums up."""
    lines = [*loaded.notes]
    if loaded.problems:
        lines += [render_all(loaded.problems, loaded.sources), ""]
    if loaded.warnings:
        lines += [render_all(loaded.warnings, loaded.sources, "warning: "), ""]
    return "\n".join([*lines, summary(loaded)])


def summary(loaded: Loaded) -> str:
    """Return one line such as `12 files, 34 resources: nothing wrong`."""
    found = _count(len(loaded.problems), "problem") if loaded.problems else "nothing wrong"
    warned = f", {_count(len(loaded.warnings), 'warning')}" if loaded.warnings else ""
    return f"{_count(loaded.files, 'file')}, {_count(loaded.resources, 'resource')}: {found}{warned}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
