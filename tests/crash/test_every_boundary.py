"""Killed or frozen at any boundary: nothing is lost or done twice, and others go on within a lease and two ticks.

A boundary is a commit or an effect. At each one process is killed, as if its whole machine were gone; at each one
another is frozen for longer than its lease, and wakes when others have gone on, as far as they could.
"""

from __future__ import annotations

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
from iact.engine.runners import LEASE
from iact.engine.tables import INTENTS, JOURNAL, TIMERS, TRIGGERS
from iact.stores.connect import reading
from tests.support.boundaries import BEFORE_COMMIT, BOUNDARIES, Child, Fate
from tests.support.crash_stories import AGAIN, WORSE, EverySort, Experiment, Kept, Story, kept, live
from tests.support.kept import copy_folder, open_kept, remove_folder
from tests.support.kills import quick_folder
from tests.support.project import ROOT
from tests.support.shared_time import TICK, SharedClock

VICTIM: Final = "a machine that fails"
SURVIVOR: Final = "a machine that goes on"
SHIPPED: Final = {"pdca"}
"""The agents that the stories below are about."""


@dataclass(slots=True)
class Stage:
    """Where a story is told, again and again.

    Attributes:
        story: the story.
        room: the folder below which everything is.
        boundaries: those of the story without any trouble, in order.
        expected: what it leaves in the store then.
        left: what it leaves in the world then.
    """

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


EXPERIMENT: Final = "pdca: a patch is tried and taken back"
EVERY_SORT: Final = "every sort of action"


@pytest.fixture
def stage(request: pytest.FixtureRequest, room: Path) -> Stage:
    """A story, told once without trouble."""
    story: Story
    if request.param == EXPERIMENT:
        story = Experiment.prepared(room / "beginning", "{patch: limits.patch}", WORSE)
    else:
        story = EverySort()
        open_kept(room / "beginning/iact.db").dispose()
    stage = Stage(story, room)
    stage.tell_without_trouble()
    return stage


def test_every_shipped_agent_has_its_story():
    assert {file.stem for file in (ROOT / "agents").glob("*.yaml")} == SHIPPED


@pytest.mark.parametrize("stage", [EXPERIMENT, EVERY_SORT], indirect=True)
def test_killed_at_any_boundary_the_story_ends_the_same(stage: Stage):
    for number, boundary in enumerate(stage.boundaries, start=1):
        with stage.case() as folder:
            clock = SharedClock(stage.story.start)
            victim = Child(partial(live, stage.story, folder, clock, VICTIM), fatal=number)
            assert victim.fate() is Fate.KILLED
            waiting = Waiting.seen(folder, clock)
            assert Child(partial(live, stage.story, folder, clock, SURVIVOR)).fate() is Fate.ENDED
            expect_the_same(stage, folder, f"killed at boundary {number}, {boundary}")
            waiting.expect_resumed(folder, f"killed at boundary {number}, {boundary}")


@pytest.mark.parametrize("stage", [EXPERIMENT, EVERY_SORT], indirect=True)
def test_frozen_beyond_its_lease_at_any_boundary_and_woken_it_does_nothing_twice(stage: Stage):
    for number, boundary in enumerate(stage.boundaries, start=1):
        with stage.case() as folder:
            clock = SharedClock(stage.story.start)
            victim = Child(partial(live, stage.story, folder, clock, VICTIM), fatal=number, by=signal.SIGSTOP)
            try:
                assert victim.fate() is Fate.FROZEN
                waiting = Waiting.seen(folder, clock) if boundary != BEFORE_COMMIT else None
                clock.advance(2 * LEASE if waiting is None else 0 * LEASE)
                survivor = Child(partial(live, stage.story, folder, clock, SURVIVOR))
                if waiting is None:
                    # It holds what it has written: others cannot go on before it has woken.
                    victim.thaw()
                assert survivor.fate() is Fate.ENDED
                victim.thaw()
                assert victim.fate() is Fate.ENDED
            finally:
                victim.end()
            expect_the_same(stage, folder, f"frozen at boundary {number}, {boundary}")
            if waiting is not None:
                waiting.expect_resumed(folder, f"frozen at boundary {number}, {boundary}")


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waited for somebody to go on with it, when a process failed.

    Attributes:
        since: the moment, by the shared clock.
        entries: how many there were in the journal.
        due: since when there is something to do; None where there is nothing.
    """

    since: datetime
    entries: int
    due: datetime | None

    @classmethod
    def seen(cls, folder: Path, clock: SharedClock) -> Waiting:
        """Look at what waits."""
        engine = open_kept(folder / "iact.db")
        with reading(engine) as connection:
            found = cls(clock.moment, _entries(connection), _due(connection, clock.moment))
        engine.dispose()
        return found

    def expect_resumed(self, folder: Path, what: str) -> None:
        """Expect that somebody went on within what is left of the lease and two ticks."""
        if self.due is None:
            return
        engine = open_kept(folder / "iact.db")
        with reading(engine) as connection:
            asked = select(JOURNAL.c.at).order_by(JOURNAL.c.number).offset(self.entries).limit(1)
            resumed = connection.execute(asked).scalar()
        engine.dispose()
        assert resumed is not None, what
        assert resumed - max(self.due, self.since) <= LEASE + 2 * TICK, what


def _entries(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(JOURNAL)).scalar_one()


def _due(connection: Connection, now: datetime) -> datetime | None:
    told = connection.execute(select(func.count()).where(TRIGGERS.c.handled_at.is_(None))).scalar_one()
    asked = select(func.count()).where(INTENTS.c.status.in_([store.DECIDED, store.WORKING, store.STARTED]))
    if told or connection.execute(asked).scalar_one():
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
