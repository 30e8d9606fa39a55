"""What retention is about: kinds of records, and one of them whose time may be over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RecordKind(StrEnum):
    """What can be kept for a time; in the order in which it is deleted, since a run goes after its journal."""

    DORA_METRICS = "dora_metrics"
    JOURNAL = "journal"
    RUNS = "runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What is deleted as a whole: a delivery cycle, the journal of a run, or a run.

    Attributes:
        records: what kind it is of.
        key: what names it in its project.
        subject: what a run is about, or the key of a repository.
        moment: when its run ended, or its cycle began, UTC.
        needed_for: why it has to stay whatever the policy says; empty where nothing needs it.
        has_journal: whether it is a run with a journal, or that journal.
    """

    records: RecordKind
    key: tuple[str, ...]
    subject: str
    moment: datetime
    needed_for: str = ""
    has_journal: bool = False
