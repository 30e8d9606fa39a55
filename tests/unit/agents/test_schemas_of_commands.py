"""What a program is given and what it answers is published, and is what is read."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import jsonschema
import pytest

from iact.agents.command import (
    DECISION_FILE,
    TASK_FILE,
    CommandError,
    decision_from,
    decision_schema,
    receipt_of,
    task_schema,
)
from iact.agents.sdlc import Decision, Result, SDLCAgent, Task
from tests.support.project import ROOT

DECISIONS = [
    ({"decision": "GO", "reason": "fine"}, True),
    (
        {"decision": "NO-GO", "reason": "Fünf", "confidence": 0, "outcome": "FAILED", "facts": {"a_b": 1.5, "c": True}},
        True,
    ),
    ({"decision": "go", "reason": "fine"}, False),
    ({"decision": "GO"}, False),
    ({"decision": "GO", "reason": " "}, False),
    ({"decision": "GO", "reason": 5}, False),
    ({"decision": "GO", "reason": "fine", "confidence": 1.01}, False),
    ({"decision": "GO", "reason": "fine", "facts": {"A": 1}}, False),
    ({"decision": "GO", "reason": "fine", "facts": {"a": [1]}}, False),
    ({"decision": "GO", "reason": "fine", "more": 1}, False),
]


@pytest.mark.parametrize(("file", "schema"), [(TASK_FILE, task_schema()), (DECISION_FILE, decision_schema())])
def test_the_committed_schema_is_that_of_the_code(file: str, schema: dict[str, Any]):
    jsonschema.Draft202012Validator.check_schema(schema)

    assert json.loads((ROOT / "catalog/schemas" / file).read_text()) == schema


@pytest.mark.parametrize(("answer", "is_one"), DECISIONS)
def test_the_schema_and_the_reading_take_the_same(answer: dict[str, Any], *, is_one: bool):
    assert jsonschema.Draft202012Validator(decision_schema()).is_valid(answer) is is_one
    if is_one:
        assert decision_from("program", json.dumps(answer).encode()).decision == answer["decision"]
    else:
        with pytest.raises(CommandError, match="answered no decision"):
            decision_from("program", json.dumps(answer).encode())


def test_what_looks_like_a_secret_is_not_kept():
    answer = {"decision": "GO", "reason": "with token=abc123def456", "facts": {"log": "password: hunter22"}}

    kept = receipt_of(decision_from("program", json.dumps(answer).encode()), "req-1")

    assert "abc123def456" not in str(kept)
    assert "hunter22" not in str(kept)


def test_a_class_executes_a_task_with_the_identifier_it_was_called_with():
    class Planning(SDLCAgent):
        def run(self, task: Task) -> Result:
            return Result(
                decision=Decision.ESCALATE, reason=f"{task['feature_id']} {task.request_id}", confidence=Decimal(1)
            )

    given = Planning().execute({"feature_id": "FEAT-001"}, extra={"request_id": "req-1"})
    made = Planning().execute({"feature_id": "FEAT-001"})

    assert (given.decision, given.reason, given.request_id) == ("ESCALATE", "FEAT-001 req-1", "req-1")
    assert made.reason == f"FEAT-001 {made.request_id}"
    assert made.request_id.startswith("req-")
