"""`do: command`: a real program gets a task and decides, in a run of a real store."""

from __future__ import annotations

import fcntl
import json
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from sqlalchemy import Engine

from iact.agents import command
from iact.agents.program import Ended, Stopped
from iact.config.discovery import discover
from iact.core.facts import FactSet
from iact.core.instants import parse as moment
from iact.core.problems import Problems
from iact.core.shape import build
from iact.engine.attempts import Ending, Settled
from iact.engine.claims import take
from iact.engine.clocks import ManualClock
from iact.engine.journal import EntryKind
from iact.engine.model import Agent, parse_inputs
from iact.engine.runners import Presence
from iact.engine.runtime import Runtime
from iact.engine.worker import Worker
from iact.stores.connect import open_sqlite
from tests.support.agents import agent_definition
from tests.support.configuration import problems_of, resource
from tests.support.kept import open_kept
from tests.support.leases import outlast
from tests.support.project import ROOT

discover()

AGENT = """
start: testing
inputs:
  request_id: {{type: text, default: ""}}
  patience: {{type: duration, default: 48h}}
states:
  testing:
    do: command
    with: {arguments}
    next:
      - {{event: finished, when: {{fact: receipt.decision, is: go}}, decide: GO, to: done, remember: [receipt.reason]}}
      - {{event: finished, when: {{fact: receipt.passed, at_least: 95%}}, decide: ALMOST, to: done}}
      - {{event: finished, decide: NO-GO, to: done}}
      - {{event: failed, decide: ESCALATE, to: done, remember: [receipt.message]}}
      - {{event: unknown, decide: ESCALATE, to: done, remember: [receipt.message]}}
  done: {{final: true}}
"""
GO = {"decision": "GO", "reason": "all passed", "confidence": 0.95}


def program(folder: Path, *lines: str) -> str:
    """Write a program of these lines, and return how a rule names it."""
    path = folder / "decide"
    path.write_text("\n".join([f"#!{sys.executable}", "import json, os, sys, subprocess", *lines, ""]))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return "./decide"


def answering(folder: Path, decision: Any) -> str:
    return program(folder, "sys.stdin.read()", f"print({json.dumps(json.dumps(decision))})")


class Ran:
    """A run to its end."""

    def __init__(
        self,
        folder: Path,
        arguments: dict[str, Any],
        inputs: dict[str, str] | None = None,
        opened: Callable[[Path], Engine] = open_kept,
    ) -> None:
        self.definition = agent_definition(AGENT.format(arguments=json.dumps(arguments)))
        self.runtime = Runtime(
            opened(folder / "iact.db"),
            project="shop",
            clock=ManualClock(moment("2026-03-06 10:00Z")),
            services={"folder": folder},
        )
        agent = build(Agent, self.definition.tree, Problems())
        assert agent is not None
        facts = parse_inputs(agent, inputs or {}) if inputs is not None else FactSet.empty()
        self.name = self.runtime.start("test-agent", definitions=[self.definition], subject="FEAT-001", inputs=facts)
        self.run = self.runtime.advance(self.name)

    @property
    def receipt(self) -> dict[str, Any]:
        """What is kept of the program's answer."""
        (entry,) = [each for each in self.runtime.journal(self.name) if each.kind is EntryKind.RECEIPT]
        return {fact["name"].removeprefix("receipt."): fact["value"] for fact in entry.body["detail"]}


def test_what_a_program_decides_is_kept_as_facts_and_moves_the_run_by_its_rules(tmp_path: Path):
    facts = {"passed": "95%", "suite": "smoke", "cases": 100, "flaky": False, "build": "1.10"}

    ran = Ran(tmp_path, {"run": [answering(tmp_path, {**GO, "facts": facts})]})

    assert ran.run.outcome == "go"
    assert ran.run.remembered["receipt.reason"].value == "all passed"
    receipt = ran.receipt
    assert receipt["decision"] == "go"
    assert receipt["confidence"] == {"quantity": {"amount": "19/20", "dimension": "share"}}
    assert receipt["cases"] == {"quantity": {"amount": "100", "dimension": "number"}}
    assert (receipt["suite"], receipt["flaky"], receipt["build"]) == ("smoke", False, "1.10")


