"""`iact run AGENT` says by its exit code whether somebody has to look, and `iact tick` to programs what it did."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.databases import command
from tests.support.kept import write_settings

SETTINGS = """\
apiVersion: iact/v1
kind: Project
metadata: {name: shop}
spec:
  paths: [agents]
  schedule:
    - {do: health, every: 1s}
"""
GATE = """\
apiVersion: iact/v1
kind: Agent
metadata: {name: gate}
spec:
  start: looking
  inputs: {said: {type: text, default: go}, wait: {type: duration, default: 0s}}
  states:
    looking:
      next:
        - {when: {fact: input.said, is: escalate}, decide: ESCALATE, to: over}
        - {when: {fact: input.said, is: failed}, decide: FAILED, to: over}
        - {when: {fact: input.said, is: no-go}, decide: NO-GO, to: over}
        - {when: {fact: input.said, is: later}, decide: ESCALATE, to: waiting}
        - {decide: GO, to: over}
    waiting:
      next: [{after: {fact: input.wait}, decide: GO, to: over}]
    over: {final: true}
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_settings(tmp_path, SETTINGS)
    Path("agents").mkdir()
    Path("agents/gate.yaml").write_text(GATE, encoding="utf-8")


@pytest.mark.parametrize(("said", "code"), [("go", 0), ("no-go", 0), ("escalate", 1), ("failed", 1)])
def test_a_run_that_ends_so_that_somebody_has_to_look_is_a_finding(said: str, code: int):
    ended = command("run", "gate", "--with", f"said={said}")

    assert ended.exit_code == code
    assert f"gate: over ({said}), run run-" in ended.output


def test_a_run_that_goes_on_is_no_finding_yet_and_a_tick_tells_programs_what_it_did():
    assert command("run", "gate", "--with", "said=later", "--with", "wait=1h").exit_code == 0

    ticked = command("tick", "--format", "json")

    found = json.loads(ticked.stdout)
    assert ticked.exit_code == 0
    assert (found["format"], found["project"], found["stumbled"]) == ("iact/tick/v1", "shop", [])
    assert [set(one) for one in found["jobs"]] in ([], [{"job", "scheduled_at", "came_to"}])
    assert [one["agent"] for one in found["runs"]] in ([], ["gate"])
