"""Agents of the delivery cycle written in Python: they execute, and nothing else.

A class says what it does with a task; whoever calls it gets its decision. It knows no metrics, no logs and no alerts,
and runs where none of these is. The same class is a program for `do: command`:

    class Testing(SDLCAgent):
        def run(self, task):
            return Result(decision=Decision.GO, reason="95 of 100 tests passed", confidence=Decimal("0.95"))

    if __name__ == "__main__":
        answer(Testing())
"""

from __future__ import annotations

import json
import sys
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal as Number
from enum import StrEnum
from typing import Any


class Decision(StrEnum):
    """What an agent decides."""

    GO = "GO"
    NO_GO = "NO-GO"
    ESCALATE = "ESCALATE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a task.

    Attributes:
        decision: whether to go on, to stop, or to ask a person.
        reason: why, as a sentence for people.
        confidence: how sure the agent is, from 0 to 1; None where that means nothing.
        facts: what it found, by name: text, whole numbers, true or false.
        request_id: identifies the request in every record of it.
    """

    decision: Decision
    reason: str
    confidence: Number | None = None
    facts: Mapping[str, str | int | bool] = field(default_factory=dict)
    request_id: str = ""


class Task(dict[str, Any]):
    """What is to be done, such as `{"feature_id": "FEAT-001"}`.

    Attributes:
        request_id: goes along with every record that is made of it: metrics, logs.
    """

    def __init__(self, payload: Mapping[str, Any], request_id: str) -> None:
        """Take a payload as it was handed over."""
        super().__init__(payload)
        self.request_id = request_id


class SDLCAgent(ABC):
    """One duty of the delivery cycle: planning, testing, deployment or maintenance."""

    def execute(self, task: Mapping[str, Any], extra: Mapping[str, Any] | None = None) -> Result:
        """Carry out a task and return what came of it.

        Args:
            task: what is to be done, such as `{"feature_id": "FEAT-001"}`.
            extra: what comes along with the call, such as `request_id`; without one a new one is made.
        """
        request_id = str((extra or {}).get("request_id") or f"req-{uuid.uuid4()}")
        result = self.run(Task(task, request_id))
        return Result(
            decision=result.decision,
            reason=result.reason,
            confidence=result.confidence,
            facts=result.facts,
            request_id=request_id,
        )

    @abstractmethod
    def run(self, task: Task) -> Result:
        """Carry out a task.

        Args:
            task: what is to be done, and what its request is called.
        """


def answer(agent: SDLCAgent) -> None:
    """Be the program that `do: command` runs: read the task from standard input, write the decision."""
    given = json.load(sys.stdin)
    result = agent.execute(given["task"], {"request_id": given["request_id"]})
    written: dict[str, Any] = {"decision": result.decision.value, "reason": result.reason, "facts": dict(result.facts)}
    if result.confidence is not None:
        written["confidence"] = float(result.confidence)
    json.dump(written, sys.stdout, ensure_ascii=False)
    sys.stdout.write("\n")
