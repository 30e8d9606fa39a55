"""Every decision that a test leaves in a journal is made again: one that comes out otherwise fails that test.

So does a journal in which the verifier of bundles finds anything wrong: what is honest raises no false alarm.

No test asks for it. Whatever store a test opens is looked at before it is gone: a file when the last connection to it
is closed and when the test has ended, memory when it is given back, a database of a server before it is emptied or
dropped. Of what other processes wrote, the files below the test's own folder are found.

A test that damages journals on purpose says so and why: `@pytest.mark.not_replayed("...")`.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, Protocol

import pytest
from sqlalchemy import event
from sqlalchemy.pool import ConnectionPoolEntry, Pool

from iact.audit.allowed import Allowed, parse_definition
from iact.audit.bundles import AuditFindingError
from iact.audit.chains import Chains
from iact.core.canonical import canonical
from iact.core.machine import Machine
from iact.core.tree import from_record
from iact.engine.journal import LOG_RUN, EntryKind, entry_from_bytes
from iact.engine.model import compile_agent
from iact.engine.replay import first_difference
from iact.stores.connect import looking_connection

MARK: Final = "not_replayed"
ENDING: Final = ".db"
"""How the files of stores are called that other processes make."""
MOST: Final = 5
"""How many differences are told; a store full of made-up rows is not read to its end."""
_FILE: Final = "file"
_OWN_PROCESS: Final = os.getpid()
_OF_FILE: Final = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'journal'"
_OF_SERVER: Final = "SHOW TABLES LIKE 'journal'"
_ANCHORS: Final = "SELECT project, run FROM journal_anchors"
_DEFINITIONS: Final = "SELECT project, digest, name, body FROM definitions WHERE kind = 'Agent'"
# What happened to the log itself was decided by no machine.
_ENTRIES: Final = f"SELECT project, run, body FROM journal WHERE run <> '{LOG_RUN}' ORDER BY project, run, sequence"  # noqa: S608 - our own name


class Cursor(Protocol):
    """What the drivers of all databases have in common."""

    def execute(self, statement: str) -> Any:
        """Run a statement."""

    def fetchall(self) -> Any:
        """Return all rows that are left."""


class Replays:
    """Looks at the stores of one test after the other."""

    def __init__(self) -> None:
        """Begin with nothing found."""
        self._found: dict[str, None] = {}
        self._files: Counter[Path] = Counter()
        self._memory: dict[int, sqlite3.Connection] = {}
        self._seen: dict[Path, tuple[tuple[int, int], ...]] = {}
        self._same: set[bytes] = set()
        self._looks = True

    def listen(self) -> None:
        """Hear of every connection of this process from now on."""
        event.listen(Pool, "connect", self._connected)
        event.listen(Pool, "close", self._closed)

    def begin(self, test: pytest.Item) -> None:
        """Look at the stores of a test from now on."""
        self._looks = _reason(test) is None

    def end(self, folder: Path | None) -> None:
        """Look at what a test that has ended left in files, and fail it where anything came out otherwise.

        Args:
            folder: its own, where it has one.
        """
        for file in {*self._files, *(_stores_below(folder) if folder else ())}:
            self._look_at_file(file)
        self._files.clear()
        found, self._found = self._found, {}
        if found:
            told = "\n".join(f"- {one}" for one in found)
            message = (
                f"decisions in journals that this test wrote come out otherwise when they are made again:\n{told}\n"
                f'A test that damages journals on purpose says so: @pytest.mark.{MARK}("why").'
            )
            pytest.fail(message, pytrace=False)

    def look_at_memory(self) -> None:
        """Look at the stores in memory that are still open and about to be gone."""
        while self._memory:
            _, connection = self._memory.popitem()
            self._look_into_memory(connection)

    def look_at_server(self, cursor: Cursor, database: str) -> None:
        """Look at a database that is about to be emptied or dropped.

        Args:
            cursor: of a connection that uses it.
            database: its name.
        """
        self._look(cursor, _OF_SERVER, database)

    def _connected(self, connection: Any, record: ConnectionPoolEntry) -> None:
        if not isinstance(connection, sqlite3.Connection):
            return
        if file := _file_of(connection):
            record.info[_FILE] = file
            self._files[file] += 1
        else:
            self._memory[id(connection)] = connection

    def _closed(self, connection: Any, record: ConnectionPoolEntry) -> None:
        if os.getpid() != _OWN_PROCESS or not isinstance(connection, sqlite3.Connection):
            return
        file = record.info.get(_FILE)
        if file is None:
            self._look_into_memory(self._memory.pop(id(connection), connection))
            return
        self._files[file] -= 1
        if self._files[file] <= 0:
            self._look_at_file(file)

    def _look_into_memory(self, connection: sqlite3.Connection) -> None:
        try:
            cursor = connection.cursor()
        except sqlite3.ProgrammingError:
            return  # the test has closed it behind its pool
        self._look(cursor, _OF_FILE, "a store in memory")

    def _look_at_file(self, file: Path) -> None:
        state = _state(file)
        if not state or self._seen.get(file) == state or not self._looks:
            return
        self._seen[file] = state
        with closing(looking_connection(file)) as connection:
            self._look(connection.cursor(), _OF_FILE, str(file))

    def _look(self, cursor: Cursor, has_journal: str, where: str) -> None:
        if not self._looks or len(self._found) >= MOST:
            return
        try:
            if _rows(cursor, has_journal):
                for told in differences(cursor, self._same):
                    self._found[f"{where}: {told}"] = None
                    if len(self._found) >= MOST:
                        return
        except sqlite3.DatabaseError as error:
            # What a test wrote instead of a store, or the half of one, has no journals; anything else is an error.
            if "not a database" not in str(error) and "malformed" not in str(error):
                raise


REPLAYS: Final = Replays()
"""Those of this process."""


def differences_in(file: Path) -> list[str]:
    """Return a sentence for each journal in the file of a store of which a decision comes out otherwise today."""
    with closing(looking_connection(file)) as connection:
        return list(differences(connection.cursor(), set()))


def differences(cursor: Cursor, same: set[bytes]) -> Iterator[str]:
    """Yield a sentence for each journal in a store of which a decision comes out otherwise today.

    Args:
        cursor: of a connection to the store.
        same: digests of journals that were replayed before; those that come out the same are added.
    """
    agents = {(project, key): (name, body) for project, key, name, body in _rows(cursor, _DEFINITIONS)}
    pruned: set[tuple[str, str]] | None = None
    for (project, run), rows in groupby(_rows(cursor, _ENTRIES), key=itemgetter(0, 1)):
        bodies = [body for _, _, body in rows]
        journal = _digest(bodies)
        if journal in same:
            continue
        try:
            told = _difference(project, bodies, agents)
        except Exception as error:  # noqa: BLE001 - whatever it is, this journal cannot be made again
            told = f"it cannot be replayed: {type(error).__name__}: {error}"
        if told and _begins_later(bodies):
            pruned = {*map(tuple, _rows(cursor, _ANCHORS))} if pruned is None else pruned
            told = "" if (project, run) in pruned else told
        if told:
            yield f"run {run} of {project}: {told}"
        else:
            same.add(journal)


def _reason(test: pytest.Item) -> str | None:
    """Return why a test's journals are not replayed; None where they are."""
    mark = test.get_closest_marker(MARK)
    if mark is None:
        return None
    (reason,) = mark.args
    assert isinstance(reason, str)
    assert reason
    return reason


