"""The engine's tables. Time is rows, state is rows, and every change of them stands in the journal."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ColumnElement, Index, Integer, Table, Text, UniqueConstraint, and_, bindparam

from iact.stores.columns import (
    COMMITMENT,
    DIGEST,
    NAME,
    PROJECT,
    RUN,
    Instant,
    ascii_identifier,
    content,
    counter,
    identifier,
    salt,
)
from iact.stores.metadata import METADATA

DEFINITIONS: Final = Table(
    "definitions",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("digest", DIGEST, primary_key=True),
    Column("kind", NAME, nullable=False),
    Column("name", NAME, nullable=False),
    Column("body", content(), nullable=False),
    Column("stored_at", Instant(), nullable=False),
    comment="Every definition that a run was ever started under, by the digest of its content",
)

RUNS: Final = Table(
    "runs",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("run", RUN, primary_key=True),
    Column("agent", NAME, nullable=False),
    Column("definition", DIGEST, nullable=False),
    Column("pins", content(), nullable=False),
    Column("subject", identifier(255), nullable=False),
    Column("active", Integer, nullable=True, comment="1 while the run goes on, null once it has ended"),
    Column("state", NAME, nullable=False),
    Column("visit", Integer, nullable=False),
    Column("version", Integer, nullable=False, comment="counts the run's changes; a change names the one it saw"),
    Column("outcome", NAME, nullable=False),
    Column("inputs", content(), nullable=False),
    Column("remembered", content(), nullable=False),
    Column("started_at", Instant(), nullable=False),
    Column("entered_at", Instant(), nullable=False),
    Column("ended_at", Instant(), nullable=True),
    UniqueConstraint("project", "agent", "subject", "active", name="uq_runs_one_active_run"),
    Index("ix_runs_started_at", "project", "agent", "started_at"),
    Index("ix_runs_ended_at", "project", "ended_at", "run"),
    Index("ix_runs_active", "project", "active", "agent", "started_at"),
    comment="Where each run of an agent stands",
)

TRIGGERS: Final = Table(
    "triggers",
    METADATA,
    Column("number", counter(), primary_key=True, autoincrement=True),
    Column("project", PROJECT, nullable=False),
    Column("run", RUN, nullable=False),
    Column("key", ascii_identifier(160), nullable=False, comment="the same thing told twice has the same key"),
    Column("body", content(), nullable=False),
    Column("arrived_at", Instant(), nullable=False),
    Column("handled_at", Instant(), nullable=True),
    UniqueConstraint("project", "run", "key", name="uq_triggers_key"),
    Index("ix_triggers_waiting", "project", "run", "handled_at", "number"),
    Index("ix_triggers_open", "project", "handled_at", "run"),
    comment="What each run has been told and has or has not yet decided upon",
)

TIMERS: Final = Table(
    "timers",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("run", RUN, primary_key=True),
    Column("visit", Integer, primary_key=True),
    Column("transition", Integer, primary_key=True),
    Column("due_at", Instant(), nullable=False),
    Index("ix_timers_due_at", "project", "due_at"),
    comment="Times that runs wait for; a row is gone once its time has been told or the run has moved on",
)

INTENTS: Final = Table(
    "intents",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("key", ascii_identifier(160), primary_key=True, comment="idempotency key: run, visit and place"),
    Column("run", RUN, nullable=False),
    Column("visit", Integer, nullable=False),
    Column("action", NAME, nullable=False),
    Column("arguments", content(), nullable=False),
    Column("status", ascii_identifier(16), nullable=False, comment="decided, working, done, failed, review or dead"),
    Column("attempts", Integer, nullable=False),
    Column("decided_at", Instant(), nullable=False),
    Column("settled_at", Instant(), nullable=True),
    Column("due_at", Instant(), nullable=True, comment="not before it is attempted again; null for at once"),
    Index("ix_intents_status", "project", "status", "decided_at"),
    Index("ix_intents_run", "project", "run"),
    comment="Actions that were decided, and what has become of them",
)

RUNNERS: Final = Table(
    "runners",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("runner", RUN, primary_key=True, comment="new at every start of a process"),
    Column("machine", identifier(255), nullable=False, comment="name, boot and process space of the machine"),
    Column("process", Integer, nullable=False),
    Column("born", ascii_identifier(32), nullable=False, comment="tells two processes of one number apart"),
    Column("version", ascii_identifier(32), nullable=False),
    Column("standing", ascii_identifier(16), nullable=False, comment="working or draining"),
    Column("started_at", Instant(), nullable=False),
    Column("lease_until", Instant(), nullable=False, comment="after it others may take what it has claimed"),
    comment="Processes that advance runs; a row is gone once its process has ended",
)

CLAIMS: Final = Table(
    "claims",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("run", RUN, primary_key=True),
    Column("runner", RUN, nullable=True, comment="who advances the run at present"),
    Column("term", Integer, nullable=False, comment="counts the claims; a write names the one that it is made under"),
    Column("claimed_at", Instant(), nullable=True),
    Column("failures", Integer, nullable=False, comment="steps in a row that could not be taken"),
    Column("not_before", Instant(), nullable=True, comment="when it is tried again after a failure"),
    Column("parked_at", Instant(), nullable=True, comment="since when it waits for a person"),
    Column("trouble", Text, nullable=False, comment="why its last step could not be taken"),
    Index("ix_claims_runner", "project", "runner"),
    Index("ix_claims_parked_at", "project", "parked_at"),
    comment="Who advances each run, and which runs cannot be advanced",
)

HOLDS: Final = Table(
    "holds",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("name", identifier(255), primary_key=True),
    Column("run", RUN, nullable=False),
    Column("held_since", Instant(), nullable=False),
    Index("ix_holds_run", "project", "run"),
    comment="What only one run at a time may change",
)

JOURNAL: Final = Table(
    "journal",
    METADATA,
    Column("number", counter(), primary_key=True, autoincrement=True),
    Column("project", PROJECT, nullable=False),
    Column("run", RUN, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("kind", ascii_identifier(32), nullable=False),
    Column("at", Instant(), nullable=False),
    Column("body", content(), nullable=False, comment="RFC 8785 bytes; names the digest of the run's entry before"),
    Column("digest", DIGEST, nullable=False),
    UniqueConstraint("project", "run", "sequence", name="uq_journal_sequence"),
    Index("ix_journal_at", "project", "at"),
    comment="Every fact taken in, every decision, every intent and every receipt; rows are never changed",
)

PERSONS: Final = Table(
    "persons",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("pseudonym", COMMITMENT, primary_key=True, comment="salted digest of the name; stands in the journal"),
    Column("name", identifier(255), nullable=False),
    Column("salt", salt(), nullable=False),
    Column("since", Instant(), nullable=False),
    UniqueConstraint("project", "name", name="uq_persons_name"),
    comment="Who stands behind a pseudonym of the journal; a row is deleted when the person is erased",
)

REMARKS: Final = Table(
    "remarks",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("token", COMMITMENT, primary_key=True, comment="salted digest of the words; stands in the journal"),
    Column("salt", salt(), nullable=False),
    Column("words", content(), nullable=False),
    Column("person", COMMITMENT, nullable=False, comment="pseudonym of who wrote them"),
    Column("run", RUN, nullable=False, comment="the run that they are about"),
    Column("written_at", Instant(), nullable=False),
    Index("ix_remarks_person", "project", "person"),
    comment="What people wrote; a row is deleted when the person is erased",
)

JOURNAL_PENDING: Final = Table(
    "journal_pending",
    METADATA,
    Column("number", counter(), primary_key=True, autoincrement=True),
    Column("project", PROJECT, nullable=False),
    Column("written_at", Instant(), nullable=False),
    Column("entries", content(), nullable=False, comment="RFC 8785 bytes: run, first and last sequence of each run"),
    Index("ix_journal_pending_number", "project", "number"),
    comment="Which entries of the journal have no place in the log yet; written in their own transaction",
)

JOURNAL_ANCHORS: Final = Table(
    "journal_anchors",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("run", RUN, primary_key=True),
    Column("sequence", Integer, nullable=False, comment="of the last entry that was deleted"),
    Column("digest", DIGEST, nullable=False, comment="likewise; the next entry names it"),
    Column("pruned_at", Instant(), nullable=False),
    comment="Where journals begin whose first entries were deleted; stays when the run is deleted",
)

PRUNINGS: Final = Table(
    "prunings",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("records", ascii_identifier(32), primary_key=True),
    Column("began_at", Instant(), primary_key=True),
    Column("cutoff", Instant(), nullable=False, comment="what ended, or of a cycle began, before it was deleted"),
    Column("policies", Text, nullable=False, comment="name and digest, one a line"),
    Column("deleted", Integer, nullable=False, comment="how many rows"),
    comment="What was deleted because its time was over; rows are never deleted",
)


ACTIVATIONS: Final = Table(
    "activations",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="1, 2, 3 …; the highest is in force"),
    Column("commit_id", ascii_identifier(64), nullable=False, comment="empty: the files of each checkout"),
    Column("digest", DIGEST, nullable=False, comment="of all rules at that commit"),
    Column("activated_by", Text, nullable=False),
    Column("activated_at", Instant(), nullable=False),
    Column("modes", content(), nullable=True, comment="of each agent in these rules; null where it was not kept"),
    comment="Which commit's rules all processes that serve a project are to follow",
)

REVOCATIONS: Final = Table(
    "revocations",
    METADATA,
    Column("project", PROJECT, primary_key=True),
    Column("digest", DIGEST, primary_key=True, comment="of the content of a definition"),
    Column("kind", NAME, nullable=False),
    Column("name", NAME, nullable=False),
    Column("reason", Text, nullable=False),
    Column("revoked_by", Text, nullable=False),
    Column("revoked_at", Instant(), nullable=False),
    comment="Definitions under which nothing new is begun; a row is gone once it may hold again",
)


def of_run(table: Table) -> ColumnElement[bool]:
    """Return the condition that a row belongs to the run that the parameters `project` and `run` name."""
    return and_(table.c.project == bindparam("project"), table.c.run == bindparam("run"))
