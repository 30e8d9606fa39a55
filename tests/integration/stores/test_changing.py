"""Many rows changed to something else each in one statement are what each by itself would be, on every store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from iact.engine import store
from iact.engine.tables import INTENTS
from iact.stores.changing import AT_ONCE, change_rows
from iact.stores.connect import reading, writing
from tests.support.stores import opened

NOW = datetime(2026, 11, 27, 9, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    """The store of each kind."""
    found = opened(store_url)
    yield found
    found.dispose()


def intent(number: int, project: str = "test") -> dict[str, Any]:
    """Return the row of an action that was decided."""
    return {
        "project": project,
        "key": f"run-{number}/1/0",
        "run": f"run-{number}",
        "visit": 1,
        "action": "sweep",
        "arguments": b"{}",
        "status": "decided",
        "attempts": 0,
        "decided_at": NOW,
        "settled_at": None,
        "due_at": None,
    }


def marks(count: int) -> list[dict[str, Any]]:
    """Return what becomes of so many actions: something else of each, nothing or the same of some columns."""
    return [
        {
            "key": f"run-{number}/1/0",
            "status": ("done", "failed", "review")[number % 3],
            "attempts": number,
            "settled_at": NOW + timedelta(microseconds=number) if number % 2 else None,
            "due_at": None,
        }
        for number in range(count)
    ]


def stored(engine: Engine) -> dict[tuple[str, str], dict[str, Any]]:
    """Return every action of the store."""
    with reading(engine) as connection:
        rows = connection.execute(INTENTS.select()).mappings()
        return {(row["project"], row["key"]): dict(row) for row in rows}


@pytest.mark.parametrize("count", [1, 2, AT_ONCE, AT_ONCE + 1])
def test_every_row_gets_its_own_cells_and_no_other_row_is_touched(engine: Engine, count: int):
    others = [intent(count), intent(0, project="other")]
    with writing(engine) as connection:
        store.DECIDE_INTENTS.run_many(connection, [*(intent(number) for number in range(count)), *others])
    with writing(engine) as connection:
        change_rows(connection, INTENTS, within={"project": "test"}, by="key", rows=marks(count))

    changed = [intent(number) | mark for number, mark in enumerate(marks(count))]
    assert stored(engine) == {(row["project"], row["key"]): row for row in [*changed, *others]}


def test_a_column_is_counted_up_in_each_of_the_rows_and_in_no_other(engine: Engine):
    with writing(engine) as connection:
        store.DECIDE_INTENTS.run_many(connection, [intent(number) | {"attempts": number} for number in range(4)])
    with writing(engine) as connection:
        rows = [{"key": f"run-{number}/1/0", "status": "working"} for number in range(3)]
        change_rows(connection, INTENTS, within={"project": "test"}, by="key", rows=rows, counting="attempts")

    assert [row["attempts"] for _, row in sorted(stored(engine).items())] == [1, 2, 3, 3]


def test_no_rows_are_no_statement(engine: Engine):
    with writing(engine) as connection:
        change_rows(connection, INTENTS, within={"project": "test"}, by="key", rows=[])

    assert stored(engine) == {}
