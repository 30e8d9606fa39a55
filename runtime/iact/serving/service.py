"""A process that serves a project: its runs, its timers, the actions that they decide, and its schedule."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from iact import __version__
from iact.agents.modes import modes_of
from iact.audit.identity import identity_of
from iact.audit.keeping import LogKeeper
from iact.audit.publishing.places import publishing_of
from iact.core import instants
from iact.core.errors import FindingError, IactError
from iact.engine.runtime import Runtime
from iact.engine.serving import PACE, Pace, Server
from iact.serving.configuration import Configuration
from iact.serving.jobs import carry_out, scheduled
from iact.serving.occurrences import Occurrence, anything_due, finish, take_due

if TYPE_CHECKING:
    from iact.config.project import Project
    from iact.engine.host import Host
    from iact.engine.runners import Presence

_LOGGER: Final = logging.getLogger(__name__)
LOOKED_EVERY: Final = 1.0
"""Seconds between two looks at the schedule."""
SILENT_TOO_LONG: Final = 30.0
"""Seconds without an answer of the store after which a process does not count as serving."""


class Schedule:
    """Carries out what a project's schedule asks for, as one of the processes that do."""

    def __init__(self, project: Project, runtime: Runtime, presence: Presence) -> None:
        """Prepare to carry out the schedule of `project` in the name of `presence`."""
        self._runtime, self._presence = runtime, presence
        self.follow(project)

    def follow(self, project: Project) -> None:
        """Carry out the schedule of other rules from now on."""
        self._project, self._jobs = project, scheduled(project)

    @property
    def _host(self) -> Host:
        return self._runtime.host

    def due(self) -> list[Occurrence]:
        """Return what this process has to carry out now; nobody else will, as long as it lives."""
        jobs = [job for job, _ in self._jobs.values()]
        return take_due(self._host, self._presence, jobs) if anything_due(self._host, jobs) else []

    def carry_out(self, occurrence: Occurrence) -> str:
        """Carry something out, and return what came of it; whatever goes wrong is what came of it."""
        outcome, failed = self._outcome(occurrence)
        finish(self._host, self._presence.name, occurrence, outcome, failed=failed)
        level = logging.ERROR if failed else logging.INFO
        _LOGGER.log(level, "%s, for %s: %s", occurrence.job, instants.write(occurrence.scheduled_at), outcome)
        return outcome

    def _outcome(self, occurrence: Occurrence) -> tuple[str, bool]:
        if occurrence.job not in self._jobs:
            return "left out: it is in the schedule no more", False
        try:
            return carry_out(self._project, self._runtime, self._jobs[occurrence.job][1], occurrence), False
        except FindingError as error:
            return str(error), True
        except IactError as error:
            return f"failed: {error}", True
        except Exception as error:
            # Whatever is wrong with one job keeps no other.
            _LOGGER.exception("the job %s failed", occurrence.job)
            return f"failed: {type(error).__name__}: {error}", True


class Service:
    """Serves one project until it is told to stop."""

    def __init__(self, project: Project, runtime: Runtime, presence: Presence, pace: Pace = PACE) -> None:
        """Prepare to serve `project` in the name of `presence`."""
        self.server = Server(runtime.host, presence, pace=pace, before_turn=self._look_at_the_schedule)
        self.configuration = Configuration(project, runtime)
        self._schedule = Schedule(project, runtime, presence)
        self._runtime = runtime
        # One at a time: what the schedule asks for reads histories, and is in no hurry.
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="iact-job")
        self._under_way: list[Future[str]] = []
        self._looked = float("-inf")
        self._log = LogKeeper(runtime.host, identity_of(project), publishing_of(project))

    def run(self) -> None:
        """Serve until `server.stop` is called; what the schedule has begun is finished."""
        try:
            self.server.run()
        finally:
            self._pool.shutdown(wait=True)
            self._log.close()

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Return whether it serves, and what is to be said about that."""
        silent_for = self.server.silent_for
        standing = "draining" if self.server.is_stopping else "serving"
        if silent_for > SILENT_TOO_LONG:
            standing = "stuck"
        return standing == "serving", {
            "standing": standing,
            "project": self.configuration.project.name,
            "runner": self.server.presence.name,
            "version": __version__,
            "store_answered_seconds_ago": round(silent_for, 1),
            "rules": {
                "commit": self.configuration.commit or None,
                "digest": self.configuration.digest,
                "mistakes": self.configuration.mistakes or None,
            },
        }

    def _look_at_the_schedule(self) -> None:
        self._log.keep_up()
        self._under_way = [future for future in self._under_way if not future.done()]
        if self._under_way or time.monotonic() - self._looked < LOOKED_EVERY:
            return
        self._looked = time.monotonic()
        if self.configuration.look():
            self._runtime.host.modes.follow(modes_of(self.configuration.project))
            self._schedule.follow(self.configuration.project)
            self._log.follow(publishing_of(self.configuration.project))
        for occurrence in self._schedule.due():
            self._under_way.append(self._pool.submit(self._schedule.carry_out, occurrence))
