"""What is told to have been missing would have done, nothing smaller would, and fewer facts would not either."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

from hypothesis import assume, given
from hypothesis import strategies as st

from iact.core.cases import cases_of
from iact.core.conditions import AllOf, AnyOf, Leaf, Not
from iact.core.facts import Fact, FactSet
from iact.core.nearest_miss import nearest_miss
from iact.core.quantities import Dimension, Quantity
from tests.property.test_conditions import NAMES, NOON, conditions, fact_sets, quantities

ORDERS = ("above", "at_least", "below", "at_most")


def fixed_leaves(name: str) -> st.SearchStrategy[Leaf]:
    """Draw a comparison of one fact with a limit that stands in the rule."""
    return st.builds(Leaf, fact=st.just(name), comparator=st.sampled_from([*ORDERS, "is", "is_not"]), limit=quantities)


@st.composite
def conditions_that_ask_once(draw):
    """Draw a condition that asks for each fact in one place only."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    return _combined(draw, [draw(fixed_leaves(name)) for name in names])


def _combined(draw, parts):
    if len(parts) == 1:
        return Not(parts[0]) if draw(st.booleans()) else parts[0]
    cut = draw(st.integers(1, len(parts) - 1))
    below = (_combined(draw, parts[:cut]), _combined(draw, parts[cut:]))
    both = draw(st.sampled_from([AllOf, AnyOf]))(below)
    return Not(both) if draw(st.booleans()) else both


@given(conditions, fact_sets)
def test_with_the_facts_as_they_would_have_to_be_the_condition_is_true(condition, facts):
    miss = nearest_miss(condition, facts, NOON)
    assume(miss is not None)
    assert miss is not None

    assert condition.judge(miss.applied_to(facts), NOON).truth.is_true
    assert (miss.changes == ()) is condition.judge(facts, NOON).truth.is_true


@given(conditions_that_ask_once(), fact_sets)
def test_where_each_fact_is_asked_for_once_something_is_always_found_and_fewer_facts_would_not_do(condition, facts):
    miss = nearest_miss(condition, facts, NOON)
    assert miss is not None
    assume(miss.changes)

    cases = cases_of([condition], always_known=lambda _: False)
    assert cases is not None
    for names in combinations(sorted(set(condition.names())), len(miss.changes) - 1):
        for case in cases.all:
            others = facts.joined(FactSet.of(case.facts[name] for name in names))
            assert not condition.judge(others, NOON).truth.is_true


@given(
    st.sampled_from(ORDERS),
    st.fractions(-5, 5, max_denominator=4),
    st.fractions(-5, 5, max_denominator=4),
    st.fractions(0, 1, max_denominator=1_000_000),
)
def test_an_amount_that_lies_closer_would_not_have_done(comparator, limit, value, share_of_the_way):
    leaf = Leaf(fact="a", comparator=comparator, limit=Quantity(limit, Dimension.NUMBER))
    facts = FactSet.of([Fact(name="a", value=Quantity(value, Dimension.NUMBER))])
    assume(not leaf.judge(facts, NOON).truth.is_true)
    assume(share_of_the_way < 1)
    miss = nearest_miss(leaf, facts, NOON)
    assert miss is not None
    (told,) = [change.fact.value for change in miss.changes]
    assert isinstance(told, Quantity)

    closer = value + (limit - value) * share_of_the_way
    there = FactSet.of([Fact(name="a", value=Quantity(Fraction(closer), Dimension.NUMBER))])

    assert not leaf.judge(there, NOON).truth.is_true
    assert abs(told.amount - limit) <= Fraction(1, 10**9)
