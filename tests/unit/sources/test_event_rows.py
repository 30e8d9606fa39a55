"""Rows of our own form: every column does what its page and its schema say."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import jsonschema
import pytest

from iact.core.canonical import canonical
from iact.sources.events.fields import EventError
from iact.sources.events.model import EVENTS, DeploymentEvent, IncidentEvent, Status, read_content
from iact.sources.events.own import COLUMNS, FILE, column_tables, event_schema, read_row, schema_text
from tests.support.project import ROOT

EXAMPLES = {
    kind: {"kind": kind} | {column.name: column.example for column in columns} for kind, columns in COLUMNS.items()
}
DEPLOYMENT = {"kind": "deployment", "id": "1", "environment": "production", "deployed_at": "2026-03-02 09:00Z"}
INCIDENT = {"kind": "incident", "id": "7", "opened_at": "2026-03-02 10:00Z"}
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
TEN = datetime(2026, 3, 2, 10, tzinfo=UTC)


def valid(row: object) -> bool:
    return jsonschema.Draft202012Validator(event_schema()).is_valid(row)


def test_there_are_columns_for_every_kind_of_event():
    assert set(COLUMNS) == set(EVENTS)


@pytest.mark.parametrize("kind", COLUMNS)
def test_the_example_of_every_column_is_read_and_fits_the_schema(kind):
    event = read_row(EXAMPLES[kind])

    assert event.kind == kind
    assert valid(EXAMPLES[kind])
    assert read_content(kind, event.content) == event


@pytest.mark.parametrize("kind", COLUMNS)
def test_the_content_of_an_event_is_canonical(kind):
    content = read_row(
        EXAMPLES[kind] | ({"title": 'Größe "x" \\ \u2028 \U0001f600'} if kind == "incident" else {})
    ).content

    assert canonical(json.loads(content)) == content


@pytest.mark.parametrize(
    ("kind", "column"),
    [(kind, column.name) for kind, columns in COLUMNS.items() for column in columns if column.needed],
)
def test_a_column_that_must_be_there_is_missed(kind, column):
    row = {name: cell for name, cell in EXAMPLES[kind].items() if name != column}

    with pytest.raises(EventError, match=f"`{column}`: expected .* found nothing"):
        read_row(row)
    assert not valid(row)


def test_a_row_may_leave_out_what_it_need_not_say():
    assert read_row(DEPLOYMENT) == DeploymentEvent(
        source="file", id="1", at=NINE, status=Status.SUCCESS, environment="production", deployed_at=NINE
    )
    assert read_row(INCIDENT) == IncidentEvent(source="file", id="7", at=TEN, status=Status.OPEN, opened_at=TEN)


def test_a_number_is_an_id_as_its_text_is():
    assert read_row(DEPLOYMENT | {"id": 1}) == read_row(DEPLOYMENT)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({}, "`kind`: expected one of deployment, incident, change, pipeline, found nothing"),
        ({"kind": "deploy"}, "`kind`: expected one of deployment, .* found 'deploy'"),
        (DEPLOYMENT | {"enviroment": "x"}, "`enviroment`: a deployment has no such column. Did you mean environment"),
        (DEPLOYMENT | {"opened_at": "2026-03-02"}, "`opened_at`: a deployment has no such column"),
        (DEPLOYMENT | {"deployed_at": "yesterday"}, "`deployed_at`: expected a date .* found 'yesterday'"),
        (DEPLOYMENT | {"deployed_at": "2026-03-02 09:00"}, "`deployed_at`: expected a date"),
        (DEPLOYMENT | {"deployed_at": "0001-01-01T00:00+14:00"}, "`deployed_at`: expected"),
        (DEPLOYMENT | {"deployed_at": 1_772_000_000}, "`deployed_at`: expected a date .* found 1772000000"),
        (DEPLOYMENT | {"status": "done"}, "`status`: expected one of pending, success, .* found 'done'"),
        (DEPLOYMENT | {"sha": "main"}, "`sha`: expected a commit: 7 to 64 hexadecimal digits, found 'main'"),
        (DEPLOYMENT | {"id": "x" * 91}, "`id`: expected an id of 1 to 90 characters"),
        (DEPLOYMENT | {"id": True}, "`id`: expected an id of 1 to 90 characters, found True"),
        (DEPLOYMENT | {"name": "\ud800"}, "`name`: expected a text"),
        (DEPLOYMENT | {"name": "a\0b"}, "`name`: expected a text"),
        (DEPLOYMENT | {"source": "my tool"}, "`source`: expected 1 to 32 letters"),
        (DEPLOYMENT | {"source": "Git"}, "`source`: expected 1 to 32 letters, digits, dots or dashes, and not git"),
        (INCIDENT | {"resolved_at": "2026-03-02 09:00Z"}, "`resolved_at`: expected a moment that is not before"),
        (INCIDENT | {"status": "resolved"}, "`resolved_at`: expected a moment, because `status` is resolved"),
    ],
)
def test_a_row_that_cannot_be_used_says_which_cell_what_was_found_and_what_was_expected(row, reason):
    with pytest.raises(EventError, match=reason):
        read_row(row)


def test_the_committed_schema_is_made_from_the_columns():
    """When this fails, write `schema_text()` to the file."""
    assert (ROOT / "catalog/schemas" / FILE).read_text("utf-8") == schema_text()


def test_the_page_shows_the_columns():
    """When this fails, put `column_tables()` into the page."""
    page = (ROOT / "docs/ingest.md").read_text("utf-8")

    assert [table for table in column_tables() if table not in page] == []
