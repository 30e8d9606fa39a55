"""Which commit's rules all processes of a project follow, as the store says it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, insert, select
from sqlalchemy.engine import Connection

from iact.core.machine import Mode
from iact.engine.persons import with_words
from iact.engine.tables import ACTIVATIONS
from iact.stores.query import query

IN_FORCE: Final = query(
    "Which commit's rules are in force.",
    select(ACTIVATIONS)
    .where(ACTIVATIONS.c.project == bindparam("project"))
    .order_by(ACTIVATIONS.c.number.desc())
    .limit(1),
    whole="a row for each activation, of which the newest is read and no other",
)
ADD: Final = query("Let another commit's rules be in force.", insert(ACTIVATIONS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """Which rules are in force.

    Attributes:
        number: counts the activations of the project.
        commit: the full id of the commit; empty for the files of each checkout.
        digest: of all rules there.
        activated_by: who said so.
        activated_at: when.
        modes: what becomes of the actions of each agent by these rules, by its name; none where it was not kept.
    """

    number: int
    commit: str
    digest: str
    activated_by: str
    activated_at: datetime
    modes: Mapping[str, Mode] = field(default_factory=dict)


def in_force(connection: Connection, project: str) -> Activation | None:
    """Return which rules of a project are in force; None where nobody ever said so, which means those in the files.

    Args:
        connection: to the store.
        project: its name.
    """
    row = IN_FORCE.one(connection, project=project)
    if row is None:
        return None
    return Activation(
        number=row["number"],
        commit=row["commit_id"],
        digest=row["digest"],
        activated_by=with_words(connection, project, row["activated_by"]),
        activated_at=row["activated_at"],
        modes={name: Mode(mode) for name, mode in json.loads(row["modes"] or "{}").items()},
    )
