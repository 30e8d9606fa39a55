"""Deleting by policy: in small transactions, never what is needed, and with a journal that can still be verified."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, select, text, update

from iact.audit.identity import LogIdentity
from iact.core.errors import EnvironmentProblemError, FindingError
from iact.core.machine import Mode
from iact.core.quantities import Dimension, parse
from iact.dora.cycle.records import records_of, take_in
from iact.dora.records import Place
from iact.engine.clocks import ManualClock
from iact.engine.host import Host
from iact.engine.journal import LOG_RUN, EntryKind, append, broken_link, entries
from iact.engine.pruning import delete_entries
from iact.engine.runtime import Runtime
from iact.engine.tables import HOLDS, INTENTS, JOURNAL, JOURNAL_ANCHORS, PRUNINGS, RUNS, TRIGGERS
from iact.pdca.store import add
from iact.retention.model import Batch, Keep, LegalHold, RetentionPolicy
from iact.retention.pruning import BROKEN, NOT_ARCHIVED, Pruned, observed, prune, put_into_archive, would_prune
from iact.retention.terms import RecordKind
from iact.stores.connect import open_sqlite, reading, writing
from tests.support.agents import World, agent_definition
from tests.support.stores import opened

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = START + timedelta(days=100)
CHANGE = agent_definition("""
start: changing
states:
  changing:
    do: change_world
    next:
      - {event: finished, decide: SUCCESS, to: resting}
      - {event: failed, decide: FAILED, to: done}
      - {event: unknown, decide: ESCALATE, to: done}
  resting:
    next:
      - {after: 1h, to: done}
      - {event: stop_requested, decide: NO-GO, to: done}
  done: {final: true}
""")


def policy(*holds: LegalHold, rows: int = 1_000, **keep: str) -> RetentionPolicy:
    spans = {name: parse(written, Dimension.DURATION) for name, written in keep.items()}
    return RetentionPolicy(
        keep=Keep(dora_metrics=spans.get("dora_metrics"), journal=spans.get("journal"), runs=spans.get("runs")),
        legal_holds=holds,
        batch=Batch(rows=rows),
    )


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    """An empty store on each database."""
    found = opened(store_url)
    yield found
    found.dispose()


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Engine]:
    """A store in a file, for what does not depend on the database."""
    found = open_sqlite(tmp_path / "iact.db")
    yield found
    found.dispose()


def a_run(engine: Engine, name: str, *, began: datetime | None = None, ends: bool = True, is_told: bool = False) -> str:
    """Carry a run out, to its end or up to where it waits; those with a higher number later, as no clock goes back."""
    began = began or START + timedelta(hours=2) * int(f"0{name[4:]}" if name[4:].isdigit() else 0)
    clock = ManualClock(began)
    runtime = Runtime(engine, project="test", clock=clock, services={"world": World()})
    run = runtime.start(CHANGE.name, definitions=[CHANGE], subject=f"about {name}", name=name)
    if is_told:
        runtime.look(run, key="first")
    runtime.advance(run)
    if ends:
        clock.advance(timedelta(hours=1))
        assert runtime.advance(run).ended_at == began + timedelta(hours=1)
    return run


@pytest.fixture(autouse=True)
def identity(tmp_path: Path) -> Iterator[None]:
    """Which log each test's runs are in, and where its archive is."""
    _IDENTITY.append(LogIdentity("test", tmp_path, None, tmp_path / "archive"))
    yield
    _IDENTITY.pop()


_IDENTITY: list[LogIdentity] = []


def archived(engine: Engine) -> None:
    """Put the log into the archive, as every command does that prunes."""
    host = Host(engine=engine, project="test", clock=ManualClock(START), services={})
    put_into_archive(host, _IDENTITY[-1], [policy(journal="1d", runs="1d")], LATER)


def pruned(engine: Engine, *policies: RetentionPolicy, now: datetime = LATER) -> dict[RecordKind, Pruned]:
    """Prune, after it was said what would be, which must be the same."""
    archived(engine)
    said = would_prune(engine, "test", policies, now)
    done = list(prune(engine, "test", policies, now, named="retention sha256:1"))
    assert said == done
    return {one.records: one for one in done}


def rows(engine: Engine, table: Any) -> list[Any]:
    """Return all rows of a table but what is noted about the log itself."""
    with reading(engine) as connection:
        return [row for row in connection.execute(select(table)) if getattr(row, "run", "") != LOG_RUN]


