"""No query about a repository looks through the rows of another, or through one table for each row of the other."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy.sql.selectable import SelectBase

from iact.dora import ingest, known, news, store, told_deployments, unattributed
from iact.dora.cycle import records
from iact.dora.pull import store as pull_store
from iact.dora.recorder import changes, deployments, ending, failures
from iact.stores.connect import open_memory
from iact.stores.query import Query

MOMENT = datetime(2026, 3, 2, tzinfo=UTC)
PARAMETERS = {
    "in_project": "p",
    "in_repository": "r",
    "start": MOMENT,
    "end": MOMENT,
    "moment": MOMENT,
    "shas": ["a", "b"],
    "keys": ["a", "b"],
    "first": "a",
    "after": "ag",
    "digests": ["a", "b"],
    "of_kind": "deployment",
    "of_key": "a",
    "environment": "production",
    "of_source": "github",
    "of_remote": "api.github.com/77",
    "of_stream": "deployments",
    "ids": ["a", "b"],
    "cycles": ["a", "b"],
    "project": "p",
    "request_id": "a",
}
MODULES = (
    store,
    changes,
    deployments,
    ending,
    failures,
    ingest,
    pull_store,
    news,
    known,
    told_deployments,
    unattributed,
    records,
)
STATEMENTS = {
    f"{module.__name__}.{name}": found.statement
    for module in MODULES
    for name, found in vars(module).items()
    if isinstance(found, Query) and isinstance(found.statement, SelectBase)
}
JOINS = [name for name, one in STATEMENTS.items() if "JOIN" in str(one) and "UNION" not in str(one)]


def searches(name: str) -> list[str]:
    """Return what SQLite is going to read for a query, table by table, the innermost last."""
    statement = STATEMENTS[name]
    needed = statement.compile().params
    with open_memory().connect() as connection:
        given = statement.params({name: PARAMETERS[name] for name in needed if name in PARAMETERS})
        written = given.compile(connection, compile_kwargs={"literal_binds": True})
        steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {written}")]
    return [step for step in steps if step.startswith(("SCAN", "SEARCH")) and step != "SCAN CONSTANT ROW"]


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_table_is_read_by_an_index(name):
    assert searches(name)
    assert [step for step in searches(name) if not step.startswith("SEARCH") or "AUTOMATIC" in step] == []


@pytest.mark.parametrize("name", JOINS)
def test_a_joined_table_is_read_by_more_than_its_repository(name):
    """The first table may be read for a whole repository; the next is read once for each row of the first."""
    project_and_repository = 2

    assert [step for step in searches(name)[1:] if step.count("=?") <= project_and_repository] == []


def test_what_waited_at_a_moment_is_found_without_reading_every_change():
    """A part of a union is a query of its own: what its first table is read by counts as well."""
    project_and_repository = 2

    read = [step for step in searches("iact.dora.store.CHANGES_WAITING_AT") if step.startswith("SEARCH changes ")]

    assert len(read) == 3
    assert [step for step in read if step.count("=?") <= project_and_repository] == []
