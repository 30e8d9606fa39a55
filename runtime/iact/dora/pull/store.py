"""How far lists have been read, in and out of the store."""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import and_, bindparam, delete, insert, select
from sqlalchemy.engine import Connection

from iact.core.canonical import canonical
from iact.dora.pull.model import Cursor, cursor_of
from iact.dora.records import Place
from iact.dora.tables import PULLS, of_repository, parameters_of
from iact.sources.rest.stream import Stream
from iact.stores.query import query

_OF_STREAM: Final = and_(
    of_repository(PULLS),
    PULLS.c.source == bindparam("of_source"),
    PULLS.c.remote == bindparam("of_remote"),
    PULLS.c.stream == bindparam("of_stream"),
)
CURSOR: Final = query("How far a list has been read.", select(PULLS.c.content).where(_OF_STREAM))
FORGET_CURSOR: Final = query("Drop how far a list has been read, to say it anew.", delete(PULLS).where(_OF_STREAM))
ADD_CURSOR: Final = query("Say how far a list has been read.", insert(PULLS))


def load_cursor(connection: Connection, place: Place, stream: Stream) -> Cursor | None:
    """Return how far a list has been read; None where it never was."""
    row = CURSOR.one(connection, **_parameters(place, stream))
    return None if row is None else cursor_of(json.loads(row["content"]))


def save_cursor(connection: Connection, place: Place, stream: Stream, cursor: Cursor) -> None:
    """Say how far a list has been read, in the transaction that adds what was read."""
    FORGET_CURSOR.run(connection, **_parameters(place, stream))
    ADD_CURSOR.run(
        connection,
        project=place.project,
        repository=place.repository,
        source=stream.source,
        remote=stream.remote.key,
        stream=stream.name,
        content=canonical(cursor.record()),
    )


def _parameters(place: Place, stream: Stream) -> dict[str, Any]:
    of_stream = {"of_source": stream.source, "of_remote": stream.remote.key, "of_stream": stream.name}
    return of_stream | parameters_of(place.project, place.repository)
