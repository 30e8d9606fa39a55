"""What is kept of a release: two backups of a store, and what lies between them.

`parked.zip` is a store in which runs wait for a time, an event or a person; `stages.jsonl` says what then happens to
each, canonical JSON (RFC 8785) with a line for what all share and one for each stage; `played.zip` is what the release
made of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from operator import attrgetter
from pathlib import Path
from typing import Final
from unittest import mock

from sqlalchemy import update
from sqlalchemy.engine import Engine

from iact.core.canonical import canonical
from iact.dora.tables import REPOSITORIES
from iact.engine import persons
from iact.engine.tables import CLAIMS
from iact.stores.backups import saving
from iact.stores.connect import writing
from tests.support.journals.playing import Stage, stage_from_record
from tests.support.project import ROOT

FOLDER: Final = ROOT / "tests/data/journals"
_PARKED: Final = "parked.zip"
_PLAYED: Final = "played.zip"
_STAGES: Final = "stages.jsonl"


@dataclass(frozen=True, slots=True)
class History:
    """What a release wrote.

    Attributes:
        folder: where it is kept.
        agents: the names of the agents whose runs are in it.
        stages: what happens to the runs that are parked, in order.
        is_given: whether what is known and how actions end is given; otherwise the agents' own sources and actions say.
    """

    folder: Path
    agents: tuple[str, ...]
    stages: tuple[Stage, ...]
    is_given: bool

    def __str__(self) -> str:
        """Return the release and the name of what was recorded."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def parked(self) -> Path:
        """The backup of the store in which runs are parked."""
        return self.folder / _PARKED

    @property
    def played(self) -> Path:
        """The backup of the store after they went on."""
        return self.folder / _PLAYED

    def write(self) -> None:
        """Write what happens to parked runs."""
        shared = {"agents": list(self.agents), "given": self.is_given}
        records = (shared, *(stage.to_record() for stage in self.stages))
        (self.folder / _STAGES).write_bytes(b"".join(canonical(record) + b"\n" for record in records))


def histories() -> Iterator[History]:
    """Walk everything that was ever recorded, by release."""
    for file in sorted(FOLDER.glob(f"*/*/{_STAGES}")):
        shared, *stages = map(json.loads, file.read_bytes().splitlines())
        yield History(
            file.parent, tuple(shared["agents"]), tuple(map(stage_from_record, stages)), is_given=shared["given"]
        )


@contextmanager
def numbered_salts() -> Iterator[None]:
    """Number the salts of what stands for a person, which are drawn by lot, for as long as the block lasts."""
    numbers = count(1)
    with mock.patch.object(persons, "secrets") as lots:
        lots.token_bytes.side_effect = lambda size: next(numbers).to_bytes(size, "big")
        yield


def save(engine: Engine, target: Path, moment: datetime) -> None:
    """Back up a store so that what was played again gives the same bytes.

    Args:
        engine: the store.
        target: the file, which is made anew.
        moment: the one that it shows.
    """
    target.unlink(missing_ok=True)
    with writing(engine) as connection:
        # Processes are named by lot, and a repository is read when it is read.
        claimed = CLAIMS.c.runner.is_not(None)
        connection.execute(update(CLAIMS).where(claimed).values(runner="runner-of-then", claimed_at=moment))
        connection.execute(update(REPOSITORIES).values(synced_at=moment))
    with mock.patch.object(saving, "datetime") as clock:
        clock.now.return_value = moment
        saving.save(engine, target, shown_as=target.name, tell=lambda _table, _rows: None)


def in_time(stages: Iterable[Stage]) -> list[Stage]:
    """Return stages in the order in which they happen."""
    return sorted(stages, key=attrgetter("at", "project", "run"))
