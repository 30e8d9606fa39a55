"""Everything that is wrong with a resource is told in one run: no slip hides another, and none is told as two."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from tests.support.configuration import load_project, marked, problems_of, resource

PERSON = "apiVersion: iact/v1\nkind: Person\nmetadata: {name: tech-lead}\nspec: {}\n"
METRIC = resource(
    "Metric",
    "  question: How long?\n  each: change\n  from: committed\n  to: deployed\n  show: median\n"
    "  unit: days\n  better: lower\n  sources: [changes, deployments]\n",
    "lead_time",
)
AGENT = """\
apiVersion: iact/v1
kind: Agent
metadata: {name: example, owner: tech-lead}
spec:
  start: waiting
  inputs:
    window: {type: duration, default: 48h}
    share: {type: share, default: 5%}
  states:
    waiting:
      next:
        - {event: asked, when: {fact: input.window, above: 1h}, to: asked}
        - {event: seen, when: {all: [{fact: input.window, above: 2h}, {fact: input.window, below: 9h}]}, to: stopped}
        - {after: 30m, remember: [input.share], to: stopped}
    asked:
      next:
        - {event: finished, when: {fact: remembered.input.share, above: 1%}, to: stopped}
        - {event: failed, when: {fact: receipt.text, is: broken}, to: stopped}
      waits: for ever
    stopped: {final: true}
  examples:
    - {in: waiting, event: asked, facts: {input.window: 2h}, expect: asked}
"""

# Each: the slip, what it replaces, and what stands there instead.
AGENT_SLIPS = [
    ("an unknown owner", "owner: tech-lead", "owner: «tech-leed»"),
    ("a stray key of metadata", "{name: example,", "{name: example, «nope»: 1,"),
    ("an unknown key", "  start: waiting\n", "  start: waiting\n  «nope»: 1\n"),
    ("an unknown type", "window: {type: duration", "window: {type: «durations»"),
    ("a wrong default", "share: {type: share, default: 5%}", "share: «{»type: share, default: 5h}"),
    ("an unknown start", "start: waiting", "start: «waitin»"),
    ("an unknown fact", "{fact: input.window, above: 1h}", "{fact: «inptu.window», above: 1h}"),
    ("an unknown comparison", "{fact: input.window, below: 9h}", "{fact: input.window, «under»: 9h}"),
    ("an unknown metric", "{fact: input.window, above: 2h}", "{metric: «led_time», above: 2h}"),
    ("a limit of another unit", "{fact: remembered.input.share, above: 1%}", "{fact: input.share, above: «1h»}"),
    ("a time without unit", "after: 30m", "after: «30»"),
    (
        "a stray key of a state",
        "      next:\n        - {event: finished",
        "      «nope»: 1\n      next:\n        - {event: finished",
    ),
    ("an unknown state", "is: broken}, to: stopped", "is: broken}, to: «stoped»"),
    ("no boolean", "final: true", "final: «yes»"),
    ("an unknown state in an example", "expect: asked", "expect: «askd»"),
    ("an unknown word in an example", "expect: asked}", "expect: asked, «nope»: 1}"),
]
IMPROVEMENT = """\
apiVersion: iact/v1
kind: Improvement
metadata: {name: example, owner: tech-lead}
spec:
  try_when: {metric: lead_time, above: 2d, for: 5m}
  change: {manual: Release every Tuesday}
  expect: {metric: lead_time, falls_by: 30%}
  stop_if: {metric: lead_time, rises_by: 20%}
  check: {first: 48h}
