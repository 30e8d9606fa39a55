"""An agent that does nothing but wait, for tests of what happens around runs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

REMINDER: Final = """\
apiVersion: iact/v1
kind: Agent
metadata: {name: reminder}
spec:
  start: waiting
  states:
    waiting:
      next:
        - {after: 4h, decide: ESCALATE, to: done}
    done: {final: true}
"""


def write_reminder() -> None:
    """Write it into the project in the current folder."""
    Path("agents").mkdir()
    Path("agents/reminder.yaml").write_text(REMINDER, encoding="utf-8")
