"""Findings for programs."""

from __future__ import annotations

import json
from typing import Any

from iact.config.loading import Loaded
from iact.core.problems import Problem


def write(loaded: Loaded) -> str:
    """Return the findings as one JSON object."""
    record = {
        "ok": not loaded.problems,
        "files": loaded.files,
        "resources": loaded.resources,
        "digest": loaded.project.digest if loaded.project else None,
        "notes": list(loaded.notes),
        "problems": [to_record(problem) for problem in loaded.problems],
        "warnings": [to_record(warning) for warning in loaded.warnings],
    }
    return json.dumps(record, indent=2, ensure_ascii=False)


def to_record(problem: Problem) -> dict[str, Any]:
    """Return a problem as JSON data; lines and columns count from 1, lengths in characters."""
    return {
        "rule": problem.rule,
        "file": problem.position.file,
        "line": problem.position.line,
        "column": problem.position.column,
        "length": problem.position.length,
        "message": problem.message,
        "hint": problem.hint or None,
    }
