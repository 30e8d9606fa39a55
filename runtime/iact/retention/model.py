"""The kind `RetentionPolicy`: how long records are kept, and which may not be deleted in any case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from iact.core.machine import Mode
from iact.core.problems import Problem
from iact.core.quantities import Quantity, duration
from iact.core.registry import kind
from iact.core.scope import Scope
from iact.core.shape import Duration, Moment, OneOrMany, Within, part
from iact.core.tree import NOWHERE, Position
from iact.retention.terms import Candidate, RecordKind


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How long each kind of record is kept; one that is left out is kept for ever.

    Attributes:
        dora_metrics: records of delivery cycles, counted from the beginning of their cycle.
        journal: journal entries of runs, counted from the end of their run.
        runs: runs with what they were told and decided to do, counted from their end; never shorter than the journal.
    """

    dora_metrics: Duration | None = None
    journal: Duration | None = None
    runs: Duration | None = None
    position: Position = NOWHERE

    def span(self, records: RecordKind) -> timedelta | None:
        """Return how long records of a kind are kept; None for ever."""
        kept: Quantity | None = getattr(self, records.value)
        return None if kept is None else kept.timedelta


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHold:
    """What may not be deleted, however old it is. What is left out narrows nothing, so that a reason alone holds all.

    Attributes:
        reason: why, such as the number of a case; shown with what is kept for it.
        records: of these kinds only.
        subjects: about these only: what a run is about, or the key of a repository.
        from_: nothing that ended (of a cycle: began) before this moment.
        until: nothing that ended (began) at or after this moment.
    """

    reason: str
    records: OneOrMany[RecordKind] = ()
    subjects: OneOrMany[str] = ()
    from_: Moment | None = None
    until: Moment | None = None
    position: Position = NOWHERE

    def covers(self, candidate: Candidate) -> bool:
        """Return whether a record may not be deleted."""
        return (
            (not self.records or candidate.records in self.records)
            and (not self.subjects or candidate.subject in self.subjects)
            and (self.from_ is None or candidate.moment >= self.from_)
            and (self.until is None or candidate.moment < self.until)
        )

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check is handed the project
        """Yield a time that ends before it begins, which would hold nothing."""
        if self.from_ is not None and self.until is not None and self.from_ >= self.until:
            yield _problem(self.position, "`from` is not before `until`, so nothing is held.", "Exchange them.")


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """How much is deleted in one transaction.

    Attributes:
        rows: how many rows at most.
        within: how long it may take; after one that took longer, the next is half as large.
    """

    rows: Annotated[int, Within(1, 100_000)] = 1_000
    within: Duration = field(default_factory=lambda: duration(timedelta(seconds=1)))


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionExample:
    """A record, and whether it is still kept.

    Attributes:
        records: its kind.
        age: for how long its run has ended, or its cycle has begun.
        expect: whether it is kept or deleted.
        subject: what it is about; left out, nothing that a hold names.
        at: when it is looked at, which matters where a hold has a time.
    """

    records: RecordKind
    age: Duration
    expect: Literal["keep", "delete"]
    subject: str = ""
    at: Moment | None = None
    position: Position = NOWHERE


_SOME_DAY: Final = datetime.fromisoformat("2026-03-02T00:00:00+00:00")


@kind("RetentionPolicy", folder="policies")
@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPolicy:
    """How long records are kept. What no policy names is kept for ever.

    `iact prune` deletes the records whose time is over, in small transactions. Where several policies name a kind of
    record, the longest time counts, and the holds of all of them do.

    Example:
        apiVersion: iact/v1
        kind: RetentionPolicy
        metadata: {name: two-years, owner: platform-leads}
        spec:
          keep: {dora_metrics: 90d, journal: 730d, runs: 730d}
          legal_holds:
            - {reason: Case 2026-17, records: [journal, runs], until: 2026-04-01}
          examples:
            - {records: dora_metrics, age: 91d, expect: delete}
            - {records: dora_metrics, age: 90d, expect: keep}

    Attributes:
        keep: how long each kind of record is kept.
        legal_holds: what may not be deleted, however old it is.
        batch: how much is deleted in one transaction.
        examples: records, and whether they are kept, which validation decides anew.
        mode: `enforce` deletes; `observe` says what would be deleted, and keeps for as long as it names all the same.
            There is no `propose`: say `observe`, read what would go, and change the mode by a pull request.
    """

    keep: Keep = field(default_factory=Keep)
    legal_holds: tuple[LegalHold, ...] = ()
    batch: Batch = field(default_factory=Batch)
    examples: tuple[RetentionExample, ...] = ()
    mode: Mode = Mode.ENFORCE
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check is handed the project
        """Yield runs that would be deleted before their journal, and a batch that has no time."""
        runs, journal = self.keep.span(RecordKind.RUNS), self.keep.span(RecordKind.JOURNAL)
        if runs is not None and (journal is None or journal > runs):
            kept = "for ever" if journal is None else f"for {self.keep.journal}"
            message = (
                f"`runs` are kept for {self.keep.runs}, and their journal {kept}: it would be left without its runs."
            )
            yield _problem(self.keep.position, message, "Keep the journal for as long as the runs, or shorter.")
        if not self.batch.within.amount:
            yield _problem(self.position, "`batch.within` is no time at all.", "Write a duration such as 1s.")
        if self.mode is Mode.PROPOSE:
            place = self.positions.get("mode", self.position)
            hint = "Say `observe`, read what would go, and change it to `enforce` by a pull request."
            yield _problem(place, "nobody can be asked before each record is deleted.", hint)

    def run_examples(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - as above
        """Decide each example, and say which came out otherwise."""
        from iact.retention.rules import reason_to_keep  # noqa: PLC0415 - the rules read this module

        for example in self.examples:
            now = example.at or _SOME_DAY
            candidate = Candidate(
                records=example.records, key=(), subject=example.subject, moment=now - example.age.timedelta
            )
            reason = reason_to_keep([replace(self, mode=Mode.ENFORCE)], candidate, now)
            if (reason is None) != (example.expect == "delete"):
                found = "delete" if reason is None else f"keep: {reason}"
                message = f"`{example.records.value}`, {example.age} old: expected {example.expect}, decided {found}."
                yield Problem(rule="failed-example", position=example.position, message=message)


def _problem(position: Position, message: str, hint: str) -> Problem:
    return Problem(rule="retention", position=position, message=message, hint=hint)
