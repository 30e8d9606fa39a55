"""The rights that `iact db grants` prints are those that the code needs, table by table."""

from __future__ import annotations

import pytest
from sqlalchemy import Delete, Insert, Table, Update
from sqlalchemy.sql.dml import UpdateBase

from iact.stores.grants import (
    ADDS,
    CHANGES,
    ONLY_ADDED_TO,
    ONLY_READ,
    OWNER,
    READER,
    READS,
    Account,
    grants,
    rights_of_application,
    tables,
)
from iact.stores.metadata import METADATA
from tests.support.queries import named_queries

VERBS: dict[type[UpdateBase], str] = {Insert: "INSERT", Update: "UPDATE", Delete: "DELETE"}


PRUNING = ("engine.pruning.", "dora.cycle.pruning.", "audit.restoring.", "retention.erasing.")
"""The modules of `iact prune`, `iact audit restore` and `iact audit person erase`, with the account of the owner."""


def written() -> set[tuple[str, str]]:
    """Return what the queries of the code do to which table, but for those of the owner."""
    found = set()
    for name, query in named_queries().items():
        if not name.startswith(PRUNING) and isinstance(query.statement, Insert | Update | Delete):
            table = query.statement.table
            assert isinstance(table, Table)
            found.add((table.name, VERBS[type(query.statement)]))
    return found


def test_the_application_may_do_what_its_queries_do():
    rights = rights_of_application(tables())

    refused = {(table, verb) for table, verb in written() if verb not in rights[table]}
    assert refused == set(), "grant it in iact.stores.grants, or leave the rows alone"
    assert len(written()) > 20


def test_nobody_but_the_owner_deletes_what_was_kept_for_long_enough():
    deleted = {
        query.statement.table.name
        for name, query in named_queries().items()
        if name.startswith(PRUNING) and isinstance(query.statement, Delete) and isinstance(query.statement.table, Table)
    }

    assert {"journal", "dora_metrics", "runs"} <= deleted
    assert {one for one in deleted if "DELETE" not in rights_of_application([one])[one]} == {
        "journal",
        "journal_anchors",
        "dora_metrics",
        "persons",
        "remarks",
    }
    for table in ONLY_READ:
        assert rights_of_application([table]) == {table: READS}


def test_every_table_of_the_code_is_granted_and_three_of_the_stores_own():
    named_queries()  # imports every module that declares one

    assert set(tables()) == set(METADATA.tables) | {"alembic_version", "iact_schema", "iact_locks"}


@pytest.mark.parametrize("table", sorted(ONLY_ADDED_TO))
def test_what_must_not_change_cannot_be_changed_by_the_application(table: str):
    assert rights_of_application(tables())[table] == ADDS
    assert table in METADATA.tables


def test_names_are_quoted_and_wildcards_in_the_name_of_a_database_are_not_meant():
    (owner,) = grants(Account(OWNER, "o'brien", "10.0.%"), "my_shop", [])
    (reader,) = grants(Account(READER, "reader", "%"), "my_shop", ["runs"])

    assert owner.endswith(r"ON `my\_shop`.* TO 'o''brien'@'10.0.%'")
    assert reader == "GRANT SELECT ON `my_shop`.`runs` TO 'reader'@'%'"


def test_a_table_that_nothing_is_said_of_may_be_changed():
    assert rights_of_application(["anything"]) == {"anything": CHANGES}
