"""What earlier releases wrote is decided the same today, and runs that they left parked for weeks go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from iact import __version__
from iact.config.discovery import discover
from iact.core.facts import EMPTY, FactType
from iact.core.machine import Machine
from iact.engine import journal
from iact.engine.journal import Entry, EntryKind
from iact.engine.runtime import Runtime
from iact.engine.tables import RUNS
from iact.stores.backups.archive import verify
from iact.stores.backups.restoring import restore_to_file, restore_to_server
from iact.stores.connect import open_sqlite, reading
from iact.stores.migrate import present_revision
from iact.stores.revisions import newest_revision
from iact.stores.servers import connected
from services import mysql_protocol
from tests.support.agents import agent_definition
from tests.support.journals.keeping import FOLDER, History, histories
from tests.support.journals.playing import Player, decisions, moves
from tests.support.journals.recording import record, with_ways
from tests.support.journals.ways import Way, ways
from tests.support.project import ROOT
from tests.support.replays import differences_in
from tests.support.stores import KINDS, StoreAt, store_at

RECORDED = list(histories())
WRITTEN = [*sorted((ROOT / "tests/data/backups").glob("*.zip")), *(one.played for one in RECORDED)]
EVERY_WAY_OUT = "every-way-out"
PARKED = [(one, kind) for one in RECORDED for kind in KINDS if kind == "sqlite" or not one.is_given]
"""On servers go on those whose sources and actions are real; how a run decides is no matter of the store."""
SMALL = """
start: asking
states:
  asking:
    next:
      - {event: told, when: {fact: world.answer, is: yes please}, decide: GO, to: acting}
      - {after: 8 weeks, to: given_up}
  acting:
    do: change_world
    next:
      - {event: finished, to: done}
      - {event: failed, to: given_up}
      - {event: unknown, to: given_up}
  done: {final: true}
  given_up: {final: true}
"""


def nobody(_table: str, _rows: int) -> None:
    """Wait for nothing."""


def restored(backup: Path, folder: Path) -> Path:
    """Return the file of a store that was restored from a backup, with today's tables."""
    file = folder / f"{backup.stem}.db"
    restore_to_file(verify(backup), file, tell=nobody)
    return file


def restore(backup: Path, place: StoreAt) -> None:
    """Restore a backup into a store of any kind."""
    if place.server is None:
        restore_to_file(verify(backup), Path(place.place), tell=nobody)
        return
    engine, shown_as = connected(place.place, mysql_protocol.PASSWORD, None)
    restore_to_server(verify(backup), engine, shown_as=shown_as, tell=nobody)
    engine.dispose()


def journals(engine: Engine) -> dict[tuple[str, str], list[Entry]]:
    """Return the journal of each run in a store, by project and run."""
    with reading(engine) as connection:
        runs = connection.execute(select(RUNS.c.project, RUNS.c.run)).all()
        return {(each.project, each.run): list(journal.entries(connection, each.project, each.run)) for each in runs}


def contents(folder: Path) -> dict[str, bytes]:
    """Return what is in the files of a folder."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreAt]:
    """Where a store will be."""
    with store_at(request.param, request, tmp_path / "place") as found:
        yield found


def test_this_release_was_recorded():
    assert __version__ in {file.name for file in FOLDER.iterdir()}, "see CONTRIBUTING.md, `A release`"


@pytest.mark.parametrize("backup", WRITTEN, ids=lambda file: str(file.relative_to(ROOT / "tests/data")))
def test_every_decision_of_earlier_releases_comes_out_the_same(backup: Path, tmp_path: Path):
    store = restored(backup, tmp_path)

    assert differences_in(store) == []


def test_a_store_of_an_earlier_release_gets_todays_tables(tmp_path: Path):
    recorded = {verify(backup).manifest.revision: backup for backup in WRITTEN}
    assert min(recorded) < newest_revision(), "one at least is brought forward"

    for revision, backup in recorded.items():
        engine = open_sqlite(restored(backup, tmp_path / revision))
        with reading(engine) as connection:
            assert present_revision(connection) == newest_revision()
        engine.dispose()


@pytest.mark.parametrize(("history", "place"), PARKED, indirect=["place"], ids=str)
def test_parked_runs_go_on_as_they_did_under_the_release_that_parked_them(
    history: History, place: StoreAt, tmp_path: Path
):
    discover()
    engine = open_sqlite(restored(history.played, tmp_path))
    expected = journals(engine)
    engine.dispose()
    restore(history.parked, place)

    with place.opened() as engine:
        parked = journals(engine)
        player = Player(engine, history.stages[0].at, history.agents, is_given=history.is_given)
        for stage in history.stages:
            player.play(stage)
        found = journals(engine)

    seen = decisions if history.is_given else moves
    assert {run: seen(entries) for run, entries in found.items()} == {
        run: seen(entries) for run, entries in expected.items()
    }
    went_on = {run for run in found if len(found[run]) > len(parked[run])}
    assert went_on == {(stage.project, stage.run) for stage in history.stages}


def test_what_is_recorded_takes_every_way_out_of_every_agent_in_it(tmp_path: Path):
    for number, found in enumerate(one for one in RECORDED if one.folder.name == EVERY_WAY_OUT):
        engine = open_sqlite(restored(found.played, tmp_path / str(number)))
        taken: dict[str, set[Way]] = {name: set() for name in found.agents}
        machines: dict[str, Machine] = {}
        for (project, run), entries in journals(engine).items():
            agent = entries[0].body["agent"]
            made = [entry.body["decision"] for entry in entries if entry.kind is EntryKind.DECISION]
            taken[agent] |= {(one["from"], one["taken"]) for one in made if one["moved"]}
            runtime = Runtime(engine, project=project)
            machines.setdefault(agent, runtime.machine(runtime.get(run)))
        engine.dispose()

        assert taken == {agent: ways(machine) for agent, machine in machines.items()}


def test_the_same_release_records_the_same_bytes(tmp_path: Path):
    small = [with_ways(agent_definition(SMALL), EMPTY, lambda _name: FactType.TEXT)]
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        record(small, tmp_path / name, tmp_path / f"{name}.db")

    first, second = (
        {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in ("first", "second")
    )
    assert first == second
    assert first.keys() == {"parked.zip", "played.zip", "stages.jsonl"}


def test_an_agent_with_a_way_out_that_nothing_leads_through_is_not_recorded():
    unreachable = SMALL.replace("is: yes please", "above: {fact: world.answer}")

    with pytest.raises(AssertionError, match=r"test-agent: nothing was found that leads through .*'asking', 0"):
        with_ways(agent_definition(unreachable), EMPTY, lambda _name: FactType.NUMBER)
