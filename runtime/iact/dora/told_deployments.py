"""What became of each told deployment, and of which services it was: incidents name it by what its source calls it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.engine import Connection

from iact.dora.deploying import Deploying
from iact.dora.tables import TOLD_DEPLOYMENTS, of_repository, parameters_of
from iact.stores.chunks import CHUNK, LOOKED_UP, chunks
from iact.stores.query import READ_AGAIN, query

FORGET: Final = query(
    "Drop what became of told deployments, to put them together again.",
    delete(TOLD_DEPLOYMENTS).where(of_repository(TOLD_DEPLOYMENTS)),
    whole=READ_AGAIN,
)
ADD: Final = query("Note what became of told deployments.", insert(TOLD_DEPLOYMENTS))
BY_ID: Final = query(
    "The deployments that any source calls by some ids.",
    select(TOLD_DEPLOYMENTS.c.source, TOLD_DEPLOYMENTS.c.id, TOLD_DEPLOYMENTS.c.deployment).where(
        of_repository(TOLD_DEPLOYMENTS), TOLD_DEPLOYMENTS.c.id.in_(bindparam("ids", expanding=True))
    ),
)
SERVICES: Final = query(
    "The services of some deployments.",
    select(TOLD_DEPLOYMENTS.c.deployment, TOLD_DEPLOYMENTS.c.services).where(
        of_repository(TOLD_DEPLOYMENTS), TOLD_DEPLOYMENTS.c.deployment.in_(bindparam("keys", expanding=True))
    ),
)


def replace(connection: Connection, place: tuple[str, str], deploying: Deploying) -> None:
    """Note what became of all told deployments.

    Args:
        connection: in a transaction.
        place: the project, and the repository's key in it.
        deploying: all that is known of deployments.
    """
    FORGET.run(connection, **parameters_of(*place))
    add(connection, place, deploying)


def add(connection: Connection, place: tuple[str, str], deploying: Deploying) -> None:
    """Note what became of deployments that were not told before; the parameters are those of `replace`."""
    project, repository = place
    services = {key: "\n".join(sorted(named)) for key, named in deploying.services.items()}
    for part in chunks(deploying.keys.items(), CHUNK):
        rows = [
            {
                "project": project,
                "repository": repository,
                "id": id_,
                "source": source,
                "deployment": key,
                "services": services[key],
            }
            for (source, id_), key in part
        ]
        ADD.run_many(connection, rows)


def by_ids(connection: Connection, place: tuple[str, str], ids: Collection[str]) -> dict[tuple[str, str], str]:
    """Return the deployments that any source calls by one of some ids: the key of each, by source and id."""
    return {
        (row.source, row.id): row.deployment
        for part in chunks(sorted(ids), LOOKED_UP)
        for row in BY_ID.run(connection, ids=part, **parameters_of(*place))
    }


def services(connection: Connection, place: tuple[str, str], keys: Collection[str]) -> dict[str, frozenset[str]]:
    """Return which services each of some deployments was of; none: all of the repository."""
    return {
        row.deployment: frozenset(filter(None, row.services.split("\n")))
        for part in chunks(sorted(keys), LOOKED_UP)
        for row in SERVICES.run(connection, keys=part, **parameters_of(*place))
    }