def test_the_rules_may_come_to_something_else_than_the_program(tmp_path: Path):
    decided = {"decision": "NO-GO", "reason": "five failed", "facts": {"passed": "95%"}}

    assert Ran(tmp_path, {"run": [answering(tmp_path, decided)]}).run.outcome == "almost"


def test_a_program_is_given_its_task_as_the_published_schema_says(tmp_path: Path):
    told = program(tmp_path, "open('task.json', 'w').write(sys.stdin.read())", f"print({json.dumps(json.dumps(GO))})")

    ran = Ran(tmp_path, {"run": [told], "task": {"feature_id": "FEAT-001"}}, {"request_id": "req-1"})

    task = json.loads((tmp_path / "task.json").read_text())
    jsonschema.Draft202012Validator(json.loads((ROOT / "catalog/schemas" / command.TASK_FILE).read_text())).validate(
        task
    )
    assert task["task"] == {"feature_id": "FEAT-001"}
    assert task["inputs"] == {"request_id": "req-1", "patience": "48h"}
    assert (task["subject"], task["request_id"], ran.receipt["request_id"]) == ("FEAT-001", "req-1", "req-1")


def test_without_an_identifier_a_request_gets_a_new_one(tmp_path: Path):
    receipt = Ran(tmp_path, {"run": [answering(tmp_path, GO)]}).receipt

    assert receipt["request_id"].startswith("req-")
    assert len(receipt["request_id"]) == len("req-00000000-0000-0000-0000-000000000000")


def test_a_program_sees_of_the_environment_what_is_named_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SHOWN", "yes")
    monkeypatch.setenv("HIDDEN", "yes")
    told = program(tmp_path, f"print(json.dumps({GO!r} | {{'facts': {{'seen': ' '.join(sorted(os.environ))}}}}))")

    seen = Ran(tmp_path, {"run": [told], "environment": ["SHOWN"]}).receipt["seen"].split()

    assert "SHOWN" in seen
    assert {"HIDDEN", "PATH", "HOME"} & set(seen) == set()


def test_no_shell_reads_the_arguments(tmp_path: Path):
    told = program(tmp_path, f"print(json.dumps({GO!r} | {{'facts': {{'said': sys.argv[1]}}}}))")

    assert Ran(tmp_path, {"run": [told, "$(touch made); *"]}).receipt["said"] == "$(touch made); *"
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["print('no')"], "answered no JSON"),
        (["pass"], "answered nothing; expected one decision as JSON"),
        (["print('[]')"], "answered no decision: expected a mapping with decision, reason, found a list."),
        (["""print('{"decision": "GO"}')"""], "`reason` is missing"),
        (["""print('{"decision": "MAYBE", "reason": "?"}')"""], "expected one of GO, NO-GO, ESCALATE, found"),
        (["""print('{"decision": "GO", "reason": "?", "confidence": 95}')"""], "a number from 0 to 1"),
        (["""print('{"decision": "GO", "reason": "?", "confidence": NaN}')"""], "NaN is no number that JSON has"),
        (["""print('{"decision": "GO", "reason": "?", "facts": {"reason": "x"}}')"""], "a name of the receipt's own"),
        (["sys.stdout.buffer.write(bytes([255]))"], "not UTF-8"),
        (["""print(r'{"decision": "GO", "reason": "\\ud800"}')"""], "half of a surrogate pair"),
        (
            ["""print('{"decision": "GO", "reason": "?", "facts": {"n": ' + '9' * 5000 + '}}')"""],
            "of more than 100 digits",
        ),
        (["""print('{"decision": "GO", "reason": "?", "facts": {"n": 1e100000}}')"""], "of more than 100 digits"),
        (["""print('{"decision": "GO", "reason": "?", "confidence": 1e-9999999}')"""], "of more than 100 digits"),
        (["print('x' * 2_000_000)"], "wrote more than 1,000,000 bytes"),
        (["sys.exit('the tests are gone')"], "ended with exit code 1: the tests are gone."),
        (["sys.exit('token=abc123def456')"], "may hold a secret, and are not shown"),
        (["os.kill(os.getpid(), 9)"], "was killed by SIGKILL. A program that decides"),
    ],
)
def test_an_answer_that_is_no_decision_is_told_plainly(tmp_path: Path, lines: list[str], said: str):
    ran = Ran(tmp_path, {"run": [program(tmp_path, *lines)]})

    assert ran.run.outcome == "escalate"
    assert said in str(ran.run.remembered["receipt.message"].value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"run": ["./nobody"]}, "there is no program ./nobody in the project"),
        ({"run": ["nobody-at-all"]}, "there is no program nobody-at-all on the PATH"),
        ({"run": ["./text"]}, "./text cannot be started"),
        ({"run": ["./decide"], "environment": ["NOT_SET_ANYWHERE"]}, "the environment has no NOT_SET_ANYWHERE"),
    ],
)
def test_a_program_that_cannot_be_run_is_told_with_what_to_do(tmp_path: Path, arguments: dict[str, Any], said: str):
    answering(tmp_path, GO)
    (tmp_path / "text").write_text("no program\n")

    ran = Ran(tmp_path, arguments)

    assert ran.run.outcome == "escalate"
    assert said in str(ran.run.remembered["receipt.message"].value)


