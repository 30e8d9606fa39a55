"""What becomes of texts and rows that speak of somebody who is to be erased."""

from __future__ import annotations

import html
import json
import unicodedata
from collections.abc import Mapping

import pytest
from sqlalchemy import Table

from iact.config.model.people import Person
from iact.retention.redaction import FREE_TEXTS, Redaction, names_of
from iact.stores.backups.tables import tables_at
from iact.stores.metadata import METADATA
from iact.stores.revisions import newest_revision
from tests.support.queries import named_queries

PSEUDONYM = f"person:{'0' * 64}"


def tables_of_the_code() -> Mapping[str, Table]:
    """Return every table that a module of the code declares."""
    named_queries()  # imports all of them
    return METADATA.tables


THEM = Redaction(("Ada Probe", "ada@example.org", 'O"Neil', "Zoë"), "person:0", frozenset({PSEUDONYM}))


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("seen by Ada Probe", "seen by person:0"),
        ("ADA PROBE, ada@example.org", "person:0, person:0"),
        ("Ada Probe's", "person:0's"),
        (json.dumps({"by": 'O"Neil'}), '{"by": "person:0"}'),
        (json.dumps({"by": "Zoë"}), '{"by": "person:0"}'),
        ("Zoë", "person:0"),
    ],
)
def test_names_are_exchanged_as_words_in_every_spelling(text: str, after: str):
    assert THEM.speaks_of_them(text)
    assert THEM.without_them(text) == after
    assert THEM.found_in(text.encode())


@pytest.mark.parametrize("text", ["Ada Probes", "Canada Probe", "Ada", "nada@example.org", ""])
def test_texts_that_only_contain_a_name_are_left_alone(text: str):
    assert not THEM.speaks_of_them(text)
    assert THEM.without_them(text) == text


@pytest.mark.parametrize(
    "content",
    [
        b"\0\1xAda Probex",
        b"_Ada Probe_ said",
        b"Ada Probes",
        b"ada\xc2\xa0probe",
        b"ADA\nPROBE",
        b"by=Ada%20Probe",
        "Ada Probe".encode("utf-16"),
        "Zoë".encode("latin-1"),
        "ZOË".encode(),
        unicodedata.normalize("NFD", "Zoë").encode(),
        html.escape('O"Neil').encode(),
        json.dumps(json.dumps('O"Neil')).encode(),
    ],
    ids=range(12),
)
def test_in_the_bytes_of_files_a_name_is_found_within_anything_and_in_every_spelling(content: bytes):
    assert THEM.found_in(content)


def test_a_short_name_is_looked_for_in_files_as_a_word():
    short = Redaction(("Tim",), "erased")
    assert short.has_short_name
    assert short.found_in(b"\0tim\0")
    assert not short.found_in(b"optimistic")
    assert not Redaction(("Ada Probe",), "erased").has_short_name


def test_a_plain_word_is_a_name_only_as_it_is_written_or_in_capitals():
    them = Redaction(("May",), "erased")
    assert them.without_them("May and MAY may wait, maybe") == "erased and erased may wait, maybe"


def test_of_json_only_texts_are_changed_that_do_not_say_what_it_is_about():
    them = Redaction(("title",), "erased")
    row = {"content": b'{"id":"title 3","title":"broke title","of":[1.5,"title"]}'}
    changed = them.changed("events", row)
    assert changed == {"content": b'{"id":"title 3","title":"broke erased","of":[1.5,"erased"]}'}
    assert list(them.columns_that_stay("events", row)) == ["content"]


@pytest.mark.parametrize("name", ["ada probe", " Ada Probe ", "ADA  PROBE", unicodedata.normalize("NFD", "Zoë")])
def test_a_person_is_theirs_however_their_name_is_written(name: str):
    assert THEM.is_theirs("persons", {"name": name, "pseudonym": "person:2"})


def test_a_person_whose_name_only_contains_theirs_is_somebody_else():
    assert not THEM.is_theirs("persons", {"name": "Ada Probe junior", "pseudonym": "person:2"})


def test_rows_by_them_and_about_them_are_theirs():
    row = {"person": "person:1", "words": b"ask Bo Sample"}
    assert THEM.is_theirs("persons", {"name": "Ada Probe", "pseudonym": "person:2"})
    assert THEM.is_theirs("persons", {"name": "", "pseudonym": PSEUDONYM})
    assert THEM.is_theirs("remarks", row | {"person": PSEUDONYM})
    assert THEM.is_theirs("remarks", row | {"words": b"ask Ada Probe"})
    assert not THEM.is_theirs("remarks", row)
    assert not THEM.is_theirs("changes", {"subject": "Ada Probe"})


def test_only_texts_that_nobody_decides_by_are_changed_and_the_others_are_told():
    row = {"subject": "fix (Ada Probe)", "sha": "Ada Probe", "at": None, "count": 3}
    assert THEM.changed("changes", row) == {"subject": "fix (person:0)"}
    assert THEM.changed("events", {"content": b'{"title":"Ada Probe"}'}) == {"content": b'{"title":"person:0"}'}
    assert list(THEM.columns_that_stay("changes", row)) == ["sha"]
    assert list(THEM.columns_that_stay("journal", {"body": b'{"by":"Ada Probe"}'})) == ["body"]


def test_every_column_that_may_be_changed_is_there_and_names_no_row():
    tables = {one.name: one for one in tables_at(newest_revision())}
    for name, columns in FREE_TEXTS.items():
        assert set(columns) <= set(tables[name].names)
        assert not set(columns) & set(tables[name].key)
        types = tables_of_the_code()[name].columns
        assert dict(columns) == {column: getattr(types[column].type, "length", None) for column in columns}


def test_a_text_that_grows_is_cut_to_the_room_that_it_has():
    subject = THEM.changed("changes", {"subject": "Zoë " * 50})["subject"]
    assert subject == ("person:0 " * 50)[:200]


def test_a_person_of_the_rules_is_known_by_all_their_names():
    person = Person(email="ada@example.org", slack="@ada", github="ada-p", git=("A. Probe <a.probe@example.org>",))
    assert names_of("ada", ["Ada Probe", "ada"], person) == (
        "ada",
        "Ada Probe",
        "ada@example.org",
        "@ada",
        "ada-p",
        "A. Probe",
        "a.probe@example.org",
    )
    assert names_of("ada", [], None) == ("ada",)
