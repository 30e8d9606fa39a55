"""A project overrides what it extends by kind and name, key by key, and every line keeps its origin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from iact.config.merge import merge
from iact.config.opening import open_project
from iact.config.shipped import shipped_root
from iact.config.showing import listed, show
from iact.core.condition_syntax import ConditionField
from iact.core.errors import ConfigurationError
from iact.core.shape import part, part_reader
from iact.core.tree import MappingNode, from_plain, to_plain
from tests.support.configuration import load_project, write_project
from tests.support.trials import PATCH

EXTENDING = "apiVersion: iact/v1\nkind: Project\nmetadata: {name: shop}\nspec: {extends: [iact], paths: [policies]}\n"
LEAD = "apiVersion: iact/v1\nkind: Person\nmetadata: {name: tech-lead}\nspec: {email: lead@example.org}\n"
TEAM = "apiVersion: iact/v1\nkind: Team\nmetadata: {name: platform-leads}\nspec: {slack: '#leads'}\n"


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """A part that is made of keys."""

    b: int = 0
    c: int = 0


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One of two forms."""

    replaced_whole: ClassVar[bool] = True

    b: int | None = None
    c: int | None = None


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    """One field of each sort."""

    number: int = 0
    inner: Inner | None = None
    named: Mapping[str, Inner] = field(default_factory=dict)
    free: Mapping[str, int] = field(default_factory=dict)
    data: Any = None
    form: Form | None = None
    choice: Inner | Form | None = None
    when: ConditionField | None = None
    items: tuple[Inner, ...] = ()


@pytest.mark.parametrize(
    ("base", "over", "expected"),
    [
        pytest.param({"number": 1, "data": 2}, {"number": 3}, {"number": 3, "data": 2}, id="a value"),
        pytest.param({"number": 1, "data": 2}, {"number": None}, {"data": 2}, id="a null takes away"),
        pytest.param({"number": 1}, {"inner": {"c": 1}}, {"number": 1, "inner": {"c": 1}}, id="a new part"),
        pytest.param({"inner": {"b": 1, "c": 2}}, {"inner": {"c": 3}}, {"inner": {"b": 1, "c": 3}}, id="a part"),
        pytest.param(
            {"named": {"x": {"b": 1, "c": 2}, "y": {}}},
            {"named": {"x": {"c": 3}, "y": None, "z": {}}},
            {"named": {"x": {"b": 1, "c": 3}, "z": {}}},
            id="parts by names",
        ),
        pytest.param({"free": {"a": 1}}, {"free": {"b": 2}}, {"free": {"b": 2}}, id="values by names"),
        pytest.param({"data": {"a": 1}}, {"data": {"b": 2}}, {"data": {"b": 2}}, id="data of any form"),
        pytest.param({"form": {"b": 1}}, {"form": {"c": 2}}, {"form": {"c": 2}}, id="a form"),
        pytest.param({"choice": {"b": 1}}, {"choice": {"c": 2}}, {"choice": {"c": 2}}, id="a choice"),
        pytest.param(
            {"when": {"fact": "a", "above": 1}}, {"when": {"cel": "b"}}, {"when": {"cel": "b"}}, id="a condition"
        ),
        pytest.param({"items": [{"b": 1}]}, {"items": [{"c": 2}]}, {"items": [{"c": 2}]}, id="a list"),
        pytest.param({"typo": {"b": 1}}, {"typo": {"c": 2}}, {"typo": {"c": 2}}, id="a key that is not known"),
    ],
)
def test_what_is_made_of_keys_is_merged_and_everything_else_is_replaced(base: object, over: object, expected: object):
    assert to_plain(merge(from_plain(base), from_plain(over), part_reader(Outer))) == expected


WEEKLY = "apiVersion: iact/v1\nkind: Improvement\nmetadata: {name: release-weekly}\nspec:\n  examples: []\n"


