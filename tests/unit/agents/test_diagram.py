"""An agent as a diagram, in the languages that other programs draw."""

from __future__ import annotations

from dataclasses import replace

from iact.agents.diagram import Diagram, diagram_of, dot, mermaid
from iact.core.problems import Problems
from iact.core.shape import build
from iact.engine.model import Agent
from tests.support.agents import agent_definition

TESTING = """
start: testing
states:
  testing:
    do: run_tests
    next:
      - {event: finished, when: {fact: receipt.passed, at_least: 95%}, decide: GO, to: stopped}
      - {event: finished, decide: NO-GO, to: stopped}
      - {event: finished, when: {fact: receipt.tests, is: 0}, decide: NO-GO, to: stopped}
      - {when: {not: {any: [{fact: a, is: 1}, {fact: b, is: 2}]}}, to: testing}
      - {after: 30m, decide: ESCALATE, to: stopped}
  stopped: {final: true}
"""


def drawn(text: str = TESTING) -> Diagram:
    agent = build(Agent, agent_definition(text).tree, Problems())
    assert agent is not None
    return diagram_of("test-agent", agent)


def test_an_arrow_gathers_all_transitions_between_two_states_and_says_each_thing_once():
    (own, out) = sorted(drawn().arrows, key=lambda arrow: arrow.target, reverse=True)

    assert (out.source, out.target) == ("testing", "stopped")
    assert out.labels == ("finished / GO", "finished / NO-GO", "after 30m / ESCALATE")
    assert out.sentences[0] == "finished, if receipt.passed at least 95%: GO"
    assert len(out.sentences) == 4
    assert (own.labels, own.sentences) == (("if …",), ("at once, if not (a is 1 or b is 2)",))


def test_mermaid_draws_every_state_and_every_label():
    assert mermaid(drawn()).splitlines() == [
        "stateDiagram-v2",
        "  [*] --> testing",
        "  testing : do run_tests",
        "  testing --> stopped : finished / GO",
        "  testing --> stopped : finished / NO-GO",
        "  testing --> stopped : after 30m / ESCALATE",
        "  testing --> testing : if …",
        "  stopped --> [*]",
    ]


def test_mermaid_is_given_no_name_and_no_sign_that_it_reads_as_its_own():
    text = """
start: end
states:
  end: {next: [{event: "ready: go;", to: a-b}]}
  a-b: {next: [{event: again, to: a_b}]}
  a_b: {final: true}
"""

    assert mermaid(drawn(text)).splitlines() == [
        "stateDiagram-v2",
        "  [*] --> end_",
        '  state "end" as end_',
        '  state "a-b" as a_b',
        '  state "a_b" as a_b_',
        "  end_ --> a_b : ready#58; go#59;",
        "  a_b --> a_b_ : again",
        "  a_b_ --> [*]",
    ]


def test_graphviz_is_given_quoted_names_with_the_conditions_to_point_at():
    diagram = drawn()
    text = dot(replace(diagram, name='the "test" agent'))

    assert text.startswith('digraph "the \\"test\\" agent" {\n')
    assert '"testing" [label="testing\\ndo: run_tests"]' in text
    assert '"stopped" [label="stopped", peripheries=2]' in text
    assert 'label="finished / GO\\nfinished / NO-GO\\nafter 30m / ESCALATE"' in text
    assert 'tooltip="finished, if receipt.passed at least 95%: GO\\n' in text
