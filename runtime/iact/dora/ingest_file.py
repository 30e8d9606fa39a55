"""Taking in one file of events: all that is good in it, or with `strict` all or nothing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy.engine import Connection, Engine

from iact.core import instants
from iact.core.errors import ConfigurationError
from iact.dora.ingest import Ingested, ingest
from iact.dora.records import Place
from iact.sources.events.files import Row, read_rows
from iact.sources.events.model import EVENTS, Event
from iact.stores.units import write

FORMAT: Final = "iact/ingested/v1"


CLOCKS_DISAGREE: Final = timedelta(hours=1)
"""How far ahead of ours the clock of whoever tells may be."""


def ingest_file(  # noqa: PLR0913 - where to, from where, what of it, and when
    engine: Engine,
    place: Place,
    path: Path,
    *,
    only: str | None = None,
    strict: bool = False,
    now: datetime | None = None,
) -> Ingested:
    """Take in a file, in one transaction.

    Args:
        engine: the store.
        place: where the events belong.
        path: the file.
        only: the full name of the repository whose payloads are taken in; None: the file tells of one alone.
        strict: whether one rejected row keeps all the others out.
        now: the present moment; rows of the time after it are rejected. None takes them all.

    Returns:
        What became of the rows; with `strict` and a rejected row, nothing was new or changed.

    Raises:
        EnvironmentProblemError: if the file cannot be read.
        ConfigurationError: if it tells of several repositories, or its columns are not known.
    """

    def take_in(connection: Connection) -> Ingested:
        rows = _of_one(read_rows(path), path, only)
        found = rows if now is None else _come_true(rows, now)
        done = ingest(connection, place.project, place.repository, found)
        if strict and done.rejected:
            raise _TakenBackError(done)
        return done

    try:
        return write(engine, take_in, meets_others=True)
    except _TakenBackError as error:
        return Ingested(ignored=error.done.ignored, rejected=error.done.rejected)


class _TakenBackError(Exception):
    """Ends the transaction without keeping anything."""

    def __init__(self, done: Ingested) -> None:
        super().__init__()
        self.done = done


def _of_one(rows: Iterable[Row], path: Path, only: str | None) -> Iterator[Row]:
    """Yield the rows of one repository; the others are understood and left out.

    Raises:
        ConfigurationError: if nothing says which of several repositories is meant.
    """
    first = only
    for row in rows:
        if row.repository is None or row.repository == first:
            yield row
        elif only is not None:
            yield Row(line=row.line)
        elif first is None:
            first = row.repository
            yield row
        else:
            message = (
                f"{path}:{row.line}: expected events of one repository, found `{row.repository}` after `{first}`. "
                f"Take them in one by one: --only {first}"
            )
            raise ConfigurationError(message)


def _come_true(rows: Iterable[Row], now: datetime) -> Iterator[Row]:
    """Yield the rows, with those rejected that tell of the future: a slip of the year would hide all that comes before.

    Deployments that are told of replace what git shows in the time from the first of them to the last.
    """
    latest = now + CLOCKS_DISAGREE
    for row in rows:
        later = next((said for event in row.events for said in _moments(event) if said[1] > latest), None)
        if later is None:
            yield row
        else:
            reason = f"`{later[0]}`: expected a moment that has come, found {instants.show(later[1])}."
            yield Row(line=row.line, rejected=reason, repository=row.repository)


def _moments(event: Event) -> Iterator[tuple[str, datetime]]:
    for name in _names(event.kind):
        value = getattr(event, name)
        if isinstance(value, datetime):
            yield "updated_at" if name == "at" else name, value


@cache
def _names(kind: str) -> tuple[str, ...]:
    """Return the fields of a kind of event, the one last that may be made of another."""
    return tuple(sorted((one.name for one in dataclasses.fields(EVENTS[kind])), key=lambda name: name == "at"))


def record(done: Ingested) -> dict[str, Any]:
    """Return what became of the rows as JSON data."""
    return {
        "format": FORMAT,
        "events": {
            kind: {"new": done.new[kind], "changed": done.changed[kind], "same": done.same[kind]} for kind in EVENTS
        },
        "ignored": done.ignored,
        "rejected": [{"line": one.line, "reason": one.reason} for one in done.rejected],
    }


def to_json(done: Ingested) -> str:
    """Return the same as the bytes of a file."""
    return json.dumps(record(done), indent=2, ensure_ascii=False) + "\n"


def lines(done: Ingested, *, strict: bool) -> Iterator[str]:
    """Yield what became of the rows as lines for people."""
    for kind in EVENTS:
        counts = done.new[kind], done.changed[kind], done.same[kind]
        if any(counts):
            yield f"{kind + 's':<12}{counts[0]:>8} new {counts[1]:>8} changed {counts[2]:>8} same"
    if done.ignored:
        yield f"Left out: {done.ignored}, which say nothing about delivery."
    if done.rejected and strict:
        yield f"Rejected: {len(done.rejected)}. Nothing was taken in."
    elif done.rejected:
        yield f"Rejected: {len(done.rejected)}. Everything else was taken in."
    elif not (done.new or done.changed or done.same or done.ignored):
        yield "The file holds no rows."
