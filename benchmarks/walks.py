"""How many commits a second go by: read by iact, and walked by PyDriller; each in a process of its own, once imported.

Both look at the id, the parents, the message, both dates and whether it is a merge of every commit, and at no file.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from iact.sources.git.command import Git

PYDRILLER_COMMITS: Final = 100_000
"""How many of the newest commits PyDriller walks: it holds them all, and is no quicker with the rest."""

_READING: Final = """
import sys, time
from pathlib import Path
from iact.sources.git.command import Git
from iact.sources.git.history import History
from iact.sources.git.log import read_log
from iact.sources.git.refs import read_refs
from iact.sources.git.rules import GitRules
def look(log):
    for record in log:
        fields = (record.sha, record.parents, record.message)
        yield record
began, count = time.perf_counter(), 0
git, rules = Git.open(Path(sys.argv[1])), GitRules()
refs = read_refs(git, rules)
for commit in History(refs, rules).commits(look(read_log(git, refs.tips))):
    fields = (commit.authored_at, commit.committed_at, commit.is_merge)
    count += 1
print(count, time.perf_counter() - began)
"""
_PYDRILLER: Final = """
import sys, time
from datetime import datetime
from pydriller import Repository
began, count = time.perf_counter(), 0
for commit in Repository(sys.argv[1], since=datetime.fromisoformat(sys.argv[2])).traverse_commits():
    fields = (commit.hash, commit.parents, commit.msg, commit.author_date, commit.committer_date, commit.merge)
    count += 1
print(count, time.perf_counter() - began)
"""


def read(repository: Path, commits: int) -> float:
    """Return how many commits a second are read, from the last to the first.

    It is what a first reading does but for storing: it finds as well which commit merged each, and which release was
    the first to contain it.

    Args:
        repository: the repository.
        commits: how many its history has.
    """
    return _rate(repository, commits, _READING)


def walked_by_pydriller(repository: Path, commits: int) -> float:
    """Return how many commits a second PyDriller walks, on the newest part of the history; the parameters are the same.

    Not all, so that what is begun for each history weighs as little as it does for `read`, and no more is held.
    """
    part = min(PYDRILLER_COMMITS, commits // 2)
    line = Git(repository).run("log", "--format=%cI", f"--skip={part - 1}", "--max-count=1").decode().strip()
    return _rate(repository, part, _PYDRILLER, str(datetime.fromisoformat(line) - timedelta(seconds=1)))


def _rate(repository: Path, expected: int, walk: str, *arguments: str) -> float:
    command = [sys.executable, "-c", walk, str(repository), *arguments]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    count, seconds = int(printed[0]), float(printed[1])
    if not expected <= count <= expected + 10:
        sys.exit(f"{count} commits were walked instead of {expected}")
    return count / seconds
