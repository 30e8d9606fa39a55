"""Erasing a person: out of the store, out of its file, and out of the backups that lie in the project.

The journal has only what stands for them, so every proof stays as it is. Whatever still names them is told: what is in
git, or was written by a release that had no pseudonyms, has to be changed elsewhere. Everything may be done again.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, column, delete, select, table, update
from sqlalchemy import bindparam as parameter

from iact.core.commitments import shortened_commitment
from iact.core.errors import ConfigurationError, FindingError
from iact.engine import journal
from iact.engine.journal import LOG_RUN, EntryKind
from iact.engine.persons import Persons
from iact.engine.tables import PERSONS, REMARKS, RUNS
from iact.retention.redaction import Redaction
from iact.retention.terms import Candidate, RecordKind
from iact.stores.backups.archive import ABOUT, Verified, verify
from iact.stores.backups.encryption import INTRO as ENCRYPTED_INTRO
from iact.stores.backups.rewriting import rewrite
from iact.stores.backups.tables import rows_of, tables_at
from iact.stores.query import EVERYTHING, query
from iact.stores.revisions import newest_revision
from iact.stores.traces import leave_no_trace
from iact.stores.units import read, write

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from iact.engine.host import Host
    from iact.retention.model import RetentionPolicy
    from iact.stores.backups.model import Table
    from iact.stores.query import Query

ERASED: Final = "erased"
"""What takes the place of a person of whom nothing was ever written down."""
CHANGED_AT_ONCE: Final = 500
"""How many rows one transaction changes."""
LARGEST_FILE: Final = 64 << 20
"""Bytes of a file that are looked at together."""
_OVERLAP: Final = 4096
_PACKED: Final = Path(".git") / "objects"
"""What git has compressed: nothing in there can be found as bytes, and only git can change it."""

ALL_PERSONS: Final = query(
    "Everybody who ever said something.",
    select(PERSONS).where(PERSONS.c.project == parameter("project")),
    whole=EVERYTHING,
)
ALL_REMARKS: Final = query(
    "Everything that people wrote.",
    select(REMARKS).where(REMARKS.c.project == parameter("project")),
    whole=EVERYTHING,
)
SUBJECTS: Final = query(
    "What some runs are about, and when they ended.",
    select(RUNS.c.run, RUNS.c.subject, RUNS.c.ended_at).where(
        RUNS.c.project == parameter("project"), RUNS.c.run.in_(parameter("runs", expanding=True))
    ),
)
FORGET_PERSONS: Final = query(
    "Delete who stands behind some pseudonyms.",
    delete(PERSONS).where(
        PERSONS.c.project == parameter("project"), PERSONS.c.pseudonym.in_(parameter("pseudonyms", expanding=True))
    ),
)
FORGET_REMARKS: Final = query(
    "Delete what some commitments stand for.",
    delete(REMARKS).where(
        REMARKS.c.project == parameter("project"), REMARKS.c.token.in_(parameter("tokens", expanding=True))
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Who is erased.

    Attributes:
        names: what they are called.
        by: who says so.
        reason: why.
    """

    names: tuple[str, ...]
    by: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Erased:
    """What became of a person.

    Attributes:
        pseudonyms: what stands for them in the journal.
        remarks: how many texts by them or about them.
        runs: the runs that they spoke of.
        rows: how many rows of other tables name them, by table.
        backups: the backups that were written anew.
        left: what still names them, and what can be done about it.
    """

    pseudonyms: tuple[str, ...] = ()
    remarks: int = 0
    runs: tuple[str, ...] = ()
    rows: Counter[str] = field(default_factory=Counter)
    backups: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def to_record(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "pseudonyms": list(self.pseudonyms),
            "remarks": self.remarks,
            "runs": list(self.runs),
            "rows": dict(sorted(self.rows.items())),
            "backups": self.backups,
            "left": self.left,
        }


@dataclass(frozen=True, slots=True)
class _Theirs:
    """What the store says of a person.

    Attributes:
        redaction: by which it is found.
        persons: the rows that say who they are.
        remarks: the texts by them or about them.
    """

    redaction: Redaction
    persons: Sequence[Mapping[str, Any]]
    remarks: Sequence[Mapping[str, Any]]

    @property
    def runs(self) -> tuple[str, ...]:
        return tuple(sorted({str(row["run"]) for row in self.remarks}))


def would_erase(host: Host, names: tuple[str, ...], folders: Sequence[Path]) -> Erased:
    """Return what would become of a person; nothing is changed.

    Args:
        host: the store, which is only read.
        names: what they are called.
        folders: whose files are looked through.
    """
    theirs = read(host.unhurried, lambda connection: _theirs(connection, host.project, names))
    found = Erased(pseudonyms=_pseudonyms(theirs), remarks=len(theirs.remarks), runs=theirs.runs)
    changes, found.left = read(host.unhurried, lambda connection: _mentions(connection, host.project, theirs.redaction))
    found.rows.update(change.table.name for change in changes)
    found.left += _files_that_name(theirs.redaction, folders)
    return found


