"""A process that serves a project: its runs, its timers, the actions that they decide, and its schedule."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import DBAPIError

from iact import __version__
from iact.agents import program
from iact.agents.modes import modes_of
from iact.audit.identity import identity_of
from iact.audit.keeping import LogKeeper
from iact.audit.publishing.places import publishing_of
from iact.core import instants
from iact.core.errors import EnvironmentProblemError, FindingError, IactError
from iact.engine.runtime import Runtime
from iact.engine.serving import PACE, Pace, Server
from iact.serving.configuration import Configuration
from iact.serving.jobs import carry_out, scheduled
from iact.serving.occurrences import Occurrence, anything_due, finish, take_due
from iact.serving.under_way import CameTo, JobsUnderWay
from iact.stores.retrying import PATIENCE, Patience

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iact.config.model.schedule import Scheduled
    from iact.config.project import Project
    from iact.engine.host import Host
    from iact.engine.runners import Presence
    from iact.serving.occurrences import Job

_LOGGER: Final = logging.getLogger(__name__)
LOOKED_EVERY: Final = 1.0
"""Seconds between two looks at the schedule."""
SILENT_TOO_LONG: Final = 30.0
"""Seconds without an answer of the store after which a process does not count as serving."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """The rules that a schedule goes by: a job reads them once, when it begins, whatever is followed meanwhile."""

    project: Project
    jobs: Mapping[str, tuple[Job, Scheduled]]


class Schedule:
    """Carries out what a project's schedule asks for, as one of the processes that do."""

    def __init__(
        self, project: Project, runtime: Runtime, presence: Presence, *, patience: Patience = PATIENCE
    ) -> None:
        """Prepare to carry out a schedule.

        Args:
            project: whose.
            runtime: where its runs are.
            presence: in whose name.
            patience: how long it is tried at once to write what came of a job.
        """
        self._runtime, self._presence, self._patience = runtime, presence, patience
        self.follow(project)

    def follow(self, project: Project) -> None:
        """Carry out the schedule of other rules from now on; jobs under way keep those that they began with."""
        self._rules = _Rules(project, scheduled(project))

    @property
    def _host(self) -> Host:
        return self._runtime.host

    def due(self) -> list[Occurrence]:
        """Return what this process has to carry out now; nobody else will, as long as it lives."""
        jobs = [job for job, _ in self._rules.jobs.values()]
        return take_due(self._host, self._presence, jobs) if anything_due(self._host, self._presence, jobs) else []

    def carry_out(self, occurrence: Occurrence) -> str:
        """Carry something out, write what came of it, and return that; whatever goes wrong is what came of it."""
        came = self.outcome(occurrence)
        self.write_down(came)
        return came.outcome

    def outcome(self, occurrence: Occurrence) -> CameTo:
        """Carry something out, and return what came of it; whatever goes wrong is what came of it."""
        outcome, failed = self._outcome(occurrence)
        level = logging.ERROR if failed else logging.INFO
        _LOGGER.log(level, "%s, for %s: %s", occurrence.job, instants.write(occurrence.scheduled_at), outcome)
        return CameTo(occurrence=occurrence, outcome=outcome, failed=failed)

    def write_down(self, came: CameTo) -> None:
        """Write what came of it into the store.

        Raises:
            EnvironmentProblemError: if the store does not take it; until it does, the job is not begun again.
        """
        finish(
            self._host,
            self._presence.name,
            came.occurrence,
            came.outcome,
            failed=came.failed,
            patience=self._patience,
        )

    def _outcome(self, occurrence: Occurrence) -> tuple[str, bool]:
        rules = self._rules
        if occurrence.job not in rules.jobs:
            return "left out: it is in the schedule no more", False
        try:
            return carry_out(rules.project, self._runtime, rules.jobs[occurrence.job][1], occurrence), False
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

    def __init__(
        self,
        project: Project,
        runtime: Runtime,
        presence: Presence,
        pace: Pace = PACE,
        *,
        patience: Patience = PATIENCE,
    ) -> None:
        """Prepare to serve.

        Args:
            project: what is served.
            runtime: where its runs are.
            presence: this process among the others.
            pace: how much is done at once, and how often is looked.
            patience: how long it is tried at once to write what came of a job; later it is tried again.
        """
        self.server = Server(
            runtime.host, presence, pace=pace, before_turn=self._look_at_the_schedule, end_actions=program.end_all
        )
        self.configuration = Configuration(project, runtime)
        self._schedule = Schedule(project, runtime, presence, patience=patience)
        self._jobs = JobsUnderWay(self._schedule)
        self._runtime = runtime
        self._looked = float("-inf")
        self._log = LogKeeper(runtime.host, identity_of(project), publishing_of(project))

    def run(self) -> None:
        """Serve until `server.stop` is called; what is under way then is waited for, as long as `pace` says."""
        try:
            self._appear()
            self.server.run()
        finally:
            self._drain()
            self._log.close()

    def _appear(self) -> None:
        """Say who serves before there is anything to do."""
        try:
            self.server.presence.appear()
        except (EnvironmentProblemError, DBAPIError) as error:
            _LOGGER.error("%s", error)  # noqa: TRY400 - its traceback says nothing that the message does not

    def _drain(self) -> None:
        """Wait for the jobs that are under way, and for what came of them to be written, but begin nothing new."""
        self._jobs.begin_no_more()
        under_way = ", ".join(self._jobs.names)
        if self._jobs_end(self.server.may_drain_for):
            if under_way:
                _LOGGER.info("drained: these jobs have ended: %s", under_way)
        else:
            names = ", ".join(self._jobs.names)
            _LOGGER.warning("stopping although these jobs are under way, whose programs are ended now: %s", names)
            program.end_all()
            end_within = self.server.pace.end_within.total_seconds()
            if not self._jobs_end(min(0.0, self.server.may_drain_for) + end_within):
                names = ", ".join(self._jobs.names)
                _LOGGER.warning("leaving although these jobs are under way: %s; others do them again", names)
                self.server.presence.abandon()
        self._jobs.close()

    def _jobs_end(self, seconds: float) -> bool:
        """Wait so many seconds at most for jobs to end; return whether all have."""
        until = time.monotonic() + seconds
        self._jobs.keep_up()
        if self._jobs.names and seconds > 0:
            _LOGGER.info("waiting for these jobs to end: %s", ", ".join(self._jobs.names))
        while self._jobs.names and time.monotonic() < until:
            self._jobs.wait(until - time.monotonic())
            self._jobs.keep_up()
        return not self._jobs.names

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
        self._jobs.keep_up()
        if time.monotonic() - self._looked < LOOKED_EVERY:
            return
        self._looked = time.monotonic()
        if self.configuration.look():
            self._runtime.host.modes.follow(modes_of(self.configuration.project))
            self._schedule.follow(self.configuration.project)
            self._log.follow(publishing_of(self.configuration.project))
        self._jobs.add(self._schedule.due())
