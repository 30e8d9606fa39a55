"""`iact test`: stories about agents, told by the one evaluator."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from iact.agents.selection import chosen
from iact.agents.testing import told
from iact.cli.main import iact
from iact.core.errors import ConfigurationError
from tests.support.configuration import problems_of, resource, write_project
from tests.support.project import ROOT

AGENT = resource(
    "Agent",
    """\
  start: waiting
  inputs: {patience: {type: duration, default: 48h}, who: {type: text}}
  states:
    waiting:
      next:
        - {event: answered, when: {fact: event.sure, at_least: 80%}, decide: GO, to: done}
        - {event: answered, decide: NO-GO, to: back}
        - {when: {fact: plan.found, is: false}, decide: NOTHING, to: done}
        - {when: {fact: check.harmed, is: true, for: 5m}, decide: STOP, to: back}
        - {when: {fact: plan.expected_improvement, falls_by: 5 points}, decide: WORSE, to: done}
        - {after: {fact: input.patience}, decide: ESCALATE, to: later}
    later: {next: [{after: 1d, decide: GIVE-UP, to: done}]}
    back: {do: revert_change, next: [{event: finished, to: done}, {after: 1h, to: done}]}
    done: {final: true}
""",
    "question",
)


def ran(folder: Path, cases: str, *options: str, more: str = "  inputs: {who: me}\n") -> Result:
    test = resource("PolicyTest", f"  agent: question\n{more}  cases:\n{cases}", "asks")
    write_project(folder, {"agent.yaml": AGENT, "test.yaml": test})
    with chdir(folder):
        return CliRunner().invoke(iact, ["test", "test.yaml", *options])


def case(text: str) -> str:
    return f"    - {{it: works, {text}}}\n"


@pytest.mark.parametrize(
    "text",
    [
        "event: answered, facts: {event.sure: 80%}, expect: {state: done, decide: GO}",
        "event: answered, facts: {event.sure: 79%}, expect: {state: back, decide: NO-GO, effects: [revert_change]}",
        "event: answered, expect: {state: back, because: event.sure at least 80% is unknown}",
        "state: waiting, event: answered, facts: {plan.found: false}, expect: back",
        "facts: {plan.found: false}, expect: {state: done, effects: []}",
        "facts: {check.harmed: {value: true, for: 5m}}, expect: {decide: STOP}",
        "facts: {check.harmed: {value: true, for: 4m}}, expect: stay",
        "facts: {plan.expected_improvement: {value: 20%, was: 25%}}, expect: {decide: WORSE}",
        "facts: {plan.found: {missing: gone}}, expect: {state: stay, because: 'saw unknown: gone'}",
        "at: 2026-03-02, expect: {state: stay, due: 2026-03-04}",
        "at: 2026-03-02, after: 48h, expect: {state: later, due: 2026-03-05}",
        "after: 4d, expect: {state: done, decide: GIVE-UP}",
        "inputs: {patience: 1h}, after: 1h, expect: later",
        "expect: waiting, then: [{after: 47h, expect: stay}, {after: 1h, expect: later}, {event: a, expect: stay}]",
        # It has held for three minutes when it is told, and for five two minutes later.
        "facts: {check.harmed: {value: true, for: 3m}}, expect: {}, then: [{after: 2m, expect: stay}, {expect: back}]",
        # What came along with an event is gone after it.
        "event: other, facts: {event.sure: 90%}, expect: stay, then: [{event: answered, expect: back}]",
    ],
)
def test_a_story_that_comes_out_as_expected_passes(tmp_path: Path, text: str):
    ended = ran(tmp_path, case(text))

    assert ended.exit_code == 0, ended.output
    assert "1 case: all passed" in ended.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("event: answered, expect: done", "expected to be in `done`, is in `back`"),
        ("event: answered, expect: stay", "expected to stay in `waiting`, is in `back`"),
        ("event: answered, expect: {decide: GO}", "expected to decide GO, decided NO-GO"),
        ("event: other, expect: {decide: GO}", "expected to decide GO, decided nothing"),
        ("event: answered, expect: {effects: []}", "expected the effects nothing, decided revert_change"),
        (
            "event: answered, expect: {effects: [{do: revert_change, with: {what: all}}]}",
            "expected `revert_change` with what: all, found None",
        ),
        (
            "at: 2026-03-02, expect: {due: 2026-03-03}",
            "expected to wait for 2026-03-03 00:00:00Z, waits for 2026-03-04 00:00:00Z",
        ),
        ("event: answered, expect: {because: it was asked}", "expected the explanation to say “it was asked”"),
        ("expect: stay, then: [{after: 48h, expect: done}]", "test.yaml:8: expected to be in `done`, is in `later`"),
    ],
)
def test_a_story_that_comes_out_otherwise_is_told_with_its_place_and_the_explanation(
    tmp_path: Path, text: str, said: str
):
    ended = ran(tmp_path, case(text))

    assert ended.exit_code == 1
    assert f"FAILED  asks: it works\n        test.yaml:8\n        {said}" in ended.output
    assert "1 case: 1 failed" in ended.output


def test_every_comparison_is_explained_with_its_line_and_what_it_saw(tmp_path: Path):
    ended = ran(tmp_path, case("event: answered, facts: {event.sure: 79%}, expect: done"))

    assert "agent.yaml:10: event.sure at least 80% is false (saw 79%)\n" in ended.output
    assert "waiting → back, NO-GO\n" in ended.output


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("state: waitin, expect: stay", "unknown-state"),
        ("expect: don", "unknown-state"),
        ("expect: {effects: [revert_chang]}", "unknown-action"),
        ("facts: {plan.fond: true}, expect: stay", "unknown-fact"),
        ("facts: {plan.found: 5h}, expect: stay", "wrong-unit"),
        ("facts: {plan.found: {value: true, missing: gone}}, expect: stay", "wrong-fact"),
        ("inputs: {patence: 5h}, expect: stay", "unknown-input"),
        ("inputs: {patience: 5}, expect: stay", "wrong-unit"),
        ("event: a, after: 5h, expect: stay", "wrong-test"),
        ("event: a", "missing-key"),
    ],
)
def test_a_test_that_can_never_mean_anything_is_wrong_before_it_is_run(tmp_path: Path, text: str, rule: str):
    test = resource("PolicyTest", f"  agent: question\n  cases:\n{case(text)}", "asks")

    problems = problems_of(tmp_path, f"{AGENT}---\n{test}")

    assert [problem.rule for problem in problems] == [rule]


def test_an_input_that_a_run_cannot_start_without_fails_the_case(tmp_path: Path):
    ended = ran(tmp_path, case("expect: stay"), more="")

    assert "question cannot start without the input `who`" in ended.output
    assert ended.exit_code == 1


def test_coverage_names_the_ways_that_no_test_takes(tmp_path: Path):
    cases = case("event: answered, expect: back") + case("after: 4d, expect: done")

    text = ran(tmp_path / "text", cases).output
    everything = ran(tmp_path / "all", cases, "--untaken").output

    assert "question: 3 of 9 ways out are taken by a test" in text
    assert "agent.yaml:10: waiting → done: answered / GO" in text
    assert "and 1 more; --untaken lists all" in text
    assert "agent.yaml:17: back → done: after 1h" in everything


def test_junit_has_a_suite_for_each_test_and_the_explanation_of_each_failure(tmp_path: Path):
    cases = case("event: answered, expect: back") + case("event: answered, expect: done")

    root = ET.fromstring(ran(tmp_path, cases, "--format", "junit").output)  # noqa: S314 - made a moment ago

    (suite,) = root.findall("testsuite")
    good, bad = suite.findall("testcase")
    assert (root.get("tests"), root.get("failures"), suite.get("name")) == ("2", "1", "asks")
    assert (good.get("name"), good.get("classname"), good.find("failure")) == ("works", "question.asks", None)
    assert (bad.get("file"), bad.get("line")) == ("test.yaml", "9")
    assert "waiting → back, NO-GO" in (bad.findtext("failure") or "")


def test_junit_is_xml_whatever_a_fact_holds(tmp_path: Path):
    text = ran(tmp_path, case('event: answered, facts: {event.sure: "\\0"}, expect: done'), "--format", "junit").output

    root = ET.fromstring(text)  # noqa: S314 - made a moment ago
    assert root.get("failures") == "1"


def test_json_has_everything(tmp_path: Path):
    record = json.loads(ran(tmp_path, case("event: answered, expect: done"), "--format", "json").output)

    assert record["passed"] is False
    assert record["cases"][0]["failures"] == ["expected to be in `done`, is in `back`"]
    assert [way["taken"] for way in record["coverage"]["question"]].count(True) == 1


def test_where_there_is_no_test_that_is_an_error_and_not_a_success(tmp_path: Path):
    write_project(tmp_path, {"agent.yaml": AGENT})

    with pytest.raises(ConfigurationError, match="there is no PolicyTest in the project"):
        chosen(tmp_path, [])


def test_the_tests_of_the_shipped_agents_pass_and_take_every_way_out():
    project, tests = chosen(ROOT, [ROOT / "tests/policies"])

    results = told(project, tests)

    assert [failure for case in results.failed for failure in case.failures] == []
    assert set(results.coverage) == {agent.name for agent in project.resources("Agent")}
    assert [way.position for ways in results.coverage.values() for way in ways if not way.is_taken] == []
