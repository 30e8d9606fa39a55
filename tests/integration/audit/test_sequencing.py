"""Every entry of the journal gets one place in the log, whatever happens to who gives it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, delete, event, select
from sqlalchemy.engine import Connection

from iact.audit.ranges import Range
from iact.audit.sequencing import HeadMovedError, LostEntryError, begin_log, sequence, take_in
from iact.audit.store import head, leaves, tile_reader
from iact.audit.sweeping import SETTLED_AFTER, sweep
from iact.audit.tiles import WIDTH, Tiles
from iact.audit.tree import EMPTY_ROOT, leaf_hash
from iact.engine import journal
from iact.engine.clocks import ManualClock
from iact.engine.host import Host
from iact.engine.journal import EntryKind, Writer
from iact.engine.pruning import delete_entries
from iact.engine.tables import JOURNAL, JOURNAL_PENDING
from iact.stores.connect import reading, writing
from iact.stores.migrate import downgrade, upgrade
from tests.support.kept import open_passing

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PROJECT = "test"
EACH = 20
pytestmark = pytest.mark.not_replayed("its entries are numbers, and decide nothing")


@pytest.fixture
def host() -> Iterator[Host]:
    engine = open_passing()
    yield Host(engine=engine, project=PROJECT, clock=ManualClock(NOON), services={})
    engine.dispose()


def write_entries(host: Host, *runs: str, each: int = 1) -> None:
    """Write entries of some runs in one transaction, as a turn of a process does."""
    with writing(host.engine) as connection:
        writer = Writer(connection, PROJECT, dict.fromkeys(runs))
        for number in range(each):
            for run in runs:
                writer.append(run, EntryKind.DECISION, NOON, {"number": number})
        writer.flush()


def later(host: Host) -> None:
    """Let so much time pass that what was begun before is over."""
    assert isinstance(host.clock, ManualClock)
    host.clock.advance(SETTLED_AFTER * 2)


def check(host: Host) -> int:
    """Check the log against the journal from its bytes alone, and return its size."""
    with reading(host.engine) as connection:
        top = head(connection, PROJECT)
        if top is None:
            return 0
        found = list(leaves(connection, PROJECT, 0, top.size + 10))
        assert [leaf.place for leaf in found] == list(range(top.size))
        rows = connection.execute(select(JOURNAL.c.run, JOURNAL.c.sequence, JOURNAL.c.body)).all()
        known = {(row.run, row.sequence): row.body for row in rows}
        whole = Range()
        last: Counter[str] = Counter()
        for leaf in found:
            assert leaf.content == known[leaf.run, leaf.sequence]
            assert leaf.content is not None
            last[leaf.run] += 1
            assert leaf.sequence == last[leaf.run]
            whole.append(leaf_hash(leaf.content))
        assert whole.root() == top.root == Tiles(top.size, tile_reader(connection, PROJECT)).root()
    return top.size


def waiting(host: Host) -> int:
    """Return how many rows wait."""
    with reading(host.engine) as connection:
        return len(connection.execute(select(JOURNAL_PENDING.c.number)).all())


def test_entries_of_one_transaction_wait_in_one_row(host: Host):
    write_entries(host, "a", "b", "c", each=3)

    with reading(host.engine) as connection:
        assert connection.execute(select(JOURNAL_PENDING.c.entries)).scalars().all() == [
            b'[["a",1,3],["b",1,3],["c",1,3]]'
        ]


def test_a_transaction_that_is_taken_back_leaves_nothing_that_waits(host: Host):
    with writing(host.engine) as connection:
        journal.append(connection, project=PROJECT, run="a", kind=EntryKind.STARTED, at=NOON, body={})
        connection.rollback()

    assert waiting(host) == 0
    assert sequence(host) == 0


def test_every_entry_gets_a_place_in_the_order_in_which_it_was_written(host: Host):
    write_entries(host, "a", "b", each=2)
    write_entries(host, "b")

    assert sequence(host) == check(host) == 5
    assert waiting(host) == 0
    with reading(host.engine) as connection:
        found = [(leaf.run, leaf.sequence) for leaf in leaves(connection, PROJECT, 0, 5)]
        assert found == [("a", 1), ("a", 2), ("b", 1), ("b", 2), ("b", 3)]
        assert [leaf.place for leaf in leaves(connection, PROJECT, 1, 3)] == [1, 2]


@pytest.mark.parametrize("batch", [1, 3, WIDTH - 1, WIDTH, WIDTH + 1])
def test_the_tree_is_the_same_whatever_is_taken_in_together(host: Host, batch: int):
    for number in range(7):
        write_entries(host, f"run-{number}", "all", each=50)

    assert sequence(host, most=batch) == check(host) == 700
    write_entries(host, "all")
    assert sequence(host) == 1
    assert check(host) == 701


def test_nothing_that_waits_begins_no_log(host: Host):
    assert sequence(host) == 0
    with reading(host.engine) as connection:
        assert head(connection, PROJECT) is None

    begin_log(host)
    begin_log(host)
    with reading(host.engine) as connection:
        found = head(connection, PROJECT)
    assert found is not None
    assert (found.size, found.root, found.sequenced_at) == (0, EMPTY_ROOT, None)


def test_entries_of_another_project_are_left_alone(host: Host):
    write_entries(host, "a")
    other = Host(engine=host.engine, project="other", clock=host.clock, services={})

    assert sequence(other) == 0
    assert waiting(host) == 1


def test_an_entry_that_vanished_while_it_waited_is_named_and_nothing_gets_a_place(host: Host):
    write_entries(host, "a", "b", each=3)
    with writing(host.engine) as connection:
        connection.execute(delete(JOURNAL).where(JOURNAL.c.run == "b", JOURNAL.c.sequence == 2))

    with pytest.raises(LostEntryError, match="entry 2 of run b"):
        sequence(host)
    assert waiting(host) == 1
    with reading(host.engine) as connection:
        assert not list(leaves(connection, PROJECT, 0, 10))


class Stopped(Exception):  # noqa: N818 - it stands for the end of a process
    """A process ends here."""


@contextmanager
def stopped_at(engine: Engine, statement: int) -> Iterator[None]:
    """Let the process end just before its nth statement of any kind, BEGIN among them."""
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == statement:
            raise Stopped

    event.listen(engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", count)


def ends_early(host: Host, statement: int) -> bool:
    """Return whether giving places ends before its nth statement; False where it needs fewer."""
    try:
        with stopped_at(host.engine, statement):
            sequence(host)
    except Stopped:
        return True
    return False


def test_whatever_statement_a_process_ends_before_the_log_goes_on_where_it_was(host: Host):
    """Each time there is more to do, until all of it goes through."""
    for statement in range(1, 60):
        write_entries(host, "a", "b", each=EACH)
        # On a server a unit of work is followed, now and then, by forgetting old ones: then it ends after its commit.
        if not ends_early(host, statement) or not waiting(host):
            break
        assert check(host) == 0
        assert waiting(host) == statement

    assert waiting(host) == 0
    assert check(host) == statement * 2 * EACH > WIDTH


def test_a_process_that_read_the_head_before_others_moved_it_changes_nothing(host: Host):
    """The lock on the head does not let it come to this; the head is compared all the same."""
    write_entries(host, "a", each=3)
    sequence(host)
    write_entries(host, "a")

    def move(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("DELETE FROM journal_pending"):
            connection.connection.cursor().execute("UPDATE log_heads SET size = size + 1")

    event.listen(host.engine, "before_cursor_execute", move)
    with pytest.raises(HeadMovedError), writing(host.engine) as connection:
        take_in(connection, PROJECT, NOON)
    event.remove(host.engine, "before_cursor_execute", move)

    assert check(host) == 3
    assert sequence(host) == 1
    assert check(host) == 4


def test_what_was_written_before_there_was_a_log_waits_for_its_place(host: Host):
    write_entries(host, "a", "b", each=2)
    write_entries(host, "b")
    with writing(host.engine) as connection:
        downgrade(connection, "0015")
    with writing(host.engine) as connection:
        upgrade(connection)

    assert waiting(host) == 2
    assert sequence(host) == check(host) == 5


def test_what_a_release_wrote_that_knows_no_log_is_found_and_gets_its_place(host: Host):
    """The last entries of a run that nobody goes on with; what waits is left to who gives places."""
    write_entries(host, "a", "b", each=3)
    with writing(host.engine) as connection:
        connection.execute(delete(JOURNAL_PENDING))
    write_entries(host, "c")
    sequence(host)
    assert sweep(host) == 0, "they may be in the middle of being written"

    later(host)
    write_entries(host, "waiting")
    assert sweep(host) == 0, "some of what was written before may still wait"
    sequence(host)
    assert sweep(host) == 6
    assert sequence(host) == 6
    assert check(host) == 8
    assert (sweep(host), sequence(host)) == (0, 0)


def test_a_run_whose_beginning_was_deleted_before_there_was_a_log_gets_no_place(host: Host):
    write_entries(host, "old", each=3)
    with writing(host.engine) as connection:
        connection.execute(delete(JOURNAL_PENDING))
        delete_entries(connection, PROJECT, "old", most=2, now=NOON)
    later(host)
    write_entries(host, "old", "new")

    assert sequence(host) == 1
    assert (sweep(host), sequence(host)) == (0, 0)
