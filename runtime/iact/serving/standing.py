"""Where a project stands: who serves it, what its runs wait for, what needs a person, and what is scheduled next."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, func, select

from iact.audit.identity import identity_of
from iact.audit.publishing.places import publishing_of
from iact.audit.standing import log_standing
from iact.core import instants
from iact.core.errors import ConfigurationError
from iact.engine.activations import in_force
from iact.engine.open_actions import open_actions
from iact.engine.revocations import revocations
from iact.engine.runners import ALL_RUNNERS, is_alive
from iact.engine.tables import RUNS
from iact.pdca.facts import kept_plan
from iact.retention.rules import observed_cutoffs
from iact.serving.jobs import PDCA, WOULD_HAVE_BEEN, scheduled
from iact.serving.occurrences import LATEST
from iact.serving.production import what_is_unrecorded
from iact.serving.trouble import FOR_A_PERSON, IN_TROUBLE, OBSERVED
from iact.stores.query import query
from iact.stores.units import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from iact.config.project import Project
    from iact.engine.runtime import Run, Runtime

FORMAT: Final = "iact/status/v1"

SHOWN: Final = 50
"""How many runs are shown unless somebody asks for more."""

COUNT_GOING_ON: Final = query(
    "How many runs have not ended.",
    select(func.count().label("count")).where(RUNS.c.project == bindparam("project"), RUNS.c.active == 1),
)


def standing(project: Project, runtime: Runtime) -> dict[str, Any]:
    """Return where a project stands, as JSON data."""
    going_on, planned = runtime.going_on(SHOWN), runtime.newest_of(PDCA, SHOWN)
    unrecorded = what_is_unrecorded(project, runtime)

    def look(connection: Connection) -> dict[str, Any]:
        now, real = runtime.host.now(connection), runtime.host.lease_clock.read(connection)
        asked = {"project": runtime.project}
        schedule = list(_schedule(connection, project, now))
        return {
            "format": FORMAT,
            "project": runtime.project,
            "at": instants.write(now),
            "rules": _rules(connection, project),
            "revoked": [each.to_record() for each in revocations(connection, runtime.project)],
            "unrecorded": unrecorded,
            "runners": [
                {
                    "runner": row["runner"],
                    "machine": row["machine"].split()[0],
                    "process": row["process"],
                    "version": row["version"],
                    "standing": row["standing"] if is_alive(row, real) else "gone",
                    "started_at": instants.write(row["started_at"]),
                }
                for row in ALL_RUNNERS.rows(connection, **asked)
            ],
            "runs": list(_going_on(connection, runtime.project, going_on, now)),
            "going_on": next(row["count"] for row in COUNT_GOING_ON.rows(connection, **asked)),
            "trouble": [
                {
                    "run": row["run"],
                    "failures": row["failures"],
                    "why": row["trouble"],
                    "tried_again_at": _written(row["not_before"]),
                    "waits_for_a_person_since": _written(row["parked_at"]),
                }
                for row in IN_TROUBLE.rows(connection, **asked)
            ],
            "for_a_person": [
                {"run": row["run"], "action": row["action"], "key": row["key"], "status": row["status"]}
                for row in FOR_A_PERSON.rows(connection, **asked)
            ],
            "observed": [
                {
                    "agent": row["agent"],
                    "target": row["subject"],
                    "action": row["action"],
                    "arguments": json.loads(row["arguments"]),
                    "at": instants.write(row["decided_at"]),
                    "run": row["run"],
                }
                for row in OBSERVED.rows(connection, **asked, most=SHOWN)
            ],
            "observed_rules": [
                *_observed_improvements(planned),
                *_observed_policies(project, now),
                *_observed_jobs(project, schedule),
            ],
            "log": log_standing(connection, runtime.project, now, publishing_of(project), identity_of(project)),
            "schedule": schedule,
        }

    return read(runtime.engine, look)


def _going_on(connection: Connection, project: str, runs: Sequence[Run], now: datetime) -> Iterator[dict[str, Any]]:
    """Yield where runs stand, with the action that each waits for and whether its time has come."""
    waited_for = open_actions(connection, project, [run.run for run in runs])
    for run in runs:
        action = waited_for.get(run.run)
        yield record_of(run) | {
            "action": None
            if action is None
            else {
                "name": action.action,
                "begun": action.is_begun,
                "attempts": action.attempts,
                "due_at": _written(action.due_at),
            },
            "overdue": run.next_due is not None and run.next_due <= now,
        }


def named(runtime: Runtime, beginning: str) -> Run:
    """Return the run whose name is, or begins with, what a person wrote.

    Raises:
        ConfigurationError: if there is none, or several begin so.
    """
    found = runtime.named(beginning)
    if len(found) == 1 or (found and found[0].run == beginning):
        return found[0]
    what = "several runs' names begin" if found else "no run's name begins"
    message = f"{what} with {beginning!r}. `iact runs list` shows them."
    raise ConfigurationError(message)


def record_of(run: Run) -> dict[str, Any]:
    """Return where a run stands, as JSON data."""
    return {
        "run": run.run,
        "agent": run.agent,
        "subject": run.subject,
        "state": run.state,
        "outcome": run.outcome,
        "started_at": instants.write(run.started_at),
        "entered_at": instants.write(run.entered_at),
        "ended_at": _written(run.ended_at),
        "next_due": _written(run.next_due),
    }


def _rules(connection: Connection, project: Project) -> dict[str, Any] | None:
    activation = in_force(connection, project.name)
    if activation is None or not activation.commit:
        return None
    return {
        "commit": activation.commit,
        "activated_by": activation.activated_by,
        "activated_at": instants.write(activation.activated_at),
    }


def _observed_improvements(planned: Iterable[Run]) -> Iterator[dict[str, Any]]:
    """Yield what cycles of PDCA would have tried, of each improvement and repository the latest, the newest first."""
    seen = set()
    for run in planned:
        plan = kept_plan(run.remembered) if run.state == "observed" else None
        if plan is None or plan.trial is None or (target := (plan.trial.improvement, plan.trial.measured)) in seen:
            continue
        seen.add(target)
        trial = plan.trial
        yield _rule(
            f"Improvement {trial.improvement}",
            trial.measured,
            f"try it: {trial.change}",
            instants.write(run.entered_at),
        )


def _observed_policies(project: Project, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield which records policies that only observe would have deleted; `iact prune --dry-run` counts them."""
    policies = {one.name: one.spec for one in project.resources("RetentionPolicy")}
    would_be = observed_cutoffs(list(policies.values()), now)
    for records in sorted(would_be):
        names = [name for name, policy in policies.items() if policy.keep.span(records) is not None]
        would = f"delete what is older than {instants.show(would_be[records])}: `iact prune --dry-run` counts it"
        yield _rule(f"RetentionPolicy {', '.join(names)}", records.value, would, instants.write(now))


def _observed_jobs(project: Project, schedule: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield what entries of the schedule that only observe would have done the latest time."""
    for one in schedule:
        came_to = one["came_to"] or ""
        if came_to.startswith(WOULD_HAVE_BEEN):
            would = came_to.removeprefix(WOULD_HAVE_BEEN)
            yield _rule(f"schedule {one['job']}", project.name, would, one["last"])


def _rule(rule: str, target: str, would: str, at: str) -> dict[str, Any]:
    return {"rule": rule, "target": target, "would": would, "at": at}


def _schedule(connection: Connection, project: Project, now: datetime) -> Iterator[dict[str, Any]]:
    for name, (job, entry) in scheduled(project).items():
        last = LATEST.one(connection, project=project.name, job=name)
        yield {
            "job": name,
            "mode": entry.mode.value,
            "last": instants.write(last["scheduled_at"]) if last else None,
            "status": last["status"] if last else None,
            "came_to": last["outcome"] if last else None,
            "next": _written(job.recurrence.following(now)),
        }


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else instants.write(moment)


def as_json(record: Any) -> str:
    """Return JSON data as text."""
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"
