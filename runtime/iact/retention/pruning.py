"""Deleting what the policies say, batch by batch: each a transaction of its own, so that it may stop anywhere.

Whoever is cut off leaves what was deleted deleted and the rest as it was; the next time goes on.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy.engine import Connection, Engine

from iact.audit.archiving import archive, check_archive, not_archived
from iact.audit.identity import LogIdentity
from iact.audit.keeping import keep_up
from iact.dora.cycle import pruning as cycles
from iact.engine import pruning as runs
from iact.engine.host import Host
from iact.engine.journal import broken_link
from iact.engine.pruning import Pruning
from iact.pdca.parameters import runs_in_force
from iact.retention.model import RetentionPolicy
from iact.retention.rules import (
    as_if_enforced,
    cutoffs,
    longest,
    most_rows,
    next_rows,
    observed_cutoffs,
    reason_to_keep,
)
from iact.retention.terms import Candidate, RecordKind
from iact.stores.lock import exclusive, exclusive_row
from iact.stores.servers import is_server
from iact.stores.units import read, write

AT_ONCE: Final = 200
"""How many records one transaction looks at."""
BROKEN: Final = "its journal was changed after it was written"
NOT_ARCHIVED: Final = "its journal is not in the archive yet"


@dataclass(slots=True, kw_only=True)
class Pruned:
    """What became of one kind of record.

    Attributes:
        records: the kind.
        cutoff: what ended (of a cycle: began) before this moment was to go.
        deleted: how many cycles, journals or runs.
        rows: how many rows of each table.
        kept: how many records of that age were kept, by reason.
    """

    records: RecordKind
    cutoff: datetime
    deleted: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)


class _Records(Protocol):
    """One kind of record in the store."""

    def page(self, connection: Connection, cutoff: datetime, after: Candidate | None) -> list[Candidate]:
        """Return some records older than `cutoff`, the oldest first, going on after one of them."""

    def examined(self, connection: Connection, candidate: Candidate) -> Candidate:
        """Return a record after a closer look at whether it has to stay, which takes longer."""

    def count(self, connection: Connection, candidate: Candidate) -> dict[str, int]:
        """Return how many rows of each table would be deleted."""

    def delete(self, connection: Connection, candidate: Candidate, most: int) -> tuple[dict[str, int], bool]:
        """Delete some rows; return how many of each table, and whether that was all."""


@dataclass(frozen=True, slots=True)
class _Cycles:
    project: str

    def page(self, connection: Connection, cutoff: datetime, after: Candidate | None) -> list[Candidate]:
        last = None if after is None else (after.moment, after.key[0], after.key[1])
        return [
            Candidate(records=RecordKind.DORA_METRICS, key=(repository, cycle), subject=repository, moment=began_at)
            for began_at, repository, cycle in cycles.begun_before(connection, self.project, cutoff, last, AT_ONCE)
        ]

    def examined(self, connection: Connection, candidate: Candidate) -> Candidate:  # noqa: ARG002 - nothing needs a cycle
        return candidate

    def count(self, connection: Connection, candidate: Candidate) -> dict[str, int]:
        return {"dora_metrics": cycles.rows_of(connection, self.project, *candidate.key)}

    def delete(self, connection: Connection, candidate: Candidate, most: int) -> tuple[dict[str, int], bool]:  # noqa: ARG002 - a cycle has few rows
        return {"dora_metrics": cycles.delete_cycle(connection, self.project, *candidate.key)}, True


@dataclass(frozen=True, slots=True)
class _Runs:
    """The journals of runs that have ended, or these runs themselves."""

    project: str
    records: RecordKind
    policies: Sequence[RetentionPolicy]
    now: datetime
    only_archived: bool = True
    """Whether entries that are in no archive stay; a dry run counts what the archive will have."""

    def page(self, connection: Connection, cutoff: datetime, after: Candidate | None) -> list[Candidate]:
        last = None if after is None else (after.moment, after.key[0])
        found = runs.ended_runs(connection, self.project, cutoff, last, AT_ONCE)
        writers = runs_in_force(connection, self.project)
        with_journal = [run.run for run in found if run.has_journal] if self.only_archived else []
        waiting = not_archived(connection, self.project, with_journal)
        return [
            Candidate(
                records=self.records,
                key=(run.run,),
                subject=run.subject,
                moment=run.ended_at,
                needed_for=self._needed_for(run, writers) or (NOT_ARCHIVED if run.run in waiting else ""),
                has_journal=run.has_journal,
            )
            for run in found
        ]

    def _needed_for(self, run: runs.EndedRun, writers: frozenset[str]) -> str:
        if self.records is RecordKind.JOURNAL and not run.has_journal:
            return _GONE
        if self.records is RecordKind.RUNS and run.run in writers:
            return run.needed_for or "a parameter has the value that it set"
        return run.needed_for

    def examined(self, connection: Connection, candidate: Candidate) -> Candidate:
        if candidate.needed_for or not candidate.has_journal:
            return candidate
        if broken_link(connection, self.project, candidate.key[0]) is not None:
            return replace(candidate, needed_for=BROKEN)
        if self.records is RecordKind.JOURNAL:
            return candidate
        # The journal went before its run; in a dry run it is still there.
        reason = reason_to_keep(self.policies, replace(candidate, records=RecordKind.JOURNAL), self.now)
        return replace(candidate, needed_for="" if reason is None else f"its journal is kept ({reason})")

    def count(self, connection: Connection, candidate: Candidate) -> dict[str, int]:
        counted = runs.rows_of(connection, self.project, candidate.key[0])
        is_journal = self.records is RecordKind.JOURNAL
        return {table: count for table, count in counted.items() if (table == "journal") == is_journal}

    def delete(self, connection: Connection, candidate: Candidate, most: int) -> tuple[dict[str, int], bool]:
        (run,) = candidate.key
        # Of a run that goes, the journal went before; only what was written in between is left of it.
        entries, is_all = runs.delete_entries(connection, self.project, run, most=most, now=self.now)
        deleted = {"journal": entries} if entries else {}
        if is_all and self.records is RecordKind.RUNS:
            deleted |= runs.delete_run(connection, self.project, run)
        return deleted, is_all


_GONE: Final = "gone"
"""What was deleted before is no news."""


def would_prune(engine: Engine, project: str, policies: Sequence[RetentionPolicy], now: datetime) -> list[Pruned]:
    """Return what `prune` would delete and keep; nothing is changed.

    Args:
        engine: the store.
        project: the project.
        policies: all that there are.
        now: the present moment, UTC.
    """
    return _would_prune(engine, project, policies, now, cutoffs(policies, now))


def _would_prune(
    engine: Engine,
    project: str,
    policies: Sequence[RetentionPolicy],
    now: datetime,
    kinds: Mapping[RecordKind, datetime],
) -> list[Pruned]:
    def look(connection: Connection) -> list[Pruned]:
        return [
            of_kind(
                connection,
                Pruned(records=records, cutoff=cutoff),
                _records(project, records, policies, now, only_archived=False),
            )
            for records, cutoff in kinds.items()
        ]

    def of_kind(connection: Connection, pruned: Pruned, kind: _Records) -> Pruned:
        after: Candidate | None = None
        while page := kind.page(connection, pruned.cutoff, after):
            for candidate in page:
                reason = reason_to_keep(policies, kind.examined(connection, candidate), now)
                if reason is None:
                    pruned.deleted += 1
                    pruned.rows.update(kind.count(connection, candidate))
                elif reason != _GONE:
                    pruned.kept[reason] += 1
            after = page[-1]
        return pruned

    return read(engine, look) if kinds else []


def observed(engine: Engine, project: str, policies: Sequence[RetentionPolicy], now: datetime) -> list[Pruned]:
    """Return what would be deleted of the kinds that only policies which observe would have deleted.

    Args:
        engine: the store.
        project: the project.
        policies: all that there are.
        now: the present moment, UTC.
    """
    return _would_prune(engine, project, as_if_enforced(policies), now, observed_cutoffs(policies, now))


def put_into_archive(host: Host, identity: LogIdentity, policies: Sequence[RetentionPolicy], now: datetime) -> None:
    """Put the log into its archive, where a policy says that journals are to be deleted; only what is there may be.

    Args:
        host: where the runs live.
        identity: which log it is, and where its archive is.
        policies: all that there are.
        now: the present moment, UTC.

    Raises:
        EnvironmentProblemError: if the archive cannot be written, or a part of it is gone; then nothing may be deleted.
        FindingError: if the log does not hold, or a part of the archive was changed; then nothing may be deleted.
    """
    if {RecordKind.JOURNAL, RecordKind.RUNS} & cutoffs(policies, now).keys():
        keep_up(host, identity)
        archive(host, identity)
        check_archive(host, identity)


def prune(
    engine: Engine, project: str, policies: Sequence[RetentionPolicy], now: datetime, *, named: str
) -> Iterator[Pruned]:
    """Delete what the policies say, and yield what became of each kind of record.

    Args:
        engine: the store.
        project: the project.
        policies: all that there are.
        now: the present moment, UTC.
        named: name and digest of the policies, one a line, which is noted with what is deleted.
    """
    with _alone(engine, project):
        for records, cutoff in cutoffs(policies, now).items():
            pruning = Pruning(project=project, records=records.value, began_at=now, cutoff=cutoff, policies=named)
            yield _Batches(engine, _records(project, records, policies, now), policies, pruning).run()


@dataclass(slots=True)
class _Batches:
    """One kind of record, deleted in one transaction after the other."""

    engine: Engine
    kind: _Records
    policies: Sequence[RetentionPolicy]
    pruning: Pruning
    after: Candidate | None = None

    def run(self) -> Pruned:
        pruned = Pruned(records=RecordKind(self.pruning.records), cutoff=self.pruning.cutoff)
        rows = most = most_rows(self.policies)
        write(self.engine, self.pruning.note)
        goes_on = True
        while goes_on:
            began = time.monotonic()
            goes_on = self._batch(pruned, rows)
            took = timedelta(seconds=time.monotonic() - began)
            rows = next_rows(rows, took, most=most, within=longest(self.policies))
        return pruned

    def _batch(self, pruned: Pruned, rows: int) -> bool:
        """Look at some records and delete up to so many rows; return whether there may be more."""
        # Only what was committed counts: the transaction may be run again.
        batch, self.after, goes_on = write(self.engine, lambda connection: self._delete(connection, rows))
        pruned.deleted += batch.deleted
        pruned.rows.update(batch.rows)
        pruned.kept.update(batch.kept)
        return goes_on

    def _delete(self, connection: Connection, rows: int) -> tuple[Pruned, Candidate | None, bool]:
        """Do so; return what was done, the last record that is done with, and whether there may be more."""
        batch = Pruned(records=RecordKind(self.pruning.records), cutoff=self.pruning.cutoff)
        after = self.after
        page = self.kind.page(connection, self.pruning.cutoff, after)
        for candidate in page:
            left = rows - batch.rows.total()
            if left <= 0:
                break
            examined = self.kind.examined(connection, candidate)
            reason = reason_to_keep(self.policies, examined, self.pruning.began_at)
            if reason is None:
                deleted, is_all = self.kind.delete(connection, candidate, left)
                batch.rows.update(deleted)
                if not is_all:
                    break
                batch.deleted += 1
            elif reason != _GONE:
                batch.kept[reason] += 1
            after = candidate
        self.pruning.count(connection, batch.rows.total())
        return batch, after, bool(page)


def _records(
    project: str,
    records: RecordKind,
    policies: Sequence[RetentionPolicy],
    now: datetime,
    *,
    only_archived: bool = True,
) -> _Records:
    if records is RecordKind.DORA_METRICS:
        return _Cycles(project)
    return _Runs(project, records, policies, now, only_archived)


def _alone(engine: Engine, project: str) -> AbstractContextManager[None]:
    """Let one process at a time delete; those that run agents go on beside it."""
    if is_server(engine):
        return exclusive_row(engine, f"prune {project}"[:64])
    file = engine.url.database
    return exclusive(Path(f"{file}.prune.lock")) if file else nullcontext()
