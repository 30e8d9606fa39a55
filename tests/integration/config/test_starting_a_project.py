"""`iact init`: a project that works at once, made whole or not at all, and overwriting nothing."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from iact.config.loading import load
from iact.config.opening import open_project
from iact.config.starting import start
from iact.core.errors import ConfigurationError, EnvironmentProblemError
from tests.support.checkpoint_places import git


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("github", [False, True])
def test_a_new_project_is_in_order_at_once(tmp_path: Path, *, github: bool):
    folder = tmp_path / "My Shop"

    lines = list(start(folder, github=github))

    assert load(folder, against_schemas=True).problems == ()
    assert open_project(folder).name == "my-shop"
    assert lines[-1] == f"Next: cd {folder} && iact validate"
    assert (folder / ".github/workflows/iact.yaml").exists() is github
    assert any("Fill in where iact is installed from" in line for line in lines) is github


def test_a_new_project_overrides_a_shipped_rule_as_an_example(tmp_path: Path):
    list(start(tmp_path / "shop", github=False))

    assert open_project(tmp_path / "shop").get("Person", "tech-lead").layers == ("iact", "project")


@pytest.mark.parametrize("folder", ["agents", "policies", "playbooks/improvements", "catalog/metrics"])
def test_a_rule_of_ones_own_is_read_wherever_the_documents_say_that_such_rules_stand(tmp_path: Path, folder: str):
    list(start(tmp_path, github=False))
    path = tmp_path / folder / "own.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("apiVersion: iact/v1\nkind: Person\nmetadata: {name: somebody}\nspec: {}\n")

    assert open_project(tmp_path).get("Person", "somebody").layers == ("project",)


def test_the_editors_schema_is_where_each_file_says(tmp_path: Path):
    list(start(tmp_path, github=False))

    for name in ("iact.yaml", "policies/people.yaml"):
        schema = (tmp_path / name).read_text().splitlines()[0].partition("$schema=")[2]
        assert (tmp_path / name).parent.joinpath(schema).resolve().is_file()


@pytest.mark.parametrize("there", ["iact.yaml", "policies/people.yaml", ".github/workflows/iact.yaml"])
def test_where_a_file_is_in_the_way_nothing_is_made(tmp_path: Path, there: str):
    (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / there).write_text("mine\n")

    with pytest.raises(ConfigurationError, match="would be overwritten, so nothing was made"):
        list(start(tmp_path, github=True))

    assert files_of(tmp_path) == {there}
    assert (tmp_path / there).read_text() == "mine\n"


def test_a_readme_and_a_gitignore_that_are_there_are_left_alone(tmp_path: Path):
    (tmp_path / "README.md").write_text("mine\n")
    (tmp_path / ".gitignore").write_text("mine\n")

    lines = list(start(tmp_path, github=False))

    assert (tmp_path / "README.md").read_text() == (tmp_path / ".gitignore").read_text() == "mine\n"
    assert "README.md is there already: left as it is." in lines
    assert ".gitignore is there already: add the line .iact/ to it." in lines


def test_where_a_file_cannot_be_written_nothing_is_left_behind(tmp_path: Path):
    """`policies` is a file, so the second file of the project cannot be made."""
    (tmp_path / "policies").write_text("")

    with pytest.raises(EnvironmentProblemError, match="cannot be written"):
        list(start(tmp_path, github=False))

    assert os.listdir(tmp_path) == ["policies"]  # noqa: PTH208 - the names are what is compared


def test_in_a_repository_with_a_remote_checkpoints_go_there(tmp_path: Path):
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "remote", "add", "upstream", str(tmp_path / "nowhere"))

    lines = list(start(tmp_path / "rules/shop", github=False))

    publish = open_project(tmp_path / "rules/shop").settings.audit.publish
    assert publish is not None
    assert publish.git is not None
    assert (publish.git.remote, publish.git.ref) == ("upstream", "refs/heads/iact-checkpoints-shop")
    assert any("pushes checkpoints to upstream" in line for line in lines)


def test_without_a_remote_checkpoints_go_nowhere_and_the_file_shows_how_they_would(tmp_path: Path):
    list(start(tmp_path, github=False))

    assert open_project(tmp_path).settings.audit.publish is None
    settings = tmp_path / "iact.yaml"
    text = settings.read_text(encoding="utf-8")
    begin = text.index("  # audit:")
    settings.write_text(text[:begin] + re.sub("(?m)^  # ", "  ", text[begin:]), encoding="utf-8")
    publish = open_project(tmp_path).settings.audit.publish
    assert publish is not None
    assert publish.git is not None
    assert publish.webhook is not None
