"""Findings as SARIF 2.1.0 (OASIS standard), which code-scanning services read."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote

from iact import __version__
from iact.config.loading import Loaded
from iact.core.problems import Problem

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def write(loaded: Loaded) -> str:
    """Return the findings as one SARIF log with one run."""
    rules = sorted({problem.rule for problem in (*loaded.problems, *loaded.warnings)})
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "iact",
                        "semanticVersion": __version__,
                        "rules": [{"id": rule, "shortDescription": {"text": rule.replace("-", " ")}} for rule in rules],
                    },
                },
                # Columns count characters, as editors do, and not UTF-16 units.
                "columnKind": "unicodeCodePoints",
                "results": [
                    _result(level, problem, rules.index(problem.rule))
                    for level, found in (("error", loaded.problems), ("warning", loaded.warnings))
                    for problem in found
                ],
            },
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=False)


def _result(level: str, problem: Problem, rule: int) -> dict[str, Any]:
    place = problem.position
    return {
        "ruleId": problem.rule,
        "ruleIndex": rule,
        "level": level,
        "message": {"text": f"{problem.message} {problem.hint}".rstrip()},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(place.file)},
                    "region": {
                        "startLine": place.line,
                        "startColumn": place.column,
                        "endColumn": place.column + max(1, place.length),
                    },
                },
            },
        ],
    }
