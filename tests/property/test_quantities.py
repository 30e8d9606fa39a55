"""Laws of amounts and of canonical bytes."""

from __future__ import annotations

import json
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from iact.core.canonical import canonical
from iact.core.quantities import Dimension, Quantity, duration, from_record, parse

records = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(max_size=8), parts, max_size=4),
    max_leaves=20,
)


@given(st.timedeltas(timedelta(days=-10_000), timedelta(days=10_000)))
def test_a_time_span_is_the_same_after_becoming_an_amount(span):
    assert duration(span).timedelta == span


@given(st.fractions(), st.sampled_from(list(Dimension)))
def test_an_amount_reads_back_from_its_record_exactly(amount, dimension):
    quantity = Quantity(amount, dimension)

    assert from_record(json.loads(json.dumps(quantity.to_record()))) == quantity


@given(st.integers(0, 50_000), st.sampled_from(["{}h", "{} weeks", "{}%", "{} points", "{}/week", "{}", "{}m 30s"]))
def test_what_is_shown_reads_back_within_what_three_digits_can_say(count, form):
    quantity = parse(form.format(count))

    shown = parse(str(quantity), quantity.dimension)

    assert abs(shown.amount - quantity.amount) <= abs(quantity.amount) / 100


@given(records)
def test_canonical_bytes_read_back_as_the_record(record):
    assert json.loads(canonical(record)) == record


@given(st.dictionaries(st.text(max_size=8), st.integers(-5, 5), max_size=6), st.randoms(use_true_random=False))
def test_the_order_in_which_a_record_was_made_does_not_show(record, random):
    items = list(record.items())
    random.shuffle(items)

    assert canonical(dict(items)) == canonical(record)