def erase(
    host: Host, erasure: Erasure, policies: Sequence[RetentionPolicy], store: Path | None, folders: Sequence[Path]
) -> Erased:
    """Erase a person, and return what became of them and what still names them.

    Args:
        host: the store, whose account may delete.
        erasure: who, and why.
        policies: whose legal holds count.
        store: the file of the store; None for one on a server.
        folders: whose files are looked through.

    Raises:
        ConfigurationError: if the reason names the person, or they ask for it themselves: both would be written down.
        FindingError: if a legal hold covers what they said.
    """
    _expect_no_new_trace(erasure)

    def forget(connection: Connection) -> _Theirs:
        theirs = _theirs(connection, host.project, erasure.names)
        now = host.now(connection)
        _expect_no_hold(connection, host.project, theirs, policies, now)
        FORGET_PERSONS.run(connection, project=host.project, pseudonyms=[row["pseudonym"] for row in theirs.persons])
        FORGET_REMARKS.run(connection, project=host.project, tokens=[row["token"] for row in theirs.remarks])
        if theirs.persons or theirs.remarks:
            said = Persons(connection, host.project, now).said(erasure.by, erasure.reason, run=LOG_RUN)
            body = {"what": "erased", "persons": list(_pseudonyms(theirs)), "remarks": len(theirs.remarks), **said}
            journal.append(connection, project=host.project, run=LOG_RUN, kind=EntryKind.LOG, at=now, body=body)
        return theirs

    theirs = write(host.engine, forget, meets_others=True)
    found = Erased(pseudonyms=_pseudonyms(theirs), remarks=len(theirs.remarks), runs=theirs.runs)
    changes, found.left = read(host.unhurried, lambda connection: _mentions(connection, host.project, theirs.redaction))
    for begin in range(0, len(changes), CHANGED_AT_ONCE):
        some = changes[begin : begin + CHANGED_AT_ONCE]
        write(host.engine, partial(_make, some))
    found.rows.update(change.table.name for change in changes)
    if store is not None:
        leave_no_trace(host.engine)
    found.backups += _rewritten_backups(theirs.redaction, folders)
    found.left += _files_that_name(theirs.redaction, folders)
    return found


def _make(changes: Sequence[_Change], connection: Connection) -> None:
    for change in changes:
        change.make(connection)


def _pseudonyms(theirs: _Theirs) -> tuple[str, ...]:
    return tuple(str(row["pseudonym"]) for row in theirs.persons)


def _expect_no_new_trace(erasure: Erasure) -> None:
    them = Redaction(erasure.names, ERASED)
    if them.speaks_of_them(erasure.reason):
        message = "the reason names whom it erases, and it is kept. Say it in other words: --reason TEXT."
        raise ConfigurationError(message)
    if them.speaks_of_them(erasure.by):
        message = (
            f"that {erasure.by} erased them is kept, so it has to be somebody else who is not called so: --by NAME."
        )
        raise ConfigurationError(message)


def _theirs(connection: Connection, project: str, names: tuple[str, ...]) -> _Theirs:
    """Return what a store says of a person."""
    them = Redaction(names, ERASED)
    people = [row for row in _dicts(ALL_PERSONS, connection, project) if them.is_theirs(PERSONS.name, row)]
    pseudonyms = frozenset(str(row["pseudonym"]) for row in people)
    instead = shortened_commitment(min(pseudonyms)) if pseudonyms else ERASED
    them = Redaction(names, instead, pseudonyms)
    remarks = [row for row in _dicts(ALL_REMARKS, connection, project) if them.is_theirs(REMARKS.name, row)]
    return _Theirs(them, people, remarks)


def _dicts(asked: Query, connection: Connection, project: str) -> Iterator[dict[str, Any]]:
    return ({str(name): value for name, value in row.items()} for row in asked.rows(connection, project=project))


# Legal holds ----------------------------------------------------------------------------------------------------------


def _expect_no_hold(
    connection: Connection, project: str, theirs: _Theirs, policies: Sequence[RetentionPolicy], now: datetime
) -> None:
    for policy in policies:
        for hold in policy.legal_holds:
            for candidate in _held_candidates(connection, project, theirs, now):
                if hold.covers(candidate):
                    run = candidate.key[0]
                    message = (
                        f"a legal hold covers what they said of {run}: {hold.reason} ({hold.position}). Nothing was "
                        "erased; lift the hold first, or wait until it is lifted."
                    )
                    raise FindingError(message)


def _held_candidates(connection: Connection, project: str, theirs: _Theirs, now: datetime) -> Iterator[Candidate]:
    """Walk what a hold may cover: the journal of each run that they spoke of, ended or not, and what else they did."""
    known = {row["run"]: row for row in SUBJECTS.all(connection, project=project, runs=list(theirs.runs))}
    blank = Candidate(records=RecordKind.JOURNAL, key=(LOG_RUN,), subject="", moment=now)
    for row in theirs.remarks:
        run = known.get(row["run"])
        if run is None:
            yield replace(blank, key=(str(row["run"]),), moment=row["written_at"])
        else:
            yield replace(blank, key=(str(row["run"]),), subject=run["subject"], moment=run["ended_at"] or now)
    for row in theirs.persons:
        yield replace(blank, moment=row["since"])


