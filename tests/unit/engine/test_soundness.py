"""`iact validate` proves an agent sound: each finding is certain, stands where it can be mended, and says how."""

from __future__ import annotations

from pathlib import Path

import pytest

from iact.config.opening import open_project
from iact.core.problems import Problem
from iact.engine.soundness import findings
from tests.support.configuration import marked, problems_of, resource
from tests.support.project import ROOT

HEAD = """\
  start: one
  inputs:
    n: {type: number, default: 1}
    mode: {type: text, default: a}
    urgent: {type: boolean, default: false}
    pause: {type: duration, default: 0s}
  states:
    end: {final: true}
"""
NO_ORDER = "order: does not matter"
HOUR = "after: 1h, to: end"


def one(*ways: str, key: str = "", others: str = "") -> str:
    """Return an agent whose state `one` has these ways out; `!` marks the one that is told, `!!` its condition."""
    lines = ["    one:", *([f"      {key}"] if key else []), "      next:"]
    for way in ways:
        if way.startswith("!!"):
            lines.append(f"        - {{{way[2:].replace('when: {', 'when: «{»', 1)}}}")
        else:
            lines.append(f"        - «{{»{way[1:]}}}" if way.startswith("!") else f"        - {{{way}}}")
    return resource("Agent", HEAD + "\n".join(lines) + "\n" + others)


def told(tmp_path: Path, text: str) -> tuple[Problem, ...]:
    return problems_of(tmp_path, marked(text)[0])


def test_the_shipped_agents_are_sound():
    agents = list(open_project(ROOT).resources("Agent"))

    assert agents
    assert [problem for one in agents for problem in findings(one.spec)] == []


@pytest.mark.parametrize(
    ("ways", "rule", "said"),
    [
        (["event: a, to: end"], "unbounded-wait", "no event is sure to come"),
        (["after: 1h, when: {fact: event.ready, is: true}, to: end"], "not-total", "nothing in `next` is true"),
        (
            ["when: {fact: event.a, above: 5}, to: end", "when: {fact: event.a, at_most: 5}, to: end"],
            "not-total",
            "where event.a is unknown",
        ),
        (
            ["when: {fact: input.n, above: 5}, to: end", "when: {fact: input.n, below: 5}, to: end"],
            "not-total",
            "where input.n is 5",
        ),
        (
            ["when: {fact: input.mode, is: a}, to: end", "when: {fact: input.mode, is: b}, to: end"],
            "not-total",
            "where input.mode is any other text",
        ),
    ],
)
def test_a_state_in_which_a_run_may_stay_for_ever_is_told_with_the_case(
    tmp_path: Path, ways: list[str], rule: str, said: str
):
    text, places = marked(one(*ways).replace("    one:", "    «one»:"))

    (problem,) = problems_of(tmp_path, text)

    assert (problem.rule, problem.position) == (rule, places[0])
    assert said in problem.message
    assert "`waits: for ever`" in problem.hint


@pytest.mark.parametrize(
    ("text", "rule", "said"),
    [
        (
            one("event: a, to: end", "!event: a, when: {fact: event.x, is: 1}, to: one", HOUR),
            "never-taken",
            "the one before it (line 15) is, on `a`",
        ),
        (
            one("when: {fact: input.n, above: 5}, to: end", "when: {fact: input.n, at_most: 7}, to: end", "!to: end"),
            "never-taken",
            "those of lines 15 and 16",
        ),
        (
            one(
                "when: {fact: event.x, above: 5}, to: end",
                "!when: {all: [{fact: event.x, above: 6}, {fact: event.y, is: 1}]}, to: end",
                HOUR,
            ),
            "never-taken",
            "(line 15)",
        ),
        (
            one("!!when: {all: [{fact: input.n, above: 5}, {fact: input.n, below: 3}]}, to: end", "to: end"),
            "never-true",
            "can never be true",
        ),
        (
            one(
                "when: {fact: input.n, above: 5}, to: end", "!when: {fact: input.n, at_most: 6}, to: end", key=NO_ORDER
            ),
            "overlap",
            "are both true where input.n is 5.5",
        ),
        (
            one(
                "event: a, when: {fact: event.x, above: {fact: event.y}}, to: end",
                "!event: a, when: {fact: event.z, is: true}, to: end",
                HOUR,
                key=NO_ORDER,
            ),
            "overlap",
            "may be both true",
        ),
    ],
)
def test_a_way_out_that_another_one_stands_in_the_way_of_is_told(tmp_path: Path, text: str, rule: str, said: str):
    written, places = marked(text)

    (problem,) = problems_of(tmp_path, written)

    assert (problem.rule, problem.position) == (rule, places[0])
    assert said in problem.message
    assert problem.hint