"""
IMPROVEMENT_SLIPS = [
    ("an unknown owner", "owner: tech-lead", "owner: «nobody»"),
    ("a misspelt key", "  change:", "  «chnge»:"),
    ("no unit", "falls_by: 30%", "falls_by: «30»"),
    ("no duration", "first: 48h", "first: «two days»"),
    ("an unknown metric", "expect: {metric: lead_time", "expect: {metric: «led_time»"),
    ("no unit of the time it holds", "for: 5m", "for: «5»"),
    ("a limit of another unit", "above: 2d", "above: «2%»"),
    ("a misspelt comparison", "rises_by: 20%", "«rise_by»: 20%"),
    ("an unknown metric to stop", "stop_if: {metric: lead_time", "stop_if: {metric: «leed_time»"),
]


def pairs(name: str, base: str, slips: list[tuple[str, str, str]]) -> list[object]:
    """Return the text `base` with each two of the slips that do not stand in one place."""
    texts: list[object] = []
    for (one, before, after), (two, other_before, other_after) in combinations(slips, 2):
        once = base.replace(before, after, 1)
        if other_before in once:
            texts.append(pytest.param(once.replace(other_before, other_after, 1), id=f"{name}: {one} and {two}"))
    return texts


@pytest.mark.parametrize(
    "text", [*pairs("Agent", AGENT, AGENT_SLIPS), *pairs("Improvement", IMPROVEMENT, IMPROVEMENT_SLIPS)]
)
def test_two_slips_in_one_resource_are_two_problems_told_at_once(tmp_path: Path, text: str):
    written, places = marked(text)

    problems = load_project(tmp_path, {"rule.yaml": written, "more.yaml": f"{PERSON}---\n{METRIC}"}).problems

    assert [problem.position for problem in problems] == places, problems


@pytest.mark.parametrize("base", [AGENT, IMPROVEMENT])
def test_without_a_slip_nothing_is_wrong(tmp_path: Path, base: str):
    loaded = load_project(tmp_path, {"rule.yaml": base, "more.yaml": f"{PERSON}---\n{METRIC}"})

    assert loaded.problems == ()


def test_an_unknown_name_beside_an_unknown_key_is_told_at_once(tmp_path: Path):
    text, places = marked(resource("Team", "  members: [«tech-leed»]\n  «nope»: 1\n"))

    assert [problem.position for problem in problems_of(tmp_path, text)] == places


def test_a_state_that_cannot_be_reached_is_told_beside_an_unknown_state(tmp_path: Path):
    text, places = marked(
        AGENT.replace("9h}]}, to: stopped", "9h}]}, to: «stoped»").replace(
            "  examples:", "    «lost»:\n      next: [{after: 1h, to: stopped}]\n  examples:"
        )
    )

    problems = load_project(tmp_path, {"rule.yaml": text, "more.yaml": PERSON}).problems

    assert [problem.position for problem in problems] == places
    assert [problem.rule for problem in problems] == ["unknown-state", "unreachable-state"]


def test_a_state_that_an_unknown_name_may_mean_is_not_called_unreachable(tmp_path: Path):
    text, places = marked(
        resource(
            "Agent",
            "  start: one\n  states:\n    one: {next: [{after: 1h, to: «stoped»}]}\n    stopped: {final: true}\n",
        )
    )

    assert [problem.position for problem in problems_of(tmp_path, text)] == places


def test_five_slips_of_an_improvement_are_told_at_once(tmp_path: Path):
    text = IMPROVEMENT
    for _, before, after in IMPROVEMENT_SLIPS[:5]:
        text = text.replace(before, after, 1)
    written, places = marked(text)

    problems = load_project(tmp_path, {"rule.yaml": written, "more.yaml": f"{PERSON}---\n{METRIC}"}).problems

    assert [problem.position for problem in problems] == places


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  inputs:", "  «inpts»:"),
        ("remember: [", "«remembr»: ["),
        ("remember: [input.share]", "remember: «input.share»"),
    ],
)
def test_facts_that_a_slip_may_declare_are_not_called_unknown(tmp_path: Path, before: str, after: str):
    written, places = marked(AGENT.replace(before, after, 1))

    problems = load_project(tmp_path, {"rule.yaml": written, "more.yaml": PERSON}).problems

    assert [problem.position for problem in problems] == places


def test_a_parameter_that_may_be_in_what_cannot_be_read_is_not_called_unknown(tmp_path: Path):
    parameters = resource("Parameters", "  values: {limit: {value: 5, means: How many, «nope»: 1}}\n", "limits")
    improvement = IMPROVEMENT.replace("{manual: Release every Tuesday}", "{parameter: {name: limit, to: 3}}")
    written, places = marked(parameters)

    problems = load_project(
        tmp_path, {"rule.yaml": written, "more.yaml": f"{PERSON}---\n{METRIC}---\n{improvement}"}
    ).problems

    assert [problem.position for problem in problems] == places


def test_examples_wait_until_nothing_else_is_wrong(tmp_path: Path):
    text, places = marked(AGENT.replace("expect: asked", "expect: stopped").replace("after: 30m", "after: «30»"))

    problems = load_project(tmp_path, {"rule.yaml": text, "more.yaml": PERSON}).problems

    assert [problem.position for problem in problems] == places
