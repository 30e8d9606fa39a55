"""How many steps a second are made durable beside DBOS Transact, how late they are, what idling and a tick cost.

`bench_steps.py [--only sqlite|mysql|mariadb|timers|idle …] [--rounds 3] [--write]`. A step is a transition, the intent
of its action and the receipt of that action. 64 runs go on at the same time on both sides, in one process each, and
every commit is on the disk before the next step (SQLite: synchronous = FULL on both sides; MySQL and MariaDB:
innodb_flush_log_at_trx_commit = 1 and sync_binlog = 1). DBOS is measured in SQLite's rollback mode, in which it comes,
and in write-ahead mode, which is quicker; the bar is about the quicker one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy import Engine

from benchmarks.durable_runs import PROJECT, Made, at_once, when_due
from benchmarks.recording import measured_now
from iact.engine import claims, store
from iact.engine.runtime import Runtime
from iact.stores.connect import open_sqlite, writing
from iact.stores.units import glance
from services.checkout import instance
from tests.support.servers import DatabaseServer
from tests.support.stores import opened

RUNS: Final = 64
STEPS: Final = 60
PEER_STEPS: Final = STEPS
"""As many, so that beginning them weighs the same: DBOS does so while the clock runs."""
TIMES_THE_PEER: Final = 5.0
STEPS_ON_MYSQL: Final = 1_000.0
TIMERS: Final = 1_000_000
MOST_MILLISECONDS: Final = 10.0
IDLE_SECONDS: Final = 60.0
MOST_IDLE: Final = 0.01
DURABLE: Final = ("--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1", "--innodb-buffer-pool-size=1G")
RECORD: Final = Path(__file__).with_name("steps.json")
"""What was measured, the last time that `--write` was given."""
DOCUMENT: Final = Path(__file__).parents[1] / "docs/engine-speed.md"
"""The document whose table is made of it."""
PARTS: Final = ("sqlite", "mysql", "mariadb", "timers", "idle")
IACT: Final = shutil.which("iact", path=str(Path(sys.executable).parent)) or "iact"


def sqlite_beside_peer(rounds: int) -> dict[str, Any]:
    """Measure both sides in turns, and what came of it."""
    ours: list[Made] = []
    peer: dict[str, list[float]] = {"delete": [], "wal": []}
    for _ in range(rounds):
        with sqlite_store() as engine:
            ours.append(at_once(engine, runs=RUNS, steps=STEPS))
        for mode, rates in peer.items():
            rates.append(_peer(mode))
    with sqlite_store() as engine:
        due = when_due(engine, runs=RUNS * 4, within=10)
    quicker = max(statistics.median(rates) for rates in peer.values())
    record = _told("SQLite", ours, due)
    record["dbos"] = {mode: round(statistics.median(rates)) for mode, rates in peer.items()}
    record["times"] = round(record["rate"] / quicker, 1)
    times = f"{record['times']} times as many (at least {TIMES_THE_PEER})"
    print(f"  DBOS Transact: {record['dbos']} steps/s; ours is {times}")
    return record


def _peer(mode: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "dbos.sqlite"
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(f"PRAGMA journal_mode = {mode}")
        command = [
            sys.executable,
            str(Path(__file__).with_name("dbos_workflows.py")),
            str(file),
            str(RUNS),
            str(PEER_STEPS),
        ]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = json.loads(said.splitlines()[-1])
    if (found["mode"], found["recorded"]) != (mode, RUNS * PEER_STEPS):
        sys.exit(f"DBOS did not do what it was to be measured at: {found}")
    return float(found["rate"])


def on_server(name: str, rounds: int) -> dict[str, Any]:
    """Measure steps on a server that loses nothing that it has confirmed."""
    with server_store(name) as make_store:
        ours = []
        for _ in range(rounds):
            with make_store() as engine:
                ours.append(at_once(engine, runs=RUNS, steps=STEPS))
        with make_store() as engine:
            due = when_due(engine, runs=RUNS * 4, within=10)
    return _told(name, ours, due)


def _told(name: str, found: Sequence[Made], due: Made) -> dict[str, Any]:
    rate = statistics.median(one.rate for one in found)
    record = {
        "rate": round(rate),
        "p50": round(statistics.median(one.median for one in found), 1),
        "p99": round(statistics.median(one.percentile(0.99) for one in found), 1),
        "due_p50": round(due.median, 1),
        "due_p99": round(due.percentile(0.99), 1),
    }
    print(
        f"{name}: {rate:,.0f} steps/s over {len(found)} rounds; from decided to done p50 {record['p50']} ms, p99 "
        f"{record['p99']} ms at full load; from due to done p50 {record['due_p50']} ms, p99 {record['due_p99']} ms at "
        f"{due.rate:.0f} a second"
    )
    return record


def ticks_over_waiting_timers(rounds: int) -> dict[str, Any]:
    """Measure what a tick costs while a million timers wait and none is due."""
    record: dict[str, Any] = {}
    with sqlite_store() as engine:
        record["sqlite"] = _tick(engine, rounds)
    for name in ("mysql", "mariadb"):
        with server_store(name) as make_store, make_store() as engine:
            record[name] = _tick(engine, rounds)
    for name, taken in record.items():
        print(f"{name}: a tick while {TIMERS:,} timers wait takes p95 {taken} ms (less than {MOST_MILLISECONDS})")
    return {"p95": record}


def _tick(engine: Engine, rounds: int) -> float:
    runtime = Runtime(engine, project=PROJECT)
    now = datetime.now(UTC)
    with writing(engine) as connection:
        for start in range(0, TIMERS, 10_000):
            numbers = range(start, start + 10_000)
            store.SET_TIMERS.run_columns(
                connection,
                {
                    "project": [PROJECT] * len(numbers),
                    "run": [f"run-{number}" for number in numbers],
                    "visit": [1] * len(numbers),
                    "transition": [0] * len(numbers),
                    "due_at": [now + timedelta(hours=1, seconds=number) for number in numbers],
                },
            )
    taken = []
    with runtime.present() as presence:
        for _ in range(rounds * 100):
            began = time.perf_counter()
            found = claims.with_work(runtime.host, presence, 64)
            claims.take(runtime.host, presence, found)
            glance(engine, lambda connection: store.NEXT_TIMER.one(connection, project=PROJECT, now=now))
            taken.append((time.perf_counter() - began) * 1000)
            if found:
                sys.exit("a timer was due although none was to be")
    return round(sorted(taken)[int(len(taken) * 0.95)], 2)


def idle() -> dict[str, Any]:
    """Measure the processor time of a server with nothing to do."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([IACT, "init", folder], check=True, capture_output=True)
        subprocess.run(["git", "init", "--quiet", folder], check=True)
        command = [IACT, "serve", "--health", "127.0.0.1:0"]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            if process.stderr is not None:
                process.stderr.readline()  # it says that it serves
            before, began = _used(process.pid), time.monotonic()
            time.sleep(IDLE_SECONDS)
            share = (_used(process.pid) - before) / (time.monotonic() - began)
            process.terminate()
            process.communicate(timeout=60)
    print(
        f"an idle `iact serve` takes {share:.2%} of a processor over {IDLE_SECONDS:.0f} s (less than {MOST_IDLE:.0%})"
    )
    return {"share": round(share, 4)}