def length(engine: Engine, run: str) -> int:
    with reading(engine) as connection:
        return len(list(entries(connection, "test", run)))


def is_sound(engine: Engine, run: str) -> bool:
    with reading(engine) as connection:
        return broken_link(connection, "test", run) is None


def test_a_run_that_ended_long_ago_is_deleted_with_all_that_belongs_to_it(engine):
    old = a_run(engine, "run-old", is_told=True)
    young = a_run(engine, "run-young", began=LATER - timedelta(days=10), is_told=True)
    before = length(engine, old)

    found = pruned(engine, policy(journal="30d", runs="60d"))

    assert found[RecordKind.JOURNAL].rows == {"journal": before}
    assert (found[RecordKind.RUNS].deleted, found[RecordKind.RUNS].rows["runs"]) == (1, 1)
    for table in (RUNS, JOURNAL, INTENTS, TRIGGERS):
        assert {row.run for row in rows(engine, table)} == {young}
    assert is_sound(engine, young)


def test_the_anchor_of_a_deleted_run_says_how_long_its_journal_was_and_how_it_ended(engine):
    run = a_run(engine, "run-1")
    last = max(rows(engine, JOURNAL), key=lambda row: row.sequence)

    pruned(engine, policy(journal="30d", runs="30d"))

    ((project, name, sequence, digest, pruned_at),) = rows(engine, JOURNAL_ANCHORS)
    assert (project, name, sequence, digest) == ("test", run, last.sequence, last.digest)
    assert pruned_at == LATER


def test_what_is_left_of_a_journal_follows_from_its_anchor_and_still_shows_tampering(engine):
    run = a_run(engine, "run-1")
    whole = length(engine, run)
    rules = [policy(journal="30d", rows=2)]
    with writing(engine) as connection:
        assert delete_entries(connection, "test", run, most=2, now=LATER) == (2, False)

    assert (length(engine, run), is_sound(engine, run)) == (whole - 2, True)

    with writing(engine) as connection:
        connection.execute(delete(JOURNAL).where(JOURNAL.c.run == run, JOURNAL.c.sequence == 3))
    assert not is_sound(engine, run)
    assert [one.kept for one in prune(engine, "test", rules, LATER, named="")] == [{BROKEN: 1}]


def test_a_journal_goes_on_from_its_anchor(engine):
    run = a_run(engine, "run-1")
    last = length(engine, run)
    pruned(engine, policy(journal="30d"))

    with writing(engine) as connection:
        append(connection, project="test", run=run, kind=EntryKind.REVIEW, at=LATER, body={"seen": "by a person"})

    with reading(engine) as connection:
        assert [entry.sequence for entry in entries(connection, "test", run)] == [last + 1]
    assert is_sound(engine, run)


@pytest.mark.not_replayed("a decision is edited")
def test_a_journal_that_was_changed_is_kept_as_evidence(engine):
    run, other = a_run(engine, "run-1"), a_run(engine, "run-2")
    archived(engine)
    with writing(engine) as connection:
        changed = update(JOURNAL).where(JOURNAL.c.run == run, JOURNAL.c.sequence == 2)
        connection.execute(changed.values(body=b'{"previous":"","sequence":2}'))

    found = pruned(engine, policy(journal="30d", runs="30d"))

    assert [one.kept for one in found.values()] == [{BROKEN: 1}, {BROKEN: 1}]
    assert {row.run for row in rows(engine, RUNS)} == {run}
    assert {row.run for row in rows(engine, JOURNAL_ANCHORS)} == {other}


@pytest.mark.not_replayed("a decision is edited")
def test_a_journal_that_was_changed_before_it_was_archived_stops_all_deleting(engine):
    run, _ = a_run(engine, "run-1"), a_run(engine, "run-2")
    before = rows(engine, RUNS)
    with writing(engine) as connection:
        changed = update(JOURNAL).where(JOURNAL.c.run == run, JOURNAL.c.sequence == 2)
        connection.execute(changed.values(body=b'{"previous":"","sequence":2}'))

    with pytest.raises(FindingError, match=r"does not hold.*entry 1 "):
        archived(engine)

    found = {one.records: one for one in prune(engine, "test", [policy(journal="30d", runs="30d")], LATER, named="")}
    assert [one.kept for one in found.values()] == [{NOT_ARCHIVED: 2}, {NOT_ARCHIVED: 2}]
    assert rows(engine, RUNS) == before


