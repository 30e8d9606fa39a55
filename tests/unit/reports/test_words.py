"""Amounts, moments and digests as people read them."""

from __future__ import annotations

import pytest

from iact.reports import words
from iact.reports.errors import ReportError


@pytest.mark.parametrize(
    ("shown", "written"),
    [
        ("19d", "19\u202fd"),
        ("[6.12h, 159d]", "[6.12\u202fh, 159\u202fd]"),
        ("3.92m", "3.92\u202fmin"),
        ("1h 30m", "1\u202fh 30\u202fmin"),
        ("90% of it", "90\u202f% of it"),
        ("50 %", "50\u202f%"),
        ("0.13/week", "0.13/week"),
        ("5 points", "5 points"),
        ("v1.2.3dev", "v1.2.3dev"),
        ("3 days", "3 days"),
    ],
)
def test_numbers_stand_apart_from_their_units_and_minutes_from_months(shown, written):
    assert words.amount(shown) == written


@pytest.mark.parametrize(
    ("rate", "unit", "said"),
    [
        ("0.0671", "per week", "about one in 15 weeks"),
        ("0.5", "per week", "about one in 2 weeks"),
        ("0.952", "per week", ""),
        ("0", "per week", ""),
        ("0.0671", "share", ""),
    ],
)
def test_rare_events_are_said_by_the_time_between_them(rate, unit, said):
    assert words.in_other_words(rate, unit) == said


def test_moments_say_their_zone():
    assert words.moment("2026-03-02T09:00:00.000000Z") == "2026-03-02 09:00\u202fUTC"
    assert words.day("2026-03-02T09:00:00.000000Z") == "2026-03-02"


@pytest.mark.parametrize("written", ["yesterday", "2026-03-02T09:00", None])
def test_what_is_no_moment_is_refused(written):
    with pytest.raises(ReportError, match="RFC 3339"):
        words.moment(written)


@pytest.mark.parametrize("written", ["many", "", None])
def test_what_is_no_number_is_refused(written):
    with pytest.raises(ReportError, match="decimal text"):
        words.number(written)


def test_digests_are_shortened_and_other_names_are_not():
    assert words.short("sha256:" + "ab" * 32) == "abababababab"
    assert words.short("ab" * 20) == "abababababab"
    assert words.short("a release of May") == "a release of May"


def test_every_truth_has_its_sign():
    assert [words.sign(truth) for truth in ("true", "false", "unknown", "perhaps")] == ["✓", "✗", "?", ""]


def test_shares_are_written_in_hundredths():
    assert [words.percent(share) for share in ("0.95", "0.9", "1", "0.999")] == [
        "95\u202f%",
        "90\u202f%",
        "100\u202f%",
        "99.9\u202f%",
    ]
