"""What iact itself does again and again, where the schedule asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iact.audit.identity import identity_of
from iact.core.business_time import DAY
from iact.core.errors import FindingError
from iact.core.quantities import parse
from iact.operations.backups.running import back_up
from iact.operations.doctor import log
from iact.operations.doctor.examine import examine
from iact.operations.doctor.findings import exit_code
from iact.operations.places import place_of
from iact.retention import pruning
from iact.serving.occurrences import FAILED_SINCE, forget_before
from iact.serving.trouble import FOR_A_PERSON, IN_TROUBLE, SETTLED_BADLY
from iact.stores.servers import is_server
from iact.stores.units import read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from iact.config.project import Project
    from iact.engine.runtime import Runtime
    from iact.retention.model import RetentionPolicy


def alert(project: Project, runtime: Runtime, given: Mapping[str, str]) -> str:
    """Say when too many actions and jobs failed lately.

    Args:
        project: whose.
        runtime: where its runs are.
        given: `more_than`, how many are too many, and `within`, in how long.

    Raises:
        FindingError: if it was too many.
    """
    within = parse(given["within"])

    def count(connection: Connection) -> int:
        since = runtime.host.now(connection) - within.timedelta
        asked = {"project": project.name, "lately": since}
        actions = SETTLED_BADLY.rows(connection, **asked, decided_since=since - DAY)
        return sum(row["failed"] for rows in (actions, FAILED_SINCE.rows(connection, **asked)) for row in rows)

    failed = read(runtime.engine, count)
    if failed > int(given["more_than"]):
        message = f"high error rate: {failed} errors in {within}. `iact status` and `iact runs list` show them."
        raise FindingError(message)
    return f"{failed} errors in {within}"


def write_backup(project: Project, runtime: Runtime, given: Mapping[str, str]) -> str:
    """Write a backup into a folder, and keep only the newest there.

    Args:
        project: whose.
        runtime: where its runs are.
        given: `folder`, relative to the project; `keep`, how many; and `encrypt_for`, a public key, if any.
    """
    folder = project.root / given["folder"]
    folder.mkdir(parents=True, exist_ok=True)
    keys = [given["encrypt_for"]] if given["encrypt_for"] else []
    suffix = "zip.age" if keys else "zip"
    file = folder / f"{project.name}-{runtime.now():%Y%m%dT%H%M%S%fZ}.{suffix}"
    made, _ = back_up(project, place_of(project, None, None), file, keys)
    old = sorted(folder.glob(f"{project.name}-????????T????????????Z.{suffix}"))[: -int(given["keep"])]
    for one in old:
        one.unlink(missing_ok=True)
    removed = f"; {len(old)} older removed" if old else ""
    return f"{made.path.name}, {made.manifest.rows:,} rows, digest {made.digest}{removed}"


def clean_up(project: Project, runtime: Runtime, given: Mapping[str, str]) -> str:
    """Delete what every `RetentionPolicy` has kept for long enough, and what the schedule asked for long ago.

    Args:
        project: whose.
        runtime: where its runs are.
        given: `keep`, for how long it stays known what the schedule asked for.
    """
    now = runtime.now()
    forgotten = forget_before(runtime.host, now - parse(given["keep"]).timedelta)
    deleted = _pruned(project, runtime, now)
    return f"{deleted}; {forgotten:,} times of the schedule forgotten"


def _pruned(project: Project, runtime: Runtime, now: datetime) -> str:
    resources = list(project.resources("RetentionPolicy"))
    named = "\n".join(f"{resource.name} {resource.digest}" for resource in resources)
    policies = [one.spec for one in resources]
    if is_server(runtime.engine):
        would = _would_go(project, runtime, policies, now)
        return f"records stay: on a server only the owner's account deletes, by `iact prune`{would}"
    pruning.put_into_archive(runtime.host, identity_of(project), policies, now)
    found = list(pruning.prune(runtime.engine, project.name, policies, now, named=named))
    told = [f"{one.deleted:,} of {one.records}" for one in found if one.deleted]
    return f"{', '.join(told) or 'no record'} deleted{_would_go(project, runtime, policies, now)}"


def _would_go(project: Project, runtime: Runtime, policies: Sequence[RetentionPolicy], now: datetime) -> str:
    """Return what policies that observe would delete, as the end of a sentence; nothing where none observes."""
    found = pruning.observed(runtime.engine, project.name, policies, now)
    return (
        f"; observed: would delete {', '.join(f'{one.deleted:,} of {one.records}' for one in found)}" if found else ""
    )


def examine_health(project: Project, runtime: Runtime, given: Mapping[str, str]) -> str:  # noqa: ARG001 - all jobs have these parameters
    """Examine the store and what it rests on, and what waits for a person.

    Raises:
        FindingError: if anything is wrong.
    """
    place = place_of(project, None, None)
    examined = [*examine(place, every_page=False), *log.findings(project, place, every_row=False)]
    wrong = [f"{one.check}: {one.found}" for one in examined if exit_code([one])]

    def waiting(connection: Connection) -> list[str]:
        asked = {"project": project.name}
        return [
            *(f"run {row['run']} cannot go on" for row in IN_TROUBLE.rows(connection, **asked) if row["parked_at"]),
            *(f"{row['action']} of run {row['run']}" for row in FOR_A_PERSON.rows(connection, **asked)),
        ]

    left = read(runtime.engine, waiting)
    if wrong or left:
        parts = [*wrong, *([f"waiting for a person: {', '.join(left)}"] if left else [])]
        message = f"{'; '.join(parts)}. `iact doctor` and `iact status` say what to do."
        raise FindingError(message)
    return "all well"


JOBS: Final[Mapping[str, Callable[[Project, Runtime, Mapping[str, str]], str]]] = {
    "alerts": alert,
    "backup": write_backup,
    "cleanup": clean_up,
    "health": examine_health,
}
"""What carries out each job; `iact.config.model.schedule.JOBS` says what it can be given."""
