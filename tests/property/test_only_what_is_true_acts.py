"""In every shipped agent, what is not known never makes a machine act: tried for every state, trigger and set of facts.

For each state and each reason to decide, the facts that its conditions name take every value that a condition tells
apart, and *unknown*. A step that leads to a state with `do:` is sound only if no fact that was unknown could have led
elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from fractions import Fraction
from itertools import product
from typing import TypeAlias

import pytest

from iact.config.opening import open_project
from iact.core.conditions import AllOf, AnyOf, Condition, FactLimit, Leaf, Not
from iact.core.evaluator import decide
from iact.core.facts import EMPTY, Fact, FactSet, FactValue
from iact.core.instants import EPOCH
from iact.core.machine import Machine, RunState, Trigger
from iact.core.quantities import duration, share
from iact.engine.model import compiled
from tests.support.project import ROOT

OTHER = "something else"
Choice: TypeAlias = "dict[str, FactValue | None]"


def shipped() -> list[Machine]:
    """Return every agent that iact ships."""
    return [
        compiled(one.spec, name=one.name, digest=one.digest, calendars={})
        for one in open_project(ROOT).resources("Agent")
    ]


def leaves(condition: Condition) -> Iterator[Leaf]:
    """Walk the comparisons that a condition is made of."""
    match condition:
        case Leaf():
            yield condition
        case AllOf(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from leaves(part)
        case Not(part=part):
            yield from leaves(part)
        case _:
            return


def triggers(machine: Machine, state: str) -> Iterator[Trigger]:
    """Walk every reason for which a state decides."""
    yield Trigger.entered()
    for index, transition in enumerate(machine[state].transitions):
        if transition.event:
            yield Trigger.event(transition.event)
        elif transition.after is not None:
            yield Trigger.timer(index)


def told_apart(machine: Machine, state: str, trigger: Trigger) -> dict[str, list[FactValue | None]]:
    """Return for each fact that deciding depends on the values that it tells apart, None among them."""
    found: dict[str, set[FactValue | None]] = defaultdict(lambda: {None})
    for index, transition in enumerate(machine[state].transitions):
        if not transition.answers(trigger, index):
            continue
        for leaf in leaves(transition.when):
            match leaf.limit:
                case bool():
                    found[leaf.fact] |= {True, False}
                case str():
                    found[leaf.fact] |= {leaf.limit, OTHER}
                case FactLimit(name=name):
                    found[leaf.fact] |= {share(0), share(1), share(2)}
                    found[name].add(share(1))
                case _:
                    pytest.fail(f"{leaf.position}: this test knows no values for {leaf}")
        target = machine[transition.to]
        if target.exclusive:
            found[target.exclusive].add("lead_time of shop")
        for onward in target.transitions:
            if isinstance(onward.after, FactLimit):
                found[onward.after.name].add(duration(timedelta(hours=1)))
    return {name: sorted(values, key=repr) for name, values in sorted(found.items())}


def taken(machine: Machine, state: str, trigger: Trigger, facts: Mapping[str, FactValue | None]) -> tuple[str, str]:
    """Return where a step leads and the action that it starts; both empty where it stays."""
    given = FactSet.of(
        Fact(name=name, missing="it is unknown", source="test")
        if value is None
        else Fact(name=name, value=value, observed_at=EPOCH, source="test")
        for name, value in facts.items()
    )
    before = RunState(state=state, visit=1, entered_at=EPOCH)
    decision = decide(machine, before, trigger, given, EPOCH)
    return (decision.after.state, machine[decision.after.state].do) if decision.moved else ("", "")


def guesses(values: Mapping[str, list[FactValue | None]], facts: Choice) -> Iterator[Choice]:
    """Walk the same facts with one of the unknown ones known."""
    for name, value in facts.items():
        if value is None:
            yield from (facts | {name: known} for known in values[name] if known is not None)


@pytest.mark.parametrize("machine", shipped(), ids=lambda machine: machine.name)
def test_with_no_facts_at_all_nothing_acts(machine: Machine):
    for state in machine.states:
        for trigger in triggers(machine, state):
            nothing = decide(machine, RunState(state=state, visit=1, entered_at=EPOCH), trigger, EMPTY, EPOCH)
            assert nothing.intents == (), f"{state} acts on {trigger.to_record()} though nothing is known"


@pytest.mark.parametrize("machine", shipped(), ids=lambda machine: machine.name)
def test_no_step_acts_that_a_fact_which_is_unknown_could_have_led_elsewhere(machine: Machine):
    acted = 0
    for state in machine.states:
        for trigger in triggers(machine, state):
            values = told_apart(machine, state, trigger)
            for combination in product(*values.values()):
                facts = dict(zip(values, combination, strict=True))
                step = taken(machine, state, trigger, facts)
                if not step[1]:
                    continue
                acted += 1
                for guess in guesses(values, facts):
                    assert taken(machine, state, trigger, guess) == step, f"{state}: {facts} acts, and {guess} does not"
    assert acted > 0, f"{machine.name} acts, so this test has to see it act"


@pytest.mark.parametrize("missing", ["plan.expected_improvement", "policy.min_improvement", "plan.metric_free"])
def test_what_may_start_by_itself_does_not_while_something_is_unknown(missing: str):
    machine = next(one for one in shipped() if one.name == "pdca")
    whole: Choice = {
        "plan.found": True,
        "plan.requested": False,
        "plan.measured": "lead_time of shop",
        "plan.mode": "enforce",
        "plan.metric_free": True,
        "plan.expected_improvement": share(Fraction(20, 100)),
        "policy.min_improvement": share(Fraction(15, 100)),
        "policy.every": duration(timedelta(weeks=1)),
    }

    assert taken(machine, "planning", Trigger.entered(), whole) == ("applying", "apply_change")
    assert taken(machine, "planning", Trigger.entered(), whole | {missing: None}) == ("proposed", "")
