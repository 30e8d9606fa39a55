"""Every kind carries examples, and one that comes out otherwise is told where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from iact.config.discovery import discover
from iact.config.loading import load
from iact.config.model import Person
from iact.core.registry import KINDS
from iact.core.shape import schema_of
from tests.support.configuration import marked, problems_of, resource, write_project
from tests.support.project import ROOT

EXTENDING = "apiVersion: iact/v1\nkind: Project\nmetadata: {name: shop}\nspec: {extends: [iact], paths: [.]}\n"
AGENT = """\
  start: waiting
  states:
    waiting: {waits: for ever, next: [{event: answered, to: done}]}
    done: {final: true}
"""
METRIC = (ROOT / "catalog/metrics/lead_time.yaml").read_text(encoding="utf-8").partition("  examples:")[0]
METRIC = METRIC.partition("spec:\n")[2]
IMPROVEMENT = """\
  try_when: {metric: lead_time, above: 3d}
  change: {manual: Release every Tuesday}
  expect: {metric: lead_time, falls_by: 30%}
"""
PARAMETERS = "  values: {review_limit: {value: 5, means: How many reviews one person has open.}}\n"
PERSON = "  email: somebody@example.org\n  git: Some Body <old@example.org>\n"
BANDS = "  year: 2025\n  source: us\n  bands: {lead_time: [{class: elite, below: 2d}]}\n"
WRONG = {
    "Agent": (AGENT, "{in: waiting, event: answered, expect: waiting}", "the agent says `done`"),
    "Bands": (BANDS, "{figures: {lead_time: 2d}, expect: {lead_time: elite}}", "expected elite, classed unclassed"),
    "BusinessCalendar": (
        "  hours: {weekdays: 09:00-17:00}\n",
        "{at: 2026-03-07 10:00Z, expect: open}",
        "the calendar says `closed`",
    ),
    "Definition": (
        "  figures: {lead_time: lead_time}\n",
        "{figure: lead_time, expect: review_time}",
        "expected review_time, found lead_time",
    ),
    "Improvement": (IMPROVEMENT, "{when: {lead_time: 2d}, expect: try}", "the condition says `leave`"),
    "ImprovementPolicy": ("  min_improvement: 15%\n", "{promises: 15%, expect: try}", "`pdca` says `leave`"),
    "Metric": (
        METRIC,
        "{merged: 2026-03-02 09:00Z, deployed: 2026-03-03 09:00Z, expect: 23h}",
        "expected 23h, computed",
    ),
    "Parameters": (PARAMETERS, "{parameter: review_limit, at_most: 4}", "at most 4, and `review_limit` is `5`"),
    "Person": (PERSON, "{author: Any Body <somebody@example.org>, expect: somebody else}", "is `them`"),
    "Project": ("  extends: [iact]\n  paths: [.]\n", "{tag: v1.0rc1, expect: deployment}", "the rules say `left out`"),
    "RetentionPolicy": (
        "  keep: {dora_metrics: 90d}\n",
        "{records: dora_metrics, age: 91d, expect: keep}",
        "expected keep, decided delete",
    ),
    "Targets": (
        "  over: 26w\n  figures: {lead_time: {baseline: 7d, target: 2d}}\n",
        "{figure: lead_time, value: 2d, expect: 99%}",
        "expected 99% of the way, computed 100%",
    ),
    "Team": ("  members: [tech-lead]\n", "{person: tech-lead, expect: outsider}", "`tech-lead` is `member`"),
}
ONLY = {"ImprovementPolicy": "improvement"}


ONLY_EXAMPLES = {"PolicyTest", "Scenario"}
"""Kinds that are nothing but examples; `iact test` runs the one, `iact simulate` plays the other."""


def _every_kind() -> list[str]:
    discover()
    return [kind for kind in KINDS if kind not in ONLY_EXAMPLES]


@pytest.mark.parametrize("kind", _every_kind())
def test_every_kind_takes_examples_and_says_so_in_its_schema(kind: str):
    assert "examples" in schema_of(KINDS[kind].declared_by)["properties"]


@pytest.mark.parametrize("kind", _every_kind())
def test_a_wrong_example_of_any_kind_is_found_where_it_stands(tmp_path: Path, kind: str):
    spec, example, said = WRONG[kind]
    text, [place] = marked(
        # A project has one policy, so this one overrides the shipped one.
        resource(kind, f"{spec}  examples:\n    - «{{»{example[1:]}\n", ONLY.get(kind, "example")),
        "iact.yaml" if kind == "Project" else "rule.yaml",
    )
    if kind == "Project":
        problems = load(write_project(tmp_path, {}, text), against_schemas=True).problems
    else:
        problems = problems_of(tmp_path, text, EXTENDING)
    assert [(each.rule, each.position.file, each.position.line, each.position.column) for each in problems] == [
        ("failed-example", place.file, place.line, place.column)
    ]
    assert said in problems[0].message


@pytest.mark.parametrize(
    ("git", "examples"),
    [
        ("{}", "[{tag: v1.2.3, expect: deployment}, {tag: v1.2.3rc1, expect: left out}, {tag: v1, expect: left out}]"),
        ("{pre_releases: true}", "[{tag: v1.2.3rc1, expect: deployment}]"),
        ("{tags: live-*}", "[{tag: live-7, expect: deployment}, {tag: v1.2.3, expect: left out}]"),
        ("{merges_to: main}", "[{tag: v1.2.3, expect: left out}]"),
    ],
)
def test_tags_are_told_apart_by_the_rules_of_the_project(tmp_path: Path, git: str, examples: str):
    settings = f"{EXTENDING.partition('spec:')[0]}spec: {{paths: [.], sources: {{git: {git}}}, examples: {examples}}}\n"
    assert not load(write_project(tmp_path, {}, settings)).problems


@pytest.mark.parametrize(
    "example",
    [
        "{parameter: review_limit, expect: 5}",
        "{parameter: review_limit, at_least: 5, at_most: 5}",
    ],
)
def test_parameters_that_are_as_expected_are_no_problem(tmp_path: Path, example: str):
    assert not problems_of(tmp_path, resource("Parameters", f"{PARAMETERS}  examples: [{example}]\n"))


@pytest.mark.parametrize(
    ("example", "rule", "said"),
    [
        ("{parameter: review_limits, expect: 5}", "failed-example", "no parameter of that name"),
        ("{parameter: review_limit, expect: five}", "failed-example", "expects `five`"),
        ("{parameter: review_limit, at_least: 6}", "failed-example", "at least 6"),
        ("{parameter: review_limit}", "wrong-example", "an example says what must come out"),
    ],
)
def test_parameters_that_are_otherwise_are_told(tmp_path: Path, example: str, rule: str, said: str):
    [problem] = problems_of(tmp_path, resource("Parameters", f"{PARAMETERS}  examples: [{example}]\n"))
    assert problem.rule == rule
    assert said in problem.message


def test_an_improvement_is_tried_when_it_promises_strictly_more_than_the_policy_asks_for(tmp_path: Path):
    examples = "[{promises: 15%, expect: leave}, {promises: 16%, expect: try}]"
    policy = resource("ImprovementPolicy", f"  min_improvement: 15%\n  examples: {examples}\n", "improvement")
    assert not problems_of(tmp_path, policy, EXTENDING)


def test_without_an_agent_that_decides_by_it_the_example_of_a_policy_cannot_be_run(tmp_path: Path):
    policy = resource("ImprovementPolicy", "  examples: [{promises: 16%, expect: try}]\n")
    [problem] = problems_of(tmp_path, policy)
    assert "no agent `pdca`" in problem.message
    assert "extends: [iact]" in problem.hint


@pytest.mark.parametrize(
    ("override", "kind", "name"),
    [
        ("  min_improvement: 40%\n", "ImprovementPolicy", "improvement"),
        ("  values: {open_changes_per_person: {value: 1}}\n", "Parameters", "ways-of-working"),
        ("  email: lead@example.org\n", "Person", "tech-lead"),
    ],
)
def test_the_examples_of_shipped_policies_hold_whatever_a_project_sets(
    tmp_path: Path, override: str, kind: str, name: str
):
    assert not problems_of(tmp_path, resource(kind, override, name), EXTENDING)


@pytest.mark.parametrize(
    ("author", "came_to"),
    [
        ("Some Body <SOMEBODY@example.org>", "them"),
        ("Some Body <old@example.org>", "them"),
        ("Another <old@example.org>", "somebody else"),
        ("Some Body", "somebody else"),
        ("", "somebody else"),
    ],
)
def test_an_author_is_a_person_by_the_address_or_by_all_of_it(author: str, came_to: str):
    person = Person(email="somebody@example.org", git=("Some Body <old@example.org>",))
    assert person.wrote(author) is (came_to == "them")
