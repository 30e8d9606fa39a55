"""Reading the delivery tables: every query has a name and a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import and_, bindparam, func, or_, select, type_coerce, union_all
from sqlalchemy.engine import Connection
from sqlalchemy.types import NullType

from iact.dora.figures import Sample
from iact.dora.records import Change, Deployment, Failure, Repository
from iact.dora.tables import (
    CHANGES,
    DEPLOYMENTS,
    FAILURES,
    REPOSITORIES,
    of_repository,
    parameters_of,
    same_repository,
)
from iact.stores.columns import Instant
from iact.stores.query import query


def _between(column: Any) -> Any:
    """Return the condition of a window that holds its start but not its end."""
    return and_(column >= bindparam("start", type_=Instant()), column < bindparam("end", type_=Instant()))


CELLS: Final = ("sha", "deployment", "authored_at", "committed_at", "merged_at", "is_merge", "by_agent")
_CHANGE_OF_DEPLOYMENT: Final = and_(same_repository(DEPLOYMENTS, CHANGES), DEPLOYMENTS.c.key == CHANGES.c.deployment)
_DEPLOYMENT_COLUMNS: Final = [DEPLOYMENTS.c[name] for name in Deployment.__dataclass_fields__ if name != "first_known"]
"""In the order of `Deployment`; its rows are read by place, too."""
_CHANGE_COLUMNS: Final = [CHANGES.c[name] for name in Change._fields if name != "deployed_at"]
"""In the order of `Change`, whose rows are read by place and not by name: a history has many changes."""
_FAILURE_COLUMNS: Final = [column for column in FAILURES.c if column.name not in {"project", "repository"}]
_FAILED_DEPLOYMENT: Final = and_(same_repository(DEPLOYMENTS, FAILURES), DEPLOYMENTS.c.key == FAILURES.c.deployment)
_MENDING: Final = DEPLOYMENTS.alias("mending")
_MERGED_BY_MOMENT: Final = CHANGES.c.merged_at <= bindparam("moment", type_=Instant())


REPOSITORY_FOUND: Final = query(
    "What is known of a repository.", select(REPOSITORIES).where(of_repository(REPOSITORIES))
)
DEPLOYED_BETWEEN: Final = query(
    "Deployments of a window, the earliest first.",
    select(*_DEPLOYMENT_COLUMNS)
    .where(of_repository(DEPLOYMENTS), _between(DEPLOYMENTS.c.deployed_at))
    .order_by(DEPLOYMENTS.c.deployed_at, DEPLOYMENTS.c.key),
)
DEPLOYED_BEFORE: Final = query(
    "How many deployments there were before a moment, and how many changes they brought.",
    select(func.count().label("deployments"), func.sum(DEPLOYMENTS.c.changes).label("changes"))
    .select_from(DEPLOYMENTS)
    .where(of_repository(DEPLOYMENTS), DEPLOYMENTS.c.deployed_at < bindparam("end", type_=Instant())),
    whole="counts all that was deployed",
)
FIRST_DEPLOYMENT: Final = query(
    "The first deployment of all.",
    select(DEPLOYMENTS)
    .where(of_repository(DEPLOYMENTS), DEPLOYMENTS.c.deployed_at < bindparam("end", type_=Instant()))
    .order_by(DEPLOYMENTS.c.deployed_at, DEPLOYMENTS.c.key)
    .limit(1),
    whole="stops at the first",
)
LAST_DEPLOYMENT: Final = query(
    "The last deployment before a moment.",
    select(DEPLOYMENTS)
    .where(of_repository(DEPLOYMENTS), DEPLOYMENTS.c.deployed_at < bindparam("end", type_=Instant()))
    .order_by(DEPLOYMENTS.c.deployed_at.desc(), DEPLOYMENTS.c.key.desc())
    .limit(1),
    whole="stops at the first",
)
EARLIEST_DEPLOYED: Final = query(
    "When the earliest deployment of all was, whether or not it names a commit of the history.",
    select(func.min(DEPLOYMENTS.c.deployed_at, type_=Instant()).label("deployed_at")).where(of_repository(DEPLOYMENTS)),
)
FIRST_DEPLOYED: Final = query(
    "When something of the history was first deployed to an environment.",
    select(DEPLOYMENTS.c.deployed_at)
    .where(
        of_repository(DEPLOYMENTS),
        DEPLOYMENTS.c.key == DEPLOYMENTS.c.sha,
        DEPLOYMENTS.c.environment == bindparam("environment"),
    )
    .order_by(DEPLOYMENTS.c.deployed_at)
    .limit(1),
    whole="stops at the first",
)
CHANGES_DEPLOYED_BETWEEN: Final = query(
    "Changes that were first deployed in a window, in the order in which users got them.",
    select(*_CHANGE_COLUMNS)
    .join_from(CHANGES, DEPLOYMENTS, _CHANGE_OF_DEPLOYMENT)
    .where(of_repository(CHANGES), _between(DEPLOYMENTS.c.deployed_at))
    .order_by(DEPLOYMENTS.c.deployed_at, CHANGES.c.deployment, CHANGES.c.committed_at, CHANGES.c.sha),
)
CHANGE_CELLS: Final = query(
    "What figures need of the changes that were first deployed in a window, as the database holds it, in any order.",
    select(*(type_coerce(CHANGES.c[name], NullType()).label(name) for name in CELLS))
    .join_from(DEPLOYMENTS, CHANGES, _CHANGE_OF_DEPLOYMENT)
    .where(of_repository(DEPLOYMENTS), _between(DEPLOYMENTS.c.deployed_at)),
)
CHANGES_BY_ID: Final = query(
    "Some changes.",
    select(*_CHANGE_COLUMNS).where(of_repository(CHANGES), CHANGES.c.sha.in_(bindparam("shas", expanding=True))),
)
CHANGES_WAITING: Final = query(
    "Changes of the mainline that no deployment contains, the longest waiting first.",
    select(*_CHANGE_COLUMNS)
    .where(of_repository(CHANGES), CHANGES.c.deployment.is_(None), CHANGES.c.merged_at.is_not(None))
    .order_by(CHANGES.c.merged_at, CHANGES.c.sha),
)
CHANGES_WAITING_AT: Final = query(
    "Changes of the mainline that no deployment contained at a moment of the past, the longest waiting first.",
    # Parts that an index leads to; asking for all at once would look at every change. The last one finds something only
    # where an older release of iact was the last to read.
    union_all(
        select(*_CHANGE_COLUMNS).where(of_repository(CHANGES), CHANGES.c.deployment.is_(None), _MERGED_BY_MOMENT),
        select(*_CHANGE_COLUMNS)
        .join_from(DEPLOYMENTS, CHANGES, _CHANGE_OF_DEPLOYMENT)
        # MySQL would read every deployment of the repository, which it takes for cheaper than it is.
        .with_hint(DEPLOYMENTS, "FORCE INDEX (ix_deployments_oldest_merged_at)", "mysql")
        .where(
            of_repository(DEPLOYMENTS),
            DEPLOYMENTS.c.deployed_at > bindparam("moment", type_=Instant()),
            DEPLOYMENTS.c.oldest_merged_at <= bindparam("moment", type_=Instant()),
            _MERGED_BY_MOMENT,
        ),
        # A join would make SQLite read every change of the repository, for the same reason.
        select(*_CHANGE_COLUMNS).where(
            of_repository(CHANGES),
            _MERGED_BY_MOMENT,
            CHANGES.c.deployment.in_(
                select(DEPLOYMENTS.c.key).where(
                    of_repository(DEPLOYMENTS),
                    DEPLOYMENTS.c.deployed_at > bindparam("moment", type_=Instant()),
                    DEPLOYMENTS.c.oldest_merged_at.is_(None),
                )
            ),
        ),
    ).order_by("merged_at", "sha"),
)
FAILED_BETWEEN: Final = query(
    "Failures of the deployments of a window.",
    select(*_FAILURE_COLUMNS)
    .join_from(FAILURES, DEPLOYMENTS, _FAILED_DEPLOYMENT)
    .where(of_repository(FAILURES), _between(DEPLOYMENTS.c.deployed_at))
    .order_by(FAILURES.c.started_at, FAILURES.c.key),
)
FAILURES_ABOUT: Final = query(
    "Failures that a window is about: not mended before it, or of a deployment since, or mended by one; none after it.",
    select(*_FAILURE_COLUMNS)
    .join_from(FAILURES, DEPLOYMENTS, _FAILED_DEPLOYMENT)
    .where(
        of_repository(FAILURES),
        or_(
            FAILURES.c.started_at < bindparam("end", type_=Instant()),
            DEPLOYMENTS.c.deployed_at < bindparam("end", type_=Instant()),
        ),
        or_(
            FAILURES.c.restored_at.is_(None),
            FAILURES.c.restored_at >= bindparam("moment", type_=Instant()),
            DEPLOYMENTS.c.deployed_at >= bindparam("start", type_=Instant()),
            select(_MENDING.c.key)
            .where(
                same_repository(_MENDING, FAILURES),
                _MENDING.c.key == FAILURES.c.restored_by,
                _MENDING.c.deployed_at >= bindparam("start", type_=Instant()),
            )
            .exists(),
        ),
    )
    .order_by(FAILURES.c.started_at, FAILURES.c.key),
    whole="failures are few beside changes, and any of them may still be open",
)
DEPLOYMENTS_OF_CHANGES: Final = query(
    "The first deployment that contains each of some changes.",
    select(CHANGES.c.sha, CHANGES.c.deployment).where(
        of_repository(CHANGES), CHANGES.c.sha.in_(bindparam("shas", expanding=True)), CHANGES.c.deployment.is_not(None)
    ),
)
DEPLOYMENTS_OF_ABBREVIATED: Final = query(
    "Changes whose ids begin alike, two at most, each with the first deployment that contains it.",
    select(CHANGES.c.sha, CHANGES.c.deployment)
    .where(of_repository(CHANGES), CHANGES.c.sha >= bindparam("first"), CHANGES.c.sha < bindparam("after"))
    .limit(2),
)
FAILURE_COUNT: Final = query(
    "How many failures of a repository are known.",
    select(func.count()).select_from(FAILURES).where(of_repository(FAILURES)),
    whole="counts the keys of an index",
)

LOOKED_UP: Final = 500
"""How many ids one query names at most."""

EARLIEST: Final = datetime(1000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""The bounds of a window without bounds: the first and the last moment that every database can hold."""


