"""Amounts read as people write them, exactly."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from iact.core.quantities import Dimension, Quantity, duration, from_record, number, parse, rate, share


@pytest.mark.parametrize(
    ("text", "amount", "dimension"),
    [
        ("48h", 48 * 3600, Dimension.DURATION),
        ("1h 30m", 5400, Dimension.DURATION),
        ("8 weeks", 8 * 604_800, Dimension.DURATION),
        ("1.5 days", 129_600, Dimension.DURATION),
        ("250ms", Fraction(1, 4), Dimension.DURATION),
        ("15%", Fraction(15, 100), Dimension.SHARE),
        ("-0.1 %", Fraction(-1, 1000), Dimension.SHARE),
        ("5 points", Fraction(5, 100), Dimension.POINTS),
        ("10/min", Fraction(1, 6), Dimension.RATE),
        ("1/week", Fraction(1, 604_800), Dimension.RATE),
        ("3", 3, Dimension.NUMBER),
        ("1.10", Fraction(11, 10), Dimension.NUMBER),
    ],
)
def test_an_amount_is_read_exactly(text, amount, dimension):
    assert parse(text) == Quantity(Fraction(amount), dimension)


@pytest.mark.parametrize(
    "text", ["", "48", "h", "48 parsecs", "15", "5 points%", "-3h", "1e3", "\u0661\u0662h", "3h\n4"]
)
def test_what_is_no_duration_says_what_was_expected_and_found(text):
    with pytest.raises(ValueError, match=r"expected a duration such as 30m, 48h or 8 weeks, found"):
        parse(text, Dimension.DURATION)


def test_a_duration_that_no_calendar_could_add_is_refused():
    assert parse("365000d").timedelta == timedelta(days=365_000)
    with pytest.raises(ValueError, match=r"expected at most 365,000 days, found '99999999999999w'"):
        parse("99999999999999w")


def test_an_amount_of_another_dimension_is_refused():
    with pytest.raises(ValueError, match=r"expected a share such as 15%, found '48h'"):
        parse("48h", Dimension.SHARE)


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (duration(timedelta(hours=48)), "48h"),
        (duration(timedelta(days=7)), "1w"),
        (duration(timedelta(days=19, hours=3)), "19.1d"),
        (duration(timedelta(minutes=90)), "90m"),
        (duration(timedelta(seconds=45)), "45s"),
        (duration(timedelta(0)), "0s"),
        (duration(timedelta(hours=-5)), "-5h"),
        (share(Decimal("0.15")), "15%"),
        (parse("5 points"), "5 points"),
        (rate(1, timedelta(weeks=1)), "1/week"),
        (rate(10, timedelta(minutes=1)), "10/min"),
        (number(3), "3"),
        (number(Decimal("0.333333")), "0.333"),
    ],
)
def test_an_amount_is_shown_as_a_person_would_write_it(quantity, text):
    assert str(quantity) == text


def test_a_record_of_an_amount_reads_back_as_the_same_amount():
    third = Quantity(Fraction(1, 3), Dimension.RATE)

    assert from_record(third.to_record()) == third


def test_only_a_duration_is_a_time_span():
    assert parse("90m").timedelta == timedelta(minutes=90)
    with pytest.raises(ValueError, match="15% is a share, not a duration"):
        _ = share(Decimal("0.15")).timedelta
