"""The repositories that other tests build say what those tests mean."""

from __future__ import annotations

import pytest

from tests.support.git import GitRepository


def test_a_commit_happens_when_the_test_says(repository: GitRepository):
    commit = repository.commit("fix: change", at="2026-03-02 09:00", authored="2026-03-01T18:30+02:00")

    assert repository.git("show", "--no-patch", "--format=%cI %aI %s", commit) == (
        "2026-03-02T09:00:00+00:00 2026-03-01T16:30:00+00:00 fix: change"
    )


def test_the_same_steps_make_the_same_commits(tmp_path):
    first, second = (GitRepository.create(tmp_path / name) for name in ("first", "second"))

    assert first.commit(files={"README": "text"}) == second.commit(files={"README": "text"})


def test_commits_follow_one_another_by_the_hour(repository: GitRepository):
    repository.commit()
    repository.commit()

    assert repository.git("log", "--reverse", "--format=%cI") == "2026-01-05T09:00:00+00:00\n2026-01-05T10:00:00+00:00"


def test_a_merge_keeps_both_parents(repository: GitRepository):
    base = repository.commit()
    repository.branch("feature")
    change = repository.commit()
    repository.switch("main")
    merge = repository.merge("feature")

    assert repository.git("show", "--no-patch", "--format=%P", merge) == f"{base} {change}"


def test_a_tag_with_a_message_is_annotated(repository: GitRepository):
    commit = repository.commit()
    repository.tag("light")
    repository.tag("annotated", message="release", at="2026-02-01")

    assert repository.git("cat-file", "-t", "light") == "commit"
    assert repository.git("cat-file", "-t", "annotated") == "tag"
    assert repository.git("rev-parse", "annotated^{commit}") == commit
    assert repository.git("for-each-ref", "--format=%(taggerdate:iso-strict)", "refs/tags/annotated") == (
        "2026-02-01T00:00:00+00:00"
    )


def test_a_revert_names_what_it_takes_back(repository: GitRepository):
    change = repository.commit()
    repository.revert("HEAD")

    assert repository.git("log", "-1", "--format=%b").strip() == f"This reverts commit {change}."


def test_a_clone_may_be_shallow(repository: GitRepository, tmp_path):
    repository.commit()
    repository.commit()
    shallow = GitRepository.clone(repository.path, tmp_path / "shallow", "--depth=1")

    assert shallow.git("rev-parse", "--is-shallow-repository") == "true"


def test_a_failing_git_command_says_why(repository: GitRepository):
    with pytest.raises(AssertionError, match=r"git switch --quiet nowhere ended with 128: .*nowhere"):
        repository.switch("nowhere")


@pytest.mark.parametrize(
    ("history", "commits", "tags"), [("flask_repository", 5570, 69), ("requests_repository", 6493, 162)]
)
def test_a_supplied_history_is_complete(history, commits, tags, request):
    supplied: GitRepository = request.getfixturevalue(history)

    assert supplied.git("rev-list", "--all", "--count") == str(commits)
    assert len(supplied.git("tag").splitlines()) == tags
