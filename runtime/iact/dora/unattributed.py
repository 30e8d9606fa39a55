"""Incidents of which no deployment is known to be the fault: kept with the reason, so that a report can say so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import and_, bindparam, delete, insert, select
from sqlalchemy.engine import Connection

from iact.dora.figures import Window
from iact.dora.records import Unattributed
from iact.dora.tables import UNATTRIBUTED, of_repository, parameters_of
from iact.stores.columns import Instant
from iact.stores.query import READ_AGAIN, query

FORGET: Final = query(
    "Drop what no deployment was the fault of, to judge it again.",
    delete(UNATTRIBUTED).where(of_repository(UNATTRIBUTED)),
    whole=READ_AGAIN,
)
FORGET_ONE: Final = query(
    "Drop one incident.",
    delete(UNATTRIBUTED).where(of_repository(UNATTRIBUTED), UNATTRIBUTED.c.key == bindparam("of_key")),
)
ADD: Final = query("Add incidents of which no deployment is the fault.", insert(UNATTRIBUTED))
OPENED_BETWEEN: Final = query(
    "Incidents of a window of which no deployment is the fault.",
    select(*(column for column in UNATTRIBUTED.c if column.name not in {"project", "repository"}))
    .where(
        of_repository(UNATTRIBUTED),
        and_(
            UNATTRIBUTED.c.opened_at >= bindparam("start", type_=Instant()),
            UNATTRIBUTED.c.opened_at < bindparam("end", type_=Instant()),
        ),
    )
    .order_by(UNATTRIBUTED.c.opened_at, UNATTRIBUTED.c.key),
)


def keep(connection: Connection, project: str, repository: str, incidents: Iterable[Unattributed]) -> None:
    """Replace the incidents of a repository of which no deployment is known to be the fault.

    Args:
        connection: in a transaction.
        project: the project.
        repository: the repository's key in it.
        incidents: all of them.
    """
    FORGET.run(connection, **parameters_of(project, repository))
    _add(connection, (project, repository), incidents)


def replace(
    connection: Connection, place: tuple[str, str], keys: Iterable[str], incidents: Iterable[Unattributed]
) -> None:
    """Replace some of them.

    Args:
        connection: in a transaction.
        place: the project, and the repository's key in it.
        keys: of the incidents that are judged anew.
        incidents: those of them of which no deployment is known to be the fault.
    """
    FORGET_ONE.run_many(connection, [parameters_of(*place) | {"of_key": key} for key in keys])
    _add(connection, place, incidents)


def _add(connection: Connection, place: tuple[str, str], incidents: Iterable[Unattributed]) -> None:
    project, repository = place
    rows = [{name: getattr(one, name) for name in Unattributed.__dataclass_fields__} for one in incidents]
    ADD.run_many(connection, [{"project": project, "repository": repository} | row for row in rows])


def opened_in(connection: Connection, project: str, repository: str, window: Window) -> tuple[Unattributed, ...]:
    """Return the incidents that opened in a window and of which no deployment is known to be the fault.

    Args:
        connection: an open connection; it is only read.
        project: the project.
        repository: the repository's key in it.
        window: when they opened.
    """
    named = parameters_of(project, repository)
    found = OPENED_BETWEEN.rows(connection, **named, start=window.start, end=window.end)
    return tuple(Unattributed(**row) for row in found)
