"""Events in and out of the store: what was told is added once, and never changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.engine import Connection

from iact.dora import news
from iact.dora.tables import EVENTS, of_repository, parameters_of
from iact.sources.events.files import Row
from iact.sources.events.model import Event, read_content
from iact.stores.chunks import CHUNK, LOOKED_UP, chunks
from iact.stores.query import EVERYTHING, query

Thing = tuple[str, str, str]
"""Kind, source and id: the natural key of what events are about."""

KNOWN_EVENTS: Final = query(
    "Which of some events are known.",
    select(EVENTS.c.digest).where(of_repository(EVENTS), EVENTS.c.digest.in_(bindparam("digests", expanding=True))),
)
KNOWN_THINGS: Final = query(
    "Which of some things are known that one source calls by their ids.",
    select(EVENTS.c.id)
    .where(
        of_repository(EVENTS),
        EVENTS.c.kind == bindparam("of_kind"),
        EVENTS.c.source == bindparam("of_source"),
        EVENTS.c.id.in_(bindparam("ids", expanding=True)),
    )
    .distinct(),
)
EVENT_COUNT: Final = query(
    "How many events are known: none ever changes or goes away, so the number says which they are.",
    select(func.count()).select_from(EVENTS).where(of_repository(EVENTS)),
    whole="counts the keys of an index",
)
KIND_KNOWN: Final = query(
    "One event of a kind, if there is any.",
    select(EVENTS.c.kind).where(of_repository(EVENTS), EVENTS.c.kind == bindparam("of_kind")).limit(1),
    whole="stops at the first",
)
EVENTS_OF_KIND: Final = query(
    "All events of one kind.",
    select(EVENTS.c.content).where(of_repository(EVENTS), EVENTS.c.kind == bindparam("of_kind")),
    whole=EVERYTHING,
)
EVENTS_OF_THINGS: Final = query(
    "Everything that one source tells of some things.",
    select(EVENTS.c.id, EVENTS.c.content).where(
        of_repository(EVENTS),
        EVENTS.c.kind == bindparam("of_kind"),
        EVENTS.c.source == bindparam("of_source"),
        EVENTS.c.id.in_(bindparam("ids", expanding=True)),
    ),
)
ADD_EVENTS: Final = query("Add events.", insert(EVENTS))
EVENTS_OF_PROJECT: Final = query(
    "All that was ever told in a project.",
    select(EVENTS).where(EVENTS.c.project == bindparam("in_project")),
    whole=EVERYTHING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A row that was not used.

    Attributes:
        line: where it begins.
        reason: what was found and what was expected.
    """

    line: int
    reason: str


@dataclass(slots=True, kw_only=True)
class Ingested:
    """What became of the rows of a file.

    Attributes:
        new: events about things that were not known, by kind.
        changed: events that tell something new about a known thing, by kind.
        same: events that were known already, by kind.
        ignored: payloads that are understood and say nothing about delivery.
        rejected: the rows that were not used.
    """

    new: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    same: Counter[str] = field(default_factory=Counter)
    ignored: int = 0
    rejected: list[Rejected] = field(default_factory=list)


def ingest(connection: Connection, project: str, repository: str, rows: Iterable[Row]) -> Ingested:
    """Add what rows tell, and count what became of them.

    Args:
        connection: in a transaction; the caller commits it as a whole or not at all.
        project: the project.
        repository: the repository's key in it.
        rows: the rows of a file.
    """
    done = Ingested()
    for part in chunks(_usable(rows, done), CHUNK):
        _add(connection, (project, repository), part, done)
    return done


def copy_events(told: Connection, into: Connection, project: str) -> None:
    """Add to a store all that another was told in a project.

    Args:
        told: the store that knows it; it is only read.
        into: the store that knows none of it yet, in a transaction.
        project: the project.
    """
    for part in chunks(EVENTS_OF_PROJECT.rows(told, in_project=project), CHUNK):
        ADD_EVENTS.run_many(into, [dict(row) for row in part])


def count_events(connection: Connection, project: str, repository: str) -> int:
    """Return how many events are known, which says as well whether there are any that were not there before."""
    found: int = EVENT_COUNT.run(connection, **parameters_of(project, repository)).scalar_one()
    return found


