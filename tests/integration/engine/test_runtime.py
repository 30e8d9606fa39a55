"""Runs on a real store: what they do, what they keep, and what they never do twice."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from iact.core.facts import Fact, FactSet
from iact.core.quantities import parse
from iact.engine.clocks import ManualClock
from iact.engine.journal import EntryKind, broken_link
from iact.engine.model import compile_agent
from iact.engine.replay import first_difference
from iact.engine.retrying import ATTEMPTS
from iact.engine.runtime import EndlessRunError, Runtime, StumbledError
from iact.stores.connect import reading, writing
from tests.support.agents import World, agent_definition
from tests.support.kept import open_kept

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

CHANGE = agent_definition("""
inputs: {patience: {type: duration, default: 48h}}
start: asking
states:
  asking:
    next:
      - {when: {fact: world.mood, is: good}, decide: GO, to: changing, remember: [world.mood]}
      - {event: order, when: {fact: event.by, is: lead}, decide: GO, to: changing, remember: [event.by]}
      - {after: {fact: input.patience}, decide: ESCALATE, to: given_up}
  changing:
    do: change_world
    next:
      - {event: finished, when: {fact: receipt.what, is: changed}, decide: SUCCESS, to: changed}
      - {event: finished, decide: SUCCESS, to: changed}
      - {event: failed, decide: FAILED, to: given_up}
      - {event: unknown, decide: ESCALATE, to: given_up}
  changed: {final: true}
  given_up: {final: true}
""")


class Bench:
    """A runtime on a store of its own, with a clock and a world that the test holds in its hands."""

    def __init__(self, path):
        self.path = path
        self.clock = ManualClock(NOON)
        self.world = World()
        self.runtime = self.another_process()

    def another_process(self, world=None):
        """Return a runtime that shares nothing with the first but the store."""
        engine = open_kept(self.path)
        return Runtime(engine, project="test", clock=self.clock, services={"world": world or self.world})

    def start(self, definition=CHANGE, subject="shop", **inputs):
        """Start a run and return its identifier."""
        given = {"patience": parse("48h")} | inputs
        facts = FactSet.of(Fact(name=f"input.{name}", value=value) for name, value in given.items())
        return self.runtime.start(definition.name, definitions=[definition], subject=subject, inputs=facts)

    def know(self, **facts):
        """Let the world's source supply these facts from now on."""
        for name, value in facts.items():
            self.world.facts[f"world.{name}"] = Fact(name=f"world.{name}", value=value, source="world")

    def kinds(self, run):
        """Return what the run's journal entries are about, in order."""
        return [entry.kind.value for entry in self.runtime.journal(run)]


def edit(connection, table, where):
    """Change one row behind the back of the runtime, as somebody with a client could."""
    body = connection.execute(text(f"SELECT body FROM {table} WHERE {where}")).scalar_one()  # noqa: S608 - a test's own words
    changed = {"body": body.replace(b"good", b"evil")}
    assert changed["body"] != body
    connection.execute(text(f"UPDATE {table} SET body = :body WHERE {where}"), changed)  # noqa: S608 - as above


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path / "iact.db")


def by(name):
    return FactSet.of([Fact(name="event.by", value=name, source="person")])


def test_a_run_goes_as_far_as_it_can_and_ends(bench):
    bench.know(mood="good")
    run = bench.start()

    ended = bench.runtime.advance(run)

    assert (ended.state, ended.outcome, ended.active) == ("changed", "success", False)
    assert bench.world.done == [f"{run}/2/0"]
    assert ended.remembered["world.mood"].value == "good"
    assert bench.kinds(run) == ["started", "decision", "attempt", "receipt", "decision"]


def test_a_missing_fact_leaves_the_run_waiting_and_the_journal_says_why(bench):
    run = bench.start()

    waiting = bench.runtime.advance(run)

    assert (waiting.state, waiting.active, waiting.next_due) == ("asking", True, NOON + timedelta(hours=48))
    decision = bench.runtime.journal(run)[-1].body
    assert decision["facts"] == [
        {"name": "world.mood", "source": "", "missing": "the source world does not know it"},
    ]
    assert decision["decision"]["moved"] is False
    assert decision["decision"]["considered"][0] == {
        "truth": "unknown",
        "text": "world.mood is good",
        "saw": "unknown: the source world does not know it",
        "at": "agents/test.yaml:7:16",
    }


