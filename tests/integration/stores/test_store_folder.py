"""Where a store is kept, and that its folder stays out of everybody's commits."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from iact.core.errors import EnvironmentProblemError
from iact.stores.connect import open_sqlite
from iact.stores.retrying import Patience
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
    with ExitStack() as open_until_here:
        makers = [
            open_until_here.enter_context(
                subprocess.Popen([sys.executable, "-c", MAKER, str(place / "iact.db")], stderr=subprocess.PIPE)
            )
            for _ in range(4)
        ]
        said = [maker.communicate()[1] for maker in makers]
    assert [maker.returncode for maker in makers] == [0] * len(makers), said

    # Of two that close at the same moment neither is the last for SQLite, and its log stays until the next closes.
    open_sqlite(place / "iact.db").dispose()
    assert [path.name for path in place.parent.iterdir()] == [".iact"]
    assert {path.name for path in place.iterdir()} == {".gitignore", "iact.db"}


class _Refused(logging.Handler):
    """Knows when somebody was told to try again."""

    def __init__(self) -> None:
        super().__init__()
        self.once = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if "trying again" in record.getMessage():
            self.once.set()


def test_a_file_that_another_process_is_just_making_is_opened_once_that_is_done(tmp_path: Path):
    refused = _Refused()
    logging.getLogger("iact.stores.retrying").addHandler(refused)
    try:
        with (
            closing(sqlite3.connect(tmp_path / "iact.db", isolation_level=None)) as other,
            ThreadPoolExecutor(1) as second,
        ):
            other.execute("BEGIN IMMEDIATE")  # before the switch to write-ahead mode, as the first who opens it
            opened = second.submit(open_sqlite, tmp_path / "iact.db")
            assert refused.once.wait(30), opened
            other.execute("ROLLBACK")
            opened.result().dispose()
    finally:
        logging.getLogger("iact.stores.retrying").removeHandler(refused)


def test_a_file_that_others_hold_for_too_long_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("iact.stores.connect.WHILE_OPENING", Patience(attempts=2, first_pause=0.01))
    with closing(sqlite3.connect(tmp_path / "iact.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(EnvironmentProblemError, match="takes nobody in"):
            open_sqlite(tmp_path / "iact.db")