def test_a_program_that_takes_too_long_is_ended_with_all_that_it_has_started(tmp_path: Path):
    """A child that outlives its parent would hold the lock, and write that it survived."""
    child = (
        "import fcntl, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); held = open('held', 'a+');"
        " fcntl.flock(held, fcntl.LOCK_EX); print(1, flush=True); time.sleep(60); held.write('survived'); held.flush()"
    )
    told = program(
        tmp_path,
        f"child = subprocess.Popen([{sys.executable!r}, '-c', {child!r}], stdout=subprocess.PIPE)",
        "child.stdout.readline()",
        "child.wait()",
    )

    ran = Ran(tmp_path, {"run": [told], "timeout": "3s"})

    assert "was stopped after 3s" in str(ran.run.remembered["receipt.message"].value)
    with (tmp_path / "held").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert held.read() == ""


def test_a_child_that_a_program_leaves_behind_is_ended_and_not_waited_for(tmp_path: Path):
    child = (
        "import fcntl, sys, time; held = open('held', 'a+'); fcntl.flock(held, fcntl.LOCK_EX);"
        " sys.stderr.write('.'); sys.stderr.flush(); time.sleep(60); held.write('survived'); held.flush()"
    )
    told = program(
        tmp_path,
        "read, write = os.pipe()",
        f"subprocess.Popen([{sys.executable!r}, '-c', {child!r}], stderr=write)",
        "os.read(read, 1)",
        f"print({json.dumps(json.dumps(GO))})",
    )

    assert Ran(tmp_path, {"run": [told]}).run.outcome == "go"
    with (tmp_path / "held").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert held.read() == ""


def test_a_large_task_reaches_a_program_that_answers_before_it_has_read_it(tmp_path: Path):
    told = program(
        tmp_path, f"print({json.dumps(json.dumps(GO))}, flush=True)", "sys.stdout.close()", "sys.stdin.read()"
    )

    assert Ran(tmp_path, {"run": [told], "task": {"text": "x" * 500_000}}).run.outcome == "go"


def test_a_python_agent_is_a_program_by_one_line(tmp_path: Path):
    told = program(
        tmp_path,
        "from decimal import Decimal",
        "from iact.agents.sdlc import Decision, Result, SDLCAgent, answer",
        "class Testing(SDLCAgent):",
        "    def run(self, task):",
        "        facts = {'feature': task['feature_id'], 'asked': task.request_id}",
        "        return Result(decision=Decision.GO, reason='fine', confidence=Decimal('0.9'), facts=facts)",
        "answer(Testing())",
    )

    ran = Ran(tmp_path, {"run": [told], "task": {"feature_id": "FEAT-001"}}, {"request_id": "req-7"})

    assert (ran.receipt["feature"], ran.receipt["asked"], ran.receipt["decision"]) == ("FEAT-001", "req-7", "go")


