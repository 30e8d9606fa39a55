"""A process that serves runs, to be killed, frozen and stopped by tests: what its actions do is written to a ledger.

`python -m tests.support.serving STORE_URL LEDGER [LEASE_SECONDS]` serves the project `test` until SIGTERM.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine

from iact.core.facts import Fact, FactSet
from iact.core.quantities import parse
from iact.core.registry import OutcomeUnknownError, Receipt, TryAgainError, action
from iact.engine.context import ActionContext
from iact.engine.runtime import Runtime
from iact.engine.serving import Pace, Server
from tests.support.agents import agent_definition
from tests.support.stores import opened
from tests.support.waiting import until

PROJECT: Final = "test"
LEDGER: Final = "IACT_TEST_LEDGER"

NOTING: Final = agent_definition(
    """
inputs: {wait: {type: duration, default: 0s}}
start: waiting
states:
  waiting:
    next: [{after: {fact: input.wait}, to: noting}]
  noting:
    do: note_in_ledger
    next:
      - {event: finished, decide: SUCCESS, to: noted}
      - {event: failed, decide: FAILED, to: noted}
      - {event: unknown, decide: ESCALATE, to: noted}
  noted: {final: true}
""",
    name="noting",
)


@action("note_in_ledger")
class NoteInLedger:
    """Writes its key into the ledger, which its own `check` reads."""

    def perform(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt:
        """Do it; what the arguments say happens before or after."""
        if arguments.get("not_yet"):
            raise TryAgainError("the ledger is closed")
        note(context.key)
        if arguments.get("lengthy"):
            until(door().exists)
        if arguments.get("freeze"):
            os.kill(os.getpid(), signal.SIGSTOP)
        return Receipt(succeeded=True, message="noted")

    def check(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt | None:
        """Return the receipt if the key is there."""
        if arguments.get("blind"):
            raise OutcomeUnknownError("the ledger cannot be read")
        return Receipt(succeeded=True, message="found noted") if context.key in noted() else None


def note(key: str) -> None:
    """Append a key to the ledger; one short append is whole or not at all."""
    descriptor = os.open(os.environ[LEDGER], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{key}\n".encode())
    finally:
        os.close(descriptor)


def door() -> Path:
    """Return the file whose coming ends the lengthy actions."""
    return Path(f"{os.environ[LEDGER]}.door")


def noted() -> Counter[str]:
    """Return how often each key stands in the ledger."""
    path = Path(os.environ[LEDGER])
    return Counter(path.read_text(encoding="utf-8").split()) if path.exists() else Counter()


def start_runs(engine: Engine, count: int, definition: Any = NOTING, **inputs: Any) -> list[str]:
    """Start many runs, each about a subject of its own."""
    runtime = Runtime(engine, project=PROJECT)
    given = inputs or ({"wait": parse("0s")} if definition is NOTING else {})
    facts = FactSet.of(Fact(name=f"input.{name}", value=value) for name, value in given.items())
    return [
        runtime.start(definition.name, definitions=[definition], subject=f"subject-{number}", inputs=facts)
        for number in range(count)
    ]


@contextmanager
def serving(url: str, ledger: Path, *, lease: float = 30) -> Iterator[subprocess.Popen[bytes]]:
    """Let a process of its own serve until the block ends; it is killed then, if it has not ended by itself."""
    command = [sys.executable, "-m", "tests.support.serving", url, str(ledger), str(lease)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def main() -> None:
    """Serve."""
    logging.basicConfig(level=logging.WARNING)
    url, ledger, lease = sys.argv[1], sys.argv[2], timedelta(seconds=float(sys.argv[3]))
    os.environ[LEDGER] = ledger
    engine = opened(url)
    runtime = Runtime(engine, project=PROJECT)
    with runtime.present(lease) as presence:
        server = Server(runtime.host, presence, pace=Pace(look_every=timedelta(seconds=0.1), clear_up_every=lease / 3))
        signal.signal(signal.SIGTERM, lambda *_: server.stop())
        server.run()
    engine.dispose()


if __name__ == "__main__":
    main()
