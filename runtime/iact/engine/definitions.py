"""Definitions by digest: a run keeps the rules it started under, long after the file has changed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, insert, select

from iact.core.canonical import canonical, digest
from iact.core.tree import Tree, from_record, to_record
from iact.engine.tables import DEFINITIONS
from iact.stores.query import query

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection

_READ_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One resource as it was when a run started.

    Attributes:
        kind: what `kind:` says.
        name: its name.
        digest: digest of its content; moving a line in the file does not change it.
        tree: its `spec` with the position of every part.
    """

    kind: str
    name: str
    digest: str
    tree: Tree

    @property
    def pin(self) -> str:
        """The key under which a run pins it: `Metric/lead_time`."""
        return f"{self.kind}/{self.name}"


KNOWN: Final = query(
    "Which of these definitions are stored already.",
    select(DEFINITIONS.c.digest).where(
        DEFINITIONS.c.project == bindparam("project"),
        DEFINITIONS.c.digest.in_(bindparam("digests", expanding=True)),
    ),
)
STORE: Final = query("Store definitions that are not known yet.", insert(DEFINITIONS))
BY_DIGEST: Final = query(
    "The definitions of these digests.",
    select(DEFINITIONS).where(
        DEFINITIONS.c.project == bindparam("project"),
        DEFINITIONS.c.digest.in_(bindparam("digests", expanding=True)),
    ),
)


def store(connection: Connection, project: str, definitions: Iterable[Definition], now: datetime) -> None:
    """Store those definitions that are not stored yet."""
    wanted = {_key(definition): definition for definition in definitions}
    known = {row["digest"] for row in KNOWN.rows(connection, project=project, digests=list(wanted))}
    STORE.run_many(
        connection,
        [
            {
                "project": project,
                "digest": key,
                "kind": definition.kind,
                "name": definition.name,
                "body": canonical({"digest": definition.digest, **to_record(definition.tree)}),
                "stored_at": now,
            }
            for key, definition in wanted.items()
            if key not in known
        ],
    )


def load(connection: Connection, project: str, pins: Mapping[str, str]) -> dict[str, Definition]:
    """Return the definitions that `pins` (from `pin` to storage key) names, by pin.

    Raises:
        LookupError: if one is gone or was changed, which only a person with access to the store can have done.
    """
    rows = {row["digest"]: row for row in BY_DIGEST.rows(connection, project=project, digests=list(pins.values()))}
    missing = sorted(pin for pin, key in pins.items() if key not in rows)
    if missing:
        message = f"the store has lost the definitions {', '.join(missing)}; restore it from a backup"
        raise LookupError(message)
    found = {pin: rows[key] for pin, key in pins.items()}
    return {pin: _read(row["digest"], row["kind"], row["name"], row["body"]) for pin, row in found.items()}


def pinned_bytes(connection: Connection, project: str, keys: Collection[str]) -> Iterator[bytes]:
    """Walk the bytes that some storage keys are the digests of, in the order of the keys.

    Args:
        connection: reads the store.
        project: whose definitions.
        keys: what runs pinned.

    Raises:
        LookupError: if one is gone or was changed, which only a person with access to the store can have done.
    """
    wanted = sorted(keys)
    for begin in range(0, len(wanted), _READ_AT_ONCE):
        found = load(connection, project, {key: key for key in wanted[begin : begin + _READ_AT_ONCE]})
        yield from (_bytes_of(definition) for definition in found.values())


def from_pinned_bytes(content: bytes) -> Definition:
    """Return the definition that `pinned_bytes` gave.

    Raises:
        ValueError: if it is none.
    """
    try:
        kind, name, own, record = json.loads(content)
        return Definition(kind=kind, name=name, digest=own, tree=from_record(record))
    except (KeyError, TypeError, IndexError, RecursionError) as error:
        message = "these are not the bytes of a definition"
        raise ValueError(message) from error


def pins_of(definitions: Iterable[Definition]) -> dict[str, str]:
    """Return what a run pins: for each definition's pin the key that it is stored under."""
    return {definition.pin: _key(definition) for definition in definitions}


def _key(definition: Definition) -> str:
    # Two resources with equal content (and one resource whose lines have moved) are stored apart, because an
    # explanation quotes the lines as they stood.
    return digest(_bytes_of(definition))


def _bytes_of(definition: Definition) -> bytes:
    return canonical([definition.kind, definition.name, definition.digest, to_record(definition.tree)])


@lru_cache(maxsize=1024)
def _read(key: str, kind: str, name: str, body: bytes) -> Definition:
    """Decode a stored definition; every step of a run asks for the same few.

    Raises:
        LookupError: if the stored bytes are not those that the key was made from.
    """
    record = json.loads(body)
    definition = Definition(kind=kind, name=name, digest=record["digest"], tree=from_record(record))
    if _key(definition) != key:
        message = f"the stored definition {definition.pin} was changed after it was stored; restore it from a backup"
        raise LookupError(message)
    return definition
