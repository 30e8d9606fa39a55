"""What `iact status` says that a run waits for."""

from __future__ import annotations

from typing import Any

import pytest

from iact.serving.show import status_lines

NEXT = "2026-03-02T09:00:00.000000Z"


def said(action: dict[str, Any] | None, *, overdue: bool = False, next_due: str | None = None) -> str:
    """Return the line of the only run that goes on."""
    run = {"run": "run-1", "agent": "rollout", "state": "restarting", "next_due": next_due}
    log = {"entries": 0, "waits_since": None}
    nothing: dict[str, Any] = {
        name: [] for name in ("runners", "trouble", "for_a_person", "observed", "observed_rules", "schedule")
    }
    found = {
        "project": "shop",
        "at": NEXT,
        "rules": None,
        "unrecorded": "",
        "revoked": [],
        "going_on": 1,
        "log": log,
        **nothing,
    }
    lines = list(status_lines(found | {"runs": [run | {"action": action, "overdue": overdue}]}))
    return next(line for line in lines if "run-1" in line).partition("restarting")[2].strip()


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ({"begun": True, "attempts": 1, "due_at": None}, "command is under way"),
        ({"begun": True, "attempts": 3, "due_at": None}, "command is under way, attempt 3"),
        ({"begun": False, "attempts": 0, "due_at": None}, "command is to be done next"),
        ({"begun": False, "attempts": 2, "due_at": NEXT}, f"command is tried again from {NEXT} on, after 2 attempts"),
    ],
)
def test_a_run_waits_for_its_action_before_all_else(action: dict[str, Any], expected: str):
    assert said({"name": "command"} | action, next_due=NEXT) == expected


def test_without_one_it_waits_for_its_time_or_for_somebody_and_what_is_overdue_is_said_so():
    assert said(None, next_due=NEXT) == f"next at {NEXT}"
    assert said(None, next_due=NEXT, overdue=True) == f"was due at {NEXT}, and nobody has gone on with it yet"
    assert said(None) == "waits to be told"
