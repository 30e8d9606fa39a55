"""A history that was thought up, to show what a report looks like where a real one is too short.

A team of six merges a dozen changes a week and releases most Tuesdays: so most of a change's lead time is spent waiting
for a release. Now and then a release has to be reverted in part, or mended in a hurry. The same moment gives the same
history, commit by commit.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Final

from iact.sources.git.writer import HistoryWriter

WEEKS: Final = 36
AGENT_TRAILER: Final = "Co-authored-by: helper[bot] <helper@example.invalid>"
"""Marks the changes of the demo that an AI agent made."""
_CHANGES_A_WEEK: Final = 12
_PEOPLE: Final = 6
_SEED: Final = 48
_BY_AGENT: Final = 0.2
_RELEASED_WEEKLY: Final = 0.85
_REVERTED: Final = 0.12
_MENDED: Final = 0.15
_WORK: Final = ("feat: change", "fix: change", "docs: change", "refactor: change", "test: change")
_MONDAY: Final = timedelta(hours=9)
_SHORTLY: Final = timedelta(minutes=1)
_TUESDAY: Final = timedelta(days=1, hours=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """A change that waits for its turn to be merged."""

    authored: datetime
    finished: datetime
    merged: datetime
    author: str
    message: str


def write_demo_repository(path: Path, now: datetime) -> None:
    """Write the demo history to a new bare repository.

    Args:
        path: where to make it; nothing may be there yet.
        now: the present moment; the history ends shortly before it.

    Raises:
        SourceError: there is something at `path`, or git cannot write there.
    """
    with HistoryWriter(path) as writer:
        _Demo(writer, random.Random(_SEED), now).write()  # noqa: S311 - a story that repeats, not a secret


class _Demo:
    """The story, week by week."""

    def __init__(self, writer: HistoryWriter, chance: random.Random, now: datetime) -> None:
        self._writer = writer
        self._chance = chance
        self._now = now.replace(microsecond=0)
        midnight = self._now.replace(hour=0, minute=0, second=0)
        self._start = midnight - timedelta(days=midnight.weekday(), weeks=WEEKS)
        self._tip = writer.commit("chore: begin", at=self._start)
        self._last = self._start
        self._mainline = [(self._start, self._tip)]
        self._minor = 0
        self._unreleased: list[str] = []

    def write(self) -> None:
        """Tell the whole story."""
        planned = (one for week in range(WEEKS + 1) for one in self._planned(week))
        work = deque(sorted(planned, key=attrgetter("merged")))
        for week in range(WEEKS + 1):
            tuesday = self._week(week) + _TUESDAY + self._hours(0, 5)
            self._merge_until(min(tuesday, self._now), work)
            if tuesday < self._now and self._chance.random() < _RELEASED_WEEKLY:
                self._release(tuesday)
        self._merge_until(self._now, work)
        self._writer.end(self._tip)

    def _merge_until(self, moment: datetime, work: deque[_Work]) -> None:
        while work and max(work[0].merged, self._last + _SHORTLY) < moment:
            self._merge(work.popleft())

    def _planned(self, week: int) -> list[_Work]:
        return [self._plan(week) for _ in range(self._chance.randint(_CHANGES_A_WEEK - 4, _CHANGES_A_WEEK + 4))]

    def _plan(self, week: int) -> _Work:
        authored = self._week(week) + _MONDAY + timedelta(days=self._chance.randrange(5)) + self._hours(0, 8)
        finished = authored + timedelta(hours=self._chance.lognormvariate(1.0, 0.8))
        merged = finished + timedelta(hours=self._chance.lognormvariate(2.2, 0.9))
        number = self._chance.randint(1, _PEOPLE)
        by_agent = self._chance.random() < _BY_AGENT
        message = self._chance.choice(_WORK) + (f"\n\n{AGENT_TRAILER}" if by_agent else "")
        author = f"dev-{number} <dev-{number}@example.invalid>"
        return _Work(authored=authored, finished=finished, merged=merged, author=author, message=message)

    def _merge(self, work: _Work) -> None:
        """Merge a branch of one commit, which began where the mainline was when the work did."""
        fork = self._mainline[bisect_right(self._mainline, work.authored, key=itemgetter(0)) - 1][1]
        change = self._writer.commit(
            work.message, at=work.finished, authored=work.authored, author=work.author, parents=[fork]
        )
        self._unreleased.append(change)
        self._advance("Merge pull request", max(self._last + _SHORTLY, work.merged), change)

    def _advance(self, message: str, at: datetime, *merged: str) -> None:
        self._tip = self._writer.commit(message, at=at, parents=[self._tip, *merged])
        self._last = at
        self._mainline.append((at, self._tip))

    def _release(self, at: datetime) -> None:
        self._minor += 1
        shipped, self._unreleased = self._unreleased, []
        self._tag(f"v1.{self._minor}.0", at)
        luck = self._chance.random()
        if shipped and luck < _REVERTED:
            culprit = self._chance.choice(shipped)
            self._mend(f"Revert change\n\nThis reverts commit {culprit}.", at + self._hours(3, 30))
        elif luck < _REVERTED + _MENDED:
            self._mend("fix: change", at + self._hours(2, 20))

    def _mend(self, message: str, at: datetime) -> None:
        """Repair the release that was just made, and release the repair, unless that is still to come."""
        if at + timedelta(hours=1) < self._now:
            self._advance(message, at)
            self._tag(f"v1.{self._minor}.1", at + timedelta(minutes=40))

    def _tag(self, name: str, at: datetime) -> None:
        self._writer.tag(name, self._tip, at=at)

    def _week(self, week: int) -> datetime:
        return self._start + timedelta(weeks=week)

    def _hours(self, fewest: float, most: float) -> timedelta:
        return timedelta(seconds=int(self._chance.uniform(fewest, most) * 3600))
