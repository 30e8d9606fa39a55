"""What was told since a repository was last read: events that wait to be put together with what is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.engine import Connection

from iact.dora.tables import EVENTS, REPOSITORIES, UNREAD_EVENTS, of_repository, parameters_of
from iact.sources.events.model import Event, read_content
from iact.stores.query import query

MOST: Final = 100
"""How many events are added to what is known; where more wait, everything is put together again."""


class Thing(NamedTuple):
    """What events are about, by its natural key."""

    kind: str
    source: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldOfThing:
    """What is told of one thing.

    Attributes:
        before: what was told of it when the repository was last read.
        now: all of it.
    """

    before: tuple[Event, ...]
    now: tuple[Event, ...]


ADD: Final = query("Note that events wait to be put together with what is known.", insert(UNREAD_EVENTS))
UNREAD: Final = query(
    "The first of the events that wait.",
    select(UNREAD_EVENTS.c.kind, UNREAD_EVENTS.c.source, UNREAD_EVENTS.c.id, UNREAD_EVENTS.c.digest)
    .where(of_repository(UNREAD_EVENTS))
    .order_by(UNREAD_EVENTS.c.digest)
    .limit(MOST + 1),
    whole="stops after a hundred of those that wait",
)
FORGET: Final = query(
    "Nothing waits any more.",
    delete(UNREAD_EVENTS).where(of_repository(UNREAD_EVENTS)),
    whole="nothing is to wait any more",
)
WAS_READ: Final = query(
    "Whether a repository was ever read.", select(REPOSITORIES.c.repository).where(of_repository(REPOSITORIES))
)
OF_THINGS: Final = query(
    "All that is told of some things that one source calls by their ids.",
    select(EVENTS.c.id, EVENTS.c.digest, EVENTS.c.content).where(
        of_repository(EVENTS),
        EVENTS.c.kind == bindparam("of_kind"),
        EVENTS.c.source == bindparam("of_source"),
        EVENTS.c.id.in_(bindparam("ids", expanding=True)),
    ),
)


def wait(connection: Connection, place: tuple[str, str], events: Mapping[str, Event]) -> None:
    """Note that events wait; before a repository is first read there is nothing that they could be added to.

    Args:
        connection: in the transaction that takes the events in.
        place: the project, and the repository's key in it.
        events: the events by their digest; none was known before.
    """
    project, repository = place
    if WAS_READ.one(connection, **parameters_of(*place)) is None:
        return
    rows = [
        {
            "project": project,
            "repository": repository,
            "digest": digest,
            "kind": event.kind,
            "source": event.source,
            "id": event.id,
        }
        for digest, event in events.items()
    ]
    ADD.run_many(connection, rows)


def unread(connection: Connection, place: tuple[str, str]) -> dict[Thing, ToldOfThing] | None:
    """Return what is told of each thing that events wait for; None where they are too many to be added one by one."""
    rows = UNREAD.run(connection, **parameters_of(*place)).all()
    if len(rows) > MOST:
        return None
    waiting = {row.digest for row in rows}
    ids: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        ids.setdefault((row.kind, row.source), set()).add(row.id)
    found: dict[Thing, dict[str, Event]] = {}
    for (kind, source), named in sorted(ids.items()):
        told = OF_THINGS.run(connection, of_kind=kind, of_source=source, ids=sorted(named), **parameters_of(*place))
        for row in told:
            found.setdefault(Thing(kind, source, row.id), {})[row.digest] = read_content(kind, row.content)
    return {thing: _of_thing(found[thing], waiting) for thing in sorted(found)}


def forget(connection: Connection, place: tuple[str, str]) -> None:
    """Let nothing wait any more: everything that was told is part of what is known."""
    FORGET.run(connection, **parameters_of(*place))


def _of_thing(events: Mapping[str, Event], waiting: set[str]) -> ToldOfThing:
    before = tuple(event for digest, event in events.items() if digest not in waiting)
    return ToldOfThing(before=before, now=tuple(events.values()))
