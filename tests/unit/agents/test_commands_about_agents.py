"""`iact agents`, as somebody types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from iact.cli.main import iact
from iact.core.errors import ConfigurationError
from tests.support.configuration import resource, write_project

AGENT = resource("Agent", "  start: done\n  states: {done: {final: true}}\n", "reminder")


def test_agents_are_listed_with_what_they_are_for_and_where_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    described = AGENT.replace("{name: reminder}", "{name: reminder, description: Reminds.}")
    monkeypatch.chdir(write_project(tmp_path, {"rule.yaml": described}))

    shown = CliRunner().invoke(iact, ["agents", "list"]).output
    (listed,) = json.loads(CliRunner().invoke(iact, ["agents", "list", "--format", "json"]).output)

    assert shown == "reminder  Reminds.  rule.yaml:3\n"
    assert (listed["name"], listed["start"], listed["final"]) == ("reminder", "done", ["done"])


def test_a_project_without_agents_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(write_project(tmp_path, {}))

    assert "has no agent" in CliRunner().invoke(iact, ["agents", "list"]).output


@pytest.mark.parametrize(
    ("form", "first"),
    [
        ("mermaid", "stateDiagram-v2"),
        ("dot", 'digraph "reminder" {'),
        ("svg", "<svg "),
        ("json", '{\n  "name": "reminder",\n  "start": "done",\n  "states": [\n'),
    ],
)
def test_an_agent_is_drawn_in_each_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, first: str):
    monkeypatch.chdir(write_project(tmp_path, {"rule.yaml": AGENT}))

    ended = CliRunner().invoke(iact, ["agents", "graph", "reminder", "--format", form])

    assert ended.exit_code == 0
    assert ended.output.startswith(first)


def test_an_agent_that_there_is_not_is_told_its_nearest_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(write_project(tmp_path, {"rule.yaml": AGENT}))

    error = CliRunner().invoke(iact, ["agents", "graph", "remindr"]).exception

    assert isinstance(error, ConfigurationError)
    assert "Did you mean reminder?" in str(error)
