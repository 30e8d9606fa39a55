"""Every query of a report or of the engine over 1,000,000 deployments and 10,000,000 journal rows: p95 < 250 ms.

`bench_sql.py [--server NAME] [--only PREFIX …] [--small] [--rounds 100] [--keep] [--write]`. The server is started for
this in a folder of its own and filled by its own statements; the largest repository has 100,000 deployments, 90
others 10,000 each. A query is carried out in a transaction that is taken back, with other parameters every time, half
of them about the largest repository and one window in five of the past, and timed until its last row has been read.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy.engine import Engine

from iact.stores.query import EVERYTHING, READ_AGAIN, Query
from services.checkout import instance
from services.instance import Instance
from tests.support.large_store import Choice, Sizes, fill
from tests.support.queries import looks, named_queries
from tests.support.servers import DatabaseServer
from tests.support.stores import opened

MOST_MILLISECONDS: Final = 250.0
RECORD: Final = Path(__file__).with_name("sql.json")
"""What was measured on each server, the last time that `--write` was given."""
DOCUMENT: Final = Path(__file__).parents[1] / "docs/database-speed.md"
"""The document whose end is made of it."""
FULL: Final = Sizes(large=100_000, small=10_000, repositories=90, runs=500_000, entries=20)
SMALL: Final = Sizes(large=10_000, small=1_000, repositories=90, runs=50_000, entries=20)
DATABASE: Final = "large"
OPTIONS: Final = (
    "--innodb-buffer-pool-size=1G",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=OFF",
    "--skip-log-bin",
)
"""A server of a small machine, which does not wait for the disk while it is filled; reading is not touched by that."""


@dataclass(frozen=True, slots=True)
class Timed:
    """What one query took.

    Attributes:
        name: of the query.
        milliseconds: of every round, the shortest first.
        rows: how many rows it found at most.
        unbounded: why it has no bar; empty where it has one.
    """

    name: str
    milliseconds: Sequence[float]
    rows: int
    unbounded: str

    @property
    def p95(self) -> float:
        """The time that 95 of 100 rounds stayed within (nearest rank)."""
        return self.milliseconds[-(-len(self.milliseconds) * 95 // 100) - 1]

    @property
    def is_too_slow(self) -> bool:
        """Whether a bar is missed."""
        return not self.unbounded and self.p95 >= MOST_MILLISECONDS


def measure(engine: Engine, sizes: Sizes, rounds: int, only: tuple[str, ...]) -> Iterator[Timed]:
    """Carry every query whose name begins so out as often as asked for."""
    for name, asked in named_queries().items():
        if looks(asked) and name.startswith(only):
            choice = Choice(sizes, seed=1)
            unbounded = asked.whole if asked.whole in {EVERYTHING, READ_AGAIN} else ""
            taken = [_once(engine, asked, choice) for _ in range(1 if unbounded else rounds)]
            yield Timed(name, sorted(one for one, _ in taken), max(rows for _, rows in taken), unbounded)


def _once(engine: Engine, asked: Query, choice: Choice) -> tuple[float, int]:
    parameters = choice.parameters(asked)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1").all()
        began = time.perf_counter()
        found = asked.run(connection, **parameters)
        rows = len(found.all()) if found.returns_rows else found.rowcount
        taken = time.perf_counter() - began
        connection.rollback()
    return taken * 1_000, rows


@contextmanager
def filled(server: Instance, sizes: Sizes) -> Iterator[Engine]:
    """Start a server, fill a store on it unless that was done before, and give the store."""
    server.start()
    database = DatabaseServer(server)
    if (DATABASE,) not in database.rows("SHOW DATABASES"):
        database.execute(f"CREATE DATABASE {DATABASE}")
    engine = opened(database.url(DATABASE))
    try:
        if not database.rows("SELECT 1 FROM repositories LIMIT 1", database=DATABASE):
            began = time.monotonic()
            fill(engine, sizes, lambda what: print(f"  {what} after {time.monotonic() - began:.0f} s", flush=True))
        yield engine
    finally:
        engine.dispose()


def tables(record: Mapping[str, Any]) -> str:
    """Return the tables of what was measured on each server, as a document shows them.

    Args:
        record: what `RECORD` holds.
    """
    names = {name: one for server in record.values() for name, one in server["queries"].items()}
    heads = [f"{server['version']} p50 | p95" for server in record.values()]
    rule = "|---|--:|" + "--:|" * 2 * len(record)
    parts = []
    for bounded, title in ((True, "query"), (False, "query without a bar")):
        lines = [f"| {title} | rows | {' | '.join(heads)} |", rule]
        for name, one in sorted(names.items()):
            if bounded is not bool(one["unbounded"]):
                found = [server["queries"].get(name) for server in record.values()]
                times = " | ".join(
                    " | " if it is None else f"{it['p50']:,.1f} ms | {it['p95']:,.1f} ms" for it in found
                )
                lines.append(f"| `{name}` | {one['rows']:,} | {times} |")
        parts.append("\n".join(lines))
    told = [
        f"{server['version']}: {server['deployments']:,} deployments and {server['journal']:,} journal rows, "
        f"{server['rounds']} rounds, {server['at']}."
        for server in record.values()
    ]
    return "\n\n".join([*parts, "\n".join(told)]) + "\n"


def _write(name: str, version: str, sizes: Sizes, asked: argparse.Namespace, found: Sequence[Timed]) -> None:
    """Keep what was measured on a server, and make the end of the document of it."""
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    before = record[name]["queries"] if asked.only else {}
    record[name] = {
        "version": version,
        "at": f"{datetime.now(UTC):%Y-%m-%d}",
        "deployments": sizes.deployments,
        "journal": sizes.journal,
        "rounds": asked.rounds,
        "queries": before
        | {
            one.name: {
                "p50": round(statistics.median(one.milliseconds), 1),
                "p95": round(one.p95, 1),
                "rows": one.rows,
                "unbounded": one.unbounded,
            }
            for one in found
        },
    }
    record = dict(sorted(record.items(), reverse=True))
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    head, _, _ = DOCUMENT.read_text(encoding="utf-8").partition("| query |")
    DOCUMENT.write_text(head + tables(record), encoding="utf-8")


def main() -> None:
    """Print what each query takes, and fail where one is too slow."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", action="append", choices=("mysql", "mariadb"), help="which; both, unless given")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="PREFIX", help="queries whose names begin so, beside the others'"
    )
    parser.add_argument("--small", action="store_true", help="a tenth of the rows")
    parser.add_argument("--rounds", type=int, default=100, help="how often each query is carried out (100)")
    parser.add_argument("--keep", action="store_true", help="leave the filled server for the next time")
    parser.add_argument("--write", action="store_true", help=f"keep it in {RECORD.name} and {DOCUMENT.name}")
    arguments = parser.parse_args()
    sizes = SMALL if arguments.small else FULL
    missed = [name for name in arguments.server or ("mysql", "mariadb") if not _holds(name, sizes, arguments)]
    if missed:
        sys.exit(1)