def is_told(connection: Connection, project: str, repository: str, kind: str) -> bool:
    """Return whether there is any event of a kind."""
    return KIND_KNOWN.one(connection, of_kind=kind, **parameters_of(project, repository)) is not None


def events_of_kind(connection: Connection, project: str, repository: str, kind: str) -> Iterator[Event]:
    """Walk all events of one kind, in no particular order.

    Args:
        connection: an open connection.
        project: the project.
        repository: the repository's key in it.
        kind: `deployment`, `incident`, `change` or `pipeline`.
    """
    for row in EVENTS_OF_KIND.run(connection, of_kind=kind, **parameters_of(project, repository)):
        yield read_content(kind, row.content)


def told_of(
    connection: Connection, place: tuple[str, str], kind: str, source: str, ids: Iterable[str]
) -> dict[str, list[Event]]:
    """Return all that one source tells of some things, by their ids; things that nothing is told of are left out.

    Args:
        connection: an open connection.
        place: the project, and the repository's key in it.
        kind: of what kind the things are.
        source: who tells.
        ids: what the source calls them.
    """
    found: dict[str, list[Event]] = {}
    for part in chunks(sorted(set(ids)), LOOKED_UP):
        named = parameters_of(*place)
        for row in EVENTS_OF_THINGS.rows(connection, of_kind=kind, of_source=source, ids=part, **named):
            found.setdefault(row["id"], []).append(read_content(kind, row["content"]))
    return found


def known_digests(connection: Connection, place: tuple[str, str], digests: Iterable[str]) -> set[str]:
    """Return which of some events, by their digests, are known.

    Args:
        connection: an open connection.
        place: the project, and the repository's key in it.
        digests: of the events.
    """
    return {
        row["digest"]
        for part in chunks(digests, LOOKED_UP)
        for row in KNOWN_EVENTS.rows(connection, digests=part, **parameters_of(*place))
    }


def _usable(rows: Iterable[Row], done: Ingested) -> Iterator[Event]:
    for row in rows:
        if row.rejected:
            done.rejected.append(Rejected(line=row.line, reason=row.rejected))
        elif not row.events:
            done.ignored += 1
        yield from row.events


def _add(connection: Connection, place: tuple[str, str], events: list[Event], done: Ingested) -> None:
    by_digest: dict[str, tuple[Event, bytes]] = {}
    for event in events:
        content = event.content
        digest = event.digest_of(content)
        if digest in by_digest:
            done.same[event.kind] += 1
        by_digest[digest] = event, content
    known = known_digests(connection, place, by_digest)
    done.same.update(by_digest[digest][0].kind for digest in known)
    fresh = {digest: told for digest, told in by_digest.items() if digest not in known}
    things = _known_things(connection, place, [event for event, _ in fresh.values()])
    for event, _ in fresh.values():
        thing = (event.kind, event.source, event.id)
        counted = done.changed if thing in things else done.new
        counted[event.kind] += 1
        things.add(thing)
    ADD_EVENTS.run_many(connection, [_row(place, digest, *told) for digest, told in fresh.items()])
    news.wait(connection, place, {digest: event for digest, (event, _) in fresh.items()})


def _known_things(connection: Connection, place: tuple[str, str], events: Iterable[Event]) -> set[Thing]:
    ids: dict[tuple[str, str], set[str]] = {}
    for event in events:
        ids.setdefault((event.kind, event.source), set()).add(event.id)
    return {
        (kind, source, row["id"])
        for (kind, source), named in ids.items()
        for part in chunks(sorted(named), LOOKED_UP)
        for row in KNOWN_THINGS.rows(connection, of_kind=kind, of_source=source, ids=part, **parameters_of(*place))
    }


def _row(place: tuple[str, str], digest: str, event: Event, content: bytes) -> dict[str, Any]:
    project, repository = place
    return {
        "project": project,
        "repository": repository,
        "digest": digest,
        "kind": event.kind,
        "source": event.source,
        "id": event.id,
        "content": content,
    }
