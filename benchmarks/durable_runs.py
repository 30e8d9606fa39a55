"""Runs of agents whose actions do nothing: what is measured is what it takes to make their steps durable.

A step is a transition, the intent of its action, and the receipt of that action, each committed.
`durable_runs.py URL RUNS` is one of several processes that serve a store: it says `ready`, and serves from the next
line of its input until that ends.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, Final, cast

sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy import Engine, text

from iact.audit.identity import LogIdentity
from iact.audit.keeping import LogKeeper, keep_up
from iact.core.facts import Fact, FactSet
from iact.core.quantities import parse
from iact.core.registry import Receipt, action
from iact.engine.context import ActionContext
from iact.engine.definitions import Definition
from iact.engine.runtime import Runtime
from iact.engine.serving import Pace, Server
from iact.engine.tables import INTENTS, RUNS
from iact.stores.connect import reading
from iact.stores.units import read
from tests.support.agents import agent_definition
from tests.support.stores import opened

PROJECT: Final = "bench"
_LOOK_EVERY: Final = 0.1
"""Seconds between two looks whether all runs have ended."""
_SECONDS_TO_START: Final = 0.1
"""More than starting a run takes."""
_WAITING: Final = agent_definition(
    """
inputs: {wait: {type: duration}}
start: waiting
states:
  waiting:
    next: [{after: {fact: input.wait}, to: doing}]
  doing:
    do: do_nothing
    next: [{event: finished, to: done}]
  done: {final: true}
""",
    name="waiting",
)


@action("do_nothing")
class DoNothing:
    """Does nothing."""

    def perform(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt:  # noqa: ARG002 - the protocol's
        """Do it."""
        return Receipt(succeeded=True, message="done")

    def check(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt | None:  # noqa: ARG002 - likewise
        """Say that it was done, since there is nothing to do."""
        return Receipt(succeeded=True, message="done")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Steps that were made durable.

    Attributes:
        steps: how many.
        seconds: that all of them took.
        waits: for how many seconds each step took from when it was due to when its receipt was written.
    """

    steps: int
    seconds: float
    waits: Sequence[float]

    @property
    def rate(self) -> float:
        """Steps a second."""
        return self.steps / self.seconds

    def percentile(self, share: float) -> float:
        """Return the time that so large a share of the steps stayed within, in milliseconds (nearest rank)."""
        ordered = sorted(self.waits)
        return ordered[min(round(share * len(ordered)), len(ordered) - 1)] * 1000

    @property
    def median(self) -> float:
        """The time that half of the steps stayed within, in milliseconds."""
        return statistics.median(self.waits) * 1000


def chain(steps: int) -> Definition:
    """Return an agent that makes so many steps, one after the other."""
    states = [
        f"  step{number}:\n    do: do_nothing\n    next: [{{event: finished, to: step{number + 1}}}]"
        for number in range(steps)
    ]
    return agent_definition(
        "\n".join(["start: step0", "states:", *states, f"  step{steps}: {{final: true}}"]), name="chain"
    )


def at_once(engine: Engine, *, runs: int, steps: int, processes: int = 1, identity: LogIdentity | None = None) -> Made:
    """Let one process, or several, advance so many runs at once as fast as they can.

    Args:
        engine: an empty store; on a server, where it is for several processes.
        runs: how many.
        steps: of each.
        processes: how many.
        identity: the log that one process keeps up meanwhile, to its end; None keeps up none.
    """
    runtime, definition = Runtime(engine, project=PROJECT), chain(steps)
    for number in range(runs):
        runtime.start("chain", definitions=[definition], subject=f"subject-{number}", inputs=FactSet.of([]))
    seconds = _serve(runtime, runs, identity) if processes == 1 else _serve_together(runtime, runs, processes)
    with reading(engine) as connection:
        # The first action of each run was due before anybody served.
        asked = INTENTS.select().where(INTENTS.c.visit > 1)
        waits = [_seconds(row["settled_at"] - row["decided_at"]) for row in connection.execute(asked).mappings()]
    return Made(steps=runs * steps, seconds=seconds, waits=waits)


