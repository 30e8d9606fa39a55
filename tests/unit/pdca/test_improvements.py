"""What is wrong with an improvement, a policy or a parameter is said where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from iact.config.loading import load
from tests.support.project import ROOT
from tests.support.trials import PATCH, improvement, write_project

LIMIT = """\
apiVersion: iact/v1
kind: Parameters
metadata: {name: limits, owner: tech-lead}
spec: {values: {review_limit: {value: 5, means: How many reviews are open at once.}}}
"""


def problems(folder: Path, files: dict[str, str], policy: str = "") -> list[str]:
    """Return everything that is wrong with a project of these files."""
    write_project(folder, {"policies/limits.yaml": LIMIT, **files}, policy)
    return [str(problem) for problem in load(folder).problems]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (improvement(change="{manual: a, patch: b.patch}"), "found `manual` and `patch`"),
        (improvement(change="{}"), "found none"),
        (improvement(change='{manual: " "}'), "say in one sentence what people do"),
        (improvement(change="{parameter: {name: review_limit, to: 5}}"), "so this would change nothing"),
        (improvement(change="{patch: ../b.patch}"), "a patch stands beside the file that names it"),
        (improvement(change="{parameter: {name: revew_limit, to: 2}}"), "Did you mean review_limit?"),
        (improvement(change="{parameter: {name: review_limit, to: two}}"), "is of another type"),
        (improvement(metric="lead_time, rises_by: 20%"), "`lead_time` is better lower, so this would make it worse"),
        (improvement(metric="lead_time, falls_by: 100%"), "a fall of less than 100%"),
        (improvement(metric="lead_time, falls_by: 20 points"), "`lead_time` is no share, so it cannot move by points"),
        (improvement(metric="lead_time"), "expected one of `falls_by` and `rises_by`"),
        (improvement(metric="lead_tim, falls_by: 20%"), "Did you mean lead_time"),
        (improvement(check="9 weeks"), "comes after the verdict"),
        (
            improvement(more="examples: [{when: {lead_time: 2h}, expect: leave}]"),
            "the example expects `leave`, and the condition says `try`",
        ),
    ],
)
def test_a_slip_is_named_where_it_stands(tmp_path: Path, files: dict[str, str], expected: str):
    found = problems(tmp_path, files)

    assert len(found) == 1
    assert found[0].startswith("playbooks/improvements/faster.yaml:")
    assert expected in found[0]


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ("", "it changes nothing"),
        ("just words\n", "it changes nothing"),
        (PATCH.replace("@@ -1,2 +1,2 @@", "@@ somewhere @@"), "line 4 does not say which lines it is about"),
        (PATCH.replace("-1,2", "-1,9"), "line 8 does not belong to the lines that line 4 announces"),
        (PATCH + "x" * 1_000_000, "it is larger than 1000000 bytes"),
    ],
)
def test_a_patch_that_could_never_be_tried_is_named_where_it_is_mentioned(tmp_path: Path, patch: str, expected: str):
    found = problems(
        tmp_path, improvement(change="{patch: limits.patch}") | {"playbooks/improvements/limits.patch": patch}
    )

    assert len(found) == 1
    assert found[0].startswith("playbooks/improvements/faster.yaml:6:")
    assert f"`patch: limits.patch`: {expected}" in found[0]


def test_a_patch_that_is_not_there_or_leads_out_is_named(tmp_path: Path):
    project = tmp_path / "project"
    assert "there is no such file" in problems(project, improvement(change="{patch: limits.patch}"))[0]

    (tmp_path / "outside.patch").write_text(PATCH, encoding="utf-8")
    (project / "playbooks/improvements/limits.patch").symlink_to(tmp_path / "outside.patch")
    assert "it leads out of the project" in problems(project, improvement(change="{patch: limits.patch}"))[0]


@pytest.mark.parametrize(
    "patch",
    [
        PATCH,
        PATCH + "\\ No newline at end of file\n",
        "diff --git a/old b/new\nsimilarity index 100%\nrename from old\nrename to new\n",
        "--- a/x\n+++ b/x\n@@ -1 +1 @@ a function\n-one\n+two\n",
    ],
)
def test_what_git_writes_is_a_patch(tmp_path: Path, patch: str):
    files = improvement(change="{patch: limits.patch}") | {"playbooks/improvements/limits.patch": patch}

    assert problems(tmp_path, files) == []


@pytest.mark.parametrize(
    ("files", "meant"),
    [
        (improvement(change="{parameter: {name: revew_limit, to: 2}}"), "revew_limit"),
        (improvement(change="{parameter: {name: review_limit, to: two}}"), "two"),
        (improvement(change="{patch: ../b.patch}"), "../b.patch"),
        (improvement(metric="lead_time, falls_by: 20 points"), "20 points"),
        (improvement(metric="lead_time, rises_by: 20%"), "20%"),
    ],
)
def test_a_slip_is_underlined_at_the_value_itself(tmp_path: Path, files: dict[str, str], meant: str):
    write_project(tmp_path, {"policies/limits.yaml": LIMIT, **files})

    loaded = load(tmp_path)

    [place] = [problem.position for problem in loaded.problems]
    line = loaded.sources[place.file].line(place.line)
    assert line[place.column - 1 : place.column - 1 + place.length] == meant


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("{confidence: 100%}", "less than 100%"),
        ("{min_improvement: 100%}", "less than 100%"),
        ("{every: 0s}", "longer than no time at all"),
    ],
)
def test_a_policy_that_can_never_decide_is_refused(tmp_path: Path, policy: str, expected: str):
    found = problems(tmp_path, improvement(), policy)

    assert len(found) == 1
    assert expected in found[0]


def test_the_owners_defaults_are_what_is_left_out(tmp_path: Path):
    write_project(tmp_path, improvement(), "{on_worse: revert}")
    project = load(tmp_path).project
    assert project is not None
    policy = project.get("ImprovementPolicy", "improvement").spec

    shown = [str(value) for value in (policy.window, policy.min_improvement, policy.every, policy.verdict)]
    assert shown == ["48h", "15%", "1w", "evidence"]
    assert project.get("Improvement", "faster").spec.mode == "propose"


def test_every_shipped_improvement_has_examples_that_hold():
    loaded = load(ROOT)
    assert loaded.project is not None
    improvements = list(loaded.project.resources("Improvement"))

    assert len(improvements) >= 5
    assert [one.name for one in improvements if len(one.spec.examples) < 2] == []
    assert [problem for problem in loaded.problems if "improvements" in str(problem)] == []


def test_a_second_policy_is_named_with_the_place_of_the_first(tmp_path: Path):
    other = "apiVersion: iact/v1\nkind: ImprovementPolicy\nmetadata: {name: other, owner: tech-lead}\nspec: {}\n"

    first, second = problems(tmp_path, {"policies/other.yaml": other})

    assert "a project has one ImprovementPolicy; `other` at policies/other.yaml:" in first
    assert second.startswith("policies/other.yaml:")