# The rows of the store ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Change:
    """A row that names somebody, and how it is to be.

    Attributes:
        table: its table.
        key: the values of its primary key.
        before: the columns that name them, as they are.
        after: as they are to be.
    """

    table: Table
    key: Mapping[str, Any]
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    def make(self, connection: Connection) -> None:
        """Change the row, unless somebody else has changed it meanwhile."""
        source = table(self.table.name, *(column(name) for name in self.table.names))
        same = [source.c[name] == value for name, value in {**self.key, **self.before}.items()]
        connection.execute(update(source).where(and_(*same)).values(**self.after))


def _mentions(connection: Connection, project: str, them: Redaction) -> tuple[list[_Change], list[str]]:
    """Return the rows in which names can be exchanged, and what is to be said of those in which they cannot."""
    changes: list[_Change] = []
    stay: Counter[tuple[str, str]] = Counter()
    for described in tables_at(newest_revision()):
        for part in rows_of(connection, described):
            for values in part:
                row = dict(zip(described.names, values, strict=True))
                if row.get("project", project) != project or them.is_theirs(described.name, row):
                    continue
                after = them.changed(described.name, row)
                if after:
                    key = {name: row[name] for name in described.key}
                    changes.append(_Change(described, key, {name: row[name] for name in after}, after))
                stay.update((described.name, name) for name in them.columns_that_stay(described.name, row))
    return changes, [_said_of_rows(*place, count) for place, count in sorted(stay.items())]


def _said_of_rows(name: str, of: str, count: int) -> str:
    rows = f"{count:,} rows of the table {name} name them in `{of}`"
    if name in {"journal", "definitions", "journal_pending"}:
        return (
            f"{rows}, which proofs rest on: rules that name them, what rules read of what was told, or entries of a "
            "release without pseudonyms. They go when a RetentionPolicy deletes them (`iact prune`)."
        )
    return f"{rows}, by which rows are found. They go with the run, repository or job that is called so."


# Files ----------------------------------------------------------------------------------------------------------------


def _rewritten_backups(them: Redaction, folders: Sequence[Path]) -> Iterator[str]:
    """Write anew the backups that name them, and yield these."""
    for file in _files(folders):
        if _is_plain_backup(file):
            known = _with_pseudonyms(them, verify(file))
            if rewrite(file, partial(_without, known)):
                yield str(file)


def _without(them: Redaction, name: str, row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return None if them.is_theirs(name, row) else {**row, **them.changed(name, row)}


def _with_pseudonyms(them: Redaction, backup: Verified) -> Redaction:
    """Return the redaction with the pseudonyms that a backup knows, which the store may have forgotten already."""
    found = set(them.pseudonyms)
    for described, _ in backup.manifest.tables:
        if described.name == PERSONS.name:
            rows = (dict(zip(described.names, json.loads(line), strict=True)) for line in backup.lines(described))
            found |= {row["pseudonym"] for row in rows if them.is_theirs(PERSONS.name, row)}
    return Redaction(them.names, them.instead, frozenset(found))


def _files_that_name(them: Redaction, folders: Sequence[Path]) -> Iterator[str]:
    """Say of each file that names them what it is, and what can be done about it."""
    for file in _files(folders):
        try:
            if zipfile.is_zipfile(file):
                yield from _members_that_name(them, file)
            elif _begins(file, ENCRYPTED_INTRO):
                yield f"{file} is an encrypted backup, which nobody can look into here: delete it if it is older"
            elif any(them.found_in(piece) for piece in _pieces(file)):
                yield f"{file} names them: change it by hand; what is in git stays in its history"
        except OSError as error:
            yield f"{file} cannot be read: {error.strerror or error}"


def _members_that_name(them: Redaction, file: Path) -> Iterator[str]:
    """Say which files in a zip name them; how much is read of one does not grow with it."""
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.namelist():
                with archive.open(member) as opened:
                    pieces = iter(lambda: opened.read(LARGEST_FILE), b"")
                    if any(them.found_in(piece) for piece in pieces):
                        yield f"{file} names them in {member}: it was handed out, or is older; delete it"
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        yield f"{file} is a zip that cannot be looked into: {error}"


def _files(folders: Sequence[Path]) -> Iterator[Path]:
    seen: set[Path] = set()
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            inside = file.relative_to(folder)
            is_packed = inside.is_relative_to(_PACKED)
            if not is_packed and file.is_file() and not file.is_symlink() and file.resolve() not in seen:
                seen.add(file.resolve())
                yield file


def _is_plain_backup(file: Path) -> bool:
    try:
        return zipfile.is_zipfile(file) and ABOUT in zipfile.ZipFile(file).namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def _begins(file: Path, content: bytes) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(content)) == content


def _pieces(file: Path) -> Iterator[bytes]:
    """Walk a file in large pieces that overlap by more than a name is long."""
    with file.open("rb") as opened:
        last = b""
        while piece := opened.read(LARGEST_FILE):
            yield last + piece
            last = piece[-_OVERLAP:]