@pytest.mark.parametrize(
    "text",
    [
        one("event: a, to: end", key="waits: for ever"),
        one("event: a, to: end", HOUR),
        one("when: {fact: event.a, is: true}, to: end", "to: end"),
        # An input is always known, so two conditions can leave nothing out.
        one("when: {fact: input.n, above: 5}, to: end", "when: {fact: input.n, at_most: 5}, to: end"),
        one("when: {fact: input.urgent, is: true}, to: end", "when: {fact: input.urgent, is: false}, to: end"),
        # Narrow before wide is what an order is for.
        one("when: {fact: input.n, above: 9}, to: end", "when: {fact: input.n, above: 5}, to: end", "to: end"),
        # What another run may hold leaves the next way to be tried.
        one("to: two", "to: end", others=f"    two: {{exclusive: input.mode, next: [{{{HOUR}}}]}}\n"),
        # Unknown is neither, so `not` is no second half.
        one(
            "event: a, when: {fact: event.x, is: 1}, to: end",
            "event: a, when: {not: {fact: event.x, is: 1}}, to: end",
            "event: a, to: end",
            HOUR,
        ),
        one("when: {fact: input.n, above: 5}, to: end", "when: {fact: input.n, at_most: 5}, to: end", key=NO_ORDER),
        # The same other fact on both sides: above it and at most it exclude each other.
        one(
            "event: a, when: {fact: event.x, above: {fact: event.y}}, to: end",
            "event: a, when: {fact: event.x, at_most: {fact: event.y}}, to: end",
            HOUR,
            key=NO_ORDER,
        ),
        # For how long is not known here, so the second is no shadow of the first.
        one("when: {fact: event.x, above: 5, for: 5m}, to: end", "when: {fact: event.x, above: 5}, to: end", "to: end"),
        # An input stays what it is: of times that exclude each other one is sure to move a run on.
        one(
            "after: 1h, when: {fact: input.n, above: 3}, to: end",
            "after: 1h, when: {not: {fact: input.n, above: 3}}, to: end",
        ),
        one("when: {fact: input.n, above: 3}, to: end", "after: 2h, when: {fact: input.n, at_most: 3}, to: end"),
        # Two times are two looks: in between, what the first one asks for may have come to be otherwise.
        one(
            "after: 1h, when: {fact: event.x, is: 1}, to: end",
            "after: 1h, when: {all: [{fact: event.x, is: 1}, {fact: event.y, is: 1}]}, to: end",
            HOUR,
        ),
        # What the state waits for was compared and remembered on every way there.
        one(
            "when: {fact: event.x, above: 1h}, remember: [event.x], to: two",
            "to: end",
            others="    two: {next: [{after: {fact: policy.every}, to: three}]}\n"
            "    three: {next: [{after: 1h, to: four}]}\n"
            "    four: {next: [{after: {fact: remembered.event.x}, to: end}]}\n",
        ),
        # What it is about it holds already.
        one(
            "to: two",
            "to: end",
            others="    two: {exclusive: input.mode, next: [{after: 1h, to: three}]}\n"
            f"    three: {{exclusive: input.mode, next: [{{{HOUR}}}]}}\n",
        ),
        # The way round remembers what its condition may depend on, so the next round may be another one.
        one(
            "when: {fact: check.due, is: true}, remember: [check], to: two",
            HOUR,
            others="    two: {next: [{when: {fact: check.harmed, is: true}, to: one}, {to: end}]}\n",
        ),
        # What came with an event is gone behind it.
        one(
            "event: a, to: two",
            HOUR,
            others="    two: {next: [{when: {fact: event.x, is: true}, to: two}, {to: end}]}\n",
        ),
        # No run comes to the circle with the input for which it is one.
        one(
            "when: {fact: input.urgent, is: true}, to: two",
            "to: end",
            others="    two: {next: [{when: {fact: input.urgent, is: false}, to: two}, {to: end}]}\n",
        ),
    ],
)
def test_a_sound_agent_is_not_told_anything(tmp_path: Path, text: str):
    assert told(tmp_path, text) == ()