def test_running_again_at_any_time_changes_nothing(bench):
    run = bench.start()
    bench.runtime.advance(run)
    before = (bench.runtime.get(run), bench.runtime.journal(run))

    for _ in range(3):
        assert bench.start() == run
        bench.another_process().advance(run)

    assert (bench.runtime.get(run), bench.runtime.journal(run)) == before


def test_a_time_that_has_come_is_told_once(bench):
    run = bench.start()
    bench.runtime.advance(run)

    bench.clock.advance(timedelta(hours=48) - timedelta(microseconds=1))
    assert bench.runtime.tick() == ()
    bench.clock.advance(timedelta(microseconds=1))
    (ended,) = bench.runtime.tick()

    assert (ended.state, ended.outcome, ended.ended_at) == ("given_up", "escalate", NOON + timedelta(hours=48))
    assert bench.runtime.tick() == ()


def test_what_a_person_says_is_kept_until_it_is_decided_upon_and_told_once(bench):
    run = bench.start()
    bench.runtime.advance(run)

    assert bench.runtime.tell(run, "order", facts=by("lead"), key="slack-1")
    assert not bench.runtime.tell(run, "order", facts=by("lead"), key="slack-1")
    ended = bench.another_process().advance(run)

    assert ended.state == "changed"
    assert ended.remembered["event.by"].value == "lead"
    assert len(bench.world.done) == 1


def test_an_event_whose_condition_is_false_is_decided_upon_and_forgotten(bench):
    run = bench.start()
    bench.runtime.tell(run, "order", facts=by("passer-by"), key="slack-1")

    assert bench.runtime.advance(run).state == "asking"
    assert bench.runtime.journal(run)[-1].body["decision"]["considered"][0]["saw"] == "passer-by"
    assert bench.runtime.tick() == ()


def test_another_look_sees_what_has_changed_since(bench):
    run = bench.start()
    bench.runtime.advance(run)
    bench.know(mood="good")

    assert bench.runtime.advance(run).state == "asking"
    bench.runtime.look(run, key="monday")

    assert bench.runtime.advance(run).state == "changed"


def test_an_action_that_fails_or_breaks_gives_a_receipt_and_the_run_goes_on(bench, caplog):
    for fault, message in (("fail", "the world would not change"), ("break", "RuntimeError: the action is broken")):
        definition = agent_definition(
            f"""
start: changing
states:
  changing:
    do: change_world
    with: {{{fault}: true}}
    next:
      - {{event: finished, to: done}}
      - {{event: failed, decide: FAILED, to: done}}
  done: {{final: true}}
""",
            name=f"agent-{fault}",
        )
        run = bench.start(definition)

        ended = bench.runtime.advance(run)

        assert (ended.outcome, bench.world.done) == ("failed", [])
        receipt = next(entry for entry in bench.runtime.journal(run) if entry.kind is EntryKind.RECEIPT)
        assert receipt.body["message"] == message
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_each_transition_is_said_in_the_log_of_the_process_once_it_is_durable(bench, caplog):
    run = bench.start()
    bench.runtime.tell(run, "order", facts=by("lead"), key="slack-1")
    with caplog.at_level(logging.INFO, logger="iact.engine.steps"):
        bench.runtime.advance(run)

    assert [record.getMessage() for record in caplog.records] == [
        f"run {run} of {CHANGE.name}: asking → changing (order, GO), to do: change_world",
        f"run {run} of {CHANGE.name}: changing → changed (finished of its action, SUCCESS), which ends it",
    ]


def cut_short(bench, *, done):
    """Leave a run as a process does that is killed between the attempt and the receipt."""
    bench.know(mood="good")
    run = bench.start()
    key = f"{run}/2/0"
    with pytest.raises(KeyboardInterrupt):
        bench.another_process(KilledWorld(bench.world, done=done)).advance(run)
    bench.runtime = bench.another_process()
    return run, key


class KilledWorld(World):
    """A world in which the process dies while it acts, before or after the deed."""

    def __init__(self, world, *, done):
        super().__init__()
        self.done = LastDeeds(world.done if done else [])
        self.facts = world.facts


class LastDeeds(list[str]):
    """A list of deeds that its writer does not survive."""

    def __init__(self, real):
        super().__init__()
        self.real = real

    def append(self, key):
        """Note the deed and die."""
        self.real.append(key)
        raise KeyboardInterrupt


@pytest.mark.parametrize("done", [True, False])
def test_an_attempt_that_was_cut_short_is_settled_by_the_actions_own_check(bench, done):
    run, key = cut_short(bench, done=done)
    assert bench.runtime.get(run).state == "changing"

    ended = bench.runtime.advance(run)

    assert (ended.state, bench.world.done) == ("changed", [key])
    attempts = [entry.body["attempt"] for entry in bench.runtime.journal(run) if entry.kind is EntryKind.ATTEMPT]
    assert attempts == ([1] if done else [1, 2])