def _difference(project: str, bodies: Iterable[bytes], agents: dict[tuple[str, str], tuple[str, bytes]]) -> str:
    """Return what is different in a journal; empty where nothing is.

    Args:
        project: whose it is.
        bodies: its entries as they are stored, in order.
        agents: the stored definitions, name and bytes, by project and key.
    """
    entries = [entry_from_bytes(body) for body in bodies]
    started = entries[0]
    if started.kind is not EntryKind.STARTED:
        return f"it begins with entry {started.sequence}, {started.kind}"
    pin = f"Agent/{started.body['agent']}"
    machine = _machine(*agents[project, started.body["pins"][pin]])
    differs = first_difference(machine, entries)
    return _finding(project, bodies, agents) if differs is None else f"entry {differs} decides otherwise"


def _finding(project: str, bodies: Iterable[bytes], agents: Mapping[tuple[str, str], tuple[str, bytes]]) -> str:
    """Return what the verifier of bundles would find wrong with an honest journal; empty where nothing is."""
    known = {key: _allowed(name, body) for (of, key), (name, body) in agents.items() if of == project}
    chains = Chains(project, _AlsoOthers(known))
    try:
        for place, body in enumerate(bodies):
            chains.show(place, bytes(body))
    except AuditFindingError as error:
        return f"the verifier finds that {error}"
    return ""


class _AlsoOthers(dict[str, Allowed | None]):
    """What the definitions of agents allow, beside definitions of which only agents make any difference."""

    def __contains__(self, key: object) -> bool:
        return True


@lru_cache(maxsize=256)
def _allowed(name: str, body: bytes) -> Allowed | None:
    record = json.loads(body)
    kept = {key: value for key, value in record.items() if key != "digest"}
    return parse_definition(canonical(["Agent", name, record["digest"], kept]), name)


def _begins_later(bodies: list[bytes]) -> bool:
    """Return whether a journal begins with a later entry than its first.

    Where the first ones were deleted as the rules for keeping say, an anchor tells so. The state in which the rest
    begins went with them, so nothing can be decided again.
    """
    try:
        return bool(json.loads(bodies[0])["sequence"] != 1)
    except (ValueError, KeyError):
        return False


@lru_cache(maxsize=256)
def _machine(name: str, body: bytes) -> Machine:
    record = json.loads(body)
    return compile_agent(from_record(record), name=name, digest=record["digest"])


def _digest(bodies: Iterable[bytes]) -> bytes:
    found = hashlib.blake2b()
    for body in bodies:
        found.update(len(body).to_bytes(8, "big"))
        found.update(body)
    return found.digest()


def _rows(cursor: Cursor, statement: str) -> Any:
    cursor.execute(statement)
    return cursor.fetchall()


def _file_of(connection: sqlite3.Connection) -> Path | None:
    """Return the file of a connection; None where it is to memory."""
    for _, name, file in connection.execute("PRAGMA database_list"):
        if name == "main" and file:
            return Path(file)
    return None


def _state(file: Path) -> tuple[tuple[int, int], ...]:
    """Return what changes when a store's file is written; empty where it is not there."""
    parts = [part for part in (file, file.with_name(f"{file.name}-wal")) if part.is_file()]
    return tuple((part.stat().st_mtime_ns, part.stat().st_size) for part in parts) if file.is_file() else ()


def _stores_below(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [one for one in folders if one != ".git"]
        yield from (Path(place, name) for name in files if name.endswith(ENDING))
