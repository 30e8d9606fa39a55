"""A store with as many rows as are asked for, made by the server itself, and parameters for every query about them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from string import Template
from typing import Any, Final

from sqlalchemy.engine import Engine

from iact.dora.metrics_file import CYCLE_ID_FORM
from iact.stores.query import Query

PROJECT: Final = "large"
BEGIN: Final = datetime(2016, 1, 1, tzinfo=UTC)
SPAN: Final = timedelta(days=3_650)
LOOKED_UP: Final = 500
"""How many ids the program gives a query at most that looks up many."""
WINDOW: Final = timedelta(days=90)

_SCRIPTS: Final = Path(__file__).parent / "large"
_RUNS_AT_ONCE: Final = 10_000
_END: Final = BEGIN + SPAN
_SUBJECTS, _PDCA_EVERY, _PARAMETERS, _PERSONS = 5_000, 250, 20, 10_000
"""As the scripts say them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much there is.

    Attributes:
        large: deployments of the largest repository.
        small: deployments of every other one.
        repositories: how many others.
        runs: runs of agents.
        entries: journal entries of each run.
        waiting: runs that go on, and changes of each repository that wait for a deployment.
    """

    large: int
    small: int
    repositories: int
    runs: int
    entries: int
    waiting: int = 50

    @property
    def deployments(self) -> int:
        """All deployments."""
        return self.large + self.small * self.repositories

    @property
    def journal(self) -> int:
        """All journal entries."""
        return self.runs * self.entries


def fill(engine: Engine, sizes: Sizes, say: Callable[[str], None] = lambda _: None) -> None:
    """Fill an empty store on a server.

    Args:
        engine: the store.
        sizes: with how much.
        say: is told what is done.
    """
    common = {"project": PROJECT, "begin": f"{BEGIN:%Y-%m-%d}", "end": f"{_END:%Y-%m-%d}", "waiting": sizes.waiting}
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE fill_numbers (n INT PRIMARY KEY)")
        connection.exec_driver_sql("INSERT INTO fill_numbers VALUES (%s)", [(n,) for n in range(1_000)])
    for repository, count in _repositories(sizes):
        _run(engine, "delivery", common | {"repository": repository, "count": count, "step": _step(count)})
    say(f"{sizes.deployments:,} deployments")
    for first in range(0, sizes.runs, _RUNS_AT_ONCE):
        numbers = {"first": first, "after": first + _RUNS_AT_ONCE, "runs": sizes.runs, "step": _step(sizes.runs)}
        _run(engine, "runs", common | numbers | {"entries": sizes.entries})
    say(f"{sizes.journal:,} journal rows")
    _run(engine, "log", common | {"entries": sizes.journal})
    _run(engine, "rules", common)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE fill_numbers")
        tables = connection.exec_driver_sql("SHOW TABLES").scalars()
        connection.exec_driver_sql(f"ANALYZE TABLE {', '.join(f'`{name}`' for name in tables)}")


def _repositories(sizes: Sizes) -> Iterator[tuple[str, int]]:
    yield "r0", sizes.large
    for number in range(1, sizes.repositories + 1):
        yield f"r{number}", sizes.small


def _run(engine: Engine, script: str, values: Mapping[str, Any]) -> None:
    """Run the statements of a script, each in a transaction of its own."""
    for statement in Template((_SCRIPTS / f"{script}.sql").read_text(encoding="utf-8")).substitute(values).split(";\n"):
        if statement.strip():
            with engine.begin() as connection:
                connection.exec_driver_sql(statement.replace("%", "%%"))  # the driver fills in parameters


def _step(count: int) -> int:
    return int(SPAN.total_seconds()) // count


class Choice:
    """Parameters for queries about what is in the store, other ones at every time."""

    def __init__(self, sizes: Sizes, seed: int, *, looked_up: int = LOOKED_UP) -> None:
        """Prepare to choose.

        Args:
            sizes: what the store was filled with.
            seed: the same chooses the same.
            looked_up: how many ids a query is given that looks up many.
        """
        self._sizes = sizes
        self._looked_up = looked_up
        self._random = Random(seed)  # noqa: S311 - chooses rows, keeps no secret

    def parameters(self, asked: Query) -> dict[str, Any]:
        """Return values for all that a query asks for; every second time of the largest repository.

        Raises:
            KeyError: if it asks for something that nobody has thought of here.
        """
        compiled = asked.statement.compile()  # type: ignore[attr-defined]  # every statement of ours compiles
        names = {name for name, bind in compiled.binds.items() if bind.required}
        found = self._of_repository() | self._of_run()
        # Deleting goes on after a run, or from where another page ended.
        found["after"] = found["after"] if "first" in names else found["before"] - WINDOW
        return {name: found[name] for name in names}

    def _of_repository(self) -> dict[str, Any]:
        number = 0 if self._random.random() < 0.5 else self._random.randint(1, self._sizes.repositories)
        count = self._sizes.small if number else self._sizes.large
        name = f"r{number}"
        one = self._random.randrange(count)
        # Most reports are of the present, some of any time.
        ends = BEGIN + SPAN - timedelta(days=1) * self._random.random()
        if self._random.random() < 0.2:
            ends = BEGIN + WINDOW + (SPAN - WINDOW) * self._random.random()
        some = [self._random.randrange(count) for _ in range(self._looked_up)]
        sha = _sha(f"{name}-{one}")
        return {
            "in_project": PROJECT,
            "in_repository": name,
            "start": ends - WINDOW,
            "end": ends,
            "moment": ends,
            "shas": [_sha(f"{name}-{other}") for other in some],
            "keys": [_sha(f"{name}-{other}") for other in some],
            "ids": [str(other) for other in some],
            "digests": [
                f"sha256:{hashlib.sha256(f'{name}-deployment-{other}'.encode()).hexdigest()}" for other in some
            ],
            "of_kind": "deployment",
            "of_source": "github",
            "of_remote": "api.github.com/77",
            "of_stream": "deployments",
            "of_key": sha,
            "of_sha": sha,
            "first": sha[:10],
            "after": f"{sha[:10]}g",
            "environment": "production",
            "cycles": [
                f"{BEGIN + timedelta(seconds=_step(count) * (other - other % 100)):{CYCLE_ID_FORM}}" for other in some
            ],
            "cycle_id": f"{BEGIN + timedelta(seconds=_step(count) * (one - one % 100)):{CYCLE_ID_FORM}}",
            "of_repository": name,
            "since": ends - WINDOW,
            "before": ends,
            "after_repository": name,
            "after_cycle": "",
            "request_id": f"req-{name}-{one - one % 100}",
            "now_merged_at": ends,
            "now_merged_by": sha,
            "now_deployment": sha,
        }

    def _of_run(self) -> dict[str, Any]:
        number = self._random.randrange(self._sizes.runs)
        if self._random.random() < 0.5:
            number = self._sizes.runs - 1 - self._random.randrange(self._sizes.waiting)
        name = f"run-{number:012d}"
        agents = ("planning", "testing", "deployment", "maintenance")
        now = BEGIN + SPAN
        place = self._random.randrange(self._sizes.journal)
        return {
            "project": PROJECT,
            "b_project": PROJECT,
            "run": name,
            "b_run": name,
            "runs": [f"run-{self._random.randrange(self._sizes.runs):012d}" for _ in range(min(200, self._looked_up))],
            "last": name,
            "most": 200,
            "records": "journal",
            "b_records": "journal",
            "b_began_at": BEGIN,
            "added": 1,
            "sequence": 2,
            "digest": "sha256:0",
            "pruned_at": now,
            "first_sequence": 2,
            "last_sequence": 11,
            "first_run": name,
            "last_run": f"{name}~",
            "first_place": place,
            "end_place": place + 1_000,
            "but_run": "log",
            "level": 0,
            "place": place // 256,
            "smallest": place,
            "largest": place + 10_000,
            "size": self._sizes.journal,
            "old_size": self._sizes.journal,
            "new_size": self._sizes.journal + 1,
            "new_root": bytes(32),
            "after_size": place,
            "b_place": "git",
            "old_attempt": 1,
            "own_attempt": 1,
            "new_address": b"origin refs/heads/iact-checkpoints",
            "new_note": None,
            "new_published_at": now,
            "new_not_before": now,
            "new_failures": 0,
            "new_trouble": None,
            "new_contradicts": False,
            "witnesses": ["example.org/witness-0"],
            "count": 1,
            "of_size": place,
            "number": self._sizes.journal + 1,
            "new_checked": place,
            "new_checked_at": now,
            "new_damage": None,
            "after_number": place,
            "agent": agents[number % len(agents)] if number % _PDCA_EVERY else "pdca",
            "subject": f"subject-{number % _SUBJECTS}",
            "key": "look/2",
            "b_key": f"{name}/2",
            "b_number": number * 3 + 1,
            "name": f"plan.measured={number}",
            "now": now,
            "visit": 4,
            "transition": 1,
            "parameter": f"parameter-{self._random.randrange(_PARAMETERS)}",
            "seen": 5,
            "numbers": [self._random.randrange(self._sizes.runs) * 3 + 1 for _ in range(self._looked_up)],
            "due_at": None,
            "runner": "runner-3",
            "b_runner": "runner-3",
            "living": [f"runner-{one}" for one in range(3)],
            "b_now": now,
            "until": now,
            "was_until": now,
            "standing": "working",
            "b_failures": 1,
            "b_not_before": now,
            "b_parked_at": None,
            "b_trouble": "",
            "status": "done",
            "attempts": 2,
            "settled_at": now,
            "state": "kept",
            "entered_at": now,
            "remembered": b"[]",
            "outcome": "go",
            "active": None,
            "ended_at": now,
            "lately": now - timedelta(minutes=5),
            "decided_since": now - timedelta(days=1),
            "person_name": f"person {self._random.randrange(_PERSONS)}",
            "tokens": [
                f"{kind}:{hashlib.sha256(str(self._random.randrange(_PERSONS)).encode()).hexdigest()}"
                for kind in ("person", "remark")
                for _ in range(min(250, self._looked_up))
            ],
            "pseudonyms": [f"person:{hashlib.sha256(str(self._random.randrange(_PERSONS)).encode()).hexdigest()}"],
            "job": f"job-{self._random.randrange(10)}",
            "b_job": f"job-{self._random.randrange(10)}",
            "b_scheduled_at": now - timedelta(minutes=self._random.randrange(1_000)),
            "b_before": now - timedelta(days=69),
            "b_status": "done",
            "b_outcome": "all well",
        }


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:40]
