"""Erasing a person: out of the store, out of its file, and out of the backups that lie in the project.

The journal has only what stands for them, so every proof stays as it is. Whatever still names them is told: what is in
git, or was written by a release that had no pseudonyms, has to be changed elsewhere. Everything may be done again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam as parameter
from sqlalchemy import delete, select

from iact.core.commitments import commitments_in, shortened_commitment
from iact.core.errors import ConfigurationError, FindingError, IactError
from iact.engine import journal
from iact.engine.journal import LOG_RUN, EntryKind
from iact.engine.persons import Persons
from iact.engine.tables import DEFINITIONS, INTENTS, JOURNAL, PERSONS, REMARKS, RUNS, TRIGGERS
from iact.retention.files import Search
from iact.retention.redaction import Redaction
from iact.retention.terms import Candidate, RecordKind
from iact.stores.backups.archive import PART, Verified, sweep, verify
from iact.stores.backups.rewriting import rewrite
from iact.stores.backups.tables import rows_of, tables_at
from iact.stores.query import EVERYTHING, query
from iact.stores.revisions import newest_revision
from iact.stores.traces import exchange, leave_no_trace
from iact.stores.units import read, write

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from iact.engine.host import Host
    from iact.retention.model import LegalHold, RetentionPolicy
    from iact.stores.backups.model import Table
    from iact.stores.query import Query

ERASED: Final = "erased"
"""What takes the place of a person of whom nothing was ever written down."""
CHANGED_AT_ONCE: Final = 500
"""How many rows one transaction changes."""

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
        texts: what they or others wrote, where it is only shown.
        backups: the backups that were written anew.
        left: what still names them, and what can be done about it.
    """

    pseudonyms: tuple[str, ...] = ()
    remarks: int = 0
    runs: tuple[str, ...] = ()
    rows: Counter[str] = field(default_factory=Counter)
    texts: list[str] = field(default_factory=list)
    backups: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def to_record(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "pseudonyms": list(self.pseudonyms),
            "remarks": self.remarks,
            "runs": list(self.runs),
            "texts": self.texts,
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


def would_erase(host: Host, names: tuple[str, ...], search: Search) -> Erased:
    """Return what would become of a person; nothing is changed.

    Args:
        host: the store, which is only read.
        names: what they are called.
        search: where they are looked for in files.
    """
    theirs, mentions = read(host.unhurried, partial(_looked_up, host.project, names))
    found = _told(theirs, mentions)
    found.texts += [str(row["words"], "utf-8", "replace") for row in theirs.remarks]
    found.left += search.findings(theirs.redaction, rewrites=True)
    return found


def erase(host: Host, erasure: Erasure, policies: Sequence[RetentionPolicy], search: Search) -> Erased:
    """Erase a person, and return what became of them and what still names them.

    Args:
        host: the store, whose account may delete.
        erasure: who, and why.
        policies: whose legal holds count.
        search: where they are looked for in files.

    Raises:
        ConfigurationError: if the reason names the person, or they ask for it themselves: both would be written down.
        FindingError: if a legal hold covers what they said.
    """
    _expect_no_new_trace(erasure)
    theirs, mentions = read(host.unhurried, partial(_looked_up, host.project, erasure.names))
    holds = [hold for policy in policies for hold in policy.legal_holds]
    if holds:
        read(host.unhurried, lambda connection: _expect_no_hold(connection, host, theirs, mentions, holds))
    theirs = write(host.engine, partial(_forget, host, erasure, mentions, holds), meets_others=True)
    for begin in range(0, len(mentions.changes), CHANGED_AT_ONCE):
        write(host.engine, partial(_make, mentions.changes[begin : begin + CHANGED_AT_ONCE]))
    found = _told(theirs, mentions)
    leave_no_trace(host.engine)
    _rewrite_backups(theirs.redaction, host.project, search, found)
    found.left += search.findings(theirs.redaction)
    return found


def _looked_up(project: str, names: tuple[str, ...], connection: Connection) -> tuple[_Theirs, _Mentions]:
    theirs = _theirs(connection, project, names)
    return theirs, _mentions(connection, project, theirs.redaction)


def _forget(
    host: Host, erasure: Erasure, mentions: _Mentions, holds: Sequence[LegalHold], connection: Connection
) -> _Theirs:
    """Delete who stands behind their pseudonyms and the texts by them and about them; write down that it was done."""
    theirs = _theirs(connection, host.project, erasure.names)
    if holds:
        # What was written since the first look is about to be deleted as well. The journal is not walked once more: it
        # may be long, and nobody else may write meanwhile.
        _expect_no_hold(connection, host, theirs, mentions, holds, walks_journal=False)
    FORGET_PERSONS.run(connection, project=host.project, pseudonyms=[row["pseudonym"] for row in theirs.persons])
    FORGET_REMARKS.run(connection, project=host.project, tokens=[row["token"] for row in theirs.remarks])
    if theirs.persons or theirs.remarks:
        now = host.now(connection)
        said = Persons(connection, host.project, now).said(erasure.by, erasure.reason, run=LOG_RUN)
        body = {"what": "erased", "persons": list(_pseudonyms(theirs)), "remarks": len(theirs.remarks), **said}
        journal.append(connection, project=host.project, run=LOG_RUN, kind=EntryKind.LOG, at=now, body=body)
    return theirs


def _told(theirs: _Theirs, mentions: _Mentions) -> Erased:
    found = Erased(pseudonyms=_pseudonyms(theirs), remarks=len(theirs.remarks), runs=theirs.runs)
    found.rows.update(change.table.name for change in mentions.changes)
    found.left += [_said_of_rows(*place, count) for place, count in sorted(mentions.stay.items())]
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


def _expect_no_hold(  # noqa: PLR0913 - what is erased, and what may keep it
    connection: Connection,
    host: Host,
    theirs: _Theirs,
    mentions: _Mentions,
    holds: Sequence[LegalHold],
    *,
    walks_journal: bool = True,
) -> None:
    pseudonyms = theirs.redaction.pseudonyms if walks_journal else frozenset()
    spoken = {*theirs.runs, *_runs_that_speak_of(connection, host.project, pseudonyms)}
    candidates = list(_candidates(connection, host, theirs, mentions, spoken))
    for hold in holds:
        for candidate in candidates:
            if hold.covers(candidate):
                message = (
                    f"a legal hold covers what they said of {candidate.key[0]}: {hold.reason} ({hold.position}). "
                    "Nothing was erased; lift the hold first, or wait until it is lifted."
                )
                raise FindingError(message)


def _candidates(
    connection: Connection, host: Host, theirs: _Theirs, mentions: _Mentions, spoken: AbstractSet[str]
) -> Iterator[Candidate]:
    """Walk what a hold may cover: the runs in which they spoke, ended or not, what else they did, texts on delivery."""
    now = host.now(connection)
    names = sorted(spoken)
    moments = {str(row["run"]): row["written_at"] for row in theirs.remarks}
    known = {row["run"]: row for row in SUBJECTS.all(connection, project=host.project, runs=names)}
    for name in names:
        run = known.get(name)
        subject, moment = (run["subject"], run["ended_at"] or now) if run else ("", moments.get(name, now))
        for records in (RecordKind.JOURNAL, RecordKind.RUNS):
            yield Candidate(records=records, key=(name,), subject=subject, moment=moment)
    for row in theirs.persons:
        for records in (RecordKind.JOURNAL, RecordKind.RUNS):
            yield Candidate(records=records, key=(LOG_RUN,), subject="", moment=row["since"])
    for change in mentions.changes:
        if change.repository:
            key, subject = (f"the repository {change.repository}",), change.repository
            yield Candidate(records=RecordKind.DORA_METRICS, key=key, subject=subject, moment=now)


def _runs_that_speak_of(connection: Connection, project: str, pseudonyms: frozenset[str]) -> Iterator[str]:
    """Walk the runs in whose journals they stand; of several entries the run comes several times."""
    described = next(one for one in tables_at(newest_revision()) if one.name == JOURNAL.name)
    for part in rows_of(connection, described) if pseudonyms else ():
        for values in part:
            row = dict(zip(described.names, values, strict=True))
            if row["project"] == project and pseudonyms & {*commitments_in(bytes(row["body"]).decode())}:
                yield str(row["run"])


# The rows of the store ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Change:
    """A row that names somebody, and how it is to be.

    Attributes:
        table: its table.
        key: the values of its primary key.
        before: the columns that name them, as they are.
        after: as they are to be.
        repository: the repository that it is about; empty for none.
    """

    table: Table
    key: Mapping[str, Any]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    repository: str

    def make(self, connection: Connection) -> None:
        """Change the row, unless somebody else has changed it meanwhile."""
        exchange(connection, self.table.name, {**self.key, **self.before}, self.after)


@dataclass(frozen=True, slots=True)
class _Mentions:
    """Where else in a store they are named.

    Attributes:
        changes: the rows in which names are exchanged.
        stay: how many rows name them where nothing can be exchanged, by table and column.
    """

    changes: Sequence[_Change]
    stay: Mapping[tuple[str, str], int]


def _mentions(connection: Connection, project: str, them: Redaction) -> _Mentions:
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
                    before = {name: row[name] for name in after}
                    changes.append(_Change(described, key, before, after, str(row.get("repository", ""))))
                stay.update((described.name, name) for name in them.columns_that_stay(described.name, row))
    return _Mentions(changes, stay)


def _said_of_rows(name: str, of: str, count: int) -> str:
    rows = f"{count:,} rows of the table {name} name them in `{of}`"
    if name in {JOURNAL.name, DEFINITIONS.name}:
        return (
            f"{rows}, which proofs rest on: rules that name them, what rules read of what was told, what a program "
            "answered, or entries of a release without pseudonyms. A RetentionPolicy deletes them (`iact prune`)."
        )
    if name in {RUNS.name, TRIGGERS.name, INTENTS.name}:
        return f"{rows}, from which runs go on. They go with the run, when a RetentionPolicy deletes it (`iact prune`)."
    return f"{rows}, by which rows are found, or which says what a row is about."


# Backups --------------------------------------------------------------------------------------------------------------


def _rewrite_backups(them: Redaction, project: str, search: Search, found: Erased) -> None:
    """Write anew the backups that name them; one that cannot be is told, and stays as it was."""
    for folder in search.folders:
        for left in sorted(folder.rglob(f".*{PART}")):
            sweep(left.parent)
    for file in search.own_backups():
        try:
            known = _with_pseudonyms(them, project, verify(file))
            if rewrite(file, partial(_without, known, project)):
                found.backups.append(str(file))
        except IactError as error:
            found.left.append(f"{file} could not be written anew: {error}")


def _without(them: Redaction, project: str, name: str, row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if row.get("project", project) != project:
        return row
    return None if them.is_theirs(name, row) else {**row, **them.changed(name, row)}


def _with_pseudonyms(them: Redaction, project: str, backup: Verified) -> Redaction:
    """Return the redaction with the pseudonyms that a backup knows, which the store may have forgotten already."""
    found = set(them.pseudonyms)
    for described, _ in backup.manifest.tables:
        if described.name == PERSONS.name:
            rows = (dict(zip(described.names, json.loads(line), strict=True)) for line in backup.lines(described))
            found |= {
                row["pseudonym"] for row in rows if row["project"] == project and them.is_theirs(PERSONS.name, row)
            }
    return Redaction(them.names, them.instead, frozenset(found))
