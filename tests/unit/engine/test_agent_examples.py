"""An agent's examples are decided by the same evaluator as its runs, and one that comes out otherwise is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from iact.core.problems import Problem
from tests.support.configuration import marked, problems_of, resource
from tests.support.project import ROOT

STATES = """\
  start: waiting
  inputs: {patience: {type: duration, default: 48h}}
  states:
    waiting:
      next:
        - {event: answered, when: {fact: receipt.kind, is: yes please}, decide: GO, to: done}
        - {when: {metric: lead_time, above: 3d}, decide: HURRY, to: hurried}
        - {after: {fact: input.patience}, decide: ESCALATE, to: done}
        - {after: 24h, when: {metric: lead_time, above: 2d}, decide: REMIND, to: hurried}
    hurried: {final: true}
    done: {final: true}
  examples:
"""
METRIC = (ROOT / "catalog/metrics/lead_time.yaml").read_text(encoding="utf-8").replace("owner: platform-leads", "")


def problems(folder: Path, *examples: str) -> tuple[Problem, ...]:
    lines = "".join(f"    - {example}\n" for example in examples)
    return problems_of(folder, resource("Agent", STATES + lines) + "---\n" + METRIC)


def test_examples_that_hold_are_no_problem(tmp_path: Path):
    assert not problems(
        tmp_path,
        "{in: waiting, expect: stay}",
        "{in: waiting, event: answered, expect: stay}",
        "{in: waiting, event: answered, facts: {receipt.kind: yes please}, decide: GO, expect: done}",
        "{in: waiting, facts: {metric.lead_time: 73h}, decide: HURRY, expect: hurried}",
        "{in: waiting, facts: {metric.lead_time: 72h}, expect: stay}",
        "{in: waiting, after: 47h, expect: stay}",
        "{in: waiting, after: 48h, decide: ESCALATE, expect: done}",
        "{in: waiting, after: 25h, facts: {input.patience: 1d}, decide: ESCALATE, expect: done}",
        "{in: waiting, after: 48h, facts: {metric.lead_time: 49h}, decide: REMIND, expect: hurried}",
    )


@pytest.mark.parametrize(
    ("example", "said", "why"),
    [
        ("{in: waiting, expect: done}", "expects `done`, and the agent says `stay`", "metric.lead_time above 72h: saw"),
        (
            "{in: waiting, after: 48h, decide: GO, expect: done}",
            "expects GO and `done`, and the agent says ESCALATE",
            "",
        ),
        (
            "{in: waiting, facts: {metric.lead_time: 2d}, expect: hurried}",
            "the agent says `stay`",
            "metric.lead_time above 72h: saw 48h.",
        ),
    ],
)
def test_an_example_that_comes_out_otherwise_is_told_with_the_reason(tmp_path: Path, example: str, said: str, why: str):
    [problem] = problems(tmp_path, example)

    assert problem.rule == "failed-example"
    assert said in problem.message
    assert why in problem.hint


@pytest.mark.parametrize(
    ("example", "rule", "words"),
    [
        ("{in: «waitng», expect: done}", "unknown-state", "Did you mean waiting?"),
        ("{in: waiting, expect: «don»}", "unknown-state", "Did you mean done?"),
        (
            "{in: waiting, facts: «{»metric.lead_tme: 3d}, expect: stay}",
            "unknown-fact",
            "Did you mean metric.lead_time?",
        ),
        ("{in: waiting, facts: «{»metric.lead_time: 15%}, expect: stay}", "wrong-unit", "expected a duration"),
        ("{in: waiting, facts: «{»metric.lead_time: true}, expect: stay}", "wrong-unit", "of the type duration"),
        ("{in: waiting, facts: «{»input.patience: [1d]}, expect: stay}", "wrong-unit", "of the type duration"),
    ],
)
def test_a_slip_in_an_example_is_told_where_it_stands(tmp_path: Path, example: str, rule: str, words: str):
    text, [place] = marked(resource("Agent", f"{STATES}    - {example}\n") + "---\n" + METRIC)

    [problem] = problems_of(tmp_path, text)

    assert (problem.rule, str(problem.position)) == (rule, str(place))
    assert words in f"{problem.message} {problem.hint}"
