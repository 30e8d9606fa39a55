"""Several processes in one: exactly one of their threads runs at any time, and chance says which goes on next.

A task gives way wherever it waits and before every transaction. So the order of everything that happens is drawn from
one seed and can be had again, on the code as it is. Time passes only where the schedule lets it.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any, Final

_CURRENT: Final = threading.local()
EPSILON: Final = 0.000_001
"""Seconds that pass at least between two things that happen."""


class KilledError(BaseException):
    """The process is gone: nothing of it runs any more, not even what it would do on its way out."""


@dataclass(eq=False, slots=True)
class SimulatedProcess:
    """A process, as far as others can tell.

    Attributes:
        name: what the trace calls it.
        number: its process id, which is never given again.
        is_near: whether it runs on this machine, so that others can see that it is gone.
        alive: whether it was not killed.
        paused_until: until when nothing of it runs, in seconds.
    """

    name: str
    number: int
    is_near: bool = True
    alive: bool = True
    paused_until: float = 0.0


@dataclass(eq=False, slots=True)
class Task:
    """One thread of a process, which runs when the schedule says so.

    Attributes:
        process: whose thread.
        wakes_at: when it goes on by itself, in seconds.
        event: what lets it go on earlier.
        ended: whether it has come to its end.
        error: what it ended with, if it was neither killed nor well.
        looked_at: how often the process had been paused or had given way when this task last asked the store.
    """

    process: SimulatedProcess
    wakes_at: float = 0.0
    event: threading.Event | None = None
    ended: bool = False
    error: BaseException | None = None
    gave_way_since_look: bool = False
    may_go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))


class Schedule:
    """Whose turn it is, and what time it is."""

    def __init__(self, chance: random.Random) -> None:
        """Begin at second 0 with nobody.

        Args:
            chance: draws who goes on.
        """
        self.chance = chance
        self.seconds = 0.0
        self.tasks: list[Task] = []
        self.trace: list[str] = []
        self._given_back = threading.Semaphore(0)

    # What the simulation calls ----------------------------------------------------------------------------------------

    def spawn(self, process: SimulatedProcess, do: Callable[[], object]) -> None:
        """Add a thread to a process; it does nothing before its turn comes."""
        task = Task(process, wakes_at=self.seconds)
        self.tasks.append(task)
        threading.Thread(target=self._live, args=(task, do), daemon=True).start()

    def step(self) -> bool:
        """Let one task go on until it gives way; return whether there was any."""
        self._bury()
        task = self._next()
        if task is None:
            return False
        self.seconds += EPSILON
        self._resume(task)
        if task.error is not None:
            raise task.error
        return True

    def kill(self, process: SimulatedProcess) -> None:
        """End a process; what it has begun in the store is taken back."""
        self.note(process, "killed")
        process.alive = False
        self._bury()

    def note(self, process: SimulatedProcess | None, what: str) -> None:
        """Add a line to the trace."""
        self.trace.append(f"{self.seconds:10.3f} {process.name if process else '-':10} {what}")

    # What the tasks call ----------------------------------------------------------------------------------------------

    def give_way(self, seconds: float = 0.0, event: threading.Event | None = None) -> None:
        """Let others go on: so many seconds at least, or until something is set. Outside of any task nothing happens.

        Raises:
            KilledError: if the process is gone.
        """
        task = current_task()
        if task is None:
            return
        if task.process.alive:
            task.wakes_at, task.event = self.seconds + seconds, event
            task.gave_way_since_look = True
            self._given_back.release()
            task.may_go.acquire()
        if not task.process.alive:
            raise KilledError

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait for something, as `threading.Event.wait` does."""
        self.give_way(max(seconds, 0.0), event)
        return event.is_set()

    def pass_time(self, seconds: float) -> None:
        """Let time pass in which nobody else gets on: a slow database."""
        self.seconds += seconds

    # ------------------------------------------------------------------------------------------------------------------

    def _live(self, task: Task, do: Callable[[], object]) -> None:
        task.may_go.acquire()
        _CURRENT.task = task
        try:
            if task.process.alive:
                do()
        except KilledError:
            pass
        except BaseException as error:  # noqa: BLE001 - whoever runs the simulation is told
            task.error = error
        task.ended = True
        self._given_back.release()

    def _resume(self, task: Task) -> None:
        task.may_go.release()
        self._given_back.acquire()

    def _bury(self) -> None:
        """Let the threads of killed processes come to their ends, in which they can do nothing."""
        for task in self.tasks:
            while not task.ended and not task.process.alive:
                self._resume(task)
        self.tasks = [task for task in self.tasks if not task.ended]

    def _next(self) -> Task | None:
        """Choose who goes on; where everybody waits, let time pass until the first one need not."""
        if not self.tasks:
            return None
        ready = [task for task in self.tasks if self._ready_at(task) <= self.seconds]
        if not ready:
            self.seconds = min(map(self._ready_at, self.tasks))
            ready = [task for task in self.tasks if self._ready_at(task) <= self.seconds]
        return self.chance.choice(ready)

    def _ready_at(self, task: Task) -> float:
        woken = task.event is not None and task.event.is_set()
        return max(self.seconds if woken else task.wakes_at, task.process.paused_until)


class SimulatedPool(Executor):
    """Makes each action in a task of its own."""

    def __init__(
        self, schedule: Schedule, process: SimulatedProcess, before: Callable[[SimulatedProcess], None]
    ) -> None:
        """Prepare to make the actions of a process.

        Args:
            schedule: in whose time.
            process: whose actions.
            before: what happens to the process between an action's being noted and its being made.
        """
        self._schedule, self._process, self._before = schedule, process, before

    def submit(self, do: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Make one more."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()

        def make() -> None:
            try:
                result = do(*arguments, **named)
            except Exception as error:  # noqa: BLE001 - a pool hands every error to whoever asks for the result
                future.set_exception(error)
            else:
                future.set_result(result)

        self._before(self._process)
        self._schedule.spawn(self._process, make)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature of Executor
        """Do nothing: what is under way goes on as the threads of a process do."""


def current_task() -> Task | None:
    """Return the task that runs; None outside of any."""
    return getattr(_CURRENT, "task", None)
