"""Opening a repository for a replay: the history read once, the rules built once, and no way to act."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from iact.config.project import Project
from iact.core import instants
from iact.core.errors import ConfigurationError, FindingError
from iact.core.machine import Machine
from iact.core.quantities import Quantity
from iact.dora.archive import Archive
from iact.engine.context import FactContext
from iact.engine.model import compile_agent
from iact.pdca import session
from iact.pdca.experiments import AGENT
from iact.pdca.facts import RULES, WINDOWS
from iact.pdca.kept import Windows
from iact.pdca.pinned import Rules, rules_of
from iact.pdca.replay import Step, moments, step
from iact.pdca.replay_report import Replayed

DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a replay was asked for.

    Attributes:
        repo: the repository's folder.
        improvement: what to try at each step; empty for what would be proposed.
        every: how far apart the steps are; None for how often the project's schedule runs the agent, else the policy's.
        start: the first step; None for the first midnight (UTC) after the first release.
        end: where the history ends; None for now.
    """

    repo: Path
    improvement: str = ""
    every: Quantity | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Replay:
    """A replay under way: going through it makes one step after the other.

    Attributes:
        machine: the agent.
        context: what its facts are made from.
        repository: what people call the repository.
        improvement: what is tried at each step; empty for what would be proposed.
        every: how far apart the steps are.
        moments: the steps.
        end: where the history ends.
        steps: those that were made.
    """

    machine: Machine
    context: FactContext
    repository: str
    improvement: str
    every: timedelta
    moments: list[datetime]
    end: datetime
    steps: list[Step] = field(default_factory=list)

    def __iter__(self) -> Iterator[Step]:
        """Make the steps that are still to be made, and give each."""
        for at in self.moments[len(self.steps) :]:
            made = step(self.machine, replace(self.context, now=at), self.end, self.improvement)
            self.steps.append(made)
            yield made

    def so_far(self) -> Replayed:
        """Return what was found by now."""
        return Replayed(
            repository=self.repository,
            start=self.moments[0],
            end=self.end,
            every=self.every,
            improvement=self.improvement,
            steps=tuple(self.steps),
            planned=len(self.moments),
        )


@contextmanager
def opened(project: Project, asked: Asked) -> Iterator[Replay]:
    """Read a history, and give the replay of it.

    Everything happens in memory, without the folder of the repository: nothing can be changed or kept.

    Raises:
        ConfigurationError: if the rules cannot be carried out, or the steps make no sense.
        EnvironmentProblemError: if the repository cannot be read.
        FindingError: if the history holds no release.
    """
    end = asked.end or datetime.now(UTC)
    looked_at = session.Asked(repo=asked.repo, as_of=end, dry_run=True)
    with session.opened(project, looked_at) as opened_session, opened_session.looking(improvement="") as context:
        agent = context.definitions[f"Agent/{AGENT}"]
        rules = rules_of(context.definitions)
        archive = Archive.read(context.connection, context.project, opened_session.experiments.repository)
        start = asked.start or _day_after_first_release(archive, opened_session.name)
        if start >= end:
            message = f"the first step, {instants.show(start)}, is not before the end, {instants.show(end)}."
            raise ConfigurationError(f"{message} Name an earlier one with --from, or a later end with --to.")
        every = asked.every.timedelta if asked.every else _cadence(project, rules)
        yield Replay(
            machine=compile_agent(agent.tree, name=agent.name, digest=agent.digest),
            context=replace(context, services={RULES: rules, WINDOWS: Windows(archive, rules.metrics)}),
            repository=opened_session.name,
            improvement=asked.improvement,
            every=every,
            moments=moments(start, end, every),
            end=end,
        )


def _day_after_first_release(archive: Archive, name: str) -> datetime:
    if not archive.deployed_at:
        message = f"{name} has no release, so there is nothing to go through. docs/metrics.md says what a release is."
        raise FindingError(message)
    first = archive.deployed_at[0]
    return first.replace(hour=0, minute=0, second=0, microsecond=0) + DAY


def _cadence(project: Project, rules: Rules) -> timedelta:
    """Return how often the agent is run by the project's schedule, else how often the policy looks."""
    scheduled = (one.every for one in project.settings.schedule if one.run == AGENT and one.every is not None)
    found: timedelta = next(scheduled, rules.policy.every).timedelta
    return found
