"""One process at a time, and never a lock that outlives its holder."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys

from iact.stores.lock import exclusive

HOLD = """
import sys, pathlib
from iact.stores.lock import exclusive
with exclusive(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


class ReleaseWhenWaiting(logging.Handler):
    """Lets the other process go as soon as this one says that it waits."""

    def __init__(self, holders_input):
        super().__init__()
        self.holders_input = holders_input

    def emit(self, _record):
        """Close the other process's input, which it waits for."""
        self.holders_input.close()


def test_a_killed_holder_gives_the_lock_back(tmp_path, caplog):
    path = tmp_path / "store.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()

        with exclusive(path):
            assert path.exists()

    assert caplog.records == []


def test_whoever_has_to_wait_is_told_so_and_then_goes_on(tmp_path, caplog):
    path = tmp_path / "store.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        handler = ReleaseWhenWaiting(holder.stdin)
        logging.getLogger("iact.stores.lock").addHandler(handler)
        try:
            with exclusive(path):
                assert holder.wait() == 0
        finally:
            logging.getLogger("iact.stores.lock").removeHandler(handler)

    assert [record.getMessage() for record in caplog.records] == [
        f"another iact process is at work here; waiting until it is done ({path})"
    ]
