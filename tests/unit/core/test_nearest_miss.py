"""What a person is told about a condition that was not true."""

from __future__ import annotations

from datetime import timedelta

import pytest

from iact.core.cel import CelLeaf
from iact.core.conditions import ALWAYS, AllOf, AnyOf, FactLimit, Leaf, Not, Relative
from iact.core.facts import Fact, FactSet
from iact.core.nearest_miss import nearest_miss
from iact.core.quantities import duration, number, parse, share
from iact.core.tree import Position
from tests.property.test_conditions import NOON

FIVE_MINUTES = duration(timedelta(minutes=5))


def said(condition, *facts: Fact) -> list[str]:
    """Return what would have had to be otherwise, in words."""
    miss = nearest_miss(condition, FactSet.of(facts), NOON)
    assert miss is not None
    return [change.said() for change in miss.changes]


def leaf(fact: str, comparator: str, limit, **more) -> Leaf:
    """Return one comparison."""
    return Leaf(fact=fact, comparator=comparator, limit=limit, **more)


@pytest.mark.parametrize(
    ("asked", "known", "expected"),
    [
        (leaf("errors", "below", number(5)), Fact(name="errors", value=number(7)), "below 5; it is 7"),
        (leaf("errors", "above", number(5)), Fact(name="errors", value=number(5)), "above 5; it is 5"),
        (Not(leaf("errors", "above", number(5))), Fact(name="errors", value=number(7)), "at most 5; it is 7"),
        (leaf("color", "is", "red"), Fact(name="color", value="blue"), "red; it is blue"),
        (leaf("color", "is_not", "red"), Fact(name="color", value="red"), "anything but red; it is red"),
        (leaf("done", "is", limit=True), Fact(name="done", value=False), "true; it is false"),
        (leaf("done", "is_not", limit=True), Fact(name="done", value=True), "false; it is true"),
        (
            leaf("errors", "below", number(5)),
            Fact(name="errors", missing="the log is away"),
            "known, and below 5; it is unknown: the log is away",
        ),
        (
            leaf("errors", "falls_by", share(number(1).amount / 2)),
            Fact(name="errors", value=number(9), baseline=number(10)),
            "at most 5; it is 9, was 10",
        ),
        (
            Not(leaf("errors", "rises_by", number(3))),
            Fact(name="errors", value=number(14), baseline=number(10)),
            "below 13; it is 14, was 10",
        ),
    ],
)
def test_one_comparison_says_what_the_fact_would_have_to_be(asked, known, expected):
    assert said(asked, known) == [f"{known.name} would have to be {expected}"]


def test_a_comparison_that_has_to_hold_for_a_while_says_for_how_much_longer():
    rule = leaf("errors", "above", number(5), held_for=FIVE_MINUTES)
    since = NOON - timedelta(minutes=2)

    assert said(rule, Fact(name="errors", value=number(7), held_since=since)) == [
        "errors would have to be so for 3m more; it is 7, for 2m"
    ]
    assert said(rule, Fact(name="errors", value=number(7))) == [
        "errors would have to be known to have been so for 5m; it is 7, since when is not known"
    ]
    assert said(rule, Fact(name="errors", value=number(3))) == ["errors would have to be above 5 for 5m; it is 3"]


def test_a_limit_that_is_another_fact_is_told_with_its_value():
    known = (Fact(name="errors", value=number(7)), Fact(name="policy.most", value=number(5)))

    assert said(leaf("errors", "at_most", FactLimit("policy.most")), *known) == [
        "errors would have to be at most 5; it is 7, against 5"
    ]
    half = Relative(share=share(number(1).amount / 2).amount, of="policy.most")
    assert said(leaf("errors", "at_most", half), *known) == [
        "errors would have to be at most 2.5; it is 7, against 2.5"
    ]
    assert nearest_miss(leaf("errors", "at_most", FactLimit("gone")), FactSet.of(known), NOON) is None


def test_of_several_ways_the_one_that_asks_for_the_fewest_facts_and_the_least_is_told():
    color = leaf("color", "is", "red")
    size, weight = leaf("size", "above", number(10)), leaf("weight", "above", number(10))
    known = (
        Fact(name="color", value="blue"),
        Fact(name="size", value=number(2)),
        Fact(name="weight", value=number(9)),
    )

    assert said(AnyOf((AllOf((color, size)), size, weight)), *known) == ["weight would have to be above 10; it is 9"]
    assert said(AllOf((color, AnyOf((size, weight)))), *known) == [
        "color would have to be red; it is blue",
        "weight would have to be above 10; it is 9",
    ]


def test_two_limits_of_one_fact_are_met_by_one_value():
    rule = AllOf(
        (leaf("size", "at_least", number(5)), leaf("size", "at_least", number(7)), leaf("size", "below", number(9)))
    )

    assert said(rule, Fact(name="size", value=number(2))) == ["size would have to be at least 7; it is 2"]


def test_what_no_fact_can_change_has_no_miss():
    contradiction = AllOf((leaf("size", "above", number(5)), leaf("size", "below", number(5))))

    assert nearest_miss(contradiction, FactSet.of([Fact(name="size", value=number(2))]), NOON) is None
    assert nearest_miss(Not(ALWAYS), FactSet.of([]), NOON) is None
    assert nearest_miss(CelLeaf("size > 5"), FactSet.of([Fact(name="size", value=number(2))]), NOON) is None


def test_a_change_names_the_line_that_asks_for_it():
    rule = leaf("size", "above", number(5), position=Position("agents/a.yaml", 7, 9))
    miss = nearest_miss(rule, FactSet.of([Fact(name="size", value=number(2))]), NOON)

    assert miss is not None
    assert [change.to_record() for change in miss.changes] == [
        {"fact": "size", "wanted": "above 5", "saw": "2", "at": "agents/a.yaml:7:9"}
    ]
    assert parse("5m") == FIVE_MINUTES
