"""How conditions are written, what they become, and which of them could never mean anything."""

from __future__ import annotations

import pytest

from iact.core.condition_syntax import CONDITION
from iact.core.conditions import AllOf, AnyOf, Condition, FactLimit, Leaf, Not, Relative
from iact.core.facts import FactType
from iact.core.problems import Problems
from iact.core.quantities import parse
from iact.core.readers import Reading, Refused
from iact.core.scope import Scope
from iact.core.tree import NOWHERE, from_plain

SCOPE = Scope(
    facts={
        "used": FactType.SHARE,
        "full_in": FactType.DURATION,
        "errors": FactType.RATE,
        "healthy": FactType.BOOLEAN,
        "version": FactType.TEXT,
        "effect": FactType.QUANTITY,
        "receipt.*": FactType.ANY,
    },
    names={"Metric": {"lead_time": NOWHERE, "wait": NOWHERE}},
)


def read(written: object) -> tuple[Condition | Refused, list[str]]:
    reading = Reading(Problems())
    condition = CONDITION.read(from_plain(written), reading)
    problems = [problem.message for problem in reading.problems]
    return condition, problems + [problem.message for check in reading.checks for problem in check(SCOPE)]


@pytest.mark.parametrize(
    ("written", "condition"),
    [
        ({"fact": "used", "above": "90%"}, Leaf(fact="used", comparator="above", limit=parse("90%"))),
        ({"fact": "healthy", "is": True}, Leaf(fact="healthy", comparator="is", limit=True)),
        ({"fact": "version", "is": "3"}, Leaf(fact="version", comparator="is", limit="3")),
        (
            {"fact": "errors", "above": "10/min", "for": "5m"},
            Leaf(fact="errors", comparator="above", limit=parse("10/min"), held_for=parse("5m")),
        ),
        (
            {"metric": "wait", "above": "50% of lead_time"},
            Leaf(fact="metric.wait", comparator="above", limit=Relative(parse("50%").amount, "metric.lead_time")),
        ),
        ({"fact": "used", "above": {"fact": "used"}}, Leaf(fact="used", comparator="above", limit=FactLimit("used"))),
        ({"fact": "used", "falls_by": "5 points"}, Leaf(fact="used", comparator="falls_by", limit=parse("5 points"))),
    ],
)
def test_a_leaf_is_one_comparison(written: object, condition: Leaf):
    assert read(written) == (condition, [])


def test_leaves_are_joined_by_all_any_and_not():
    leaf = {"fact": "healthy", "is": True}

    condition, problems = read({"all": [leaf, {"any": [leaf, {"not": leaf}]}]})

    inner = Leaf(fact="healthy", comparator="is", limit=True)
    assert problems == []
    assert condition == AllOf((inner, AnyOf((inner, Not(inner)))))


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"fact": "usd", "above": "90%"}, "`usd`: nothing supplies a fact of that name."),
        ({"metric": "waits", "above": "1h"}, "`waits`: there is no Metric of that name."),
        ({"metric": "wait", "above": "50% of lead"}, "`lead`: there is no Metric of that name."),
        ({"fact": "full_in", "above": "90%"}, "`full_in` is a duration; `90%` is a share."),
        ({"fact": "full_in", "above": "50% of used"}, "`full_in` is a duration; `50% of used` is a share."),
        ({"fact": "healthy", "is": "yes"}, "`healthy` is true or false; `yes` is a text."),
        ({"fact": "version", "is": 3}, "`version` is a text; `3` is a number (in quotes it is a text)."),
        (
            {"fact": "version", "above": "1 h"},
            "`version` is a text, which is never above anything; use `is` or `is_not`.",
        ),
        ({"fact": "effect", "is": True}, "`effect` is an amount; `true` is true or false."),
        (
            {"fact": "full_in", "falls_by": "5 points"},
            "`full_in` is a duration; `5 points` is a difference in percentage points.",
        ),
        (
            {"fact": "used"},
            "expected one comparison (above, below, at_least, at_most, is, is_not, falls_by, rises_by), found none.",
        ),
        ({"all": []}, "`all`: expected a list of conditions, found a list."),
        (
            {"fact": "used", "above": "much"},
            '`above`: expected an amount such as 48h, 15%, 5 points or 10/min, or `50% of` another, found `"much"`.',
        ),
        (
            {"fact": "used", "above": "90%", "for": "9%"},
            '`for`: expected a duration such as 30m, 48h or 8 weeks, found `"9%"`, which is a share.',
        ),
    ],
)
def test_a_condition_that_can_never_mean_anything_is_told_why(written: object, message: str):
    assert read(written)[1] == [message]


@pytest.mark.parametrize(
    "written",
    [
        {"fact": "full_in", "falls_by": "30%"},
        {"fact": "used", "rises_by": "5 points"},
        {"fact": "effect", "above": "15%"},
        {"fact": "effect", "above": "2h"},
        {"fact": "receipt.anything", "above": 3},
        {"fact": "receipt.anything", "is": "x"},
    ],
)
def test_a_limit_of_another_form_is_fine_where_it_means_something(written: object):
    assert read(written)[1] == []