@pytest.mark.parametrize(
    ("ways", "said"),
    [
        (["event: finished, to: end"], "`failed`, `unknown`"),
        (["event: finished, to: end", "event: failed, to: end"], "comes to `unknown`"),
        (
            [
                "event: finished, when: {fact: receipt.passed, at_least: 95%}, to: end",
                "event: failed, to: end",
                "event: unknown, to: end",
            ],
            "`finished` where receipt.passed is",
        ),
    ],
)
def test_an_action_whose_ending_nothing_answers_is_told(tmp_path: Path, ways: list[str], said: str):
    (problem,) = told(tmp_path, one(*ways, key="do: apply_change"))

    assert problem.rule == "unbounded-wait"
    assert said in problem.message


def test_a_state_that_can_never_be_left_is_told_once(tmp_path: Path):
    others = "    round: {next: [{event: a, to: round}]}\n"

    (problem,) = told(tmp_path, one("event: a, to: round", HOUR, others=others))

    assert problem.rule == "dead-end"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # The reviewer's own: nothing says that the time is ever known.
        (
            one(
                "!to: two",
                others="    two: {next: [{after: {fact: plan.first_check}, to: end}]}\n",
            ),
            "`two` cannot be entered while `plan.first_check` is unknown",
        ),
        (
            one("!after: 1h, to: two", others=f"    two: {{exclusive: event.x, next: [{{{HOUR}}}]}}\n"),
            "`two` cannot be entered while `event.x` is unknown",
        ),
        (
            one("!to: two", others=f"    two: {{exclusive: input.mode, next: [{{{HOUR}}}]}}\n"),
            "while another run holds the same `input.mode`",
        ),
        (
            one(
                "!when: {fact: input.n, above: 5}, to: two",
                "to: end, when: {fact: input.n, at_most: 5}",
                others="    two: {next: [{after: {fact: check.remaining}, to: end}]}\n",
            ),
            "is unknown where input.n is 6",
        ),
        # What was compared at one moment may be gone at the next, unless it was remembered.
        (
            one(
                "when: {fact: check.remaining, above: 1h}, to: two",
                "to: end",
                others="    two: {next: [«{»after: 1h, to: three}]}\n"
                "    three: {next: [{after: {fact: check.remaining}, to: end}]}\n",
            ),
            "`three` cannot be entered while `check.remaining` is unknown",
        ),
        # Of two ways to a state only one remembers it.
        (
            one(
                "when: {fact: check.remaining, above: 1h}, remember: [check.remaining], to: two",
                "to: two",
                others="    two: {next: [«{»after: 1h, to: three}]}\n"
                "    three: {next: [{after: {fact: remembered.check.remaining}, to: end}]}\n",
            ),
            "`remembered.check.remaining` is unknown",
        ),
        # It is remembered anew, perhaps when it is unknown.
        (
            one(
                "when: {fact: check.remaining, above: 1h}, remember: [check.remaining], to: two",
                "to: end",
                others="    two: {next: [{after: 1h, remember: [check.remaining], to: three}]}\n"
                "    three: {next: [«{»after: 1h, to: four}]}\n"
                "    four: {next: [{after: {fact: remembered.check.remaining}, to: end}]}\n",
            ),
            "`four` cannot be entered",
        ),
    ],
)
def test_a_way_into_a_state_that_may_be_closed_is_told_where_nothing_stands_behind_it(
    tmp_path: Path, text: str, said: str
):
    written, places = marked(text)

    (problem,) = problems_of(tmp_path, written)

    assert (problem.rule, problem.position) == ("not-total", places[0])
    assert said in problem.message
    assert "Add a way out behind it" in problem.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (one("after: 0s, to: one", "event: a, to: end"), ": one → one."),
        (one("after: {fact: input.pause}, to: one", "event: a, to: end"), ": one → one."),
        (one("after: 0 business hours, to: one", "event: a, to: end", key="calendar: office"), ": one → one."),
        (
            one(
                "when: {fact: input.mode, is: a}, to: two",
                HOUR,
                others="    two: {next: [{to: one}]}\n",
            ),
            "for ever where input.mode is a: one → two → one.",
        ),
        (
            one(
                "when: {fact: check.due, is: true}, to: two",
                HOUR,
                others="    two: {next: [{when: {fact: check.harmed, is: true}, to: end}, {to: one}]}\n",
            ),
            "where check.due is true and check.harmed is false: one → two → one.",
        ),
        # What else the run remembers changes nothing about it.
        (
            one("when: {fact: input.urgent, is: true}, remember: [check], to: one", HOUR),
            "where input.urgent is true: one → one.",
        ),
        (
            one("when: {fact: input.urgent, is: true}, remember: [input.urgent], to: one", HOUR),
            "where input.urgent is true: one → one.",
        ),
    ],
)
def test_a_circle_that_needs_no_time_is_told_with_the_case(tmp_path: Path, text: str, said: str):
    calendar = resource("BusinessCalendar", "  time_zone: Europe/Berlin\n  hours: always\n", name="office")
    written, places = marked(f"{text}---\n{calendar}".replace("    one:", "    «one»:", 1))

    (problem,) = problems_of(tmp_path, written)

    assert (problem.rule, problem.position) == ("endless", places[0])
    assert said in problem.message
    assert problem.hint


