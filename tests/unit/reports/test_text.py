"""What a repository says is shown as it is written, and nothing unknown is printed as if it were known."""

from __future__ import annotations

import pytest
from markupsafe import Markup

from iact.core.visible import visible
from iact.reports.errors import ReportError
from iact.reports.text import printable, shortened


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, größer als 3 – 日本語 🎉", "plain text, größer als 3 – 日本語 🎉"),
        ("a\u202eb\u202cc", "a[U+202E]b[U+202C]c"),
        ("zero\u200bwidth", "zero[U+200B]width"),
        ("bell\x07 and null\x00", "bell[U+0007] and null[U+0000]"),
        ("half a character \udc80", "half a character \ufffd"),
        ("family 👩\u200d👩\u200d👧", "family 👩\u200d👩\u200d👧"),
    ],
)
def test_characters_that_deceive_are_shown_by_their_number(text, shown):
    assert visible(text) == shown


@pytest.mark.parametrize(("text", "length", "short"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("a b", 2, "a…")])
def test_long_text_ends_with_an_ellipsis(text, length, short):
    assert shortened(text, length) == short


def test_nothing_can_be_shortened_to_nothing():
    with pytest.raises(ValueError, match="shortened to 0"):
        shortened("abc", 0)


@pytest.mark.parametrize(("value", "printed"), [("text", "text"), (3, "3"), (Markup("<b>"), Markup("<b>"))])
def test_text_numbers_and_finished_markup_are_printed(value, printed):
    assert printable(value) == printed


@pytest.mark.parametrize("value", [None, True, 0.1, {}, []])
def test_what_is_unknown_or_inexact_is_never_printed(value):
    with pytest.raises(ReportError, match="needs its sentence"):
        printable(value)
