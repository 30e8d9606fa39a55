"""A reading of a history is killed at every single write, and done again: the same tables as if nothing had been."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from iact.dora.collect import collect
from iact.dora.tables import CHANGES, DEPLOYMENTS, FAILURES, REPOSITORIES, REVERTS
from iact.sources.git.rules import GitRules
from iact.stores.connect import reading, writing
from tests.support.git import GitRepository
from tests.support.kept import KIND, copy_folder, open_kept, prepare, remove_folder
from tests.support.kills import WRITES, in_a_child, quick_folder

RULES = GitRules(failed_by_revert=True, hotfix_within=timedelta(days=2))
NOW = datetime(2026, 3, 2, tzinfo=UTC)
TABLES = (CHANGES, DEPLOYMENTS, FAILURES, REPOSITORIES, REVERTS)


def read(store: Path, repository: Path) -> None:
    """Read what is new in a repository, as a command does."""
    engine = open_kept(store / ".iact" / "iact.db")
    with writing(engine) as connection:
        collect(connection, "product", "repository", repository, RULES, NOW)
    engine.dispose()


def tables(store: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of the delivery tables."""
    engine = open_kept(store / ".iact" / "iact.db")
    with reading(engine) as connection:
        found = {table.name: sorted(map(tuple, connection.execute(select(table))), key=repr) for table in TABLES}
    engine.dispose()
    return found


def begin(repository: GitRepository) -> None:
    """Two releases, of which the second breaks something, and work that waits."""
    repository.commit("first")
    repository.tag("v1.0.0")
    repository.commit("break it")
    repository.tag("v1.1.0")
    repository.branch("feature")
    repository.commit("work")
    repository.switch("main")
    repository.commit("waits")


def go_on(repository: GitRepository) -> None:
    """A hot fix that takes something back, and a release of the work that waited."""
    repository.revert("v1.1.0")
    repository.tag("v1.1.1")
    repository.merge("feature")
    repository.tag("v1.2.0")


def rewrite(repository: GitRepository) -> None:
    """A release of another history than the one that was read."""
    repository.git("tag", "--delete", "v1.1.0")
    repository.git("reset", "--quiet", "--hard", "v1.0.0")
    repository.commit("written anew")
    repository.tag("v1.1.0")
    repository.revert("v1.1.0")


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder in memory, where there is one."""
    with tempfile.TemporaryDirectory(prefix="iact-crash-", dir=quick_folder()) as folder:
        yield Path(folder)


@pytest.mark.parametrize("afterwards", [None, go_on, rewrite], ids=["first", "incremental", "rewritten"])
def test_killed_at_any_write_and_done_again_a_reading_leaves_the_same_tables(
    room: Path, afterwards: Callable[[GitRepository], None] | None
):
    repository = GitRepository.create(room / "repository")
    begin(repository)
    before = room / "before"
    if afterwards is None:
        prepare(before / ".iact" / "iact.db")
    else:
        read(before, repository.path)
        afterwards(repository)
    undisturbed = copy_folder(before, room / "undisturbed")
    with WRITES.counted() as writes:
        read(undisturbed, repository.path)
    expected = tables(undisturbed)
    assert len(expected["deployments"]) >= 2
    assert len(writes) >= 5

    for number, write in enumerate(writes, start=1):
        store = copy_folder(before, room / "store")
        assert not in_a_child(partial(read, store, repository.path), killed_at=number)
        in_a_child(partial(read, store, repository.path))
        assert tables(store) == expected, f"killed before write {number}: {write}"
        assert KIND != "sqlite" or (store / ".iact" / ".gitignore").exists()
        remove_folder(store)
