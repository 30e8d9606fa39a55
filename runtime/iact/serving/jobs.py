"""What is scheduled in a project, and carrying it out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from iact.agents.starting import start
from iact.core.machine import Mode
from iact.serving import housekeeping
from iact.serving.occurrences import Job, Occurrence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iact.config.model.schedule import Scheduled
    from iact.config.project import Project
    from iact.engine.runtime import Runtime

PDCA: Final = "pdca"
WOULD_HAVE_BEEN: Final = "observed: would have been done: "
"""How what came of a job begins whose entry only observes."""


def scheduled(project: Project) -> Mapping[str, tuple[Job, Scheduled]]:
    """Return the jobs of a project by name; a second one that does the same is told apart by its number."""
    seen: Counter[str] = Counter()
    found: dict[str, tuple[Job, Scheduled]] = {}
    for entry in project.settings.schedule:
        seen[entry.name] += 1
        name = entry.name if seen[entry.name] == 1 else f"{entry.name} {seen[entry.name]}"
        found[name] = Job(name, entry.recurrence(project.settings.time_zone), entry.missed), entry
    return found


def carry_out(project: Project, runtime: Runtime, entry: Scheduled, occurrence: Occurrence) -> str:
    """Do what the schedule asks for, and return what came of it as a sentence.

    Args:
        project: whose schedule it is.
        runtime: where its runs are.
        entry: what is scheduled.
        occurrence: for which moment.

    Raises:
        FindingError: if it was done, and found something that people have to know.
    """
    if entry.mode is Mode.OBSERVE:
        return observed(entry)
    if entry.do is not None:
        return housekeeping.JOBS[entry.do](project, runtime, entry.given())
    if entry.name == PDCA:
        return _plan(project)
    return begin_or_look(project, runtime, entry, occurrence)


def observed(entry: Scheduled) -> str:
    """Return what would have been done, as a sentence."""
    given = ", ".join(f"{name}: {value}" for name, value in entry.with_.items())
    what = f"{'run' if entry.run else 'do'} {entry.name}{f' ({given})' if given else ''}"
    return f"{WOULD_HAVE_BEEN}{what}"


def begin_or_look(
    project: Project, runtime: Runtime, entry: Scheduled, occurrence: Occurrence, *, name: str = ""
) -> str:
    """Start a run of the agent that is scheduled, or let the one that goes on look; return that as a sentence.

    Args:
        project: whose schedule it is.
        runtime: where its runs are.
        entry: what is scheduled.
        occurrence: for which moment.
        name: of a new run; by default one that no other run ever has.
    """
    run = start(project, runtime, entry.name, entry.with_, name=name)
    runtime.look(run, key=f"scheduled/{occurrence.job}/{occurrence.scheduled_at.isoformat()}")
    return f"run {run} was started, or went on"


def _plan(project: Project) -> str:
    from iact.pdca.session import Asked, opened  # noqa: PLC0415 - takes a while, and a project may do without

    with opened(project, Asked(repo=project.root)) as session:
        found = session.experiments.run_all()
    return "; ".join(f"run {run.run}: {run.state}" for run in found)
