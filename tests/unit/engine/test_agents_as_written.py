"""The kind `Agent`: what its YAML becomes, and that a pinned definition becomes the same."""

from __future__ import annotations

import pytest

from iact.config.source_text import SourceText
from iact.config.yaml_tree import documents
from iact.core.conditions import FactLimit, Leaf
from iact.core.errors import ConfigurationError
from iact.core.machine import Transition
from iact.core.problems import Problems
from iact.core.quantities import parse
from iact.core.shape import build
from iact.core.tree import Tree, from_record, to_record
from iact.engine.model import Agent, compile_agent, parse_inputs

WRITTEN = """\
start: testing
inputs:
  patience: {type: duration, default: 48h}
  suite: {type: text}
states:
  testing:
    do: run_tests
    with: {suite: all, tries: 3}
    next:
      - event: finished
        when: {fact: tests_passed, at_least: 95%}
        decide: GO
        to: deploying
        remember: [tests_passed]
      - {after: 30m, decide: ESCALATE, to: stopped}
  deploying:
    exclusive: service
    next:
      - {after: {fact: input.patience}, to: stopped}
  stopped: {final: true}
"""


@pytest.fixture
def tree() -> Tree:
    [tree] = documents(SourceText("agents/feature.yaml", WRITTEN), Problems())
    return tree


@pytest.fixture
def agent(tree: Tree) -> Agent:
    agent = build(Agent, tree, Problems())
    assert agent is not None
    return agent


def test_an_agent_is_compiled_with_the_place_of_every_transition(tree: Tree):
    machine = compile_agent(tree, name="feature", digest="sha256:0")

    testing = machine["testing"]
    assert (machine.start, testing.do, dict(testing.arguments)) == (
        "testing",
        "run_tests",
        {"suite": "all", "tries": 3},
    )
    first, second = testing.transitions
    assert (first.event, first.decide, first.to, first.remember) == ("finished", "GO", "deploying", ("tests_passed",))
    assert isinstance(first.when, Leaf)
    assert str(first.when.position) == "agents/feature.yaml:11:15"
    assert second == Transition(to="stopped", after=parse("30m"), decide="ESCALATE", position=second.position)
    assert machine["deploying"].transitions[0].after == FactLimit("input.patience")
    assert machine["deploying"].exclusive == "service"
    assert machine["stopped"].final


def test_a_stored_definition_is_compiled_to_the_same_machine(tree: Tree):
    """A run keeps the rules it started under, long after the file has changed."""
    stored = from_record(to_record(tree))

    assert compile_agent(stored, name="a", digest="b") == compile_agent(tree, name="a", digest="b")


def test_what_is_no_agent_is_not_compiled():
    [tree] = documents(SourceText("a.yaml", "start: here\n"), Problems())

    with pytest.raises(ConfigurationError, match="`states` is missing"):
        compile_agent(tree, name="a", digest="b")


def test_the_topology_says_which_states_can_be_reached_and_left(agent: Agent):
    topology = agent.topology()

    assert topology.reachable() == {"testing", "deploying", "stopped"}
    assert topology.leading_to(["deploying"]) == {"testing", "deploying"}


def test_inputs_are_facts_with_their_defaults(agent: Agent):
    facts = parse_inputs(agent, {"suite": "all"})

    assert {fact.name: fact.value for fact in facts} == {"input.patience": parse("48h"), "input.suite": "all"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"suite": "all", "patiens": "1h"}, r"feature has no input `patiens`\. Did you mean patience\?"),
        ({}, "feature cannot start without the input `suite`"),
        ({"suite": "all", "patience": "15%"}, r"feature: input `patience`: expected a duration .*, found '15%'"),
    ],
)
def test_a_wrong_input_is_told(agent: Agent, given: dict[str, str], message: str):
    with pytest.raises(ConfigurationError, match=message):
        parse_inputs(agent, given, "feature")
