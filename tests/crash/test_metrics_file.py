"""A process that dies while it writes `.dora_sdlc_metrics.json` leaves the old file or the new one, never half."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from iact.dora.metrics_file import NAME, read_records

STEPS = ("open", "fchmod", "write", "flush", "fsync", "replace")
"""The calls that touch the disk."""

VICTIM = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path

from iact.dora.metrics_file import DORAMetrics

class Clock:
    def now(self):
        return datetime(2025, 11, 6, 15, 0, tzinfo=UTC)

left = int(sys.argv[2])

def watch(frame, event, called):
    # Before and after each call that touches the disk.
    global left
    if event in ("c_call", "c_return") and frame.f_globals.get("__name__") == "iact.dora.durable_json":
        if called.__name__ in sys.argv[3].split():
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

metrics = DORAMetrics(Path(sys.argv[1]), clock=Clock(), feature_id="FEAT-002")
sys.setprofile(watch)
metrics.record_phase("testing", "go", 60)
"""

OLD = [{"cycle_id": "cycle-20251105-090000", "feature_id": "FEAT-001", "phase": "planning", "decision": "go",
        "duration_seconds": 300.0}]  # fmt: skip


def killed_at(step: int, path: Path) -> bool:
    """Record a phase in a process that kills itself at a step; return whether it got that far."""
    command = [sys.executable, "-c", VICTIM, str(path), str(step), " ".join(STEPS)]
    finished = subprocess.run(command, check=False, capture_output=True, text=True)
    assert finished.returncode in {0, -signal.SIGKILL}, finished.stderr
    return finished.returncode != 0


@pytest.mark.parametrize("begins_empty", [True, False])
def test_a_crash_at_any_step_leaves_the_old_or_the_new_file(tmp_path: Path, begins_empty: bool):  # noqa: FBT001 - a parameter of the test
    seen = set()
    step = 1
    while True:
        path = tmp_path / str(step) / NAME
        path.parent.mkdir()
        if not begins_empty:
            path.write_text(json.dumps(OLD), encoding="utf-8")
        before = [] if begins_empty else OLD
        if not killed_at(step, path):
            break
        after = read_records(path)
        assert after[: len(before)] == before
        assert len(after) - len(before) in {0, 1}
        seen.add(len(after) - len(before))

        assert not killed_at(0, path), "after a crash the next process writes as if nothing had been"
        assert len(read_records(path)) == len(after) + 1
        assert [item.name for item in path.parent.iterdir()] == [NAME]
        step += 1

    assert seen == {0, 1}, "some crashes came before the change was in force, and some after"


def test_many_processes_lose_no_record(tmp_path: Path):
    path = tmp_path / NAME
    writers = [
        subprocess.Popen([sys.executable, "-c", VICTIM, str(path), "0", ""], stderr=subprocess.PIPE) for _ in range(6)
    ]
    for writer in writers:
        _, said = writer.communicate()
        assert writer.returncode == 0, said

    assert len({record["cycle_id"] for record in read_records(path)}) == 6
