"""What comes from outside cannot hide, reorder or break the lines of a table."""

from __future__ import annotations

import pytest

from iact.core.alignment import aligned
from iact.core.visible import in_one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Müller → 3 · 日本", "Müller → 3 · 日本"),
        ("a\u0001b", "a[U+0001]b"),
        ("a\x1b[31mb", "a[U+001B][31mb"),
        ("one\nok      two\tthree", "one[U+000A]ok      two[U+0009]three"),
        ("a\u202eb\u2028c", "a[U+202E]b[U+2028]c"),
        ("soft\u00adhyphen\u00a0space", "soft\u00adhyphen\u00a0space"),
        ("half \ud800", "half \ufffd"),
    ],
)
def test_what_would_break_a_line_is_shown_by_its_number(text: str, shown: str):
    assert in_one_line(text) == shown


def test_columns_stand_below_each_other_whatever_is_in_them():
    assert list(aligned([["a\n", "b"], ["long enough", "c"]])) == ["a[U+000A]    b", "long enough  c"]
