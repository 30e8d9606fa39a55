"""Two processes and ten thousand times that have come: each is told once."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select

from iact.core.facts import EMPTY
from iact.engine.journal import EntryKind
from iact.engine.model import compile_agent
from iact.engine.runtime import Runtime
from iact.engine.tables import JOURNAL, RUNNERS, RUNS, TIMERS
from iact.stores.connect import reading
from iact.stores.units import write
from tests.support import serving
from tests.support.agents import agent_definition
from tests.support.serving import PROJECT
from tests.support.stores import opened
from tests.support.waiting import until

COUNT: Final = 10_000
AT_ONCE: Final = 500
PATIENCE: Final = 120
"""Seconds; a quiet machine takes 6 on SQLite and 12 on a server, and on a slow disk each commit waits its turn."""
LOOKS_APART: Final = 0.25
"""Seconds; to count ten thousand rows fifty times a second takes from the two processes what they work with."""
WAITING: Final = agent_definition(
    """
start: waiting
states:
  waiting:
    next: [{after: 1s, decide: FIRED, to: fired}]
  fired: {final: true}
""",
    name="waiting",
)


def start_many(runtime: Runtime) -> None:
    """Start as many runs as there are timers, many in one transaction."""
    machine = compile_agent(WAITING.tree, name=WAITING.name, digest=WAITING.digest)

    def start(names: list[str], connection: Connection) -> None:
        for name in names:
            # One transaction for each takes a minute.
            runtime._start(connection, machine, (WAITING,), name, EMPTY, name)  # noqa: SLF001 - as above

    for first in range(0, COUNT, AT_ONCE):
        write(runtime.engine, partial(start, [f"run-{number:05}" for number in range(first, first + AT_ONCE)]))


def test_ten_thousand_times_that_have_come_are_told_once_each_by_two_processes(tmp_path: Path, store_url: str):
    engine = opened(store_url)
    start_many(Runtime(engine, project=PROJECT))

    def ended() -> bool:
        with reading(engine) as connection:
            asked = select(func.count()).select_from(RUNS).where(RUNS.c.ended_at.is_not(None))
            return connection.execute(asked).scalar_one() == COUNT

    def both_serve() -> bool:
        with reading(engine) as connection:
            return connection.execute(select(func.count()).select_from(RUNNERS)).scalar_one() == 2

    with serving.serving(store_url, tmp_path / "ledger"), serving.serving(store_url, tmp_path / "ledger"):
        until(both_serve, patience=PATIENCE)
        until(ended, patience=PATIENCE, every=LOOKS_APART)
    with reading(engine) as connection:
        rows = connection.execute(
            select(JOURNAL.c.run, JOURNAL.c.body).where(JOURNAL.c.kind == EntryKind.DECISION.value)
        )
        told = [row.run for row in rows if json.loads(row.body)["body"]["trigger"]["kind"] == "timer"]
        left = connection.execute(select(func.count()).select_from(TIMERS)).scalar_one()
    engine.dispose()
    assert left == 0
    assert len(told) == COUNT
    assert len(set(told)) == COUNT
