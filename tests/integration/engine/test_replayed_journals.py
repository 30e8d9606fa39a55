"""Whatever a test leaves in a journal is decided again when it ends, and fails it where it comes out otherwise."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.project import ROOT

OUTCOME: Final = re.compile(r"^(PASSED|FAILED|ERROR) \S*::(\w+)", re.MULTILINE)
BEGINNING: Final = '''
import subprocess
import sys

import pytest
from sqlalchemy import text

from iact.engine.runtime import Runtime
from iact.stores.connect import open_memory, open_sqlite
from tests.support.agents import agent_definition
from tests.support.kept import open_kept, passing

AGENT = agent_definition("""
start: waiting
states:
  waiting: {next: [{event: told, decide: GO, to: done}]}
  done: {final: true}
""")


def written(engine, decided="go"):
    runtime = Runtime(engine, project="shop")
    run = runtime.start("test-agent", definitions=[AGENT], subject="shop")
    runtime.tell(run, "told", key="1")
    runtime.advance(run)
    with engine.begin() as connection:
        (body,) = connection.execute(text("SELECT body FROM journal WHERE kind = 'decision'")).scalars()
        other = bytes(body).replace(b'"outcome":"go"', b'"outcome":"%s"' % decided.encode())
        connection.execute(text("UPDATE journal SET body = :other WHERE kind = 'decision'"), {"other": other})
    return engine
'''


def outcomes(folder: Path, tests: str) -> tuple[dict[str, str], str]:
    """Return what became of tests that are run as those of this repository are, by their names, and what was said."""
    file = folder / "test_of_a_test.py"
    file.write_text(BEGINNING + tests, encoding="utf-8")
    words = ("-p", "tests.conftest", "-p", "no:cacheprovider", "--rootdir", str(ROOT), "-rA", "-q", str(file))
    basetemp = ("--basetemp", str(folder / "temporary"), "-c", str(ROOT / "pyproject.toml"))
    told = subprocess.run(
        [sys.executable, "-m", "pytest", *words, *basetemp], cwd=ROOT, capture_output=True, text=True, check=False
    )
    # A test that passes and whose end does not is told of twice, the worse last.
    return {name: outcome for outcome, name in OUTCOME.findall(told.stdout)}, told.stdout


@pytest.mark.not_replayed("what is below its folder was altered on purpose, by the tests that it runs")
def test_a_decision_that_was_altered_fails_the_test_that_wrote_it_wherever_it_is_kept(tmp_path: Path):
    found, said = outcomes(
        tmp_path,
        """
def test_as_it_was_decided(tmp_path):
    written(open_sqlite(tmp_path / "store.db"))
    written(open_memory())


def test_in_a_file(tmp_path):
    written(open_sqlite(tmp_path / "store"), "no")


def test_in_a_file_that_is_gone(tmp_path):
    written(open_sqlite(tmp_path / "store"), "no").dispose()
    (tmp_path / "store").unlink()


def test_in_memory():
    written(open_memory(), "no")


def test_in_memory_that_is_gone():
    written(open_memory(), "no").dispose()


def test_in_a_store_of_the_kind_that_tests_run_on(tmp_path):
    written(open_kept(tmp_path / "store"), "no")


def test_in_one_of_many_such_stores():
    with passing() as engine:
        written(engine, "no")


def test_by_another_process(tmp_path):
    script = (
        "import runpy, sys, pathlib; own = runpy.run_path(sys.argv[1]); "
        "own['written'](own['open_sqlite'](pathlib.Path(sys.argv[2])), 'no').dispose()"
    )
    subprocess.run([sys.executable, "-c", script, __file__, tmp_path / "store.db"], check=True)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return tmp_path_factory.mktemp("shared") / "store"


def test_in_a_store_that_tests_share(shared):
    written(open_sqlite(shared), "no")


def test_after_which_nothing_is_wrong():
    written(open_memory())


@pytest.mark.not_replayed("it is altered on purpose")
def test_on_purpose():
    written(open_memory(), "no")
""",
    )

    passed = {"test_as_it_was_decided", "test_after_which_nothing_is_wrong", "test_on_purpose"}
    assert {name for name, outcome in found.items() if outcome == "PASSED"} == passed, said
    assert {outcome for name, outcome in found.items() if name not in passed} == {"ERROR"}
    assert len(found) == 11
    assert "store in memory: run " in said
    assert "of shop: entry 2 decides otherwise" in said
