"""Load on a server that is killed, frozen and cut off at random, and the account of what it kept in the end.

Every transaction moves one unit between two accounts and notes that it did. Workers in processes of their own say which
of their transactions were acknowledged. `python -m tests.support.storm --help` says how to have more of it than a test
has time for.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from iact.core.errors import EnvironmentProblemError
from iact.stores.retrying import Patience
from iact.stores.servers import Waiting, open_server
from iact.stores.units import write
from services import mysql_protocol
from tests.support.proxy import Proxy
from tests.support.servers import DATABASE_SERVERS, DatabaseServer, breakable

DOCUMENT: Final = Path(__file__).parents[2] / "docs/database.md"
"""Whose table of storms is made of the file."""
ACCOUNTS: Final = 6
"""So few that transactions are in each other's way all the time."""
OPENING: Final = 1000
PATIENCE: Final = Patience(attempts=1000, seconds=300, first_pause=0.02, longest_pause=0.5)
WAITING: Final = Waiting(to_connect=2, to_answer=2, to_open=PATIENCE)
"""Less than a freeze lasts, and far less than a lock is waited for."""
BETWEEN: Final = 60
"""How many transactions are acknowledged between two troubles."""
_STUCK: Final = 120
"""Seconds without any acknowledgement after which something hangs."""
_BEGIN: Final = ("kill", "freeze", "cut", "swallow", "stutter", "refuse")
"""Each of these comes at least once, where there are so many."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a storm left behind.

    Attributes:
        troubles: what was done to the server, in order.
        acknowledged: how often each transaction was acknowledged, by worker and number.
        failed: those that a worker gave up, with what it was told.
        applied: how often each transaction is in the store.
        balances: of the accounts, as they are and as the transactions in the store make them.
        units: how many units of work the store says are done.
        attempts: how often transactions were run, all together.
    """

    troubles: Sequence[str]
    acknowledged: Counter[tuple[int, int]]
    failed: dict[tuple[int, int], str]
    applied: Counter[tuple[int, int]]
    balances: tuple[list[int], list[int]]
    units: int
    attempts: int

    @property
    def lost(self) -> list[tuple[int, int]]:
        """Transactions that were acknowledged and are not in the store."""
        return sorted(set(self.acknowledged) - set(self.applied))

    @property
    def repeated(self) -> list[tuple[int, int]]:
        """Transactions that are in the store more than once."""
        return sorted(one for one, times in self.applied.items() if times > 1)

    @property
    def unaccounted(self) -> list[tuple[int, int]]:
        """Transactions in the store that nobody was told of, and of which nobody was told that it is not known."""
        doubtful = {one for one, said in self.failed.items() if "not known" in said}
        return sorted(set(self.applied) - set(self.acknowledged) - doubtful)


def move(connection: Connection, *, worker: int, number: int, pair: tuple[int, int]) -> None:
    """Move one unit between two accounts, and note who did; the order of the pair makes deadlocks."""
    source, target = pair
    connection.execute(text("UPDATE accounts SET balance = balance - 1 WHERE account = :account"), {"account": source})
    connection.execute(text("UPDATE accounts SET balance = balance + 1 WHERE account = :account"), {"account": target})
    connection.execute(
        text("INSERT INTO moves (worker, number, source, target) VALUES (:worker, :number, :source, :target)"),
        {"worker": worker, "number": number, "source": source, "target": target},
    )


def work(  # noqa: PLR0913, PLR0917 - what a process of its own is handed
    port: int, database: str, worker: int, seed: int, pipe: Pipe, stop: Event
) -> None:
    """Be one worker: one transaction after the other, and word of each, until it is told to stop."""
    logging.disable()
    chance = random.Random(f"{seed}/{worker}")  # noqa: S311 - the same load in every run, which is no secret
    engine = _opened(port, database)
    number = 0
    attempts = 0

    def attempt(connection: Connection, **what: Any) -> None:
        nonlocal attempts
        attempts += 1
        move(connection, **what)

    while not stop.is_set():
        number += 1
        source, target = chance.sample(range(ACCOUNTS), 2)
        try:
            write(engine, partial(attempt, worker=worker, number=number, pair=(source, target)), patience=PATIENCE)
        except EnvironmentProblemError as error:
            pipe.send((worker, number, attempts, str(error)))
        else:
            pipe.send((worker, number, attempts, None))
        attempts = 0
    engine.dispose()
    pipe.close()


