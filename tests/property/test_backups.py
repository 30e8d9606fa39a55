"""A backup of which any byte was changed, or of which the end is missing, is never taken for whole."""

from __future__ import annotations

import tempfile
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from iact.core.errors import FindingError
from iact.stores.backups.archive import verify
from iact.stores.backups.lines import line_of, row_of
from iact.stores.backups.saving import save
from iact.stores.connect import open_sqlite, writing

SMALLEST: Final = -(2**53) + 1
VALUES: Final = st.one_of(
    st.none(),
    st.integers(SMALLEST, -SMALLEST),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer()),
)


@given(st.lists(VALUES, min_size=1))
def test_a_line_is_the_canonical_json_of_its_row(row: list[Any]):
    line = line_of(row)

    assert line == rfc8785.dumps(row) + b"\n"
    assert row_of(line, [object] * len(row)) == tuple(row)


@given(st.binary())
def test_bytes_come_back_as_they_were(content: bytes):
    assert row_of(line_of((content,)), (bytes,)) == (content,)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2999, 12, 31)))  # noqa: DTZ001 - as a server's driver hands them over
def test_moments_come_back_as_they_were(moment: datetime):
    assert row_of(line_of((moment,)), (datetime,)) == (moment,)


@pytest.fixture(scope="module")
def whole() -> bytes:
    """The bytes of a backup with some rows in it."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_sqlite(Path(folder) / "iact.db")
        with writing(engine) as connection:
            for number in range(40):
                connection.execute(
                    text("INSERT INTO holds VALUES ('p', :name, 'run-1', '2026-03-02T12:00:00.000000Z')"),
                    {"name": f"metric-{number}"},
                )
        target = Path(folder) / "a.zip"
        save(engine, target, shown_as="it", tell=lambda _table, _rows: None)
        engine.dispose()
        return target.read_bytes()


def fault_of(content: bytes) -> str:
    """Return what is said of a file with this content; empty where nothing is wrong with it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.zip"
        file.write_bytes(content)
        try:
            verify(file)
        except FindingError as error:
            return str(error)
    return ""


@given(st.data())
def test_any_bit_that_was_flipped_is_found(whole: bytes, data: st.DataObject):
    place = data.draw(st.integers(0, len(whole) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = bytearray(whole)
    changed[place] ^= 1 << bit

    assert fault_of(bytes(changed))


@given(st.data())
def test_wherever_it_was_cut_off_it_is_found(whole: bytes, data: st.DataObject):
    length = data.draw(st.integers(0, len(whole) - 1))

    assert fault_of(whole[:length])


@given(st.binary(min_size=1, max_size=200))
def test_whatever_was_added_at_the_end_is_found(whole: bytes, more: bytes):
    assert fault_of(whole + more)


def test_what_is_whole_is_taken_for_whole(whole: bytes):
    assert fault_of(whole) == ""


def test_it_is_told_where_the_damage_is(whole: bytes):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.zip"
        file.write_bytes(whole)
        with zipfile.ZipFile(file) as archive:
            start = archive.getinfo("tables/holds.jsonl").header_offset
    changed = bytearray(whole)
    changed[start + 30 + len("tables/holds.jsonl") + 20 + 10] ^= 255

    assert "the first damage is in tables/holds.jsonl, after row" in fault_of(bytes(changed))
    assert "its end is missing or damaged" in fault_of(whole[: len(whole) // 2])


def test_a_newer_format_is_refused_by_its_number(whole: bytes):
    """The first member is not compressed, so its version can be read even where everything else is done otherwise."""
    newer = whole.replace(b'"version": 1', b'"version": 2', 1)

    assert "is of format 2, which is newer than what this release reads (1)" in fault_of(newer)
    assert "is no backup of iact" in fault_of(b"PK\x03\x04 some other archive" * 40)
    assert "is no backup of iact" in fault_of(b"")