def _holds(name: str, sizes: Sizes, arguments: argparse.Namespace) -> bool:
    print(f"{name}: {sizes.deployments:,} deployments, {sizes.journal:,} journal rows, {arguments.rounds} rounds")
    server = instance(name, purpose="bench-sql-small" if arguments.small else "bench-sql", options=OPTIONS)
    try:
        with filled(server, sizes) as engine:
            version = _version(engine)
            found = sorted(
                measure(engine, sizes, arguments.rounds, tuple(arguments.only) or ("",)),
                key=lambda one: (bool(one.unbounded), one.name),
            )
    finally:
        if arguments.keep:
            server.stop()
        else:
            server.remove()
    if arguments.write:
        _write(name, version, sizes, arguments, found)
    for one in found:
        verdict = one.unbounded or ("TOO SLOW" if one.is_too_slow else "")
        middle = statistics.median(one.milliseconds)
        print(f"  {one.name:45} p50 {middle:8.1f} ms  p95 {one.p95:8.1f} ms  {one.rows:8,} rows  {verdict}")
    worst = max((one for one in found if not one.unbounded), key=lambda one: one.p95)
    print(f"{name}: slowest p95 {worst.p95:.1f} ms of {worst.name} (less than {MOST_MILLISECONDS:.0f} ms)")
    return not any(one.is_too_slow for one in found)


def _version(engine: Engine) -> str:
    """Return what a server calls itself, such as `MySQL 9.7.4`."""
    with engine.connect() as connection:
        said = str(connection.exec_driver_sql("SELECT VERSION()").scalar_one())
    return f"{'MariaDB' if 'MariaDB' in said else 'MySQL'} {said.partition('-')[0]}"


if __name__ == "__main__":
    main()