@pytest.mark.parametrize(
    ("ways", "others"),
    [
        (["event: finished, to: one", "event: failed, to: one", "event: unknown, to: end"], ""),
        # A time counts anew at each visit.
        (["event: finished, to: one", "event: failed, to: one", "event: unknown, to: end", HOUR], ""),
        (
            ["event: finished, to: two", "event: failed, to: one", "event: unknown, to: end"],
            "    two: {next: [{to: one}]}\n",
        ),
    ],
)
def test_an_action_that_is_repeated_without_a_pause_is_told(tmp_path: Path, ways: list[str], others: str):
    text, places = marked(one(*ways, key="do: «apply_change»", others=others))

    (problem,) = problems_of(tmp_path, text)

    assert (problem.rule, problem.position) == ("endless", places[0])
    assert "`apply_change` is repeated without a pause and without an end" in problem.message
    assert "`after`" in problem.hint


@pytest.mark.parametrize(
    ("ways", "others"),
    [
        (["event: finished, to: one", "event: failed, to: end", "event: unknown, to: end"], ""),
        (["event: finished, to: one", "event: failed, to: one", "event: unknown, to: end", "event: a, to: end"], ""),
        (
            ["event: finished, to: two", "event: failed, to: two", "event: unknown, to: end"],
            "    two: {next: [{after: 1m, to: one}]}\n",
        ),
        (
            [
                "event: finished, when: {fact: receipt.decision, is: go}, to: end",
                "event: finished, to: one",
                "event: failed, to: one",
                "event: unknown, to: end",
            ],
            "",
        ),
    ],
)
def test_an_action_that_is_repeated_with_a_pause_or_up_to_an_end_is_not_told(
    tmp_path: Path, ways: list[str], others: str
):
    assert told(tmp_path, one(*ways, key="do: apply_change", others=others)) == ()


@pytest.mark.parametrize(
    ("ways", "said"),
    [
        (["after: 1h, to: end", "!after: 60m, to: one"], "are both true at any time."),
        (
            [
                "after: 1h, when: {fact: input.n, above: 5}, to: end",
                "!after: 1h, when: {fact: input.n, is: 6}, to: end",
            ],
            "are both true where input.n is 6.",
        ),
    ],
)
def test_times_that_come_due_together_are_one_trigger(tmp_path: Path, ways: list[str], said: str):
    text, places = marked(one(*ways, "after: 2h, to: end", key=NO_ORDER))

    problems = problems_of(tmp_path, text)

    (problem,) = [each for each in problems if each.rule == "overlap"]
    assert problem.position == places[0]
    assert problem.message.endswith(said)
    assert {each.rule for each in problems} <= {"overlap", "never-taken"}


def test_conditions_that_tell_too_many_cases_apart_are_judged_where_all_else_is_unknown(tmp_path: Path):
    many = ", ".join(f"{{fact: event.f{number}, is: 1}}" for number in range(12))

    (problem,) = told(tmp_path, one(f"when: {{any: [{many}]}}, to: end"))

    assert problem.rule == "not-total"