@pytest.mark.parametrize(("on_unknown", "outcome"), [("review", "escalate"), ("repeat", "go")])
def test_after_a_crash_a_program_runs_again_only_where_the_rule_says_so(tmp_path: Path, on_unknown: str, outcome: str):
    """The process ends while the program runs: its attempt has no receipt.

    The store is a file whatever `STORE` says: the process that ends and the next one have to find the same.
    """
    told = program(
        tmp_path,
        "if not os.path.exists('once'):",
        "    open('once', 'w').close()",
        "    os.kill(os.getppid(), 9)",
        f"print({json.dumps(json.dumps(GO))})",
    )
    arguments = {"run": [told], "on_unknown": on_unknown}
    code = (
        "from pathlib import Path; from tests.integration.agents.test_programs_as_agents import Ran, open_sqlite;"
        f"Ran(Path({str(tmp_path)!r}), {arguments!r}, opened=open_sqlite)"
    )
    killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True)
    assert killed.returncode == -9

    assert Ran(tmp_path, arguments, opened=open_sqlite).run.outcome == outcome


def test_no_program_is_started_for_a_run_that_others_have_gone_on_with(tmp_path: Path):
    """The process is paused right before the program: its claim was just seen to hold, and it wakes after its lease."""
    told = program(tmp_path, "open('started', 'a').write('once ')", f"print({json.dumps(json.dumps(GO))})")
    definition = agent_definition(AGENT.format(arguments=json.dumps({"run": [told]})))
    clock, real = ManualClock(moment("2026-03-06 10:00Z")), ManualClock(moment("2026-03-06 10:00Z"))
    engine = open_kept(tmp_path / "iact.db")
    runtime = Runtime(engine, project="shop", clock=clock, services={"folder": tmp_path})
    # By its own clock no time passes while it is paused, so that it takes its claim for held.
    host = replace(runtime.host, lease_clock=real, monotonic=lambda: 0.0)
    run = runtime.start("test-agent", definitions=[definition], subject="FEAT-001")
    paused, other = (Presence(engine, "shop", clock=real, renews=False) for _ in range(2))
    worker, others = (Worker(host, presence) for presence in (paused, other))
    (attempt,) = worker.turn(take(host, paused, [run])).attempts

    assert take(host, other, [run]) == []
    outlast(real, other)
    (claim,) = take(host, other, [run])
    late = worker.make(attempt)

    assert isinstance(late, Settled)
    assert (late.ending, late.receipt.message) == (
        Ending.NOT_YET,
        "others went on with the run before its program was started",
    )
    assert not (tmp_path / "started").exists()
    assert [lost.run for lost in worker.turn([], [late]).lost] == [run]
    (found,) = others.turn([claim]).attempts
    unknown = others.make(found)
    assert isinstance(unknown, Settled)
    assert unknown.ending is Ending.UNKNOWN
    engine.dispose()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("{}", "`run` is missing"),
        ("{run: tests}", "`run`: expected a list"),
        ("{run: [tests], timeout: 5}", "`timeout`: expected a duration"),
        ("{run: [tests], shell: true}", "unknown key `shell`"),
        ("{run: [tests], environment: [A=b]}", "the name of an environment variable"),
    ],
)
def test_what_a_program_is_run_with_is_checked_before_any_run(tmp_path: Path, arguments: str, said: str):
    spec = (
        f"  start: one\n  states:\n    one: {{do: command, with: {arguments}, next: [{{after: 1h, to: end}}]}}\n"
        "    end: {final: true}\n"
    )

    problems = problems_of(tmp_path, resource("Agent", spec))

    assert any(said in problem.message and problem.position.line == 7 for problem in problems), problems


@pytest.mark.parametrize(("code", "said"), [(0, ""), (137, ""), (-15, "SIGTERM"), (-40, "signal 40")])
def test_what_ended_a_program_has_its_name(code: int, said: str):
    assert Ended(code=code, output=b"", errors=b"", stopped=Stopped.NOT).signal == said
