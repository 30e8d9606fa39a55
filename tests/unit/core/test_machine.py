"""The evaluator: what a decision wants, what it comes to, and what it says about why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from iact.core.conditions import FactLimit, Leaf, Not
from iact.core.evaluator import begin, decide, needs
from iact.core.facts import Fact, FactRequest, FactSet
from iact.core.machine import Intent, Machine, State, Timer, Transition, Trigger
from iact.core.quantities import parse

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


def known(name, value):
    return Fact(name=name, value=parse(value) if value[0].isdigit() else value, observed_at=NOON)


def facts(**values):
    return FactSet.of(known(name.replace("__", "."), value) for name, value in values.items())


PASSED = Leaf(fact="tests_passed", comparator="at_least", limit=parse("95%"))
TESTING = Machine(
    name="feature",
    digest="sha256:0",
    start="testing",
    states={
        "testing": State(
            name="testing",
            do="run_tests",
            arguments={"suite": "all"},
            transitions=(
                Transition(to="deploying", event="finished", when=PASSED, decide="GO", remember=("tests_passed",)),
                Transition(to="stopped", event="finished", decide="NO-GO"),
                Transition(to="stopped", after=parse("30m"), decide="ESCALATE"),
            ),
        ),
        "deploying": State(
            name="deploying",
            exclusive="service",
            transitions=(
                Transition(to="stopped", after=FactLimit("input.patience")),
                Transition(to="stopped", when=Leaf(fact="deployed", comparator="is", limit=True)),
            ),
        ),
        "stopped": State(name="stopped", final=True),
    },
)


def start(**inputs):
    return begin(TESTING, facts(**inputs), NOON).after


def test_a_run_begins_in_the_first_state_with_its_action_and_its_times():
    begun = begin(TESTING, facts(), NOON)

    assert (begun.after.state, begun.after.visit, begun.after.entered_at) == ("testing", 1, NOON)
    assert begun.intents == (Intent("run_tests", {"suite": "all"}),)
    assert begun.timers == (Timer(2, NOON + timedelta(minutes=30)),)


def test_only_the_facts_of_the_transitions_to_be_tried_are_wanted():
    """Of `finished`, both the condition and what the next state needs; of the timer, nothing."""
    state = start()

    wanted = needs(TESTING, state, Trigger.event("finished"))

    assert wanted == (FactRequest("input.patience"), FactRequest("service"), FactRequest("tests_passed"))
    assert needs(TESTING, state, Trigger.timer(2)) == ()
    assert needs(TESTING, state, Trigger.event("unheard_of")) == ()


def test_what_the_run_or_the_trigger_brings_is_not_asked_for():
    state = start(input__patience="2h")
    trigger = Trigger.event("finished", facts(tests_passed="97%"))

    assert needs(TESTING, state, trigger) == (FactRequest("service"),)


def test_the_first_true_transition_in_the_order_of_the_file_is_taken():
    state = start(input__patience="2h")

    decision = decide(TESTING, state, Trigger.event("finished"), facts(tests_passed="95%", service="shop"), LATER)

    assert (decision.after.state, decision.after.visit, decision.outcome) == ("deploying", 2, "go")
    assert decision.taken == 0
    assert decision.holds == ("service=shop",)
    assert decision.timers == (Timer(0, LATER + timedelta(hours=2)),)
    assert decision.after.remembered["tests_passed"].value == parse("95%")
    assert decision.intents == ()


def test_the_next_transition_is_tried_when_the_first_is_false():
    decision = decide(TESTING, start(), Trigger.event("finished"), facts(tests_passed="94%"), LATER)

    assert (decision.after.state, decision.outcome, decision.final) == ("stopped", "no-go", True)
    assert [judgement.truth.value for judgement in decision.considered] == ["false", "true"]


def test_a_missing_fact_never_moves_a_machine():
    """The error rate is unknown, so neither `above` nor `not above` may act."""
    too_high = Leaf(fact="error_rate", comparator="above", limit=parse("10/min"))
    machine = Machine(
        name="service",
        digest="sha256:0",
        start="degraded",
        states={
            "degraded": State(
                name="degraded",
                transitions=(Transition(to="down", when=too_high), Transition(to="healthy", when=Not(too_high))),
            ),
            "down": State(name="down", final=True),
            "healthy": State(name="healthy", final=True),
        },
    )
    state = begin(machine, FactSet.empty(), NOON).after

    decision = decide(machine, state, Trigger.looked(), FactSet.empty(), LATER)

    assert not decision.moved
    assert decision.after is state
    assert [judgement.truth.value for judgement in decision.considered] == ["unknown", "unknown"]


def test_a_timer_takes_only_its_own_transition():
    decision = decide(TESTING, start(), Trigger.timer(2), FactSet.empty(), LATER)

    assert (decision.after.state, decision.outcome) == ("stopped", "escalate")
    assert len(decision.considered) == 1


def test_an_event_that_nothing_waits_for_changes_nothing():
    decision = decide(TESTING, start(), Trigger.event("unheard_of"), FactSet.empty(), LATER)

    assert not decision.moved
    assert decision.considered == ()


@pytest.mark.parametrize("given", [{"tests_passed": "95%"}, {"tests_passed": "95%", "service": "shop"}])
def test_a_state_whose_name_to_hold_or_time_is_unknown_is_not_entered(given):
    """GO is true, but what only one run may hold, or how long to wait, is not known: the next transition is tried."""
    decision = decide(TESTING, start(), Trigger.event("finished"), facts(**given), LATER)

    assert decision.after.state == "stopped"
    assert decision.considered[0].truth.value == "unknown"
    assert "not known" in decision.considered[0].saw


def test_a_start_whose_times_are_unknown_is_refused():
    machine = Machine(
        name="patient",
        digest="sha256:0",
        start="waiting",
        states={
            "waiting": State(name="waiting", transitions=(Transition(to="done", after=FactLimit("input.patience")),)),
            "done": State(name="done", final=True),
        },
    )

    with pytest.raises(ValueError, match="depends on more than the run's inputs"):
        begin(machine, FactSet.empty(), NOON)


def test_what_was_remembered_is_known_under_its_own_name_later():
    state = start(input__patience="2h")
    deploying = decide(
        TESTING, state, Trigger.event("finished"), facts(tests_passed="95%", service="shop"), LATER
    ).after

    assert deploying.known()["remembered.tests_passed"].value == parse("95%")
    assert deploying.known()["input.patience"].value == parse("2h")


def test_a_decision_is_written_without_floats_and_says_everything():
    decision = decide(TESTING, start(), Trigger.event("finished"), facts(tests_passed="94%"), LATER)

    assert decision.to_record() == {
        "from": "testing",
        "to": "stopped",
        "visit": 2,
        "moved": True,
        "taken": 1,
        "outcome": "no-go",
        "final": True,
        "intents": [],
        "timers": [],
        "holds": [],
        "considered": [
            {"truth": "false", "text": "tests_passed at least 95%", "saw": "94%"},
            {"truth": "true", "text": "always"},
        ],
    }
