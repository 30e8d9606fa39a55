"""Whether a store that went through trouble is as quick as one that was spared: steps a second, on each server.

`bench_recovery.py [--server NAME …] [--rounds 5] [--write]`. Trouble is: 64 runs are advanced while the server is
killed and started again, its connections are killed at random, all connections of the pool are taken for a while, and
other processes that serve are killed. Everything that was begun has to come to its end. Then steps are measured, by the
same process with the same pool. In turns with that, a store in which as many runs were advanced in peace is measured.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

import pymysql
from sqlalchemy import Engine

from benchmarks.durable_runs import at_once
from benchmarks.recording import measured_now, replace_paragraph
from tests.support.servers import DATABASE_SERVERS, DatabaseServer, breakable
from tests.support.stores import opened

LEAST: Final = 0.98
RUNS: Final = 64
STEPS: Final = 120
IN_TROUBLE: Final = 60
"""Steps of each run while there is trouble, so many that it does not end before the trouble."""
CONNECTIONS_KILLED: Final = 20
PROCESSES_KILLED: Final = 3
POOL_TAKEN_FOR: Final = 2.0
DISPLAY_NAMES: Final = {"mysql": "MySQL", "mariadb": "MariaDB"}
DURABLE: Final = ("--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1", "--innodb-buffer-pool-size=1G")
RECORD: Final = Path(__file__).with_name("recovery.json")
"""What was measured, the last time that `--write` was given."""
DOCUMENT: Final = Path(__file__).parents[1] / "docs/engine-speed.md"
"""The document that says so, in a paragraph of its own."""


def recovered(name: str, rounds: int) -> dict[str, Any]:
    """Measure a server, and print what came of it."""
    spared: list[float] = []
    troubled: list[float] = []
    with breakable(name, *DURABLE) as server:
        for number in range(rounds):
            for has_trouble in (False, True) if number % 2 else (True, False):
                rate = _rate(server, random.Random(number) if has_trouble else None)  # noqa: S311 - the same each time
                (troubled if has_trouble else spared).append(rate)
            print(f"  {name}: {spared[-1]:,.0f} steps/s without trouble, {troubled[-1]:,.0f} after", flush=True)
    ratio = statistics.median(troubled) / statistics.median(spared)
    print(
        f"{name}: {statistics.median(spared):,.0f} steps/s without trouble, {statistics.median(troubled):,.0f} "
        f"after it: {ratio:.1%} (at least {LEAST:.0%}); all runs ended"
    )
    return {
        "without": round(statistics.median(spared)),
        "after": round(statistics.median(troubled)),
        "ratio": round(ratio, 3),
        "rounds": rounds,
    }


def _rate(server: DatabaseServer, chance: random.Random | None) -> float:
    """Return how many steps a second are made in a store in which as much happened before, in trouble or in peace."""
    with server.database() as database:
        engine = opened(server.url(database))
        at_once(engine, runs=RUNS, steps=IN_TROUBLE)
        if chance is None:
            at_once(engine, runs=RUNS, steps=IN_TROUBLE)
        else:
            _trouble(engine, server, database, chance)
        rate = at_once(engine, runs=RUNS, steps=STEPS).rate
        engine.dispose()
    return rate


def _trouble(engine: Engine, server: DatabaseServer, database: str, chance: random.Random) -> None:
    """Advance runs through everything that may happen to them."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        work = pool.submit(at_once, engine, runs=RUNS, steps=IN_TROUBLE)
        server.instance.kill()
        server.instance.start()
        for _ in range(CONNECTIONS_KILLED):
            _kill_a_connection(server, chance)
            time.sleep(chance.uniform(0, 0.1))
        with ExitStack() as stack, contextlib.suppress(Exception):
            # Whoever comes now waits for a connection, as behind other programs that took them all.
            for _ in range(engine.pool.size()):  # type: ignore[attr-defined]  # a pool of a size
                stack.enter_context(engine.connect())
            time.sleep(POOL_TAKEN_FOR)
        for _ in range(PROCESSES_KILLED):
            _serve_and_die(server.url(database), chance)
        work.result()


def _kill_a_connection(server: DatabaseServer, chance: random.Random) -> None:
    with contextlib.suppress(pymysql.Error):
        rows = server.rows(
            "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user = 'root'"
        )
        if rows:
            server.execute(f"KILL {chance.choice(rows)[0]}")


def _serve_and_die(url: str, chance: random.Random) -> None:
    """Let another process serve, and kill it in the middle."""
    command = [sys.executable, str(Path(__file__).with_name("durable_runs.py")), url, str(RUNS // 4)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            return
        process.stdout.readline()
        process.stdin.write("go\n")
        process.stdin.flush()
        time.sleep(chance.uniform(0.1, 0.5))
        os.kill(process.pid, signal.SIGKILL)


def missed(found: dict[str, Any]) -> list[str]:
    """Return which servers are slower after trouble than the bar allows."""
    return [name for name in DATABASE_SERVERS if name in found and found[name]["ratio"] < LEAST]


def paragraph(found: dict[str, Any]) -> str:
    """Return what was measured, as the document says it."""
    each = ", ".join(
        f"{DISPLAY_NAMES[name]} {one['after']:,} steps/s beside {one['without']:,} in a store that was spared "
        f"({one['ratio']:.1%}, medians of {one['rounds']} rounds)"
        for name in DATABASE_SERVERS
        if (one := found.get(name))
    )
    return (
        "After trouble (the server killed and started again, its connections killed at random, the pool exhausted, "
        f"processes that serve killed; all work came to its end): {each}. Measured on {found['at']} at commit "
        f"{found['commit'][:12]}."
    )


def write_down(found: dict[str, Any]) -> None:
    """Keep what was measured, and say it in the document."""
    found |= measured_now()
    RECORD.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    replace_paragraph(DOCUMENT, "After trouble (", paragraph(found))


def main() -> None:
    """Measure, print, and end with 1 where the bar was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", choices=DATABASE_SERVERS, nargs="+", default=DATABASE_SERVERS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help=f"keep it in {RECORD.name} and {DOCUMENT.name}")
    asked = parser.parse_args()
    logging.disable()
    found = json.loads(RECORD.read_text("utf-8")) if RECORD.exists() else {}
    found |= {name: recovered(name, asked.rounds) for name in asked.server}
    if asked.write:
        write_down(found)
    if slower := missed(found):
        sys.exit(f"slower than a store that was spared: {', '.join(slower)}")


if __name__ == "__main__":
    main()