@pytest.mark.parametrize("what", ["gone", "cut off"])
def test_a_part_of_the_archive_that_is_not_as_it_was_made_stops_all_deleting(engine, what, tmp_path):
    a_run(engine, "run-1")
    archived(engine)
    before = rows(engine, JOURNAL)
    (part,) = (tmp_path / "archive").glob("*.zip")
    whole = part.read_bytes()
    if what == "gone":
        part.unlink()
    else:
        part.write_bytes(whole[:-1])

    with pytest.raises((EnvironmentProblemError, FindingError), match=r"Nothing of the journal is deleted. Bring a"):
        pruned(engine, policy(journal="30d"))
    assert rows(engine, JOURNAL) == before

    part.write_bytes(whole)
    assert pruned(engine, policy(journal="30d"))[RecordKind.JOURNAL].deleted
    part.unlink()
    archived(engine)  # nothing that is only there can be deleted once more


@pytest.mark.parametrize("most", [1, 2, 3, 7, 1_000])
def test_the_size_of_a_batch_changes_nothing_but_the_number_of_transactions(embedded, most):
    for number in range(5):
        a_run(embedded, f"run-{number}")

    found = pruned(embedded, policy(journal="30d", runs="60d", rows=most))

    assert (found[RecordKind.JOURNAL].deleted, found[RecordKind.RUNS].deleted) == (5, 5)
    assert rows(embedded, RUNS) == rows(embedded, JOURNAL) == []
    assert len(rows(embedded, JOURNAL_ANCHORS)) == 5


def test_no_transaction_deletes_more_rows_than_the_policy_says(embedded):
    for number in range(4):
        a_run(embedded, f"run-{number}")
    sizes: list[int] = []
    with writing(embedded) as connection:
        connection.execute(text("CREATE TABLE deleted (at_transaction INTEGER)"))
        # It notes, for every row, how many had been deleted by the transactions before its own.
        counting = "BEGIN INSERT INTO deleted SELECT deleted FROM prunings; END"
        connection.execute(text("CREATE TRIGGER counting AFTER DELETE ON journal " + counting))

    pruned(embedded, policy(journal="30d", rows=3))

    with reading(embedded) as connection:
        noted = connection.execute(text("SELECT count(*) FROM deleted GROUP BY at_transaction"))
        sizes += noted.scalars()
    assert max(sizes) == 3


def test_what_a_policy_that_observes_would_delete_is_counted_and_stays(engine):
    run = a_run(engine, "run-1")
    policies = [replace(policy(journal="1d", runs="30d"), mode=Mode.OBSERVE)]

    assert list(prune(engine, "test", policies, LATER, named="observing")) == []
    journal, runs = observed(engine, "test", policies, LATER)
    assert (journal.records, journal.deleted) == (RecordKind.JOURNAL, 1)
    assert (runs.records, runs.deleted) == (RecordKind.RUNS, 1)
    with reading(engine) as connection:
        assert connection.execute(select(RUNS.c.run)).scalars().all() == [run]
    assert observed(engine, "test", [policy(journal="1d", runs="30d")], LATER) == []


def test_a_run_that_goes_on_is_never_deleted(engine):
    run = a_run(engine, "run-1", ends=False)

    found = pruned(engine, policy(journal="1d", runs="1d"))

    assert [(one.deleted, one.kept) for one in found.values()] == [(0, {}), (0, {})]
    assert {row.run for row in rows(engine, RUNS)} == {run}
    assert is_sound(engine, run)


@pytest.mark.parametrize(
    ("open_thing", "reason"),
    [
        (update(INTENTS).values(status="review"), "an action is not settled"),
        (update(INTENTS).values(status="started"), "an action is not settled"),
        (update(TRIGGERS).values(handled_at=None), "was told something that it has not decided upon"),
        (
            insert(HOLDS).values(project="test", name="lead_time", run="run-1", held_since=START),
            "still holds what only one run may",
        ),
    ],
    ids=["review", "started", "told", "holds"],
)
def test_an_ended_run_with_anything_open_is_kept(embedded, open_thing, reason):
    a_run(embedded, "run-1", is_told=True)
    with writing(embedded) as connection:
        connection.execute(open_thing)

    found = pruned(embedded, policy(journal="30d", runs="30d"))

    assert [one.kept for one in found.values()] == [{reason: 1}, {reason: 1}]
    assert len(rows(embedded, RUNS)) == 1


