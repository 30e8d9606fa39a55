"""Kleene's tables, row by row."""

from __future__ import annotations

import pytest

from iact.core.truth import Truth, every, some

T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN


@pytest.mark.parametrize(
    ("left", "right", "conjunction", "disjunction"),
    [
        (T, T, T, T),
        (T, F, F, T),
        (T, U, U, T),
        (F, F, F, F),
        (F, U, F, U),
        (U, U, U, U),
    ],
)
def test_and_and_or_follow_kleene(left, right, conjunction, disjunction):
    assert every([left, right]) is every([right, left]) is conjunction
    assert some([left, right]) is some([right, left]) is disjunction


def test_not_unknown_is_unknown():
    assert [truth.negated() for truth in (T, F, U)] == [F, T, U]


def test_nothing_at_all_is_true_for_every_and_false_for_some():
    assert every([]) is T
    assert some([]) is F


def test_only_true_acts():
    assert [truth.is_true for truth in (T, F, U)] == [True, False, False]