def _used(process: int) -> float:
    """Return the processor time of a process, in seconds (proc_pid_stat(5), fields 14 and 15)."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def sqlite_store() -> Iterator[Engine]:
    """Give an empty embedded store."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_sqlite(Path(folder) / "store.sqlite")
        try:
            yield engine
        finally:
            engine.dispose()


@contextmanager
def server_store(name: str) -> Iterator[Callable[[], Any]]:
    """Give what makes an empty store on a server of one's own."""
    server = instance(name, purpose="bench-steps", options=DURABLE)
    server.start()
    database = DatabaseServer(server)

    @contextmanager
    def make_store() -> Iterator[Engine]:
        with database.database() as made:
            engine = opened(database.url(made))
            try:
                yield engine
            finally:
                engine.dispose()

    try:
        yield make_store
    finally:
        server.remove()


def main() -> None:
    """Print what was measured beside the bars, and fail where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=PARTS, help="which part; all of them, unless given")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (3)")
    parser.add_argument("--write", action="store_true", help=f"keep it in {RECORD.name} and {DOCUMENT.name}")
    arguments = parser.parse_args()
    measures: dict[str, Callable[[], dict[str, Any]]] = {
        "sqlite": lambda: sqlite_beside_peer(arguments.rounds),
        "mysql": lambda: on_server("mysql", arguments.rounds),
        "mariadb": lambda: on_server("mariadb", arguments.rounds),
        "timers": lambda: ticks_over_waiting_timers(arguments.rounds),
        "idle": idle,
    }
    busy = os.getloadavg()[0]
    found = {part: measures[part]() for part in arguments.only or PARTS}
    if arguments.write:
        write(found | {"load": round(busy, 1)})
    if missed(found):
        sys.exit(1)


def missed(found: dict[str, Any]) -> list[str]:
    """Return the parts that missed their bar, judged by the figures that were measured."""
    judged: dict[str, Callable[[Any], bool]] = {
        "sqlite": lambda part: part["times"] < TIMES_THE_PEER,
        "mysql": lambda part: part["rate"] < STEPS_ON_MYSQL,
        "timers": lambda part: max(part["p95"].values()) >= MOST_MILLISECONDS,
        "idle": lambda part: part["share"] >= MOST_IDLE,
    }
    return [name for name, misses in judged.items() if name in found and misses(found[name])]


def write(found: dict[str, Any]) -> None:
    """Keep what was measured, and put it into the document."""
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    record |= {**measured_now(), "python": platform.python_version(), **found}
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    head, _, _ = DOCUMENT.read_text(encoding="utf-8").partition("| store |")
    DOCUMENT.write_text(head + tables(record), encoding="utf-8")


def tables(record: dict[str, Any]) -> str:
    """Return the table of what was measured, as the document shows it."""
    lines = [
        "| store | steps/s | decided to done p50 / p99 | due to done p50 / p99 | a tick over 1,000,000 timers |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, shown in (("sqlite", "SQLite"), ("mysql", "MySQL"), ("mariadb", "MariaDB")):
        one = record[name]
        cells = (
            shown,
            f"{one['rate']:,}",
            f"{one['p50']} ms / {one['p99']} ms",
            f"{one['due_p50']} ms / {one['due_p99']} ms",
            f"{record['timers']['p95'][name]} ms",
        )
        lines.append(f"| {' | '.join(cells)} |")
    peer, times, share = record["sqlite"]["dbos"], record["sqlite"]["times"], record["idle"]["share"]
    told = (
        f"DBOS Transact in the same rounds: {peer['delete']:,} steps/s in SQLite's rollback mode, {peer['wal']:,} in "
        f"write-ahead mode; ours is {times} times the quicker one. An idle `iact serve` takes {share:.2%} of a "
        f"processor.\n\nMeasured on {record['at']} at commit {record['commit'][:12]} with Python {record['python']}, "
        f"on 2 cores, of which other programs kept {record['load']} busy when it began."
    )
    return "\n".join([*lines, "", told]) + "\n"


if __name__ == "__main__":
    main()
