"""The forms of findings: for people, for programs, for pull requests and for code scanning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from iact.config import formats
from iact.config.loading import Loaded
from tests.support.configuration import load_project, resource

NOTHING_WRONG = {"rule.yaml": resource("Person", "  email: a@example.org\n")}
WRONG = {"a, b: 100%.yaml": resource("Person", "  emial: a@example.org\n")}

# The parts of SARIF 2.1.0 (OASIS, section 3) that a log of findings has to have; the whole schema is 100 kB.
SARIF_LOG: dict[str, Any] = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {"driver": {"type": "object", "required": ["name"]}},
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message"],
                            "properties": {
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": {"type": "object", "required": ["text"]},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                            },
                        },
                    },
                },
            },
        },
    },
}


@pytest.fixture
def nothing_wrong(tmp_path: Path) -> Loaded:
    return load_project(tmp_path, NOTHING_WRONG)


@pytest.fixture
def wrong(tmp_path: Path) -> Loaded:
    return load_project(tmp_path, WRONG)


def test_the_text_sums_up_in_one_line(nothing_wrong: Loaded):
    assert formats.write("text", nothing_wrong) == "2 files, 2 resources: nothing wrong"


def test_the_text_underlines_what_is_meant(wrong: Loaded):
    assert formats.write("text", wrong).splitlines() == [
        "a, b: 100%.yaml:5:3: unknown key `emial`.",
        "    5 |   emial: a@example.org",
        "      |   ^^^^^",
        "  Did you mean email?",
        "",
        "2 files, 2 resources: 1 problem",
    ]


def test_json_has_every_finding_as_data(wrong: Loaded):
    record = json.loads(formats.write("json", wrong))

    assert (record["ok"], record["digest"]) == (False, None)
    assert record["problems"] == [
        {
            "rule": "unknown-key",
            "file": "a, b: 100%.yaml",
            "line": 5,
            "column": 3,
            "length": 5,
            "message": "unknown key `emial`.",
            "hint": "Did you mean email?",
        }
    ]


def test_json_names_the_digest_of_what_is_whole(nothing_wrong: Loaded):
    assert json.loads(formats.write("json", nothing_wrong))["digest"].startswith("sha256:")


def test_an_annotation_escapes_what_would_end_it(wrong: Loaded):
    """In a property `:` and `,` are escaped beside `%` and line ends; in the message only the latter."""
    [annotation, summary] = formats.write("github", wrong).splitlines()

    assert annotation == (
        "::error file=a%2C b%3A 100%25.yaml,line=5,col=3,endColumn=8,title=iact%3A unknown-key"
        "::unknown key `emial`. Did you mean email?"
    )
    assert summary == "2 files, 2 resources: 1 problem"


def test_sarif_points_at_the_region_by_rule(wrong: Loaded):
    log = json.loads(formats.write("sarif", wrong))

    jsonschema.Draft202012Validator(SARIF_LOG).validate(log)
    [run] = log["runs"]
    [result] = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "unknown-key"
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "a%2C%20b%3A%20100%25.yaml"},
        "region": {"startLine": 5, "startColumn": 3, "endColumn": 8},
    }


def test_sarif_without_findings_is_a_log_without_results(nothing_wrong: Loaded):
    log = json.loads(formats.write("sarif", nothing_wrong))

    jsonschema.Draft202012Validator(SARIF_LOG).validate(log)
    assert log["runs"][0]["results"] == []
