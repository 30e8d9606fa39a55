"""Killed or frozen at any boundary: nothing is lost or done twice, and others go on within a lease and two ticks.

A boundary is a commit or an effect. At each one process is killed, as if its whole machine were gone; at each one
another is frozen for longer than its lease, and wakes when others have gone on. On a server they go on to the end while
it is frozen, wherever it is; in the embedded store only one process at a time can be in the middle of a writing
transaction, and others wait for that one to wake.

`STORE=mysql` and `STORE=mariadb` keep the stories there. Of a story of which `BOUNDARIES` does not say `all`, some
boundaries are drawn: which, says the seed in `SEED`.
"""

from __future__ import annotations

import os
import random
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Connection, func, select

from iact.core.registry import ACTIONS
from iact.engine import store
from iact.engine.tables import INTENTS, JOURNAL, TIMERS, TRIGGERS
from iact.stores.connect import reading
from tests.support.boundaries import BEFORE_COMMIT, BOUNDARIES, Child, Fate
from tests.support.crash_stories import (
    AGAIN,
    LEASE,
    PLOTS,
    TAKEN_BACK,
    EverySort,
    Experiment,
    Kept,
    Story,
    kept,
    live,
)
from tests.support.kept import KIND, copy_folder, open_kept, remove_folder, transactions
from tests.support.kills import quick_folder
from tests.support.project import ROOT
from tests.support.shared_time import TICK, SharedClock
from tests.support.waiting import until

VICTIM: Final = "a machine that fails"
SURVIVOR: Final = "a machine that goes on"
SHIPPED: Final = {"pdca"}
"""The agents that the stories below are about."""
EVERY_SORT: Final = "every sort of action"
STORIES: Final = [EVERY_SORT, *PLOTS]
ALL: Final = os.environ.get("BOUNDARIES") == "all"
SEED: Final = os.environ.get("SEED", "20261127")
DRAWN: Final = 6
"""How many boundaries of a story are drawn; of one that is told in full on SQLite twice as many on a server."""
IN_FULL: Final = {EVERY_SORT, TAKEN_BACK}
"""The stories with every sort of transition and of action: all others begin or end like one of them."""


