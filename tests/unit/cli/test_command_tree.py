"""The command tree: what it lists, what it imports, and how it ends."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import click
import pytest
from click.testing import CliRunner

from iact.cli.main import COMMANDS, iact, main
from tests.support.configuration import resource, write_project

EXTENDING = "apiVersion: iact/v1\nkind: Project\nmetadata: {name: shop}\nspec: {extends: [iact], paths: [.]}\n"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


class Run(Protocol):
    """Runs `iact` with some words in a folder."""

    def __call__(self, *words: str, cwd: Path) -> Ended:
        """Return how it ended."""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`iact` as it is started from a terminal, in this process."""

    def run(*words: str, cwd: Path) -> Ended:
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["iact", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        return Ended(int(ended.value.code or 0), shown.out, shown.err)

    return run


def test_help_lists_every_command():
    result = CliRunner().invoke(iact, ["--help"])

    assert result.exit_code == 0
    assert all(f"  {name} " in result.output for name in COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_sentence_in_the_list_is_the_first_of_the_command(name: str):
    command = COMMANDS[name].load()

    assert isinstance(command, click.Command)
    assert (command.help or "").split("\n\n")[0].replace("\n", " ").strip() == COMMANDS[name].summary


def test_an_unknown_command_is_told_its_nearest_and_ends_with_2():
    result = CliRunner().invoke(iact, ["validat"])

    assert result.exit_code == 2
    assert "no such command: validat. Did you mean validate?" in result.output


def test_nothing_wrong_ends_with_0(tmp_path: Path, run: Run):
    ended = run("validate", cwd=write_project(tmp_path, {}, EXTENDING))

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith("nothing wrong\n")


def test_a_finding_ends_with_1(tmp_path: Path, run: Run):
    ended = run("validate", cwd=write_project(tmp_path, {"a.yaml": resource("Person", "  emial: x\n")}, EXTENDING))

    assert ended.code == 1
    assert "a.yaml:5:3: unknown key `emial`." in ended.out


def test_only_the_named_files_are_told_of(tmp_path: Path, run: Run):
    wrong = resource("Person", "  emial: x\n")
    project = write_project(tmp_path, {"a.yaml": wrong, "b/b.yaml": wrong.replace("example", "b")}, EXTENDING)

    assert "a.yaml:5:3" not in run("validate", "b", cwd=project).out
    assert "b/b.yaml:5:3" in run("validate", "b", cwd=project).out
    assert run("validate", "iact.yaml", cwd=project).code == 0


def test_a_project_elsewhere_is_checked_by_its_folder(tmp_path: Path, run: Run):
    project = write_project(tmp_path / "project", {"a.yaml": resource("Person", "  emial: x\n")}, EXTENDING)

    assert "a.yaml:5:3" in run("validate", str(project), cwd=tmp_path).out


def test_a_wrong_use_ends_with_2_and_a_wrong_configuration_too(tmp_path: Path, run: Run):
    project = write_project(tmp_path, {"a.yaml": resource("Person", "  emial: x\n")}, EXTENDING)

    assert run("validate", "--format", "xml", cwd=project).code == 2
    shown = run("config", "show", "tech-lead", cwd=project)
    assert (shown.code, shown.out) == (2, "")
    assert "a.yaml:5:3: unknown key `emial`." in shown.err
    assert "Traceback" not in shown.err


def test_a_broken_environment_ends_with_3(tmp_path: Path, run: Run):
    (tmp_path / "file").write_text("")

    ended = run("init", "file/below", cwd=tmp_path)

    assert ended.code == 3
    assert "cannot be written" in ended.err


def test_a_schema_is_printed_by_the_name_of_its_kind():
    assert '"title": "Team"' in CliRunner().invoke(iact, ["schema", "team"]).output


def test_without_a_kind_the_kinds_are_listed():
    assert "\nTeam " in CliRunner().invoke(iact, ["schema"]).output
