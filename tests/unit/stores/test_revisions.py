"""What a revision says of itself, and that older releases are promised only what holds."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, create_engine, inspect

from iact.stores.migrate import upgrade
from iact.stores.revisions import (
    Revision,
    after,
    compatible_from,
    describe,
    described,
    newest_revision,
    revisions,
)

BEFORE_THE_PROMISE = "0007"
"""Releases up to this revision refuse every newer one, so nothing was promised to them."""
EXPANDING = [step for step in described() if step.compatible_from != step.number]


def test_a_revision_says_what_it_is_for_and_what_older_releases_may_do():
    script = '"""Adds a thing.\n\nMore of it."""\n\nrevision = "0009"\ncompatible_from = "0007"\n'

    assert describe("0009", script) == Revision("0009", "Adds a thing.", compatible_from="0007")


def test_a_revision_that_says_nothing_is_for_releases_that_know_it():
    assert describe("0009", '"""Adds a thing."""').compatible_from == "0009"


def test_what_follows_a_revision_is_what_is_missing():
    assert [step.number for step in after(None)] == list(revisions())
    assert after(newest_revision()) == ()
    assert [step.number for step in after(revisions()[-2])] == [newest_revision()]


def test_the_promise_of_all_steps_is_that_of_the_strictest():
    for number in revisions():
        strictest = max(step.compatible_from for step in described() if step.number <= number)

        assert compatible_from(number) == strictest


@pytest.mark.parametrize("step", [step for step in described() if step.number > BEFORE_THE_PROMISE], ids=str)
def test_a_revision_says_from_which_release_on_its_tables_can_be_used(step: Revision):
    """Its file says `compatible_from = "NNNN"`: an earlier one where older releases need not know of it (ADR 0042)."""
    assert step.compatible_from in revisions(), "compatible_from names no revision"
    assert step.compatible_from >= BEFORE_THE_PROMISE


@pytest.mark.parametrize("step", EXPANDING, ids=[step.number for step in EXPANDING])
def test_a_revision_that_older_releases_can_live_with_only_adds(step: Revision):
    """Nothing that they read goes away, and no row that they write is refused."""
    before, now = tables_at(revisions()[revisions().index(step.number) - 1]), tables_at(step.number)

    assert set(before) <= set(now)
    for table, columns in before.items():
        assert columns.items() <= now[table].items(), f"{table} lost or changed a column"
        required = {name for name in now[table].keys() - columns.keys() if now[table][name][1]}
        assert not required, f"an older release does not fill {required} of {table}: give it a default, or allow null"


def tables_at(revision: str) -> dict[str, dict[str, tuple[str, bool]]]:
    """Return the columns of each table at a revision: their type, and whether whoever inserts has to fill them.

    Unique keys stand among them, as what has to be filled.
    """
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        upgrade(connection, revision)
        found = {table: columns_of(connection, table) for table in inspect(connection).get_table_names()}
    engine.dispose()
    return found


def columns_of(connection: Connection, table: str) -> dict[str, tuple[str, bool]]:
    """Return the columns and unique keys of a table; see `tables_at`."""
    inspected = inspect(connection)
    columns = {
        one["name"]: (str(one["type"]), not one["nullable"] and one["default"] is None)
        for one in inspected.get_columns(table)
    }
    unique: list[object] = [one["column_names"] for one in inspected.get_unique_constraints(table)]
    unique += [one["column_names"] for one in inspected.get_indexes(table) if one["unique"]]
    return columns | {f"unique {names}": ("unique", True) for names in unique}
