"""`iact simulate`: a project played forward by the engine that serves it, on a copy of its store, in a time that jumps.

What the calendar asks for begins as in `iact serve`. Facts are given, and no action is done: how it ends is given too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from iact.agents.model import Scenario
from iact.agents.modes import modes_of
from iact.agents.starting import start
from iact.config.scoping import scope_of
from iact.core import instants
from iact.core.errors import ConfigurationError, IactError
from iact.core.machine import Mode
from iact.core.quantities import parse
from iact.dora.repository import open_store, open_told
from iact.engine.clocks import ManualClock, present
from iact.engine.playing import Player
from iact.engine.proposals import Answer, NothingProposedError
from iact.engine.runtime import Runtime
from iact.serving import housekeeping
from iact.serving.imagined import Fate, Given, Imagined
from iact.serving.jobs import PDCA, begin_or_look, observed, scheduled
from iact.serving.occurrences import GRACE, Occurrence, last_asked_for, note_failed
from iact.serving.standing import standing
from iact.serving.telling import Told, tell_event
from iact.serving.timeline import Timeline
from iact.stores.units import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.engine import Connection, Engine

    from iact.agents.model import Occurring
    from iact.config.model.schedule import Scheduled
    from iact.config.project import Project, Resource
    from iact.engine.runtime import Run

FORMAT: Final = "iact/simulation/v1"
NOT_DONE: Final = "would be done"
"""What comes of a job of iact itself: a backup that is played is none."""
BY: Final = "scenario"
"""Who answers what is proposed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be played.

    Attributes:
        span: how much time passes.
        begin: the moment at which it begins; None for the scenario's, or else the present.
        scenario: what is given; None for nothing.
        empty: whether it begins without the runs that the store holds.
    """

    span: timedelta
    begin: datetime | None = None
    scenario: Resource | None = None
    empty: bool = False

    @property
    def given(self) -> Scenario:
        """What is given."""
        found: Scenario = self.scenario.spec if self.scenario else Scenario()
        return found


def play(project: Project, asked: Asked) -> dict[str, Any]:
    """Play a project forward, and return what happened as JSON data.

    Args:
        project: by whose rules.
        asked: what is to be played.

    Raises:
        ConfigurationError: if it would begin before what the store knows, or something before it begins.
        EnvironmentProblemError: if the store cannot be read.
    """
    engine = open_told(project) if asked.empty else open_store(project, only_look=True)
    try:
        begin = _beginning(engine, project, asked)
        _expect_later(asked.given, begin)
        return _played(project, engine, asked, begin)
    finally:
        engine.dispose()


def _beginning(engine: Engine, project: Project, asked: Asked) -> datetime:
    """Return when the play begins: never before the newest thing that the store knows."""
    wanted = asked.begin or asked.given.begin
    earliest = wanted or datetime.now(UTC)

    def look(connection: Connection) -> datetime:
        return present(connection, project.name, ManualClock(earliest))

    begin = read(engine, look)
    if wanted is not None and begin != wanted:
        message = (
            f"the store knows what happened until {instants.write(begin)}, so a play of it cannot begin at "
            f"{instants.write(wanted)}. Begin later (--begin), or without its runs (--empty)."
        )
        raise ConfigurationError(message)
    return begin


def _expect_later(scenario: Scenario, begin: datetime) -> None:
    for one in scenario.then:
        if one.moment(begin) < begin:
            message = f"{one.position}: it would come before the play begins, at {instants.write(begin)}."
            raise ConfigurationError(message)


def _played(project: Project, engine: Engine, asked: Asked, begin: datetime) -> dict[str, Any]:
    scenario, clock, until = asked.given, ManualClock(begin), begin + asked.span
    given = Given(scope_of(project))
    given.learn(scenario.facts, begin)
    world = Imagined(given, Fate(scenario.outcomes, scenario.seed))
    runtime = Runtime(
        engine,
        project=project.name,
        clock=clock,
        # What has no folder can reach no file.
        services={"pretend": True},
        modes=modes_of(project),
        outside=world,
    )
    player, timeline = Player(runtime, clock), Timeline(runtime)
    agenda = Agenda(project, player, timeline, given, scenario)
    player.play(until, agenda, timeline.hear)
    found = standing(project, runtime)
    return {
        "format": FORMAT,
        "project": project.name,
        "rules": project.digest,
        "scenario": asked.scenario.name if asked.scenario else None,
        "begin": instants.write(begin),
        "end": instants.write(until),
        "timeline": runtime.with_words(timeline.records),
        "at_the_end": {
            # Nothing is under way once a play has ended, and nothing is late.
            "runs": [{name: one[name] for name in one if name not in {"action", "overdue"}} for one in found["runs"]],
            **{name: found[name] for name in ("going_on", "trouble", "for_a_person")},
        },
        "schedule": [_job_record(job, timeline) for job in found["schedule"]],
        "not_given": dict(sorted(world.not_given.items())),
        "not_reached": agenda.left,
        "summary": timeline.summary(),
    }


def _job_record(job: Mapping[str, Any], timeline: Timeline) -> dict[str, Any]:
    name = job["job"]
    return {"job": name, "times": timeline.jobs[name], "failed": timeline.failed[name], "next": job["next"]}


class Agenda:
    """What comes from outside of the runs: what the calendar asks for, and what the scenario brings."""

    def __init__(self, project: Project, player: Player, timeline: Timeline, given: Given, scenario: Scenario) -> None:
        """Prepare it.

        Args:
            project: whose calendar it is.
            player: who plays its runs.
            timeline: where what comes is noted.
            given: the facts that are known, which the scenario adds to.
            scenario: what it brings.
        """
        self._project, self._runtime, self._runner = project, player.runtime, player.presence.name
        self._timeline, self._given = timeline, given
        self._begin = player.runtime.now()
        coming = ((one.moment(self._begin), place, one) for place, one in enumerate(scenario.then))
        self._coming = sorted(coming, key=itemgetter(0, 1))
        self._jobs = scheduled(project)
        # One process asks, and whatever it asks for is over at once: what was asked for needs no rows.
        known = last_asked_for(player.runtime.host, [job for job, _ in self._jobs.values()])
        self._last = {name: known.get(name, self._begin) for name in self._jobs}
        self._next: dict[str, datetime | None] = dict.fromkeys(self._jobs, self._begin)
        self._numbers = count(1)

    @property
    def left(self) -> int:
        """How much of the scenario has not come."""
        return len(self._coming)

    def following(self, now: datetime) -> datetime | None:  # noqa: ARG002 - the protocol's; what has come was taken out
        """Return the next moment at which something comes; None where nothing does."""
        moments = [moment for moment, _, _ in self._coming[:1]]
        moments += [moment for moment in self._next.values() if moment is not None]
        return min(moments, default=None)

    def carry_out(self, now: datetime) -> bool:
        """Let come what has come by now: first what the scenario brings, then what the calendar asks for."""
        touched = False
        while self._coming and self._coming[0][0] <= now:
            self._bring(self._coming.pop(0)[2], now)
            touched = True
        for name, (job, entry) in self._jobs.items():
            following = self._next[name]
            if following is None or following > now:
                continue
            for moment in job.recurrence.due(self._last[name], now, job.missed, GRACE):
                self._last[name] = moment
                self._carry_out(entry, Occurrence(name, moment), now)
                touched |= entry.do is None
            self._next[name] = job.recurrence.following(now)
        return touched

    def _carry_out(self, entry: Scheduled, occurrence: Occurrence, now: datetime) -> None:
        """Carry out what the calendar asks for; whatever goes wrong is what comes of it."""
        try:
            came_to = self._job(entry, occurrence, now)
        except Exception as error:  # noqa: BLE001 - as where it is served: what is wrong with one job keeps no other
            self._timeline.note_job(occurrence.job, now, str(error), failed=True)
            note_failed(self._runtime.host, self._runner, occurrence, str(error))
        else:
            self._timeline.note_job(occurrence.job, now, came_to, starts=entry.do is None)

    def _job(self, entry: Scheduled, occurrence: Occurrence, now: datetime) -> str:
        if entry.mode is Mode.OBSERVE:
            return observed(entry)
        if entry.do == "alerts":
            return self._alert(entry, now)
        if entry.do is not None:
            return NOT_DONE
        if entry.name == PDCA:
            return self._plan()
        return begin_or_look(self._project, self._runtime, entry, occurrence, name=self._new_name(entry.name))

    def _alert(self, entry: Scheduled, now: datetime) -> str:
        """Count errors, which reads nothing but the store; where nothing failed for long, there is nothing to count."""
        given = entry.given()
        failed_at = self._timeline.failed_at or self._begin
        if now - failed_at > parse(given["within"]).timedelta:
            return NOT_DONE
        return housekeeping.alert(self._project, self._runtime, given)

    def _plan(self) -> str:
        from iact.pdca.session import within  # noqa: PLC0415 - takes a while, and a project may do without

        found = within(self._project, self._runtime, self._project.root).experiments.run_all()
        return "; ".join(f"run {run.run}: {run.state}" for run in found)

    def _bring(self, one: Occurring, now: datetime) -> None:
        """Let come what the scenario brings; what cannot be is said in the time line."""
        if one.facts:
            self._given.learn(one.facts, now, one.about)
            whose = f", about {one.about}" if one.about else ""
            self._timeline.note_given(now, f"{', '.join(_shown(one))}{whose}")
        try:
            for says in self._done(one):
                self._timeline.note_given(now, says)
        except (IactError, ValueError) as error:
            self._timeline.note_given(now, f"{one.position}: {error}")

    def _done(self, one: Occurring) -> Iterator[str]:
        if one.run == PDCA:
            yield f"pdca is run: {self._plan()}"
        elif one.run:
            name = self._new_name(one.run)
            begun = start(self._project, self._runtime, one.run, one.with_, subject=one.about, name=name)
            self._runtime.look(begun, key=f"scenario/{name}")
            yield f"{one.run} is run: run {begun} was started, or went on"
        elif one.tell or one.answer:
            found = [run for run in self._runtime.active_runs(one.agent or "") if one.about in {"", run.subject}]
            for run in found:
                yield f"run {run.run} {self._told(one, run) if one.tell else self._answered(one, run)}"
            if not found:
                yield f"no run of {one.agent} goes on that could be {'told' if one.tell else 'answered'}"

    def _told(self, one: Occurring, run: Run) -> str:
        told = Told(one.tell, one.with_, by=BY, key=f"scenario/{next(self._numbers)}")
        tell_event(self._runtime, run, told)
        return f"is told {one.tell}"

    def _answered(self, one: Occurring, run: Run) -> str:
        answer = Answer(approved=one.answer == "approve", by=BY, reason="as the scenario says")
        try:
            actions = self._runtime.answer(run.run, answer)
        except NothingProposedError:
            return "has proposed nothing that could be answered"
        return f"is answered: {one.answer} {', '.join(actions)}"

    def _new_name(self, agent: str) -> str:
        """Return a name that is new here, and the same in every play of the same."""
        return f"played-{agent}-{next(self._numbers)}"


def _shown(one: Occurring) -> Iterator[str]:
    for name, given in one.facts.items():
        value = getattr(given, "value", given)
        said = f"is {str(value).lower() if isinstance(value, bool) else value}"
        yield f"{name} {said if value is not None else 'is missing'}"
