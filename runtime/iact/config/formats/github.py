"""Findings as annotations of a pull request on GitHub (workflow commands, `::error file=…::message`)."""

from __future__ import annotations

from iact.config.formats.text import summary
from iact.config.loading import Loaded
from iact.core.problems import Problem


def write(loaded: Loaded) -> str:
    """Return one workflow command for each finding, and one line that sums up."""
    errors = [_annotation("error", problem) for problem in loaded.problems]
    warnings = [_annotation("warning", warning) for warning in loaded.warnings]
    return "\n".join([*errors, *warnings, summary(loaded)])


def _annotation(level: str, problem: Problem) -> str:
    place = problem.position
    properties = {
        "file": place.file,
        "line": place.line,
        "col": place.column,
        "endColumn": place.column + max(1, place.length),
        "title": f"iact: {problem.rule}",
    }
    written = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    message = f"{problem.message} {problem.hint}".rstrip()
    return f"::{level} {written}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
