"""The escape hatch: an expression in CEL, judged in three-valued logic, refused where it could loop or fail."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from iact.core.cel import CelLeaf
from iact.core.facts import Fact, FactSet
from iact.core.quantities import parse
from iact.core.truth import Truth

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def judge(expression: str, **facts: object) -> Truth:
    known = FactSet.of(Fact(name=name, value=value) for name, value in facts.items())  # type: ignore[arg-type]  # a test's own facts
    return CelLeaf(expression).judge(known, NOON).truth


def test_an_expression_is_judged_on_the_facts():
    assert judge("used > 0.5 && version.startsWith('1.')", used=parse("90%"), version="1.10") is Truth.TRUE
    assert judge("full_in < duration('3h')", full_in=parse("4h")) is Truth.FALSE


def test_a_missing_fact_leaves_it_unknown_either_way():
    assert judge("used > 0.5") is Truth.UNKNOWN
    assert judge("!(used > 0.5)") is Truth.UNKNOWN
    assert judge("used > 0.5 || true") is Truth.UNKNOWN


def test_an_error_or_a_value_that_is_no_truth_leaves_it_unknown():
    assert judge("count / 0 > 1", count=parse("3")) is Truth.UNKNOWN
    assert judge("count + 1", count=parse("3")) is Truth.UNKNOWN


def test_names_are_found_outside_of_texts_and_calls():
    leaf = CelLeaf("a.b > 1 && c.d.startsWith('e.f') && size(g) in [1, 2] // h")

    assert list(leaf.names()) == ["a.b", "c.d", "g"]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("[1, 2].all(x, x > 0)", "`all` loops"),
        ("items.map(x, x).size() > 0", "`map` loops"),
        ("conjure(1) > 0", "there is no function `conjure`"),
        ("a['b'] == 1", "`[` is not used in a condition"),
        ("{'a': 1} == b", "`{` is not used in a condition"),
        ("a >", "it does not compile: it ends where something more has to follow."),
        ("a and b", "`and` is not expected here (character 3)."),
        ("(a > 1", "`)` is missing (character 7)."),
        ("a > 48h", "`h` is not expected here (character 7)."),
        ("a = 1", "`=` is not expected here (character 3)."),
        ("a > 15%", "it ends where something more has to follow."),
        ("has(a.b)", "there is no function `has`"),
        ("a" * 1_001, "at most 1000 characters"),
    ],
)
def test_what_could_loop_or_fail_is_refused_before_it_runs(expression: str, words: str):
    assert any(words in problem.message for problem in CelLeaf(expression).problems())


def test_what_does_not_compile_is_told_how_it_is_written():
    [problem] = CelLeaf("a and b").problems()

    assert "&&" in problem.hint
    assert "duration('72h')" in problem.hint
