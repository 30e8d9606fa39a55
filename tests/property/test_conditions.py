"""Laws that every condition keeps, whatever its shape."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from iact.core.conditions import AllOf, AnyOf, FactLimit, Leaf, Not
from iact.core.facts import Fact, FactSet, fact_from_record
from iact.core.quantities import Dimension, Quantity, number
from iact.core.truth import Truth

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NAMES = ("a", "b", "c", "d")

quantities = st.builds(
    Quantity,
    st.fractions(min_value=-5, max_value=5, max_denominator=4),
    st.sampled_from([Dimension.SHARE, Dimension.NUMBER]),
)
leaves = st.builds(
    Leaf,
    fact=st.sampled_from(NAMES),
    comparator=st.sampled_from(["above", "at_least", "below", "at_most", "is", "is_not", "falls_by", "rises_by"]),
    limit=quantities | st.sampled_from(NAMES).map(FactLimit),
)
conditions = st.recursive(
    leaves,
    lambda parts: (
        st.lists(parts, min_size=1, max_size=3).map(tuple).map(AllOf)
        | st.lists(parts, min_size=1, max_size=3).map(tuple).map(AnyOf)
        | parts.map(Not)
    ),
    max_leaves=8,
)
known_facts = st.builds(
    lambda name, value, baseline: Fact(name=name, value=value, baseline=baseline, observed_at=NOON),
    st.sampled_from(NAMES),
    quantities,
    st.none() | quantities,
)
fact_sets = st.lists(known_facts, max_size=4).map(FactSet.of)


@given(conditions, fact_sets, st.data())
def test_learning_more_never_takes_back_what_was_decided(condition, facts, data):
    """Strong Kleene logic is monotone: a fact that arrives later can settle what was unknown, and nothing else."""
    some = data.draw(st.lists(st.sampled_from(sorted(facts.facts) or ["a"]), unique=True))
    fewer = FactSet.of(fact for fact in facts if fact.name in some)

    early, late = condition.judge(fewer, NOON).truth, condition.judge(facts, NOON).truth

    assert early in {Truth.UNKNOWN, late}


@given(conditions, fact_sets)
def test_de_morgan_holds_with_what_is_unknown(condition, facts):
    other = Leaf(fact="a", comparator="above", limit=number(0))

    left = Not(AllOf((condition, other))).judge(facts, NOON).truth
    right = AnyOf((Not(condition), Not(other))).judge(facts, NOON).truth

    assert left is right


@given(conditions, fact_sets)
def test_a_condition_looks_only_at_the_facts_that_it_names(condition, facts):
    wanted = set(condition.names())
    without_the_others = FactSet.of(fact for fact in facts if fact.name in wanted)

    assert condition.judge(facts, NOON) == condition.judge(without_the_others, NOON)


@given(known_facts)
def test_a_fact_reads_back_from_its_record_as_it_was(fact):
    assert fact_from_record(fact.to_record()) == fact
