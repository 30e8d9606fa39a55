"""What changed between two readings of a project: which key, from what to what, and where it stands now."""

from __future__ import annotations

from pathlib import Path

import pytest

from iact.config.changes import MOST_TOLD, changes
from iact.config.opening import open_project

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: shop}
spec:
  schedule:
    - {do: health, every: 5m}
    - do: backup
      at: 02:00
"""
WAITING = """\
apiVersion: iact/v1
kind: Agent
metadata: {name: waiting}
spec:
  start: waiting
  states:
    waiting:
      next:
        - {after: 30m, to: done}
    done: {final: true}
"""


def told(folder: Path, project: str = PROJECT, agent: str | None = WAITING, before: str = PROJECT) -> tuple[str, ...]:
    """Return what changed where a project is first as it is above, or as `before` says."""
    (folder / "agents").mkdir()
    agent_file = folder / "agents/waiting.yaml"
    (folder / "iact.yaml").write_text(before, encoding="utf-8")
    agent_file.write_text(WAITING, encoding="utf-8")
    read_before = open_project(folder)
    (folder / "iact.yaml").write_text(project, encoding="utf-8")
    if agent is None:
        agent_file.unlink()
    else:
        agent_file.write_text(agent, encoding="utf-8")
    return changes(read_before, open_project(folder))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("every: 5m", "every: 10m", "schedule[0].every 5m → 10m (iact.yaml:6)"),
        (
            "      at: 02:00",
            "      at: 02:00\n      zone: Europe/Zurich",
            "schedule[1].zone is new, Europe/Zurich (iact.yaml:9)",
        ),
        (
            "    - {do: health, every: 5m}\n",
            "",
            "schedule[0] was taken away, it was {do: health, every: 5m} (iact.yaml:6)",
        ),
        (
            "    - do: backup",
            "    - {do: cleanup, every: 6h}\n    - do: backup",
            "schedule[1] is new, {do: cleanup, every: 6h} (iact.yaml:7)",
        ),
    ],
)
def test_a_change_names_its_key_both_values_and_its_line(tmp_path: Path, old: str, new: str, said: str):
    assert told(tmp_path, PROJECT.replace(old, new)) == (f"Project shop changed: {said}",)


def test_how_a_value_is_written_is_no_change(tmp_path: Path):
    assert told(tmp_path, PROJECT.replace("every: 5m", "every: '5m'")) == ()


def test_a_change_of_an_agent_names_the_transition(tmp_path: Path):
    (said,) = told(tmp_path, agent=WAITING.replace("30m", "45m"))
    assert said == "Agent waiting changed: states.waiting.next[0].after 30m → 45m (agents/waiting.yaml:9)"


def test_a_resource_that_came_or_went_is_named(tmp_path: Path):
    assert told(tmp_path, agent=None) == ("Agent waiting was taken away",)


def test_of_many_changes_the_first_are_told_and_how_many_more(tmp_path: Path):
    many = "".join(f"    - {{do: alerts, every: {number}h}}\n" for number in range(1, MOST_TOLD + 4))
    (said,) = told(tmp_path, PROJECT + many)
    assert said.count("is new") == MOST_TOLD
    assert said.endswith("; and 3 more")


def test_a_long_value_is_cut_off(tmp_path: Path):
    (said,) = told(tmp_path, PROJECT + "    - {do: backup, every: 1d, with: {folder: " + "x" * 200 + "}}\n")
    assert "x…" in said
    assert "x" * 100 not in said


def test_a_number_that_became_a_text_of_the_same_letters_is_told_by_its_file(tmp_path: Path):
    number, text = (f"{PROJECT}    - {{do: backup, every: 1d, with: {{keep: {one}}}}}\n" for one in ("14", "'14'"))
    assert told(tmp_path, text, before=number) == ("Project shop changed (iact.yaml)",)