def test_an_attempt_that_nobody_can_settle_goes_to_a_person_and_is_not_repeated(bench):
    run, _key = cut_short(bench, done=True)
    bench.world.lose_answers = True

    ended = bench.runtime.advance(run)

    assert (ended.state, ended.outcome, len(bench.world.done)) == ("given_up", "escalate", 1)
    assert "review" in bench.kinds(run)


def test_an_answer_that_comes_after_the_run_has_moved_on_is_put_aside(bench):
    """A receipt is about the state that asked for it; in another visit of that state it means nothing."""
    definition = agent_definition(
        """
start: changing
states:
  changing:
    do: change_world
    next:
      - {event: stop, to: stopped}
      - {event: finished, to: resting}
  resting:
    next:
      - {event: finished, to: stopped}
      - {event: stop, to: stopped}
  stopped: {final: true}
""",
        name="stoppable",
    )
    run = bench.start(definition)

    rested = bench.runtime.advance(run)

    assert rested.state == "resting"
    bench.runtime.tell(run, "stop", key="person-1")
    assert bench.runtime.advance(run).state == "stopped"


HOLDING = """
start: waiting
states:
  waiting:
    next:
      - {event: go, to: holding}
      - {event: stop, to: done}
  holding:
    exclusive: world.metric
    next: [{event: stop, to: done}]
  done: {final: true}
"""


def test_what_only_one_run_may_hold_is_given_back_when_the_state_is_left(bench):
    bench.know(metric="lead_time")
    run = bench.start(agent_definition(HOLDING, name="holder"))
    bench.runtime.tell(run, "go", key="1")
    bench.runtime.advance(run)

    assert bench.runtime.holder("world.metric=lead_time") == run
    bench.runtime.tell(run, "stop", key="2")
    bench.runtime.advance(run)
    assert bench.runtime.holder("world.metric=lead_time") is None


def test_two_runs_never_hold_the_same(bench):
    bench.know(metric="lead_time")
    definition = agent_definition(HOLDING, name="holder")
    first, second = bench.start(definition, subject="a"), bench.start(definition, subject="b")
    for run in (first, second):
        bench.runtime.tell(run, "go", key="1")
    bench.runtime.advance(first)

    refused = bench.runtime.advance(second)

    assert refused.state == "waiting"
    considered = bench.runtime.journal(second)[-1].body["decision"]["considered"]
    assert considered[0]["saw"] == f"world.metric=lead_time is held by {first}"


def test_a_run_keeps_the_rules_that_it_started_under(bench):
    run = bench.start()
    bench.runtime.advance(run)
    stricter = agent_definition(
        """
inputs: {patience: {type: duration, default: 48h}}
start: asking
states:
  asking: {next: [{event: never, to: done}]}
  done: {final: true}
""",
        name=CHANGE.name,
    )

    assert bench.start(stricter) == run
    bench.know(mood="good")
    bench.runtime.look(run, key="1")

    assert bench.runtime.advance(run).state == "changed"


@pytest.mark.not_replayed("the definition that decides is changed behind its back")
def test_a_stored_definition_that_was_changed_is_not_used(bench):
    run = bench.start()
    bench.runtime.advance(run)
    with writing(bench.runtime.engine) as connection:
        edit(connection, "definitions", "kind = 'Agent'")

    with pytest.raises(StumbledError, match="Agent/test-agent was changed after it was stored"):
        bench.another_process().advance(run)


def test_a_run_that_cannot_go_on_keeps_no_other_and_waits_for_a_person_in_the_end(bench):
    broken, *others = (bench.start(subject=subject) for subject in ("broken", "one", "two"))
    with writing(bench.runtime.engine) as connection:
        connection.execute(text("UPDATE runs SET pins = '{}' WHERE run = :run"), {"run": broken})
    runtime = bench.another_process()
    for run in (broken, *others):
        runtime.tell(run, "order", facts=by("lead"), key="1")

    stumbled: list[StumbledError] = []
    assert {run.run for run in runtime.tick(stumbled.append)} == set(others)
    assert [str(error).split(",")[0] for error in stumbled] == [f"run {broken} could not go on"]
    for _ in range(ATTEMPTS):
        bench.clock.advance(timedelta(days=1))
        runtime.tick(stumbled.append)

    assert len(stumbled) == ATTEMPTS
    assert "it waits for a person" in str(stumbled[-1])
    with reading(runtime.engine) as connection:
        (trouble,) = connection.execute(text("SELECT trouble FROM claims WHERE parked_at IS NOT NULL")).scalars()
    assert trouble.startswith("KeyError")


