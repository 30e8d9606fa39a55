"""A row is written in one way, whichever database it comes from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from iact.stores.backups.lines import line_of, row_of

NOON = datetime(2026, 3, 2, 12, 0, 0, 123, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (("shop", 1, None), b'["shop",1,null]\n'),
        # SQLite keeps a moment as text, the servers' driver hands over a datetime without a zone.
        ((NOON.replace(tzinfo=None),), b'["2026-03-02T12:00:00.000123Z"]\n'),
        (("2026-03-02T12:00:00.000123Z",), b'["2026-03-02T12:00:00.000123Z"]\n'),
        ((True, False), b"[1,0]\n"),
        ((b'{"a":"\xc3\xa4"}',), '["{\\"a\\":\\"ä\\"}"]\n'.encode()),
        ((b"\xff\x00",), b'[{"base64":"/wA="}]\n'),
        ((3.0, 0.5, 1e-7, 1e22), b"[3,0.5,1e-7,1e+22]\n"),
        (("\x00\x1f\x7f\u2028/",), '["\\u0000\\u001f\x7f\u2028/"]\n'.encode()),
    ],
)
def test_a_row_has_one_line(row: tuple[Any, ...], line: bytes):
    assert line_of(row) == line


def test_what_is_read_suits_the_column_that_it_goes_into():
    row = ("shop", 1, b"\xff", b"text", NOON.replace(tzinfo=None), None, 0.5)

    assert row_of(line_of(row), (str, int, bytes, bytes, datetime, bytes, float)) == row


@pytest.mark.parametrize("wrong", [b'{"a": 1}\n', b"[1]\n", b"[1,2,3]\n", b"nonsense\n"])
def test_what_is_no_row_is_refused(wrong: bytes):
    with pytest.raises(ValueError):  # noqa: PT011 - each is told in the words of whatever found it
        row_of(wrong, (int, int))


def test_what_json_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="cannot hold a set"):
        line_of(({1},))