def test_conditions_that_tell_too_many_cases_apart_are_judged_only_where_no_order_is_said(tmp_path: Path):
    """Twelve facts, of which each is one of four: more than anybody would go through."""
    many = ", ".join(f"{{fact: event.f{number}, is: 1}}" for number in range(12))
    ways = [f"event: a, when: {{{each}: [{many}]}}, to: end" for each in ("all", "any")]

    assert told(tmp_path / "ordered", one(*ways, HOUR)) == ()
    (problem,) = told(tmp_path / "not", one(*ways, HOUR, key=NO_ORDER))
    assert "too much to go through" in problem.message


BOUNDED = "pause: {type: duration, default: 0s}"


@pytest.mark.parametrize(
    ("text", "rule", "said"),
    [
        # It is only come to above 5, and only left at 5 and below, whoever tells it what.
        (
            one(
                "event: a, when: {fact: input.n, above: 5}, to: two",
                HOUR,
                others="    «two»:\n      waits: for ever\n"
                "      next: [{event: a, when: {fact: input.n, at_most: 5}, to: end}]\n",
            ),
            "dead-end",
            "a run in `two` never comes to its end where input.n is 6",
        ),
        # It goes round with its times, and the way on asks for something else.
        (
            one(
                "when: {fact: input.mode, is: a}, to: two",
                HOUR,
                others="    «two»: {next: [{when: {fact: input.mode, is: b}, to: end}, {after: 1h, to: three}]}\n"
                "    three: {next: [{after: 1h, to: two}]}\n",
            ),
            "dead-end",
            "a run in `two` never comes to its end where input.mode is a",
        ),
        (
            one(
                "event: a, when: {fact: input.n, above: 5}, to: two",
                HOUR,
                others="    two:\n"
                "      next: [{event: a, when: {fact: input.n, at_most: 5}, to: three}, {after: 1h, to: end}]\n"
                "    «three»: {next: [{after: 1h, to: end}]}\n",
            ),
            "unreachable-state",
            "no run ever comes to the state `three`",
        ),
    ],
)
def test_what_an_input_closes_for_good_is_told(tmp_path: Path, text: str, rule: str, said: str):
    written, places = marked(text)

    (problem,) = problems_of(tmp_path, written)

    assert (problem.rule, problem.position) == (rule, places[0])
    assert said in problem.message
    assert problem.hint


@pytest.mark.parametrize(
    "text",
    [
        # Another way in lets it be left.
        one(
            "event: a, when: {fact: input.n, above: 5}, to: two",
            HOUR,
            "event: b, to: two",
            others="    two:\n      waits: for ever\n"
            "      next: [{event: a, when: {fact: input.n, at_most: 5}, to: end}]\n",
        ),
        # With such an input the first way is taken, at once, of one event, or of two times the sooner.
        one(
            "when: {fact: input.n, above: 5}, to: end",
            "to: two",
            others="    two: {waits: for ever, next: [{event: a, when: {fact: input.n, at_most: 5}, to: end}]}\n",
        ),
        one(
            "event: a, when: {fact: input.n, above: 5}, to: end",
            "event: a, to: two",
            HOUR,
            others="    two: {waits: for ever, next: [{event: a, when: {fact: input.n, at_most: 5}, to: end}]}\n",
        ),
        one(
            "after: 2h, to: two",
            "after: 1h, when: {fact: input.n, above: 5}, to: end",
            others="    two: {waits: for ever, next: [{event: a, when: {fact: input.n, at_most: 5}, to: end}]}\n",
        ),
        # It is closed for some inputs only, and whoever starts a run may mean that.
        one("event: a, when: {fact: input.n, above: 5}, to: end", key="waits: for ever"),
        # What else is known may be anything at each look.
        one(
            "event: a, when: {fact: event.x, above: 5}, to: two",
            HOUR,
            others="    two: {waits: for ever, next: [{event: a, when: {fact: event.x, at_most: 5}, to: end}]}\n",
        ),
        one(
            "when: {fact: input.n, above: {fact: policy.every}}, to: two",
            HOUR,
            others="    two:\n      waits: for ever\n"
            "      next: [{event: a, when: {fact: input.n, at_most: {fact: policy.every}}, to: end}]\n",
        ),
    ],
)
def test_what_an_input_leaves_open_is_not_told(tmp_path: Path, text: str):
    assert [problem for problem in told(tmp_path, text) if problem.rule in {"dead-end", "unreachable-state"}] == []


