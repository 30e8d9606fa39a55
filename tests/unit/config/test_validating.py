"""What `iact validate` checks, and what it says about rules that nobody reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from iact.config import formats
from iact.config.validating import validated
from iact.core.errors import ConfigurationError
from tests.support.configuration import resource, write_project

DEFAULT = "apiVersion: iact/v1\nkind: Project\nmetadata: {name: shop}\nspec: {}\n"
PERSON = resource("Person", "  email: a@example.org\n")


def test_without_a_project_there_is_nothing_to_check(tmp_path: Path):
    """In a job that starts in the wrong folder, a check of the shipped rules would pass for ever."""
    with pytest.raises(ConfigurationError, match=r"no iact\.yaml here or .* above.*`iact init` makes one") as error:
        validated(tmp_path, [])

    assert error.value.exit_code == 2


def test_files_that_belong_to_no_project_can_be_checked_by_name(tmp_path: Path):
    (tmp_path / "rule.yaml").write_text(PERSON.replace("email", "emial"))

    [problem] = validated(tmp_path, [tmp_path / "rule.yaml"]).problems

    assert problem.rule == "unknown-key"


@pytest.mark.parametrize("folder", ["agents", "policies", "playbooks/improvements", "catalog/people"])
def test_a_rule_is_read_from_every_folder_that_rules_usually_stand_in(tmp_path: Path, folder: str):
    """No one of these folders has to be there."""
    loaded = validated(write_project(tmp_path, {f"{folder}/a.yaml": PERSON}, DEFAULT), [])

    assert (loaded.problems, loaded.warnings, loaded.resources) == ((), (), 2)


def test_a_rule_below_none_of_the_paths_gets_a_warning(tmp_path: Path):
    files = {"rules/deep/a.yaml": f"# ours\n{PERSON}", "rules/values.yaml": "replicas: 3\n", "policies/b.yaml": ""}

    loaded = validated(write_project(tmp_path, files, DEFAULT), [])

    assert loaded.problems == ()
    [warning] = loaded.warnings
    assert (warning.rule, str(warning.position)) == ("not-read", "rules/deep/a.yaml:2:1")
    assert "below none of `paths`" in warning.message
    assert "Add `rules/deep` to `paths` in iact.yaml" in warning.hint


@pytest.mark.parametrize(
    "place", [".cache/a.yaml", "venv/lib/site-packages/iact/a.yaml", "node_modules/a.yaml", "other/policies/a.yaml"]
)
def test_what_belongs_to_others_gets_no_warning(tmp_path: Path, place: str):
    project = write_project(tmp_path, {place: PERSON, "other/iact.yaml": DEFAULT}, DEFAULT)

    assert validated(project, []).warnings == ()


def test_a_rule_that_is_wrong_is_not_also_called_unread(tmp_path: Path):
    too_large = PERSON + "#" * 1_000_000

    loaded = validated(write_project(tmp_path, {"policies/a.yaml": too_large}, DEFAULT), [])

    assert ([problem.rule for problem in loaded.problems], loaded.warnings) == (["file-too-large"], ())


def test_every_form_tells_a_warning_apart_from_a_problem(tmp_path: Path):
    loaded = validated(write_project(tmp_path, {"a.yaml": PERSON}, DEFAULT), [])

    text = formats.write("text", loaded).splitlines()
    record = json.loads(formats.write("json", loaded))
    [result] = json.loads(formats.write("sarif", loaded))["runs"][0]["results"]
    assert text[0] == "a.yaml:1:1: warning: this file is not read: it is below none of `paths`."
    assert text[-1] == "1 file, 1 resource: nothing wrong, 1 warning"
    assert (record["ok"], [warning["rule"] for warning in record["warnings"]]) == (True, ["not-read"])
    assert formats.write("github", loaded).startswith("::warning file=a.yaml,line=1,col=1,")
    assert (result["level"], result["ruleId"]) == ("warning", "not-read")
