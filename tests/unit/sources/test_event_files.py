"""A file of events is recognised by what it holds, and what is wrong in it is told with its line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from iact.core.errors import ConfigurationError, EnvironmentProblemError
from iact.sources.events.files import Row, read_rows
from iact.sources.events.own import read_row
from tests.support.project import ROOT

GITHUB = (ROOT / "tests/data/events/github-deployment-status.json").read_text("utf-8")
ONE, TWO = (
    {"kind": "deployment", "id": number, "environment": "production", "deployed_at": "2026-03-02 09:00Z"}
    for number in ("1", "2")
)
BOTH = [(1, read_row(ONE)), (2, read_row(TWO))]
HEAD = "kind,id,environment,deployed_at\n"


def rows(tmp_path: Path, content: str | bytes) -> list[Row]:
    path = tmp_path / "events"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_rows(path))


def good(found: list[Row]) -> list[object]:
    return [(row.line, *row.events) for row in found if not row.rejected]


def bad(found: list[Row]) -> list[tuple[int, str]]:
    return [(row.line, row.rejected) for row in found if row.rejected]


def cells(row: dict[str, str]) -> str:
    return ",".join(row.values()) + "\n"


def test_json_lines(tmp_path):
    assert good(rows(tmp_path, f"{json.dumps(ONE)}\n{json.dumps(TWO)}\n")) == BOTH


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path):
    assert good(rows(tmp_path, f"\ufeff{json.dumps(ONE)}\r\n{json.dumps(TWO)}\r\n")) == BOTH


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_what_a_spreadsheet_saves_as_unicode_text_is_read(tmp_path, encoding):
    mark = "" if encoding == "utf-16" else "\ufeff"
    content = f"{mark}{HEAD}{cells(ONE)}{cells(TWO)}".replace(",", "\t").encode(encoding)

    assert good(rows(tmp_path, content)) == [(2, read_row(ONE)), (3, read_row(TWO))]


def test_a_list_over_many_lines(tmp_path):
    found = rows(tmp_path, json.dumps([ONE, TWO], indent=2))

    assert good(found) == [(2, read_row(ONE)), (8, read_row(TWO))]


def test_one_object_over_many_lines(tmp_path):
    found = rows(tmp_path, GITHUB)

    assert [(row.line, row.rejected, row.repository, len(row.events)) for row in found] == [(1, "", "shop/web", 1)]


def test_objects_over_many_lines_that_follow_each_other(tmp_path):
    found = rows(tmp_path, GITHUB + GITHUB)

    assert [row.line for row in found] == [1, 1 + GITHUB.count("\n")]


def test_a_table(tmp_path):
    assert good(rows(tmp_path, HEAD + cells(ONE) + cells(TWO))) == [(2, BOTH[0][1]), (3, BOTH[1][1])]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_table_of_another_country(tmp_path, delimiter):
    content = (HEAD + cells(ONE)).replace(",", delimiter)

    assert good(rows(tmp_path, content)) == [(2, BOTH[0][1])]


def test_a_compressed_file(tmp_path):
    assert good(rows(tmp_path, gzip.compress(json.dumps(ONE).encode()))) == BOTH[:1]


def test_an_empty_file_holds_no_rows(tmp_path):
    assert rows(tmp_path, " \n") == []
    assert rows(tmp_path, HEAD) == []


def test_bad_rows_are_told_with_their_lines_and_the_others_are_read(tmp_path):
    found = rows(tmp_path, f'{json.dumps(ONE)}\n{{"kind":\n\n[1]\n{json.dumps(TWO)}\n')

    assert good(found) == [BOTH[0], (5, BOTH[1][1])]
    assert [line for line, _ in bad(found)] == [2, 4]
    assert "expected an object, found a list" in bad(found)[1][1]


def test_a_row_of_a_table_over_several_lines_is_told_by_its_first(tmp_path):
    found = rows(tmp_path, f'{HEAD}deployment,"1\n2",production,never\n{cells(ONE)}')

    assert [line for line, _ in bad(found)] == [2]
    assert good(found) == [(4, BOTH[0][1])]


def test_a_row_with_too_few_cells_is_rejected(tmp_path):
    assert bad(rows(tmp_path, f"{HEAD}deployment,1\n")) == [(2, "expected 4 cells, as in the first line, found 2.")]


def test_bytes_that_are_no_text_spoil_only_their_own_row(tmp_path):
    content = HEAD.encode() + b"deployment,\xff,production,2026-03-02\n" + cells(ONE).encode()

    found = rows(tmp_path, content)

    assert [line for line, _ in bad(found)] == [2]
    assert good(found) == [(3, BOTH[0][1])]


def test_payloads_of_other_events_are_left_out_and_not_rejected(tmp_path):
    found = rows(tmp_path, '{"ref": "refs/heads/main", "repository": {}}\n{"object_kind": "push"}\n{"zen": "…"}\n')

    assert [(row.events, row.rejected) for row in found] == [((), "")] * 3


def test_an_object_that_nobody_knows_is_rejected(tmp_path):
    assert bad(rows(tmp_path, '{"a": 1}')) == [
        (1, "expected `kind`, or a payload of GitHub or GitLab, found an object with `a`.")
    ]


def test_json_that_is_nested_without_end_is_rejected(tmp_path):
    assert [line for line, _ in bad(rows(tmp_path, '{"a":' + "[" * 200_000 + "\n" + json.dumps(ONE)))] == [1]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            "kind,id,enviroment\n",
            "events:1: expected the names of columns, found 'enviroment'. Did you mean environment",
        ),
        ("id,environment\n", "events:1: the column `kind` is missing"),
        ("kind,id,id\n", "events:1: the column `id` is there twice"),
    ],
)
def test_a_table_whose_columns_are_not_known_is_refused(tmp_path, content, reason):
    with pytest.raises(ConfigurationError, match=reason):
        rows(tmp_path, content)


def test_a_file_that_is_damaged_is_refused(tmp_path):
    with pytest.raises(EnvironmentProblemError, match="cannot be read"):
        rows(tmp_path, gzip.compress(b"x" * 1000)[:-9])