@pytest.mark.parametrize("default", ["default: 1m", "description: how long"])
def test_a_circle_whose_time_an_input_may_let_be_nothing_is_told_until_it_is_bounded(tmp_path: Path, default: str):
    written = one(
        "after: «{»fact: input.pause}, when: {fact: input.urgent, is: true}, to: one", "event: a, to: end", HOUR
    ).replace("pause: {type: duration, default: 0s}", f"pause: {{type: duration, {default}}}")
    text, places = marked(written)

    (problem,) = problems_of(tmp_path / "loose", text)

    assert (problem.rule, problem.position) == ("endless", places[0])
    assert "where `input.pause` is 0s, which nothing forbids and input.urgent is true: one → one." in problem.message
    assert "at_least: 1m" in problem.hint
    assert problems_of(tmp_path / "bound", text.replace(default, f"{default}, at_least: 1s")) == ()
    (zero,) = problems_of(tmp_path / "zero", text.replace(default, f"{default}, at_least: 0s"))
    assert zero.rule == "endless"


def test_a_circle_that_asks_for_time_is_not_told_where_the_input_is_none_by_default(tmp_path: Path):
    asks = "after: {fact: input.pause}, when: {fact: input.pause, above: 0s}, to: one"
    text = one(asks, "event: a, to: end", HOUR).replace(BOUNDED, "pause: {type: duration, default: 0s}")

    assert told(tmp_path, text) == ()


def test_a_circle_that_asks_for_time_or_waits_elsewhere_is_not_told(tmp_path: Path):
    asks = "after: {fact: input.pause}, when: {fact: input.pause, above: 0s}, to: one"
    longer = "pause: {type: duration, default: 1m}"
    text = one(asks, "event: a, to: end", HOUR).replace(BOUNDED, longer)
    assert told(tmp_path / "asks", text) == ()
    others = "    two: {next: [{after: 1h, to: one}]}\n"
    text = one("after: {fact: input.pause}, to: two", "event: a, to: end", others=others).replace(BOUNDED, longer)
    assert told(tmp_path / "elsewhere", text) == ()


@pytest.mark.parametrize(
    ("described", "said"),
    [
        ("{type: duration, default: 30s, at_least: 1m}", "`default`: expected at least 1m, found 30s."),
        ("{type: duration, at_least: 3}", "`at_least`: expected a duration"),
        ("{type: text, at_least: 3}", "`at_least` bounds an amount, and a text is none."),
    ],
)
def test_a_bound_that_nothing_can_keep_to_is_told(tmp_path: Path, described: str, said: str):
    (problem,) = told(tmp_path, one(HOUR).replace(BOUNDED[7:], described))

    assert problem.rule == "wrong-unit"
    assert said in problem.message


ENDINGS = ("event: finished, to: end", "event: failed, to: end", "event: unknown, to: end")


def test_what_is_proposed_needs_a_time_for_when_nobody_answers(tmp_path: Path):
    text = one(*ENDINGS, key="do: apply_change").replace("  start: one\n", "  «mode: propose»\n  start: one\n")
    written, places = marked(text.replace("«mode: propose»", "mode: «propose»"))

    (problem,) = problems_of(tmp_path / "waits", written)

    assert (problem.rule, problem.position) == ("unbounded-wait", places[0])
    assert (
        "a run may stay in `one` for ever: `apply_change` is proposed, and nobody is sure to answer." in problem.message
    )
    assert "In `one`: add a time (`after`)" in problem.hint
    proposing = "  mode: propose\n  start: one\n"
    timed = one(*ENDINGS, HOUR, key="do: apply_change").replace("  start: one\n", proposing)
    assert told(tmp_path / "timed", timed) == ()
    meant = one(*ENDINGS, key="do: apply_change\n      waits: for ever").replace("  start: one\n", proposing)
    assert told(tmp_path / "meant", meant) == ()
    done = one(*ENDINGS, key="do: apply_change").replace("  start: one\n", "  mode: enforce\n  start: one\n")
    assert told(tmp_path / "done", done) == ()
