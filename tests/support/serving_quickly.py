"""`iact serve` in the current folder, which waits for one second only for what is under way once it is told to stop.

`python -m tests.support.serving_quickly` takes the options of `iact serve`. It knows one more action: `never_end`.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from subprocess import DEVNULL, PIPE, Popen
from typing import Any

from iact.cli.main import main
from iact.core.registry import OutcomeUnknownError, Receipt, action
from iact.engine import serving
from iact.engine.context import ActionContext
from tests.support.project import ROOT


@action("never_end")
class NeverEnd:
    """Waits for ever."""

    def perform(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt:  # noqa: ARG002 - the protocol's
        """Wait."""
        threading.Event().wait()
        return Receipt(succeeded=True)

    def check(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt | None:  # noqa: ARG002 - the protocol's
        """Nobody knows."""
        raise OutcomeUnknownError("it was waiting")


@contextmanager
def serving_quickly(*words: str) -> Iterator[Popen[str]]:
    """Let it serve the current folder until the block ends; it is killed then, if it has not ended by itself."""
    command = [sys.executable, "-m", "tests.support.serving_quickly", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with Popen(command, env=environment, stdin=DEVNULL, stderr=PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


if __name__ == "__main__":
    serving.PACE = replace(serving.PACE, drain_within=timedelta(seconds=1))  # type: ignore[misc]  # final for all others
    sys.argv[1:1] = ["serve"]
    main()