@dataclass(slots=True)
class Stage:
    """Where a story is told, again and again.

    Attributes:
        name: of the story.
        story: the story.
        room: the folder below which everything is.
        boundaries: those of the story without any trouble, in order.
        expected: what it leaves in the store then.
        left: what it leaves in the world then.
    """

    name: str
    story: Story
    room: Path
    boundaries: tuple[str, ...] = ()
    expected: Kept | None = None
    left: Any = None

    @property
    def beginning(self) -> Path:
        """The folder as it is before the story begins."""
        return self.room / "beginning"

    def tell_without_trouble(self) -> None:
        """Tell it once, and note what there is to be compared with."""
        with self.case() as folder:
            with BOUNDARIES.counted() as seen:
                live(self.story, folder, SharedClock(self.story.start), SURVIVOR)
            self.boundaries = tuple(seen)
            engine = open_kept(folder / "iact.db")
            self.expected, self.left = kept(engine), self.story.left(folder, engine)
            engine.dispose()
        assert self.expected.wrong == ()

    @property
    def drawn(self) -> list[tuple[int, str]]:
        """The boundaries at which something happens, each with its number."""
        numbered = list(enumerate(self.boundaries, start=1))
        in_full = self.name in IN_FULL
        if ALL or (in_full and KIND == "sqlite"):
            return numbered
        chance = random.Random(f"{SEED} {self.name}")  # noqa: S311 - the same ones for everybody, which is no secret
        return sorted(chance.sample(numbered, DRAWN * (2 if in_full else 1)))

    def at(self, number: int, boundary: str, what: str) -> str:
        """Return what happened, and where, for people."""
        return (
            f"{self.name}, on {KIND}: {what} at boundary {number} of {len(self.boundaries)}, {boundary} (seed {SEED})"
        )

    @contextmanager
    def case(self) -> Iterator[Path]:
        """Give a folder in which the story has not begun yet."""
        folder = copy_folder(self.beginning, self.room / "case")
        try:
            yield folder
        finally:
            remove_folder(folder)


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder in memory, where there is one."""
    with tempfile.TemporaryDirectory(prefix="iact-boundary-", dir=quick_folder()) as folder:
        yield Path(folder)


@pytest.fixture
def stage(request: pytest.FixtureRequest, room: Path) -> Stage:
    """A story, told once without trouble."""
    story: Story
    if request.param == EVERY_SORT:
        story = EverySort()
        open_kept(room / "beginning/iact.db").dispose()
    else:
        story = Experiment.prepared(room / "beginning", PLOTS[request.param])
    stage = Stage(request.param, story, room)
    stage.tell_without_trouble()
    assert stage.expected is not None
    assert request.param == EVERY_SORT or stage.expected.state == PLOTS[request.param].ends
    return stage


def test_every_shipped_agent_has_its_story():
    assert {file.stem for file in (ROOT / "agents").glob("*.yaml")} == SHIPPED


@pytest.mark.parametrize("stage", STORIES, indirect=True)
def test_killed_at_any_boundary_the_story_ends_the_same(stage: Stage):
    for number, boundary in stage.drawn:
        what = stage.at(number, boundary, "killed")
        with stage.case() as folder:
            clock = SharedClock(stage.story.start)
            victim = Child(partial(live, stage.story, folder, clock, VICTIM), fatal=number)
            assert victim.fate() is Fate.KILLED, what
            waiting = Waiting.seen(folder, clock)
            assert Child(partial(live, stage.story, folder, clock, SURVIVOR)).fate() is Fate.ENDED, what
            expect_the_same(stage, folder, what)
            waiting.expect_resumed(folder, what)


@pytest.mark.parametrize("stage", STORIES, indirect=True)
def test_frozen_beyond_its_lease_at_any_boundary_and_woken_it_does_nothing_twice(stage: Stage):
    for number, boundary in stage.drawn:
        what = stage.at(number, boundary, "frozen")
        with stage.case() as folder:
            clock = SharedClock(stage.story.start)
            victim = Child(partial(live, stage.story, folder, clock, VICTIM), fatal=number, by=signal.SIGSTOP)
            try:
                assert victim.fate() is Fate.FROZEN, what
                waiting = others_see_what_waits(folder, clock, boundary, what)
                clock.advance(2 * LEASE if waiting is None else 0 * LEASE)
                survivor = Child(partial(live, stage.story, folder, clock, SURVIVOR))
                if waiting is None:
                    # It holds what it has written: others cannot go on before it has woken.
                    victim.thaw()
                assert survivor.fate() is Fate.ENDED, what
                victim.thaw()
                assert victim.fate() is Fate.ENDED, what
            finally:
                victim.end()
            expect_the_same(stage, folder, what)
            if waiting is not None:
                waiting.expect_resumed(folder, what)


def others_see_what_waits(folder: Path, clock: SharedClock, boundary: str, what: str) -> Waiting | None:
    """Return what waits while a process is frozen; None where it keeps others from all of it until it wakes.

    A server takes back what the process has in the middle of, while that is frozen, before its lease has ended.
    """
    if boundary == BEFORE_COMMIT:
        if KIND == "sqlite":
            return None
        until(lambda: transactions(folder / "iact.db") == 0, lambda: what, every=0.2)
    return Waiting.seen(folder, clock)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waited for somebody to go on with it, when a process failed.

    Attributes:
        since: the moment, by the shared clock.
        entries: how many there were in the journal.
        told: what runs were told and have not decided upon, by the numbers of its rows.
        due: since when there is something to do; None where there is nothing.
    """

    since: datetime
    entries: int
    told: tuple[int, ...]
    due: datetime | None

    @classmethod
    def seen(cls, folder: Path, clock: SharedClock) -> Waiting:
        """Look at what waits."""
        engine = open_kept(folder / "iact.db")
        with reading(engine) as connection:
            told = tuple(connection.execute(select(TRIGGERS.c.number).where(TRIGGERS.c.handled_at.is_(None))).scalars())
            due = clock.moment if told else _due(connection, clock.moment)
            found = cls(clock.moment, _entries(connection), told, due)
        engine.dispose()
        return found

    def expect_resumed(self, folder: Path, what: str) -> None:
        """Expect that somebody went on within what is left of the lease and two ticks."""
        if self.due is None:
            return
        engine = open_kept(folder / "iact.db")
        with reading(engine) as connection:
            asked = select(JOURNAL.c.at).order_by(JOURNAL.c.number).offset(self.entries).limit(1)
            # What comes too late for its run is decided upon as well, and is not worth an entry.
            heard = select(func.min(TRIGGERS.c.handled_at)).where(TRIGGERS.c.number.in_(self.told))
            resumed = [at for one in (asked, heard) if (at := connection.execute(one).scalar()) is not None]
        engine.dispose()
        assert resumed, what
        assert min(resumed) - max(self.due, self.since) <= LEASE + 2 * TICK, what


def _entries(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(JOURNAL)).scalar_one()


def _due(connection: Connection, now: datetime) -> datetime | None:
    asked = select(func.count()).where(INTENTS.c.status.in_([store.DECIDED, store.WORKING, store.STARTED]))
    if connection.execute(asked).scalar_one():
        return now
    due: datetime | None = connection.execute(select(func.min(TIMERS.c.due_at))).scalar()
    return due


def expect_the_same(stage: Stage, folder: Path, what: str) -> None:
    """Expect of the store and of the world what they are without any trouble, but for what nobody can tell."""
    engine = open_kept(folder / "iact.db")
    found, left = kept(engine), stage.story.left(folder, engine)
    engine.dispose()
    assert stage.expected is not None
    assert found.wrong == (), what
    if not isinstance(stage.story, EverySort):
        assert (found, left) == (stage.expected, stage.left), what
        return
    assert replace(found, actions=stage.expected.actions) == stage.expected, what
    for (name, status), key in zip(sorted(found.actions.items()), sorted(stage.left, reverse=False), strict=True):
        expect_done_as_it_says(name.partition(" ")[0], status, key, left, what)


def expect_done_as_it_says(name: str, status: str, key: str, left: Any, what: str) -> None:
    """Expect an action to be done once where its `check` settles it, and else as its `on_unknown` says."""
    done, again = left[key], left[key + AGAIN]
    if name == "write_line":
        assert (status, done, again) == (store.DONE, 1, 0), what
    elif ACTIONS[name].on_unknown == "repeat":
        assert status == store.DONE, what
        assert done <= 1, what
        assert done + again >= 1, what
    else:
        assert (status == store.DONE and done == 1) or (status == store.REVIEW and done <= 1), what
        assert again == 0, what
