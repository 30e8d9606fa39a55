"""Trying a patch on a branch of its own: nothing that is checked out is touched, and taking it back is exact."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from iact.core.errors import IactError
from iact.pdca.branch import Attempt, BranchError, Made, Repository
from iact.sources.git.rules import GitRules
from tests.support.git import GitRepository
from tests.support.trials import PATCH

ATTEMPT = Attempt(
    improvement="fewer-at-once",
    run="run-12345678-aaaa",
    key="run-12345678-aaaa/3/0",
    at=datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
)
ON_MAIN = GitRules(mainline="main")
BRANCH = "iact/fewer-at-once-12345678"
MARK = "refs/iact/taken-back/fewer-at-once-12345678"


@pytest.fixture
def product(repository: GitRepository) -> GitRepository:
    """A repository with a file, an unfinished edit, a staged file and an untracked one."""
    repository.commit("start", files={"limits.txt": "# how many\nopen: 5\n", "folder/other.txt": "one\n"})
    (repository.path / "limits.txt").write_text("# how many\nopen: 7\n", encoding="utf-8")
    (repository.path / "staged.txt").write_text("staged\n", encoding="utf-8")
    repository.git("add", "staged.txt")
    (repository.path / "untracked.txt").write_text("untracked\n", encoding="utf-8")
    return repository


def seen(repository: GitRepository) -> tuple[object, ...]:
    """Return everything that a person has checked out: files byte by byte, the index, HEAD, the reference log."""
    files = {
        path.relative_to(repository.path): path.read_bytes()
        for path in sorted(repository.path.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(repository.path).parts
    }
    git = repository.path / ".git"
    return files, (git / "index").read_bytes(), (git / "HEAD").read_bytes(), (git / "logs/HEAD").read_bytes()


def tried(repository: GitRepository, mainline: str = "main") -> Made:
    """Return the branch on which the patch is tried."""
    rules = GitRules(mainline=mainline or None)
    return Repository(repository.path, rules).attempt(ATTEMPT, PATCH.encode(), "Try fewer-at-once")


def test_only_a_new_branch_appears(product: GitRepository):
    before = seen(product)

    made = tried(product)

    assert seen(product) == before
    assert made.branch == BRANCH
    assert product.git("show", f"{BRANCH}:limits.txt") == "# how many\nopen: 2"
    assert product.git("diff", "--name-only", "main", BRANCH) == "limits.txt"
    assert product.git("rev-parse", f"{BRANCH}^") == product.head


def test_the_commit_names_its_run_and_nobody(product: GitRepository):
    tried(product)

    assert product.git("log", "-1", "--format=%an <%ae> %cn <%ce>", BRANCH) == " ".join(
        ["iact <iact@localhost.invalid>"] * 2
    )
    assert f"Iact-Key: {ATTEMPT.key}" in product.git("log", "-1", "--format=%B", BRANCH)


def test_tried_twice_it_is_made_once(product: GitRepository):
    assert tried(product) == tried(product)
    assert product.git("rev-list", "--count", f"main..{BRANCH}") == "1"


def test_from_a_folder_below_the_whole_patch_is_applied(product: GitRepository):
    made = Repository(product.path / "folder", ON_MAIN).attempt(ATTEMPT, PATCH.encode(), "Try it")

    assert product.git("show", f"{made.commit}:limits.txt") == "# how many\nopen: 2"


def test_a_bare_repository_will_do(product: GitRepository, tmp_path: Path):
    bare = GitRepository.clone(product.path, tmp_path / "bare.git", "--bare")

    assert tried(bare).branch == BRANCH


def test_a_patch_that_does_not_apply_leaves_nothing_behind(product: GitRepository):
    before = seen(product)

    with pytest.raises(BranchError, match=r"the patch does not apply to [0-9a-f]{12}: .*limits"):
        Repository(product.path).attempt(ATTEMPT, PATCH.replace("open: 5", "open: 9").encode(), "Try it")

    assert seen(product) == before
    assert product.git("branch", "--list", "iact/*") == ""


def test_a_branch_of_that_name_that_somebody_else_made_is_left_alone(product: GitRepository):
    product.git("branch", BRANCH)

    with pytest.raises(BranchError, match=r"there is a branch .* already that this attempt did not make"):
        tried(product)

    assert product.git("rev-parse", BRANCH) == product.head


def test_no_hook_of_the_repository_runs(product: GitRepository):
    hook = product.path / ".git/hooks/reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {product.path}/hooked\n", encoding="utf-8")
    hook.chmod(0o755)

    made = tried(product)
    Repository(product.path, ON_MAIN).take_back(ATTEMPT, made)

    assert not (product.path / "hooked").exists()


def test_taken_back_before_it_is_merged_the_branch_is_gone(product: GitRepository):
    before = product.git("for-each-ref")
    made = tried(product)

    done = Repository(product.path, ON_MAIN).take_back(ATTEMPT, made)

    assert done.deleted == BRANCH
    assert product.git("for-each-ref", "refs/heads", "refs/tags", "refs/remotes") == before
    assert product.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/iact") == f"{MARK} {made.commit}"
    assert Repository(product.path, ON_MAIN).take_back(ATTEMPT, made) == done


def test_one_that_wakes_when_the_branch_was_taken_back_does_not_make_it_again(product: GitRepository):
    """It had looked before: what it finds then is that there is no such branch yet."""
    made = tried(product)
    Repository(product.path, ON_MAIN).take_back(ATTEMPT, made)

    with pytest.raises(BranchError, match="git could not update the branch"):
        tried(product)

    assert product.git("for-each-ref", "refs/heads/iact") == ""


def test_taken_back_after_it_was_merged_another_branch_reverts_it(product: GitRepository):
    made = tried(product)
    product.git("stash", "--quiet")
    product.merge(BRANCH)
    product.commit("later", files={"later.txt": "later\n"})
    git = Repository(product.path, ON_MAIN)

    done = git.take_back(ATTEMPT, made)

    assert done.made is not None
    assert done.made.branch == "iact/revert-fewer-at-once-12345678"
    assert product.git("show", f"{done.made.branch}:limits.txt") == "# how many\nopen: 5"
    assert product.git("show", f"{done.made.branch}:later.txt") == "later"
    assert git.take_back(ATTEMPT, made) == done


def test_squashed_into_the_mainline_it_counts_as_merged(product: GitRepository):
    made = tried(product)
    product.git("stash", "--quiet")
    product.git("cherry-pick", made.commit)

    assert Repository(product.path, ON_MAIN).take_back(ATTEMPT, made).made is not None


def test_a_branch_with_somebody_elses_commits_is_not_deleted(product: GitRepository):
    made = tried(product)
    product.git("stash", "--quiet", "--include-untracked")
    product.switch(BRANCH)
    product.commit("more", files={"more.txt": "more\n"})
    product.switch("main")

    with pytest.raises(BranchError, match="holds commits that iact did not make"):
        Repository(product.path, ON_MAIN).take_back(ATTEMPT, made)

    assert product.git("branch", "--list", BRANCH) != ""


def test_a_folder_that_is_no_repository_is_an_error_that_says_so(tmp_path: Path):
    with pytest.raises(IactError, match="is not a git repository"):
        Repository(tmp_path)


def test_the_mainline_is_the_remotes_whatever_is_checked_out(product: GitRepository, tmp_path: Path):
    clone = GitRepository.clone(product.path, tmp_path / "clone")
    clone.git("switch", "--quiet", "--create", "else", "HEAD")
    clone.commit("elsewhere", files={"else.txt": "else\n"})

    made = Repository(clone.path).attempt(ATTEMPT, PATCH.encode(), "Try it")

    assert (made.onto, clone.git("rev-parse", f"{made.commit}^")) == ("main", product.head)


def test_looked_at_without_a_remote_it_still_counts_as_not_merged(product: GitRepository):
    made = tried(product, "")
    product.git("stash", "--quiet", "--include-untracked")
    product.switch(made.branch)

    with pytest.raises(BranchError, match=f"{BRANCH} is checked out in .*git branch -D {BRANCH}"):
        Repository(product.path).take_back(ATTEMPT, made)

    assert product.git("branch", "--list", "iact/*") == f"* {BRANCH}"
    assert product.git("log", "--oneline") != ""


def test_checked_out_in_another_work_tree_it_is_not_deleted(product: GitRepository, tmp_path: Path):
    made = tried(product)
    product.git("worktree", "add", "--quiet", str(tmp_path / "beside"), made.branch)

    with pytest.raises(BranchError, match=r"is checked out in .*beside"):
        Repository(product.path, ON_MAIN).take_back(ATTEMPT, made)

    product.git("worktree", "remove", str(tmp_path / "beside"))
    assert Repository(product.path, ON_MAIN).take_back(ATTEMPT, made).deleted == BRANCH


@pytest.mark.parametrize("place", ["--detach", "iact/other"])
def test_where_no_mainline_is_known_nothing_is_made(product: GitRepository, place: str):
    product.git("stash", "--quiet", "--include-untracked")
    product.git("switch", "--quiet", *((place,) if place == "--detach" else ("--create", place)))

    with pytest.raises(BranchError, match=r"not known which branch changes are merged to.*mainline: main"):
        Repository(product.path).attempt(ATTEMPT, PATCH.encode(), "Try it")

    assert product.git("branch", "--list", BRANCH) == ""