def repository(connection: Connection, project: str, repository: str) -> Repository | None:
    """Return what is known of a repository; None when it was never read."""
    row = REPOSITORY_FOUND.one(connection, **parameters_of(project, repository))
    if row is None:
        return None
    return Repository(
        key=row["repository"],
        mainline=row["mainline"],
        synced_at=row["synced_at"],
        failure_sources=tuple(filter(None, row["failure_sources"].split(","))),
        changes=row["changes"],
        deployments=row["deployments"],
        reverts=row["reverts"],
        notes=tuple(filter(None, row["notes"].split("\n"))),
    )


def deployments(
    connection: Connection, project: str, repository: str, start: datetime | None = None, end: datetime | None = None
) -> list[Deployment]:
    """Return the deployments of a window, the earliest first.

    Args:
        connection: an open connection.
        project: the project.
        repository: the repository's name in it.
        start: the first moment of the window; None: no beginning.
        end: the first moment after it; None: no end.
    """
    named = parameters_of(project, repository)

    @cache
    def first(environment: str) -> datetime | None:
        return FIRST_DEPLOYED.run(connection, **named, environment=environment).scalar()

    return [_deployment(row, first) for row in DEPLOYED_BETWEEN.run(connection, **named, **_window(start, end)).all()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much was deployed before a moment.

    Attributes:
        deployments: how many deployments.
        changes: how many changes these were the first to contain.
        first: name and moment of the first; None where there is none.
        last: likewise of the last.
    """

    deployments: int
    changes: int
    first: tuple[str, datetime] | None
    last: tuple[str, datetime] | None


def extent(connection: Connection, project: str, repository: str, end: datetime) -> Extent:
    """Return how much was deployed before a moment, without reading every deployment.

    Args:
        connection: an open connection.
        project: the project.
        repository: the repository's name in it.
        end: the moment.
    """
    named = parameters_of(project, repository) | {"end": end}
    counted = DEPLOYED_BEFORE.run(connection, **named).one()
    first, last = (one.run(connection, **named).one_or_none() for one in (FIRST_DEPLOYMENT, LAST_DEPLOYMENT))
    return Extent(
        deployments=counted.deployments,
        changes=int(counted.changes or 0),
        first=None if first is None else (first.name, first.deployed_at),
        last=None if last is None else (last.name, last.deployed_at),
    )


def first_deployed_at(connection: Connection, project: str, repository: str) -> datetime | None:
    """Return when the earliest deployment of a repository was; None where there is none."""
    found: datetime | None = EARLIEST_DEPLOYED.run(connection, **parameters_of(project, repository)).scalar_one()
    return found


def deployed_changes(
    connection: Connection, project: str, repository: str, start: datetime | None = None, end: datetime | None = None
) -> Iterator[Change]:
    """Walk the changes whose first deployment lies in a window, in the order in which users got them.

    Args:
        connection: an open connection.
        project: the project.
        repository: the repository's name in it.
        start: the first moment of the window; None: no beginning.
        end: the first moment after it; None: no end.
    """
    named = parameters_of(project, repository) | _window(start, end)
    # Changes share the key and the moment of their deployment, which are many texts less to hold.
    deployed = {row.key: (row.key, row.deployed_at) for row in DEPLOYED_BETWEEN.run(connection, **named)}
    for row in CHANGES_DEPLOYED_BETWEEN.run(connection, **named):
        yield Change._make((*row[:-1], *deployed[row[-1]]))


def change_cells(
    connection: Connection, project: str, repository: str, start: datetime, end: datetime
) -> Iterator[Sequence[Sequence[Any]]]:
    """Walk the same changes in large parts, each part as one sequence a column of `CELLS`, in no particular order.

    Cells are what the driver hands over: moments are not converted.

    Args:
        connection: an open connection.
        project: the project.
        repository: the repository's name in it.
        start: the first moment of the window.
        end: the first moment after it.
    """
    return CHANGE_CELLS.columns(connection, **parameters_of(project, repository), **_window(start, end))


def changes_of(connection: Connection, project: str, repository: str, samples: Sequence[Sample]) -> dict[str, Change]:
    """Return the changes that a few rows of a figure are, by their id."""
    deployed = {sample.id: (sample.cluster, sample.at) for sample in samples}
    rows = CHANGES_BY_ID.run(connection, **parameters_of(project, repository), shas=list(deployed))
    return {row.sha: Change._make((*row[:-1], *deployed[row.sha])) for row in rows}


def waiting_changes(
    connection: Connection, project: str, repository: str, as_of: datetime | None = None
) -> Iterator[Change]:
    """Walk the changes of the mainline that wait for a deployment, the longest waiting first.

    Args:
        connection: an open connection.
        project: the project.
        repository: the repository's name in it.
        as_of: at which moment; None: now. What was deployed after it counts as waiting.
    """
    named = parameters_of(project, repository)
    if as_of is None:
        rows = CHANGES_WAITING.run(connection, **named)
    else:
        rows = CHANGES_WAITING_AT.run(connection, **named, moment=as_of)
    for row in rows:
        yield Change._make((*row[:-1], None, None))


def failures(
    connection: Connection, project: str, repository: str, start: datetime | None = None, end: datetime | None = None
) -> list[Failure]:
    """Return the failures of the deployments of a window, ordered by when they started.

    Args:
        connection: an open connection.
        project: the project.
        repository: the repository's name in it.
        start: the first moment of the window; None: no beginning.
        end: the first moment after it; None: no end.
    """
    named = parameters_of(project, repository) | _window(start, end)
    return [Failure(**row) for row in FAILED_BETWEEN.rows(connection, **named)]


def failures_about(  # noqa: PLR0913, PLR0917 - where, of which window and as known when
    connection: Connection,
    project: str,
    repository: str,
    start: datetime,
    end: datetime,
    as_of: datetime | None = None,
) -> list[Failure]:
    """Return the failures that figures of a window may be made of, ordered by when they started.

    Those are left out that ended before the window or began after it and concern none of its deployments, however many
    there are.

    Args:
        connection: an open connection.
        project: the project.
        repository: the repository's name in it.
        start: the first moment of the window.
        end: the first moment after it.
        as_of: from which moment on nothing was known yet; what ended at it or later counts as open. None: now.
    """
    moment = start if as_of is None else min(start, as_of)
    found = FAILURES_ABOUT.rows(connection, **parameters_of(project, repository), start=start, end=end, moment=moment)
    return [Failure(**row) for row in found]


def deployments_of_changes(
    connection: Connection, project: str, repository: str, shas: Sequence[str]
) -> dict[str, str]:
    """Return the key of the first deployment that contains each change, of those that one contains.

    Args:
        connection: an open connection.
        project: the project.
        repository: the repository's name in it.
        shas: full ids of commits.
    """
    named = parameters_of(project, repository)
    return {
        row["sha"]: row["deployment"]
        for start in range(0, len(shas), LOOKED_UP)
        for row in DEPLOYMENTS_OF_CHANGES.rows(connection, shas=shas[start : start + LOOKED_UP], **named)
    }


def deployment_of_abbreviated(connection: Connection, project: str, repository: str, sha: str) -> str | None:
    """Return the key of the first deployment that contains the one change whose id begins like this; else None."""
    named = parameters_of(project, repository)
    # Ids are hexadecimal, so that `g` comes after every one that begins like this.
    found = list(DEPLOYMENTS_OF_ABBREVIATED.rows(connection, first=sha, after=f"{sha}g", **named))
    return found[0]["deployment"] if len(found) == 1 else None


def count_failures(connection: Connection, project: str, repository: str) -> int:
    """Return how many failures are known; several may be of one deployment."""
    found: int = FAILURE_COUNT.run(connection, **parameters_of(project, repository)).scalar_one()
    return found


def _window(start: datetime | None, end: datetime | None) -> dict[str, Any]:
    return {"start": start or EARLIEST, "end": end or LATEST}


def _deployment(row: Sequence[Any], first: Callable[[str], datetime | None]) -> Deployment:
    key, name, names, sha, deployed_at, previous, environment, source, changes, is_hotfix = row
    return Deployment(
        key=key,
        name=name,
        names=tuple(names.split("\n")),
        sha=sha,
        deployed_at=deployed_at,
        previous=previous,
        environment=environment,
        source=source,
        changes=changes,
        is_hotfix=is_hotfix,
        first_known=key == sha and deployed_at == first(environment),
    )