@pytest.mark.parametrize(
    ("override", "key", "expected"),
    [
        ("try_when: {cel: metric.lead_time != null}", "try_when", {"cel": "metric.lead_time != null"}),
        ("try_when: {metric: lead_time, below: 3d}", "try_when", {"metric": "lead_time", "below": "3d"}),
        ("change: {patch: weekly.diff}", "change", {"patch": "weekly.diff"}),
        (
            "expect: {metric: deployment_frequency, rises_by: 20%}",
            "expect",
            {"metric": "deployment_frequency", "rises_by": "20%"},
        ),
        ("check: {verdict_by: 4 weeks}", "check", {"first": "48h", "verdict_by": "4 weeks", "if_unclear": "revert"}),
    ],
)
def test_an_override_of_a_condition_or_a_choice_holds_nothing_of_what_it_replaces(
    tmp_path: Path, override: str, key: str, expected: object
):
    files = {"policies/x.yaml": f"{WEEKLY}  {override}\n", "policies/weekly.diff": PATCH}
    loaded = load_project(tmp_path, files, EXTENDING)

    assert loaded.problems == ()
    assert loaded.project is not None
    tree = loaded.project.get("Improvement", "release-weekly").tree
    assert isinstance(tree, MappingNode)
    assert (written := tree.get(key)) is not None
    assert to_plain(written) == expected


def test_a_shipped_example_that_an_override_refutes_is_told_at_the_override(tmp_path: Path):
    text = WEEKLY.replace("examples: []", "try_when: {metric: wait_for_release, above: 80% of lead_time}")

    [problem] = load_project(tmp_path, {"policies/x.yaml": text}, EXTENDING).problems

    assert (problem.rule, problem.position.file, problem.position.line) == ("failed-example", "policies/x.yaml", 3)
    assert "The example stands at iact:playbooks/improvements/release-weekly.yaml:" in problem.message
    assert "saw 10d, against 11.2d" in problem.hint
    assert problem.hint.endswith("Override `examples` as well.")


@pytest.mark.parametrize("mistake", ["above: 5 points", "above: 50% of lead_tme"])
def test_examples_are_not_run_where_something_else_is_wrong(tmp_path: Path, mistake: str):
    """Both mistakes leave the condition unknown, which two of the three shipped examples contradict."""
    text = WEEKLY.replace("examples: []", f"try_when: {{metric: wait_for_release, {mistake}}}")

    [problem] = load_project(tmp_path, {"policies/x.yaml": text}, EXTENDING).problems

    assert problem.rule in {"wrong-unit", "unknown-metric"}


def test_half_a_condition_is_told_what_it_lacks_and_where(tmp_path: Path):
    text = f"{WEEKLY}  try_when: {{metric: lead_time}}\n"

    [problem] = load_project(tmp_path, {"policies/x.yaml": text}, EXTENDING).problems

    assert str(problem.position) == "policies/x.yaml:6:13"
    assert "expected one comparison" in problem.message


def test_an_override_changes_what_it_says_and_keeps_the_rest(tmp_path: Path):
    project = open_project(write_project(tmp_path, {"policies/people.yaml": LEAD + "---\n" + TEAM}, EXTENDING))

    team = project.get("Team", "platform-leads")
    assert (team.spec.members, team.spec.slack, team.layers) == (("tech-lead",), "#leads", ("iact", "project"))
    assert project.get("Person", "tech-lead").metadata.description == "Answers for how changes reach users."


def test_an_override_that_changes_nothing_leaves_the_digest(tmp_path: Path):
    shipped = open_project(write_project(tmp_path / "a", {"policies/x.yaml": ""}, EXTENDING))
    same = TEAM.replace("slack: '#leads'", "members: [tech-lead]")
    overridden = open_project(write_project(tmp_path / "b", {"policies/x.yaml": same}, EXTENDING))
    changed = open_project(write_project(tmp_path / "c", {"policies/x.yaml": TEAM}, EXTENDING))

    digests = [project.get("Team", "platform-leads").digest for project in (shipped, overridden, changed)]
    assert digests[0] == digests[1] != digests[2]


def test_an_override_that_breaks_a_rule_is_told_where_it_stands(tmp_path: Path):
    text = TEAM.replace("slack: '#leads'", "members: nobody")

    [problem] = load_project(tmp_path, {"policies/x.yaml": text}, EXTENDING).problems

    assert str(problem.position) == "policies/x.yaml:4:17"


def test_a_name_of_what_is_extended_cannot_be_taken_for_another_kind(tmp_path: Path):
    """`tech-lead` is a person in the shipped rules; a team of that name would make a bare word mean two things."""
    text = TEAM.replace("name: platform-leads", "name: tech-lead").replace("slack", "members: [tech-lead], slack")

    [problem] = load_project(tmp_path, {"policies/x.yaml": text}, EXTENDING).problems

    assert (problem.rule, str(problem.position)) == ("duplicate-name", "policies/x.yaml:3:18")
    assert "there is already a Person of that name at iact:policies/people.yaml:" in problem.message


