"""Where a store is kept, and that its folder stays out of everybody's commits."""

from __future__ import annotations

from iact.stores.connect import open_sqlite
from tests.support.git import GitRepository


def test_a_store_in_a_repository_is_nothing_to_commit(repository: GitRepository):
    open_sqlite(repository.path / ".iact" / "iact.db").dispose()

    assert repository.git("status", "--porcelain") == ""


def test_a_folder_that_was_there_is_left_as_it_is(repository: GitRepository):
    open_sqlite(repository.path / "iact.db").dispose()

    assert not (repository.path / ".gitignore").exists()