def _opened(port: int, database: str, *, migrates: bool = False) -> Engine:
    url = f"mysql://{mysql_protocol.USER}@127.0.0.1:{port}/{database}"
    return open_server(url, password=mysql_protocol.PASSWORD, waiting=WAITING, migrates=migrates)


@dataclass(slots=True)
class Storm:
    """A server, what breaks it, and the workers that go on all the same."""

    server: DatabaseServer
    proxy: Proxy
    chance: random.Random
    pipes: list[Pipe]
    troubles: list[str] = field(default_factory=list)
    acknowledged: Counter[tuple[int, int]] = field(default_factory=Counter)
    failed: dict[tuple[int, int], str] = field(default_factory=dict)
    attempts: int = 0

    def rage(self, troubles: int) -> None:
        """Do something bad so many times, each time after the load has gone on for a while."""
        kinds = [*_BEGIN, *(self.chance.choice(_BEGIN) for _ in range(troubles))][:troubles]
        self.chance.shuffle(kinds)
        for kind in kinds:
            self.listen(BETWEEN)
            self.troubles.append(kind)
            getattr(self, f"_{kind}")()
        self.listen(BETWEEN)

    def listen(self, acknowledged: int | None = None) -> None:
        """Take note of what workers say: until so many more transactions are acknowledged, or all have stopped."""
        wanted = None if acknowledged is None else self.acknowledged.total() + acknowledged
        while self.pipes and (wanted is None or self.acknowledged.total() < wanted):
            ready = wait(self.pipes, timeout=_STUCK)
            assert ready, f"no word from {len(self.pipes)} workers for {_STUCK} s, after {self.troubles}"
            for pipe in ready:
                assert isinstance(pipe, Pipe)
                self._note(pipe)

    def _note(self, pipe: Pipe) -> None:
        try:
            worker, number, attempts, failed = pipe.recv()
        except EOFError:
            self.pipes.remove(pipe)
            return
        self.attempts += attempts
        if failed is None:
            self.acknowledged[worker, number] += 1
        else:
            self.failed[worker, number] = failed

    def _kill(self) -> None:
        self.server.instance.kill()
        self.server.instance.start()
        # Somebody may have taken the port meanwhile.
        self.proxy.upstream = self.server.port

    def _freeze(self) -> None:
        self._frozen(self.chance.uniform(1.2, 2.5) * (WAITING.to_answer or 0))

    def _stutter(self) -> None:
        self._frozen(self.chance.uniform(0.05, 0.5))

    def _frozen(self, seconds: float) -> None:
        self.server.instance.freeze()
        try:
            time.sleep(seconds)  # the length of the trouble itself; nobody waits for it
        finally:
            self.server.instance.thaw()

    def _cut(self) -> None:
        self.proxy.cut_all()

    def _swallow(self) -> None:
        self.proxy.swallow_commit_answers(self.chance.randint(1, 8))

    def _refuse(self) -> None:
        with self.proxy.refusing():
            time.sleep(self.chance.uniform(0.05, 0.5))  # the length of the trouble itself


def storm(name: str, *, seed: int, workers: int = 4, troubles: int = len(_BEGIN)) -> Outcome:
    """Raise a storm on a server of its own, and return what it left behind.

    Args:
        name: `mysql` or `mariadb`.
        seed: what chance begins with.
        workers: how many processes work at once.
        troubles: how often something bad happens.
    """
    with breakable(name) as server, server.database() as database, closing(Proxy(server.port, seed=seed)) as proxy:
        _opened(server.port, database, migrates=True).dispose()
        accounts = ", ".join(f"({account}, {OPENING})" for account in range(ACCOUNTS))
        server.execute(
            f"CREATE TABLE {database}.accounts (account INTEGER PRIMARY KEY, balance INTEGER NOT NULL)",
            f"INSERT INTO {database}.accounts VALUES {accounts}",  # noqa: S608 - numbers of ours
            # Nothing in it is unique: whether a transaction was applied twice has to show.
            f"CREATE TABLE {database}.moves (place INTEGER PRIMARY KEY AUTO_INCREMENT, worker INTEGER NOT NULL, "
            "number INTEGER NOT NULL, source INTEGER NOT NULL, target INTEGER NOT NULL)",
        )
        chance = random.Random(seed)  # noqa: S311 - the same troubles in every run, which is no secret
        with _working(proxy.port, database, seed, workers) as (pipes, stop):
            raging = Storm(server, proxy, chance, pipes)
            raging.rage(troubles)
            stop.set()
            raging.listen()
        return _outcome(raging, server, database)


