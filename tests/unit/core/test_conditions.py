"""What a condition comes to, and what it says about why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from iact.core.conditions import ALWAYS, AllOf, AnyOf, FactLimit, Leaf, Not, Relative
from iact.core.facts import Fact, FactSet
from iact.core.quantities import parse
from iact.core.tree import Position
from iact.core.truth import Truth

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def known(name, value, **more):
    return Fact(name=name, value=value, observed_at=NOON, **more)


def judge(condition, *facts):
    return condition.judge(FactSet.of(facts), NOON)


@pytest.mark.parametrize(
    ("comparator", "below", "equal", "above"),
    [
        ("above", Truth.FALSE, Truth.FALSE, Truth.TRUE),
        ("at_least", Truth.FALSE, Truth.TRUE, Truth.TRUE),
        ("below", Truth.TRUE, Truth.FALSE, Truth.FALSE),
        ("at_most", Truth.TRUE, Truth.TRUE, Truth.FALSE),
    ],
)
def test_a_limit_is_strict_or_not_as_its_word_says(comparator, below, equal, above):
    leaf = Leaf(fact="improvement", comparator=comparator, limit=parse("15%"))

    found = [judge(leaf, known("improvement", parse(value))).truth for value in ("14.9%", "15%", "15.1%")]

    assert found == [below, equal, above]


def test_a_missing_fact_makes_neither_a_condition_nor_its_opposite_true():
    leaf = Leaf(fact="error_rate", comparator="above", limit=parse("10/min"))

    assert judge(leaf).truth is Truth.UNKNOWN
    assert judge(Not(leaf)).truth is Truth.UNKNOWN


def test_an_explanation_names_the_line_the_value_and_why_one_is_missing():
    at = Position("playbooks/disk.yaml", 7, 9)
    leaf = Leaf(fact="used", comparator="above", limit=parse("90%"), position=at)

    seen = judge(leaf, known("used", parse("93%")))
    missing = judge(leaf, Fact(name="used", missing="the host did not answer"))

    assert (seen.text, seen.saw, seen.position) == ("used above 90%", "93%", at)
    assert missing.saw == "unknown: the host did not answer"
    assert seen.to_record() == {
        "truth": "true",
        "text": "used above 90%",
        "at": "playbooks/disk.yaml:7:9",
        "saw": "93%",
    }


def test_two_units_never_compare():
    leaf = Leaf(fact="lead_time", comparator="below", limit=parse("50%"))

    judgement = judge(leaf, known("lead_time", parse("3d")))

    assert judgement.truth is Truth.UNKNOWN
    assert judgement.saw == "72h is a duration, the limit 50% a share"


def test_a_limit_may_be_a_share_of_another_fact():
    leaf = Leaf(fact="wait", comparator="above", limit=Relative(Fraction(1, 2), "lead_time"))

    assert set(leaf.names()) == {"wait", "lead_time"}
    assert judge(leaf, known("wait", parse("11d")), known("lead_time", parse("20d"))).truth is Truth.TRUE
    refuted = judge(leaf, known("wait", parse("9d")), known("lead_time", parse("20d")))
    assert (refuted.truth, refuted.saw) == (Truth.FALSE, "9d, against 10d")
    assert judge(leaf, known("wait", parse("10d"))).saw == "lead_time is unknown: nothing supplied it"


def test_a_limit_may_be_another_fact():
    leaf = Leaf(fact="plan.expected", comparator="above", limit=FactLimit("policy.minimum"))

    assert judge(leaf, known("plan.expected", parse("30%")), known("policy.minimum", parse("15%"))).truth is Truth.TRUE
    assert judge(leaf, known("plan.expected", parse("30%"))).truth is Truth.UNKNOWN


@pytest.mark.parametrize(
    ("before", "after", "comparator", "limit", "outcome"),
    [
        ("20d", "14d", "falls_by", "30%", Truth.TRUE),
        ("20d", "14.1d", "falls_by", "30%", Truth.FALSE),
        ("20d", "26d", "falls_by", "30%", Truth.FALSE),
        ("20d", "14d", "falls_by", "5d", Truth.TRUE),
        ("10%", "15%", "rises_by", "5 points", Truth.TRUE),
        ("10%", "14%", "rises_by", "5 points", Truth.FALSE),
        ("10%", "15%", "rises_by", "50%", Truth.TRUE),
        ("0%", "15%", "rises_by", "50%", Truth.UNKNOWN),
        ("20d", "26d", "rises_by", "5 points", Truth.UNKNOWN),
    ],
)
def test_a_move_is_measured_against_the_baseline(before, after, comparator, limit, outcome):
    leaf = Leaf(fact="metric", comparator=comparator, limit=parse(limit))

    assert judge(leaf, known("metric", parse(after), baseline=parse(before))).truth is outcome


def test_a_move_without_a_baseline_is_unknown():
    leaf = Leaf(fact="metric", comparator="falls_by", limit=parse("30%"))

    assert judge(leaf, known("metric", parse("14d"))).saw == "2w, with nothing to compare it to"


def test_a_condition_that_has_to_last_is_true_only_once_it_has_lasted():
    leaf = Leaf(fact="used", comparator="above", limit=parse("90%"), held_for=parse("5m"))

    def since(span):
        return judge(leaf, known("used", parse("93%"), held_since=NOON - span)).truth

    assert since(timedelta(minutes=5)) is Truth.TRUE
    assert since(timedelta(minutes=4, seconds=59)) is Truth.FALSE
    assert judge(leaf, known("used", parse("93%"))).truth is Truth.UNKNOWN
    assert judge(leaf, known("used", parse("80%"))).truth is Truth.FALSE


def test_text_and_booleans_are_equal_or_not_and_have_no_order():
    assert judge(Leaf(fact="mode", comparator="is", limit="enforce"), known("mode", "enforce")).truth is Truth.TRUE
    assert judge(Leaf(fact="mode", comparator="is_not", limit="enforce"), known("mode", "enforce")).truth is Truth.FALSE
    assert judge(Leaf(fact="found", comparator="is", limit=False), known("found", value=False)).truth is Truth.TRUE
    assert judge(Leaf(fact="mode", comparator="above", limit="a"), known("mode", "b")).truth is Truth.UNKNOWN


def test_every_part_is_judged_although_the_first_already_decides():
    false = Leaf(fact="a", comparator="is", limit="x")
    unknown = Leaf(fact="b", comparator="is", limit="x")

    both = judge(AllOf((false, unknown)), known("a", "y"))
    either = judge(AnyOf((false, unknown)), known("a", "x"))

    assert (both.truth, [part.truth for part in both.parts]) == (Truth.FALSE, [Truth.FALSE, Truth.UNKNOWN])
    assert (either.truth, [part.truth for part in either.parts]) == (Truth.TRUE, [Truth.TRUE, Truth.UNKNOWN])


def test_what_was_not_written_is_always_true_and_wants_nothing():
    assert judge(ALWAYS).truth is Truth.TRUE
    assert list(ALWAYS.names()) == []


def test_a_fact_has_a_value_or_a_reason_and_never_both():
    with pytest.raises(ValueError, match="either a value or the reason"):
        Fact(name="a")
    with pytest.raises(ValueError, match="either a value or the reason"):
        Fact(name="a", value="x", missing="it is not")
