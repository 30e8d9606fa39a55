"""The tables of docs/database-speed.md are what its benchmark measured, and no query missed its bar."""

from __future__ import annotations

import json

import pytest

from benchmarks.bench_sql import DOCUMENT, FULL, MOST_MILLISECONDS, RECORD, tables
from tests.support.queries import looks, named_queries
from tests.support.servers import DATABASE_SERVERS

MEASURED = json.loads(RECORD.read_text(encoding="utf-8"))


def test_the_document_ends_with_the_tables_of_what_was_measured():
    assert DOCUMENT.read_text(encoding="utf-8").endswith(f"\n\n{tables(MEASURED)}")


@pytest.mark.parametrize("server", DATABASE_SERVERS)
def test_every_query_with_a_bar_kept_it_at_full_size(server: str):
    found = MEASURED[server]

    assert (found["deployments"], found["journal"]) == (FULL.deployments, FULL.journal)
    slow = {name for name, one in found["queries"].items() if not one["unbounded"] and one["p95"] >= MOST_MILLISECONDS}
    assert slow == set()
    assert sum(not one["unbounded"] for one in found["queries"].values()) > 90


@pytest.mark.parametrize("server", DATABASE_SERVERS)
def test_every_query_that_finds_rows_was_measured(server: str):
    assert set(MEASURED[server]["queries"]) == {name for name, asked in named_queries().items() if looks(asked)}