def test_a_run_whose_value_of_a_parameter_is_in_force_is_kept(engine):
    for name in ("run-1", "run-2"):
        a_run(engine, name)
        with writing(engine) as connection:
            add(connection, project="test", parameter="limit", value=3, run=name, key=f"{name}/1", at=START)

    found = pruned(engine, policy(journal="30d", runs="30d"))

    assert found[RecordKind.RUNS].kept == {"a parameter has the value that it set": 1}
    assert {row.run for row in rows(engine, RUNS)} == {"run-2"}


def test_a_legal_hold_keeps_what_it_covers_and_nothing_else(engine):
    for number in (1, 2):
        a_run(engine, f"run-{number}")

    found = pruned(engine, policy(LegalHold(reason="Case 17", subjects=("about run-1",)), journal="1d", runs="1d"))

    assert [one.kept for one in found.values()] == [
        {"legal hold: Case 17": 1},
        {"its journal is kept (legal hold: Case 17)": 1},
    ]
    assert {row.run for row in rows(engine, RUNS)} == {"run-1"}


def test_a_hold_on_the_journal_keeps_its_run(engine):
    a_run(engine, "run-1")

    found = pruned(engine, policy(LegalHold(reason="Case 17", records=(RecordKind.JOURNAL,)), journal="1d", runs="1d"))

    assert found[RecordKind.RUNS].kept == {"its journal is kept (legal hold: Case 17)": 1}
    assert len(rows(engine, RUNS)) == 1


def test_another_project_keeps_its_records(engine):
    a_run(engine, "run-1")

    assert [one.deleted for one in prune(engine, "other", [policy(journal="1d", runs="1d")], LATER, named="")] == [0, 0]
    assert len(rows(engine, RUNS)) == 1


def cycle(day: int, **more: Any) -> dict[str, Any]:
    record = {"cycle_id": f"cycle-202601{day:02d}-120000", "phase": "testing", "decision": "go", "duration_seconds": 60}
    return record | more


def test_cycles_are_deleted_whole_and_not_taken_in_from_the_file_again(engine):
    place = Place(project="test", repository="git-abc")
    file = [cycle(1), cycle(1, phase="deployment"), cycle(20), cycle(2, cycle_id="release-17")]
    with writing(engine) as connection:
        take_in(connection, place, file)

    found = pruned(engine, policy(dora_metrics="90d", rows=1))

    assert (found[RecordKind.DORA_METRICS].deleted, found[RecordKind.DORA_METRICS].rows) == (1, {"dora_metrics": 2})
    with writing(engine) as connection:
        assert take_in(connection, place, file) == 0
        kept = [one["cycle_id"] for one in records_of(connection, place)]
    assert kept == ["cycle-20260120-120000", "release-17"], "the second tells no time, so that it is never too old"


def test_what_was_deleted_is_noted_with_the_policy_that_said_so(engine):
    a_run(engine, "run-1")
    count = len(rows(engine, JOURNAL))

    pruned(engine, policy(journal="30d"))

    (noted,) = rows(engine, PRUNINGS)
    assert (noted.project, noted.records, noted.deleted, noted.policies) == (
        "test",
        "journal",
        count,
        "retention sha256:1",
    )
    assert (noted.began_at, noted.cutoff) == (LATER, LATER - timedelta(days=30))


def test_deleting_goes_on_where_it_was_cut_off(embedded):
    """The database refuses in the middle of the second run; what was committed before stays deleted."""
    for number in (1, 2, 3):
        a_run(embedded, f"run-{number}")
    archived(embedded)
    rules = [policy(journal="30d", rows=3)]
    refusal = "CREATE TRIGGER refusing BEFORE DELETE ON journal WHEN OLD.run = 'run-2' AND OLD.sequence = 4"
    with writing(embedded) as connection:
        connection.execute(text(f"{refusal} BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"))

    with pytest.raises(Exception, match="the disk is full"):
        list(prune(embedded, "test", rules, LATER, named=""))
    assert (length(embedded, "run-1"), is_sound(embedded, "run-2")) == (0, True)
    assert length(embedded, "run-2") > 0

    with writing(embedded) as connection:
        connection.execute(text("DROP TRIGGER refusing"))
    list(prune(embedded, "test", rules, LATER + timedelta(seconds=1), named=""))
    assert rows(embedded, JOURNAL) == []
