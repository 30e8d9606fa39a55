"""What is kept of a release: two backups of a store, and what lies between them.

`parked.zip` is a store in which runs wait for a time, an event or a person; `stages.json` says what then happens to
each; `played.zip` is what the release made of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, Final
from unittest import mock

from sqlalchemy import update
from sqlalchemy.engine import Engine

from iact.dora.tables import REPOSITORIES
from iact.engine.tables import CLAIMS
from iact.stores.backups import saving
from iact.stores.connect import writing
from tests.support.journals.playing import Stage, stage_from_record
from tests.support.project import ROOT

FOLDER: Final = ROOT / "tests/data/journals"
_PARKED: Final = "parked.zip"
_PLAYED: Final = "played.zip"
_STAGES: Final = "stages.json"


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
        record = {
            "agents": list(self.agents),
            "given": self.is_given,
            "stages": [stage.to_record() for stage in self.stages],
        }
        text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
        (self.folder / _STAGES).write_text(text, encoding="utf-8")


def histories() -> Iterator[History]:
    """Walk everything that was ever recorded, by release."""
    for file in sorted(FOLDER.glob(f"*/*/{_STAGES}")):
        record: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        stages = tuple(map(stage_from_record, record["stages"]))
        yield History(file.parent, tuple(record["agents"]), stages, is_given=record["given"])


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
