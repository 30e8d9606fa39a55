"""Killed anywhere between taking events in and putting them together, and done again: the numbers of an untouched run.

Events that were taken in wait in `unread_events` until a report puts them together with what git tells; what became of
each told deployment stands in `told_deployments`. The two have to agree with the figures after any crash.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from iact.config.opening import open_project
from iact.dora.collect import collect
from iact.dora.definitions import named_metrics
from iact.dora.figures import Window
from iact.dora.ingest import ingest
from iact.dora.measure import measure
from iact.dora.tables import CHANGES, DEPLOYMENTS, EVENTS, FAILURES, TOLD_DEPLOYMENTS, UNATTRIBUTED, UNREAD_EVENTS
from iact.sources.events.files import understand
from iact.sources.events.rules import EventRules, Use
from iact.sources.git.rules import GitRules
from iact.stores.connect import reading, writing
from tests.support.git import GitRepository
from tests.support.kept import copy_folder, open_kept, remove_folder
from tests.support.kills import WRITES, in_a_child, quick_folder
from tests.support.project import ROOT

PLACE = ("product", "repository")
GIT = GitRules(failed_by_revert=True)
RULES = EventRules(deployments=Use.ADD, incidents_told=True)
BEGIN, NOW = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
TABLES = (CHANGES, DEPLOYMENTS, EVENTS, FAILURES, TOLD_DEPLOYMENTS, UNATTRIBUTED, UNREAD_EVENTS)
METRICS = tuple(named_metrics(open_project(ROOT)).values())
Payload = dict[str, Any]


def march(day: int, hour: int = 9) -> str:
    return f"2026-03-{day:02}T{hour:02}:00:00Z"


def deployment(number: int, day: int, sha: str, service: str) -> Payload:
    told = {"environment": "production", "deployed_at": march(day), "sha": sha, "service": service}
    return {"kind": "deployment", "id": str(number), **told}


def incident(number: int, day: int, resolved: int | None, **more: Any) -> Payload:
    ended = {} if resolved is None else {"resolved_at": march(resolved, 12)}
    return {"kind": "incident", "id": str(number), "opened_at": march(day, 10), **ended, **more}


def tell(store: Path, payloads: list[Payload]) -> None:
    """Take events in, as `iact ingest` does."""
    engine = open_kept(store / ".iact" / "iact.db")
    with writing(engine) as connection:
        done = ingest(connection, *PLACE, [understand(payload, line) for line, payload in enumerate(payloads, start=1)])
    assert done.rejected == []
    engine.dispose()


def report(store: Path, repository: Path) -> None:
    """Put together what is new, as a report does before it computes anything."""
    engine = open_kept(store / ".iact" / "iact.db")
    with writing(engine) as connection:
        collect(connection, *PLACE, repository, GIT, NOW, events=RULES)
    engine.dispose()


def tell_and_report(store: Path, repository: Path, payloads: list[Payload]) -> None:
    tell(store, payloads)
    report(store, repository)


def numbers(store: Path) -> tuple[dict[str, list[tuple[Any, ...]]], list[Any]]:
    """Return every row of the delivery tables, and every figure that is made of them."""
    engine = open_kept(store / ".iact" / "iact.db")
    with reading(engine) as connection:
        rows = {table.name: sorted(map(tuple, connection.execute(select(table))), key=repr) for table in TABLES}
        figures = [one.to_record() for one in measure(connection, *PLACE, METRICS, Window(BEGIN, NOW), as_of=NOW)]
    engine.dispose()
    return rows, figures


class Story:
    """A repository whose deployments and incidents are told from outside: some early, some later."""

    def __init__(self, folder: Path) -> None:
        self.repository = GitRepository.create(folder)
        shas = [self.repository.commit(f"change {day}", at=f"2026-03-{day:02} 08:00") for day in range(1, 9)]
        self.early = [
            deployment(1, 2, shas[1], "shop"),
            deployment(2, 3, shas[2], "checkout"),
            incident(11, 3, 4, service="checkout"),
            incident(12, 4, None, deployment="2"),
        ]
        self.late = [
            deployment(3, 5, shas[4], "shop"),
            deployment(4, 7, shas[6], "checkout"),
            incident(12, 4, 6, deployment="2"),
            incident(13, 5, 5, deployment="3"),
            incident(14, 7, None, service="checkout"),
            incident(15, 20, 21, service="nobody's"),
        ]


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder in memory, where there is one."""
    with tempfile.TemporaryDirectory(prefix="iact-crash-", dir=quick_folder()) as folder:
        yield Path(folder)


@pytest.fixture
def story(room: Path) -> Story:
    return Story(room / "repository")


@pytest.fixture
def before(room: Path, story: Story) -> Path:
    """A store in which the early events were told and put together."""
    path = room / "before"
    path.mkdir()
    report(path, story.repository.path)
    tell_and_report(path, story.repository.path, story.early)
    return path


@pytest.fixture
def expected(room: Path, before: Path, story: Story) -> tuple[dict[str, list[tuple[Any, ...]]], list[Any]]:
    """What an untouched run leaves: the same as one that reads all of it at once."""
    untouched = copy_folder(before, room / "untouched")
    tell_and_report(untouched, story.repository.path, story.late)
    at_once = room / "at-once"
    at_once.mkdir()
    tell_and_report(at_once, story.repository.path, [*story.early, *story.late])
    found = numbers(untouched)
    assert found == numbers(at_once)
    rows, _ = found
    assert (len(rows["told_deployments"]), len(rows["unread_events"]), len(rows["failures"])) == (4, 0, 4)
    return found


def test_killed_at_any_write_and_done_again_the_numbers_are_those_of_an_untouched_run(
    room: Path, story: Story, before: Path, expected: Any
):
    counted = copy_folder(before, room / "counted")
    with WRITES.counted() as writes:
        tell_and_report(counted, story.repository.path, story.late)
    assert any("unread_events" in write for write in writes)
    assert any("told_deployments" in write for write in writes)

    for number, write in enumerate(writes, start=1):
        store = copy_folder(before, room / "store")
        again = partial(tell_and_report, store, story.repository.path, story.late)
        assert not in_a_child(again, killed_at=number)
        in_a_child(again)
        assert numbers(store) == expected, f"killed before write {number}: {write}"
        remove_folder(store)


def test_killed_at_any_write_of_a_report_the_next_report_alone_puts_together_what_was_told(
    room: Path, story: Story, before: Path, expected: Any
):
    """Whoever told the events has got their answer and does not tell them again.

    A report that was killed leaves all of them waiting, or none: some that were put together would be counted twice.
    """
    tell(before, story.late)
    waiting, _ = numbers(before)
    assert len(waiting["unread_events"]) == len(story.late)
    counted = copy_folder(before, room / "counted")
    with WRITES.counted() as writes:
        report(counted, story.repository.path)
    assert sum(write == "COMMIT" for write in writes) >= 1

    for number, write in enumerate(writes, start=1):
        store = copy_folder(before, room / "store")
        assert not in_a_child(partial(report, store, story.repository.path), killed_at=number)
        left, _ = numbers(store)
        assert (len(left["unread_events"]), len(left["told_deployments"])) in {(len(story.late), 2), (0, 4)}
        in_a_child(partial(report, store, story.repository.path))
        assert numbers(store) == expected, f"killed before write {number}: {write}"
        remove_folder(store)