def when_due(engine: Engine, *, runs: int, within: float) -> Made:
    """Let one process advance runs of which each waits for a time of its own, evenly spread.

    Args:
        engine: an empty store.
        runs: how many.
        within: seconds over which their times are spread.
    """
    runtime, waits = Runtime(engine, project=PROJECT), {}
    # Starting takes a while, and nothing is to be due before somebody serves.
    first = time.monotonic() + runs * _SECONDS_TO_START
    for number in range(runs):
        left = first + number * within / runs - time.monotonic()
        wait = parse(f"{round(left * 1000)}ms")
        inputs = FactSet.of([Fact(name="input.wait", value=wait)])
        run = runtime.start("waiting", definitions=[_WAITING], subject=f"subject-{number}", inputs=inputs)
        waits[run] = wait.timedelta
    _serve(runtime, runs)
    with reading(engine) as connection:
        started = {row["run"]: row["started_at"] for row in connection.execute(RUNS.select()).mappings()}
        settled = {row["run"]: row["settled_at"] for row in connection.execute(INTENTS.select()).mappings()}
    late = [_seconds(settled[run] - started[run] - wait) for run, wait in waits.items()]
    return Made(steps=runs, seconds=within, waits=late)


def _seconds(span: timedelta) -> float:
    return span.total_seconds()


def _serve(runtime: Runtime, runs: int, identity: LogIdentity | None = None) -> float:
    """Serve until all runs have ended and everything has its place in the log; return for how many seconds."""
    keeper = None if identity is None else LogKeeper(runtime.host, identity)
    with runtime.present() as presence:
        before_turn = None if keeper is None else keeper.keep_up
        server = Server(runtime.host, presence, pace=Pace(runs=runs, actions=runs), before_turn=before_turn)
        thread = threading.Thread(target=server.run)
        began = time.perf_counter()
        thread.start()
        while _is_going_on(runtime.engine):
            time.sleep(_LOOK_EVERY)
        if keeper is not None and identity is not None:
            keeper.close()
            keep_up(runtime.host, identity)
        seconds = time.perf_counter() - began
        server.stop()
        thread.join()
    return seconds


def _serve_together(runtime: Runtime, runs: int, processes: int) -> float:
    """Let several processes serve until all runs have ended, and return for how many seconds."""
    url = runtime.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, __file__, url, str(-(-runs // processes))]
    with ExitStack() as stack:
        started = [
            stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(processes)
        ]
        for process in started:
            _out_of(process).readline()
        began = time.perf_counter()
        for process in started:
            _into(process).write("go\n")
            _into(process).flush()
        while _is_going_on(runtime.engine):
            time.sleep(_LOOK_EVERY)
        seconds = time.perf_counter() - began
        for process in started:
            _into(process).close()
    return seconds


def _into(process: subprocess.Popen[str]) -> IO[str]:
    return cast("IO[str]", process.stdin)


def _out_of(process: subprocess.Popen[str]) -> IO[str]:
    return cast("IO[str]", process.stdout)


def main() -> None:
    """Serve, beside other processes."""
    url, runs = sys.argv[1], int(sys.argv[2])
    engine = opened(url)
    runtime = Runtime(engine, project=PROJECT)
    with runtime.present() as presence:
        server = Server(runtime.host, presence, pace=Pace(runs=runs, actions=runs))
        print("ready", flush=True)
        sys.stdin.readline()
        thread = threading.Thread(target=server.run)
        thread.start()
        sys.stdin.read()
        server.stop()
        thread.join()
    engine.dispose()


def _is_going_on(engine: Engine) -> bool:
    asked = text("SELECT 1 FROM runs WHERE active = 1 LIMIT 1")
    return read(engine, lambda connection: bool(connection.execute(asked).first()))


if __name__ == "__main__":
    main()
