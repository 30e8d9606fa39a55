"""`iact runs explain` and `iact runs tell`: why a run stands where it does, and what a person can say to it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from iact.core.errors import ConfigurationError, FindingError
from tests.support.databases import command

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: shop}
spec: {store: {sqlite: store.db}}
"""
ROLLOUT = """\
apiVersion: iact/v1
kind: Agent
metadata: {name: rollout}
spec:
  inputs:
    errors: {type: number}
    color: {type: text, default: blue}
  start: preparing
  states:
    preparing:
      next: [{to: watching, decide: GO}]
    watching:
      next:
        - {event: answered, when: {all: [{fact: event.yes, is: true}, {fact: event.votes, at_least: 2}]}, to: ended}
        - {when: {all: [{fact: input.errors, above: 10}, {fact: input.color, is: red}]}, decide: ROLLBACK, to: ended}
        - {when: {fact: input.errors, above: 5}, to: ended}
        - {after: 4h, to: ended}
    ended: {final: true}
"""


@pytest.fixture(autouse=True)
def _shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a project with an agent the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("iact.yaml").write_text(PROJECT, encoding="utf-8")
    Path("agents").mkdir()
    Path("agents/rollout.yaml").write_text(ROLLOUT, encoding="utf-8")


def begun(*words: str) -> str:
    """Run the agent, and return the run's name."""
    said = command("run", "rollout", *words).stdout
    return str(re.findall(r"run-\S+", said)[0])


def explained(run: str) -> dict[str, Any]:
    """Return what `iact runs explain` says to programs."""
    found: dict[str, Any] = json.loads(command("runs", "explain", run, "--format", "json").stdout)
    return found


def test_each_way_out_says_what_it_waits_for_what_it_saw_and_what_it_lacked():
    run = begun("--with", "errors=3")

    found = explained(run)

    assert (found["state"], found["came_by"]["says"]) == ("watching", "entered: preparing → watching (go)")
    answered, rollback, errors, late = found["ways"]
    assert (answered["waits"], answered["judged_at"]) == ("when answered is told", None)
    assert rollback["decides"] == "ROLLBACK"
    assert [part["truth"] for part in rollback["judgement"]["parts"]] == ["false", "false"]
    assert rollback["would_have_to_be"] == [
        {"fact": "input.errors", "wanted": "above 10", "saw": "3", "at": "agents/rollout.yaml:15:25"},
        {"fact": "input.color", "wanted": "red", "saw": "blue", "at": "agents/rollout.yaml:15:58"},
    ]
    assert errors["judgement"] == {
        "truth": "false",
        "text": "input.errors above 5",
        "saw": "3",
        "at": "agents/rollout.yaml:16:18",
    }
    assert found["nearest"] == errors["place"] == 3
    assert (late["waits"], late["due_at"]) == (f"after 4h, at {found['next_due']}", found["next_due"])


def test_a_way_without_a_condition_says_where_it_stands():
    run = begun("--with", "errors=3")

    assert explained(run)["came_by"]["because"] == ["true: always  [agents/rollout.yaml:11:14]"]
    assert "       true: always  [agents/rollout.yaml:11:14]" in command("runs", "show", run).stdout.splitlines()


def test_what_a_run_began_under_is_shown_and_can_be_revoked_and_may_hold_again():
    run = begun("--with", "errors=3")
    shown = json.loads(command("runs", "show", run, "--format", "json").stdout)
    digest = shown["definitions"]["Agent/rollout"]
    assert f"  Agent/rollout  {digest}" in command("runs", "show", run).stdout.splitlines()
    assert command("config", "revoke").stdout == "Nothing is revoked.\n"

    said = command("config", "revoke", digest[7:15], "--reason", "it does harm", "--by", "lead").stdout
    assert said == f"Agent/rollout {digest} is revoked; 1 runs wait for a person.\n"
    status = command("status")
    assert status.exit_code == 1
    assert f"revoked: Agent/rollout {digest}, by lead: it does harm" in status.stdout
    (listed,) = json.loads(command("config", "revoke", "--format", "json").stdout)
    assert (listed["digest"], listed["reason"], listed["revoked_by"]) == (digest, "it does harm", "lead")
    with pytest.raises(ConfigurationError, match="is revoked"):
        begun("--with", "errors=4", "--about", "another")

    command("config", "revoke", digest, "--undo", "--reason", "mended")
    assert command("status").exit_code == 0
    assert "revoked Agent/rollout" in command("audit", "list").stdout