@contextmanager
def _working(port: int, database: str, seed: int, workers: int) -> Iterator[tuple[list[Pipe], Event]]:
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pipes: list[Pipe] = []
    processes: list[SpawnProcess] = []
    for worker in range(workers):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(port, database, worker, seed, theirs, stop))
        process.start()
        theirs.close()
        pipes.append(ours)
        processes.append(process)
    own = list(pipes)
    try:
        yield pipes, stop
        for process in processes:
            process.join(_STUCK)
    finally:
        for process in processes:
            if process.is_alive():
                process.kill()
            process.join()
            process.close()
        for pipe in own:
            pipe.close()


def _outcome(raged: Storm, server: DatabaseServer, database: str) -> Outcome:
    moves = server.rows("SELECT worker, number, source, target FROM moves", database=database)
    made = [OPENING] * ACCOUNTS
    for _, _, source, target in moves:
        made[source] -= 1
        made[target] += 1
    kept = [balance for (balance,) in server.rows("SELECT balance FROM accounts ORDER BY account", database=database)]
    ((units,),) = server.rows("SELECT COUNT(*) FROM iact_units", database=database)
    return Outcome(
        troubles=raged.troubles,
        acknowledged=raged.acknowledged,
        failed=raged.failed,
        applied=Counter((worker, number) for worker, number, _, _ in moves),
        balances=(kept, made),
        units=int(units),
        attempts=raged.attempts,
    )


def table(record: Mapping[str, Any]) -> str:
    """Return the table of what `main` wrote down, as a document shows it.

    Args:
        record: the content of its file.
    """
    lines = [
        "| server | seed | troubles | acknowledged | run again | lost | repeated |",
        "|---|--:|---|--:|--:|--:|--:|",
    ]
    for one in record["storms"]:
        troubles = ", ".join(f"{times} × {name}" for name, times in one["troubles"].items())
        again = one["attempts"] - one["acknowledged"]
        numbers = f"{one['acknowledged']:,} | {again:,} | {one['lost']} | {one['repeated']}"
        lines.append(f"| {one['server']} | {one['seed']} | {troubles} | {numbers} |")
    return "\n".join([*lines, "", f"Commit {record['commit'][:12]}, {record['at']}."]) + "\n"


def main() -> None:
    """Raise storms and write down what they left behind; end with 1 if anything was lost or repeated."""
    options = argparse.ArgumentParser(description=main.__doc__)
    options.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="one storm on each server a seed")
    options.add_argument("--troubles", type=int, default=30, help="how often something bad happens in each")
    options.add_argument("--workers", type=int, default=4, help="how many processes work at once")
    options.add_argument("--out", type=Path, required=True, help="file for what came of it; docs/database.md shows it")
    given = options.parse_args()
    found = [
        _told(name, seed, storm(name, seed=seed, workers=given.workers, troubles=given.troubles))
        for seed in given.seeds
        for name in DATABASE_SERVERS
    ]
    commit = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    record = {"commit": commit, "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}", "storms": found}
    given.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    head, begins, _ = DOCUMENT.read_text(encoding="utf-8").partition("| server | seed |")
    if begins:
        DOCUMENT.write_text(head + table(record), encoding="utf-8")
    if any(one["lost"] or one["repeated"] or one["unaccounted"] or not one["balanced"] for one in found):
        raise SystemExit(1)


def _told(name: str, seed: int, outcome: Outcome) -> dict[str, Any]:
    told = {
        "server": name,
        "seed": seed,
        "troubles": dict(sorted(Counter(outcome.troubles).items())),
        "acknowledged": outcome.acknowledged.total(),
        "attempts": outcome.attempts,
        "given up": len(outcome.failed),
        "lost": len(outcome.lost),
        "repeated": len(outcome.repeated),
        "unaccounted": len(outcome.unaccounted),
        "balanced": outcome.balances[0] == outcome.balances[1],
    }
    print(json.dumps(told), flush=True)  # noqa: T201 - a storm takes minutes, and says when it is over
    return told


if __name__ == "__main__":
    main()
