"""What holds in every case that conditions can tell apart, holds for every value."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from iact.core.cases import cases_of
from iact.core.conditions import AllOf, AnyOf, Condition, Leaf, Not
from iact.core.facts import Fact, FactSet
from iact.core.instants import EPOCH
from iact.core.quantities import Dimension, Quantity
from iact.core.truth import Truth

NUMBERS = st.integers(-3, 3)
LEAVES: st.SearchStrategy[Condition] = st.one_of(
    st.builds(
        lambda name, comparator, limit: Leaf(fact=name, comparator=comparator, limit=amount(limit)),
        st.sampled_from("ab"),
        st.sampled_from(["above", "below", "at_least", "at_most", "is", "is_not"]),
        NUMBERS,
    ),
    st.builds(
        lambda comparator, limit: Leaf(fact="c", comparator=comparator, limit=limit),
        st.sampled_from(["is", "is_not"]),
        st.sampled_from(["x", "y"]),
    ),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AllOf(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=6,
)
VALUES = st.fractions(min_value=-4, max_value=4, max_denominator=4)


def amount(value: int | Fraction) -> Quantity:
    return Quantity(Fraction(value), Dimension.NUMBER)


@given(
    st.lists(CONDITIONS, min_size=1, max_size=3),
    st.one_of(st.none(), VALUES),
    st.one_of(st.none(), VALUES),
    st.one_of(st.none(), st.sampled_from(["x", "y", "z"])),
)
def test_whatever_the_facts_are_one_of_the_cases_comes_to_the_same(
    conditions: list[Condition], a: Fraction | None, b: Fraction | None, c: str | None
):
    values = {"a": None if a is None else amount(a), "b": None if b is None else amount(b), "c": c}
    facts = FactSet.of(Fact(name=n, value=v, missing="" if v is not None else "gone") for n, v in values.items())
    truths = tuple(condition.judge(facts, EPOCH).truth for condition in conditions)

    cases = cases_of(conditions, lambda _: False)

    assert cases is not None
    assert cases.is_exact
    assert truths in {case.truths for case in cases.all}


@given(CONDITIONS, VALUES)
def test_a_fact_that_is_always_known_is_unknown_in_no_case(condition: Condition, a: Fraction):
    cases = cases_of([condition, Leaf(fact="a", comparator="above", limit=amount(a))], lambda _: True)

    assert cases is not None
    assert Truth.UNKNOWN not in {truth for case in cases.all for truth in case.truths}
