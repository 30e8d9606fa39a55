"""What a process carries out of its schedule: each job beside the others, and never beside itself.

What came of a job is kept here until it is written: as long as the store says that it goes on, nobody begins it again.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from iact.serving.occurrences import Occurrence

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOGGER: Final = logging.getLogger(__name__)
JOBS_AT_ONCE: Final = 8
"""How many jobs are carried out at the same time at most; each may take a connection to the store or two."""
LOOKED_AGAIN_AFTER: Final = 0.1
"""Seconds between two looks whether a pause is over, while a process leaves."""
LONGEST_PAUSE: Final = 60.0
"""Seconds at most between two attempts to write what came of a job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameTo:
    """What came of an occurrence.

    Attributes:
        occurrence: which.
        outcome: as a sentence.
        failed: whether it failed.
    """

    occurrence: Occurrence
    outcome: str
    failed: bool


class CarriesOut(Protocol):
    """Who does what the schedule asks for."""

    def outcome(self, occurrence: Occurrence) -> CameTo:
        """Carry something out, and return what came of it; whatever goes wrong is what came of it."""

    def write_down(self, came: CameTo) -> None:
        """Write what came of it into the store."""


@dataclass(slots=True)
class _Lane:
    """What is left to do of one job, the first of it first."""

    left: deque[Occurrence | CameTo] = field(default_factory=deque)
    future: Future[CameTo | None] | None = None
    failures: int = 0
    not_before: float = float("-inf")


class JobsUnderWay:
    """The jobs that this process carries out at present. All methods are called by one thread."""

    def __init__(self, who: CarriesOut, *, most: int = JOBS_AT_ONCE) -> None:
        """Prepare to let `who` carry out so many jobs at the same time at most."""
        self._who = who
        self._pool = ThreadPoolExecutor(max_workers=most, thread_name_prefix="iact-job")
        self._lanes: dict[str, _Lane] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The jobs that are not over, or whose ending is not written."""
        return tuple(sorted(self._lanes))

    def add(self, occurrences: Iterable[Occurrence]) -> None:
        """Take in what this process has to carry out."""
        for one in occurrences:
            self._lanes.setdefault(one.job, _Lane()).left.append(one)
        self.keep_up()

    def keep_up(self) -> None:
        """Hear of what has ended, and begin what can begin. Never waits."""
        for name, lane in list(self._lanes.items()):
            self._hear(name, lane)
            if lane.future is None and lane.left and time.monotonic() >= lane.not_before:
                lane.future = self._pool.submit(self._do, lane.left[0])
            if lane.future is None and not lane.left:
                del self._lanes[name]

    def begin_no_more(self) -> None:
        """Leave to others what was not begun; what came of the rest is still written."""
        for lane in self._lanes.values():
            begun = lane.future is not None and not lane.future.cancel()
            if not begun:
                lane.future = None
            kept = [lane.left[0]] if begun else []
            lane.left = deque([*kept, *(one for one in lane.left if isinstance(one, CameTo) and one not in kept)])
            lane.not_before = float("-inf")

    def wait(self, seconds: float) -> None:
        """Wait until something may have ended, so many seconds at most."""
        futures = [lane.future for lane in self._lanes.values() if lane.future is not None]
        if futures:
            wait(futures, timeout=max(0.0, seconds), return_when="FIRST_COMPLETED")
        elif self._lanes:
            # What could not be written is tried again once its pause is over.
            time.sleep(min(max(0.0, seconds), LOOKED_AGAIN_AFTER))

    def close(self) -> None:
        """Take nothing more; threads that are still at work are left to themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _hear(self, name: str, lane: _Lane) -> None:
        if lane.future is None or not lane.future.done():
            return
        future, lane.future = lane.future, None
        step, error = lane.left.popleft(), future.exception()
        if error is not None:
            _LOGGER.error("the job %s failed", name, exc_info=error)
        unwritten = future.result() if error is None else _failed(step, error)
        if unwritten is None:
            lane.failures, lane.not_before = 0, float("-inf")
            return
        lane.left.appendleft(unwritten)
        lane.not_before = time.monotonic() + min(LONGEST_PAUSE, 2.0**lane.failures)
        lane.failures += 1

    def _do(self, step: Occurrence | CameTo) -> CameTo | None:
        """Carry something out, and write what came of it; return what could not be written."""
        came = self._who.outcome(step) if isinstance(step, Occurrence) else step
        try:
            self._who.write_down(came)
        except Exception as error:  # noqa: BLE001 - whatever the store says, it is tried again
            message = "what came of the job %s is not written yet, and is tried again: %s (it came to: %s)"
            _LOGGER.error(message, came.occurrence.job, error, came.outcome)  # noqa: TRY400 - as in `Server`
            return came
        return None


def _failed(step: Occurrence | CameTo, error: BaseException) -> CameTo:
    if isinstance(step, CameTo):
        return step
    return CameTo(occurrence=step, outcome=f"failed: {type(error).__name__}: {error}", failed=True)
