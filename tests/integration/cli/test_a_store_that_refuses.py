"""A store that is full or damaged ends a command with one sentence and the code of the environment."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest


def report(repository, folder, *, largest=None):
    """Run `iact dora report`; no file may grow beyond `largest` bytes, as on a full disk."""
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({largest}, {largest})); " if largest else ""
    # SIGXFSZ would kill the process; ignored, the write fails as it does on a disk that is full.
    program = (
        f"import signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); {limited}"
        "from iact.cli.main import main; main()"
    )
    command = [sys.executable, "-c", program, "dora", "report", "--repo", str(repository.path)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def history(repository):
    repository.commit("begin", at="2025-11-01T00:00:00Z")
    return repository


def test_a_full_disk_is_said_in_one_sentence(history, tmp_path):
    done = report(history, tmp_path, largest=60_000)

    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "the store" in done.stderr
    assert report(history, tmp_path).returncode == 0


def test_a_damaged_page_is_said_in_one_sentence(history, tmp_path):
    report(history, tmp_path)
    store = Path(tmp_path, ".iact", "iact.db")
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = store.read_bytes()
    store.write_bytes(content[:8192] + b"\xa5" * (len(content) - 8192))

    done = report(history, tmp_path)

    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "malformed" in done.stderr
