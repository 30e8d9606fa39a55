"""`iact validate` of 1,000 files, the whole process: at most 2 seconds."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILES = 1_000
MOST_SECONDS = 2.0
REPEATS = 3
SHIPPED = Path(__file__).resolve().parent.parent

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: benchmark}
spec: {extends: [iact], paths: [rules]}
"""
AGENT = """\
apiVersion: iact/v1
kind: Agent
metadata: {{name: agent-{number}, owner: team-{number}, description: One of many.}}
spec:
  start: waiting
  inputs:
    window: {{type: duration, default: 48h}}
  states:
    waiting:
      next:
        - event: asked
          when:
            all:
              - {{fact: input.window, above: {number}h}}
              - not: {{fact: input.window, below: 1h}}
          decide: GO
          to: working
        - {{after: 30m, decide: ESCALATE, to: stopped}}
    working:
      next:
        - {{event: finished, to: stopped}}
        - {{event: failed, to: waiting}}
        - {{after: 1d, decide: ESCALATE, to: stopped}}
    stopped: {{final: true}}
"""
TEAM = """\
apiVersion: iact/v1
kind: Team
metadata: {{name: team-{number}, description: One of many.}}
spec: {{members: [person-{number}], slack: "#team-{number}"}}
"""
PERSON = """\
apiVersion: iact/v1
kind: Person
metadata: {{name: person-{number}, description: One of many.}}
spec: {{email: person-{number}@example.org, github: person-{number}}}
"""


def write_project(folder: Path) -> None:
    """Write a project of `FILES` files: a quarter each of agents, teams, people and metrics."""
    (folder / "rules").mkdir(parents=True)
    (folder / "iact.yaml").write_text(PROJECT)
    metric = (SHIPPED / "catalog/metrics/lead_time.yaml").read_text()
    for number in range(FILES // 4):
        texts = {
            "agent": AGENT.format(number=number),
            "team": TEAM.format(number=number),
            "person": PERSON.format(number=number),
            "metric": metric.replace("name: lead_time", f"name: metric_{number}"),
        }
        for name, text in texts.items():
            (folder / "rules" / f"{name}-{number}.yaml").write_text(text)


def seconds(folder: Path) -> float:
    """Return how long one `iact validate` takes in `folder`, from its start to its exit."""
    iact = shutil.which("iact", path=str(Path(sys.executable).parent)) or "iact"
    began = time.perf_counter()
    outcome = subprocess.run([iact, "validate"], cwd=folder, check=False, capture_output=True, text=True)
    took = time.perf_counter() - began
    if outcome.returncode:
        sys.exit(outcome.stdout + outcome.stderr)
    return took


def main() -> None:
    """Print the quickest of a few runs, and fail where even that is too slow."""
    with tempfile.TemporaryDirectory() as name:
        write_project(Path(name, "project"))
        best = min(seconds(Path(name, "project")) for _ in range(REPEATS))
    print(f"iact validate, {FILES:,} files: {best:.2f} s (at most {MOST_SECONDS} s)")
    if best > MOST_SECONDS:
        sys.exit(1)


if __name__ == "__main__":
    main()