def test_the_effective_resource_is_shown_with_the_origin_of_each_line(tmp_path: Path):
    project = open_project(write_project(tmp_path, {"policies/people.yaml": TEAM}, EXTENDING))

    lines = show(project, "platform-leads", None, "text").splitlines()

    shown = {line.split("#  ")[0].split("  # ")[0].strip(): line.rpartition("# ")[2] for line in lines[-2:]}
    shipped = (shipped_root() / "policies/people.yaml").read_text().splitlines()
    members = shipped.index("  members: [tech-lead]") + 1
    assert shown == {
        "members: [tech-lead]": f"iact:policies/people.yaml:{members}",
        'slack: "#leads"': "policies/people.yaml:4",
    }
    assert project.get("Team", "platform-leads").digest in lines[0]


def test_what_is_shown_is_yaml_that_reads_the_same(tmp_path: Path):
    """Every shipped resource, shown, taken as the only file of a project, has the digest it had."""
    project = open_project(write_project(tmp_path / "a", {"policies/x.yaml": ""}, EXTENDING))
    shown = "\n---\n".join(
        show(project, resource.name, resource.kind, "text")
        for resource in project.resources()
        if resource.kind != "Project"
    )

    again = open_project(write_project(tmp_path / "b", {"policies/all.yaml": shown}, EXTENDING.replace("[iact]", "[]")))

    digests = {(each.kind, each.name): each.digest for each in project.resources() if each.kind != "Project"}
    assert {(e.kind, e.name): e.digest for e in again.resources() if e.kind != "Project"} == digests


def test_the_origin_of_each_value_is_there_for_programs_too(tmp_path: Path):
    project = open_project(write_project(tmp_path, {"policies/people.yaml": TEAM}, EXTENDING))

    record = json.loads(show(project, "team/platform-leads", None, "json"))

    assert record["spec"] == {"members": ["tech-lead"], "slack": "#leads"}
    assert record["origins"]["/slack"] == "policies/people.yaml:4:15"
    assert record["digest"] == project.get("Team", "platform-leads").digest


def test_a_resource_that_is_not_there_is_told_its_nearest(tmp_path: Path):
    project = open_project(write_project(tmp_path, {"policies/x.yaml": ""}, EXTENDING))

    with pytest.raises(ConfigurationError, match=r"no resource named platform-leeds\. Did you mean platform-leads"):
        show(project, "platform-leeds", None, "text")


def test_a_name_that_nothing_is_near_to_is_told_where_all_names_are(tmp_path: Path):
    project = open_project(write_project(tmp_path, {"policies/x.yaml": ""}, EXTENDING))

    with pytest.raises(ConfigurationError, match=r"no resource named xyz\. `iact config show` lists all\."):
        show(project, "xyz", None, "text")


def test_an_overridden_line_of_the_metadata_shows_its_origin(tmp_path: Path):
    text = TEAM.replace("{name: platform-leads}", "{name: platform-leads, description: Ours.}")
    project = open_project(write_project(tmp_path, {"policies/people.yaml": text}, EXTENDING))

    lines = show(project, "platform-leads", None, "text").splitlines()

    [description] = [line for line in lines if "description" in line]
    assert description.split() == ["description:", "Ours.", "#", "policies/people.yaml:3"]
    assert len({line.index("  # ") for line in lines if "  # " in line}) == 1, "the origins stand in one column"


def test_all_resources_are_listed_with_kind_name_and_origin(tmp_path: Path):
    project = open_project(write_project(tmp_path, {"policies/people.yaml": TEAM}, EXTENDING))

    teams = [line.split() for line in listed(project, "team", "text").splitlines()]
    everything = json.loads(listed(project, None, "json"))

    assert teams == [["Team", "platform-leads", "policies/people.yaml:3"]]
    assert [(each["kind"], each["name"]) for each in everything] == [
        (each.kind, each.name) for each in project.resources()
    ]


def test_without_a_project_the_shipped_rules_hold(tmp_path: Path):
    project = open_project(tmp_path)

    assert project.notes == ("No iact.yaml here: using the shipped rules.",)
    assert project.get("Team", "platform-leads").layers == ("iact",)


def test_a_project_is_found_from_a_folder_below_it(tmp_path: Path):
    root = write_project(tmp_path, {"policies/deep/x.yaml": ""}, EXTENDING)

    assert open_project(root / "policies/deep").root == root