def test_every_decision_comes_out_the_same_when_it_is_made_again(bench):
    run = bench.start()
    bench.runtime.advance(run)
    bench.runtime.tell(run, "order", facts=by("passer-by"), key="1")
    bench.runtime.tell(run, "order", facts=by("lead"), key="2")
    bench.clock.advance(timedelta(hours=1))
    bench.runtime.advance(run)
    machine = compile_agent(CHANGE.tree, name=CHANGE.name, digest=CHANGE.digest)

    assert first_difference(machine, bench.runtime.journal(run)) is None


def test_a_decision_that_was_written_otherwise_is_found(bench):
    bench.know(mood="good")
    run = bench.start()
    bench.runtime.advance(run)
    machine = compile_agent(CHANGE.tree, name=CHANGE.name, digest=CHANGE.digest)
    journal = bench.runtime.journal(run)
    journal[1].body["decision"]["outcome"] = "no-go"

    assert first_difference(machine, journal) == 2


@pytest.mark.not_replayed("a decision is edited")
def test_the_journal_of_a_run_has_no_gap_and_an_edited_row_breaks_it(bench):
    bench.know(mood="good")
    run = bench.start()
    bench.runtime.advance(run)

    with reading(bench.runtime.engine) as connection:
        assert broken_link(connection, "test", run) is None
    with writing(bench.runtime.engine) as connection:
        edit(connection, "journal", "sequence = 2")
    with reading(bench.runtime.engine) as connection:
        assert broken_link(connection, "test", run) == 2


@pytest.mark.not_replayed("a row is dropped")
def test_a_dropped_row_breaks_the_journal(bench):
    bench.know(mood="good")
    run = bench.start()
    bench.runtime.advance(run)

    with writing(bench.runtime.engine) as connection:
        connection.execute(text("DELETE FROM journal WHERE sequence = 3"))
    with reading(bench.runtime.engine) as connection:
        assert broken_link(connection, "test", run) == 3


def test_a_clock_that_is_set_back_never_writes_yesterday_after_today(bench):
    run = bench.start()
    bench.runtime.advance(run)
    bench.clock.advance(timedelta(days=-1))
    bench.runtime.tell(run, "order", facts=by("lead"), key="1")
    bench.runtime.advance(run)

    moments = [entry.at for entry in bench.runtime.journal(run)]

    assert moments == sorted(moments)
    assert bench.runtime.now() == NOON


def test_an_agent_that_goes_in_circles_is_stopped(bench):
    circle = agent_definition(
        """
start: here
states:
  here: {next: [{to: there}]}
  there:
    next:
      - {to: here}
      - {event: stop, to: done}
  done: {final: true}
""",
        name="circle",
    )
    run = bench.start(circle)

    with pytest.raises(EndlessRunError, match="without waiting"):
        bench.runtime.advance(run)


def test_an_unknown_run_is_an_error_that_names_it(bench):
    for call in (bench.runtime.get, bench.runtime.advance):
        with pytest.raises(LookupError, match="there is no run run-1"):
            call("run-1")
    with pytest.raises(LookupError, match="there is no run run-1"):
        bench.runtime.tell("run-1", "order", key="1")


def test_a_run_of_a_name_is_started_once_even_where_it_has_ended_meanwhile(bench):
    """A process that was frozen while it started it tries again when it wakes."""
    inputs = FactSet.of([Fact(name="input.patience", value=parse("0s"))])
    named = {"definitions": [CHANGE], "subject": "shop", "inputs": inputs}
    run = bench.runtime.start("test-agent", name="run-of-the-day", **named)
    assert bench.runtime.advance(run).ended_at is not None
    entries = bench.runtime.journal(run)

    assert bench.another_process().start("test-agent", name="run-of-the-day", **named) == run
    assert bench.runtime.journal(run) == entries
    assert [one.run for one in bench.runtime.runs()] == [run]
    assert bench.runtime.start("test-agent", **named) != run


def test_a_second_process_finds_the_run_that_the_first_one_started(bench):
    run = bench.start()

    assert bench.another_process().active(CHANGE.name, "shop").run == run
    assert [each.run for each in bench.another_process().active_runs(CHANGE.name)] == [run]