@pytest.mark.parametrize("words", [("12345678",), ("--undo", "--reason", "x")])
def test_revoking_says_what_is_missing(words: tuple[str, ...]):
    begun("--with", "errors=3")
    assert command("config", "revoke", *words).exit_code == 2


def test_people_read_the_same():
    shown = command("runs", "explain", begun("--with", "errors=3")[:12]).stdout

    assert "  3. to ended, whenever somebody looks  [agents/rollout.yaml:16:11]\n" in shown
    assert "       false: input.errors above 5; saw 3  [agents/rollout.yaml:16:18]\n" in shown
    assert "       nearest: input.errors would have to be above 5; it is 3\n" in shown
    assert "  1. to ended, when answered is told  [agents/rollout.yaml:14:11]\n       not tried yet\n" in shown


def test_what_a_person_tells_is_read_by_the_rules_and_explained():
    run = begun("--with", "errors=1")

    assert command("runs", "tell", run, "answered", "--with", "yes=true", "--with", "votes=1").stdout == (
        f"{run}: watching (go)\n"
    )
    answered = explained(run)["ways"][0]
    assert [change["wanted"] for change in answered["would_have_to_be"]] == ["at least 2"]
    assert explained(run)["nearest"] == 1

    told = ("runs", "tell", run, "answered", "--with", "yes=true", "--with", "votes=2", "--key", "the vote")
    assert command(*told).stdout == f"{run}: ended (go)\n"
    assert explained(run)["ways"] == []


def test_what_is_told_twice_under_one_key_happened_once():
    run = begun("--with", "errors=3")
    told = ("runs", "tell", run, "answered", "--with", "yes=false", "--key", "the vote")

    assert command(*told).stdout == f"{run}: watching (go)\n"
    assert command(*told).stdout == f"{run}: it was told so before; watching (go)\n"


def test_what_a_run_cannot_hear_is_refused():
    run = begun("--with", "errors=3")
    with pytest.raises(ConfigurationError, match=r"rollout knows no event `answred`\. Did you mean answered\?"):
        command("runs", "tell", run, "answred")
    ended = begun("--with", "errors=8", "--about", "api")
    with pytest.raises(FindingError, match=rf"{ended} has ended \(ended \(go\)\); nothing can be told"):
        command("runs", "tell", ended, "answered")


def test_runs_about_other_subjects_are_runs_of_their_own():
    one, other = begun("--with", "errors=3"), begun("--with", "errors=3", "--about", "api")

    assert one != other
    assert begun("--with", "errors=3", "--about", "api") == other


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--with", "errors"), "expected NAME=VALUE, such as size=3; found `errors`."),
        (("--with", "=3"), "expected NAME=VALUE, such as size=3; found `=3`."),
        (("--with", "errors=3", "--with", "errors=4"), "`errors` is given twice."),
    ],
)
def test_an_input_that_is_not_written_as_one_is_a_usage_error(words: tuple[str, ...], said: str):
    result = command("run", "rollout", *words)

    assert result.exit_code == 2
    assert said in result.output


def test_inputs_of_pdca_are_its_options():
    result = command("run", "pdca", "--with", "window=48h")

    assert result.exit_code == 2
    assert "`--window` and `--repo` say what it looks at" in " ".join(result.output.split())


def test_a_run_that_ends_without_a_decision_is_shown_to_have_ended():
    without = ROLLOUT.replace(", decide: GO}", "}")
    Path("agents/rollout.yaml").write_text(without, encoding="utf-8")

    shown = command("runs", "show", begun("--with", "errors=7")).stdout

    assert re.search(r"^  ended since \S+, ended$", shown, re.MULTILINE)
