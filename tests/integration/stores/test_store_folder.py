"""Where a store is kept, and that its folder stays out of everybody's commits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from iact.stores.connect import open_sqlite
from tests.support.git import GitRepository

MAKER = """
import sys
from pathlib import Path

from iact.stores.connect import open_sqlite

open_sqlite(Path(sys.argv[1])).dispose()
"""


def test_a_store_in_a_repository_is_nothing_to_commit(repository: GitRepository):
    open_sqlite(repository.path / ".iact" / "iact.db").dispose()

    assert repository.git("status", "--porcelain") == ""


def test_a_folder_that_was_there_is_left_as_it_is(repository: GitRepository):
    open_sqlite(repository.path / "iact.db").dispose()

    assert not (repository.path / ".gitignore").exists()


def test_many_that_make_the_folder_at_once_leave_one_folder(tmp_path: Path):
    place = tmp_path / "new" / ".iact"
    makers = [
        subprocess.Popen([sys.executable, "-c", MAKER, str(place / "iact.db")], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    for maker in makers:
        _, said = maker.communicate()
        assert maker.returncode == 0, said

    assert [path.name for path in place.parent.iterdir()] == [".iact"]
    assert {path.name for path in place.iterdir()} == {".gitignore", "iact.db"}
