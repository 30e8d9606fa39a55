"""MySQL and MariaDB read by an index what a query asks for: no full scan, and no more than its run or repository."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Connection

import iact
from iact.stores.query import every_query
from tests.support.large_store import Choice, Sizes, fill
from tests.support.queries import accesses, looks, named_queries
from tests.support.servers import DATABASE_SERVERS, DatabaseServer
from tests.support.stores import opened

SIZES = Sizes(large=3_000, small=1_000, repositories=12, runs=5_000, entries=10)
LOOKED_UP = 5
"""Ids a query is given: where it is given half of the rows, a server rightly reads all of them."""
TIMES = 5
SOURCES = Path(iact.__file__).parent
pytestmark = pytest.mark.not_replayed("its thousands of journals are rows that a script makes up")


@pytest.fixture(scope="module", params=DATABASE_SERVERS)
def filled(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A store on each server with so many rows that reading all of them never pays."""
    server: DatabaseServer = request.getfixturevalue(f"{request.param}_server")
    with server.database() as name:
        engine = opened(server.url(name))
        fill(engine, SIZES)
        with engine.connect() as connection:
            if request.param == "mysql":
                connection.exec_driver_sql("SET SESSION explain_json_format_version = 1")
            yield connection
        engine.dispose()


def test_no_query_reads_a_whole_table_or_a_whole_index(filled):
    choice = Choice(SIZES, seed=1, looked_up=LOOKED_UP)

    scans = {
        name: scanned
        for name, asked in named_queries().items()
        if looks(asked)
        for _ in range(TIMES)
        if (scanned := [one for one in accesses(filled, asked, choice.parameters(asked)) if one.is_full_scan])
    }

    assert scans == {}


def test_a_query_reads_more_than_it_asks_for_only_where_it_says_why(filled):
    """More: everything of its repository or project, although it asks for a window, a run, or some ids."""
    choice = Choice(SIZES, seed=2, looked_up=LOOKED_UP)
    bounded = {name: asked for name, asked in named_queries().items() if looks(asked) and not asked.whole}

    more = {
        name: whole
        for name, asked in bounded.items()
        for _ in range(TIMES)
        if (whole := [one for one in accesses(filled, asked, choice.parameters(asked)) if one.is_whole])
    }

    assert more == {}


def test_a_full_scan_would_be_seen(filled):
    """The two tests above can fail: without its index, the work that is open is found by reading all that was told."""
    asked = named_queries()["engine.claims.WITH_WORK"]
    parameters = Choice(SIZES, seed=1).parameters(asked)
    filled.exec_driver_sql("ALTER TABLE triggers RENAME INDEX ix_triggers_open TO elsewhere")
    assert [one for one in accesses(filled, asked, parameters) if one.table == "triggers" and one.is_whole] == []

    filled.exec_driver_sql("DROP INDEX elsewhere ON triggers")
    try:
        assert "triggers" in {one.table for one in accesses(filled, asked, parameters) if one.is_whole}
    finally:
        filled.exec_driver_sql("CREATE INDEX ix_triggers_open ON triggers (project, handled_at, run)")


def test_every_query_is_a_constant_of_a_module():
    """One that a function makes has no name, and nobody looks at its plan."""
    named = named_queries().values()

    assert [asked.sentence for asked in every_query() if asked not in named] == []


def test_every_query_has_a_sentence_of_its_own_in_its_module():
    for name, asked in named_queries().items():
        assert asked.sentence[0].isupper(), name
        assert asked.sentence.endswith("."), name


def test_rooms_ask_the_store_by_named_queries_only():
    """`execute` and `exec_driver_sql` are for `iact.stores`, and for `operations`, which look at the server."""
    found = {
        f"{path.relative_to(SOURCES)}:{node.lineno}"
        for path in SOURCES.rglob("*.py")
        if path.parts[len(SOURCES.parts)] not in {"stores", "core", "operations"}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"execute", "exec_driver_sql"}
    }

    # The first asks for the time; the second executes a task, and no statement; the third plays on a copy in memory,
    # which is thrown away, and of which nobody has to know what was asked.
    others = ("engine/clocks.py", "agents/sdlc.py", "engine/playing.py")
    assert [place for place in found if not place.startswith(others)] == []
