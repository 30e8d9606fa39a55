"""A repository stays the same one wherever its folder is: what is known of it is found again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from iact.cli.main import iact
from iact.config.opening import open_project
from iact.config.project import Project
from iact.dora.repository import refresh, repository_key, repository_name
from iact.sources.git.command import Git
from iact.sources.git.errors import SourceError
from iact.sources.git.identity import first_commit
from tests.support.git import GitRepository
from tests.support.kept import keep_rows, open_passing
from tests.support.trials import History, improvement, write_project

NOW = datetime(2026, 3, 2, tzinfo=UTC)
NAMED = """\
apiVersion: iact/v1
kind: Project
metadata: {name: product}
spec: {sources: {git: {NAMING}}}
"""


@pytest.fixture
def product(repository: GitRepository) -> GitRepository:
    """A repository with a folder in it and two commits on its mainline."""
    repository.commit("first", files={"source/one.txt": "1\n"})
    repository.commit("second")
    return repository


def project(folder: Path, naming: str) -> Project:
    """A project that says something about its git history."""
    folder.mkdir()
    (folder / "iact.yaml").write_text(NAMED.replace("NAMING", naming), encoding="utf-8")
    return open_project(folder)


def moved(product: GitRepository, folder: Path) -> Path:
    """The same repository in another place, with a slash at the end of its name."""
    return Path(shutil.move(product.path, folder / "moved")) / "."


def cloned(product: GitRepository, folder: Path) -> Path:
    """Another clone of the repository."""
    return GitRepository.clone(product.path, folder / "clone").path


def bare(product: GitRepository, folder: Path) -> Path:
    """Another clone, without a work tree."""
    return GitRepository.clone(product.path, folder / "bare.git", "--bare").path


def inside(product: GitRepository, _folder: Path) -> Path:
    """A folder in the repository."""
    return product.path / "source"


def linked(product: GitRepository, folder: Path) -> Path:
    """Another work tree of the repository, on a branch of its own."""
    product.git("worktree", "add", "--quiet", "-b", "work", str(folder / "linked"))
    return folder / "linked"


def grown(product: GitRepository, _folder: Path) -> Path:
    """The repository with more commits, and with another project's history merged into it."""
    product.git("switch", "--quiet", "--orphan", "other")
    product.commit("of another project", at="2020-01-01 09:00")
    product.switch("main")
    product.git("merge", "--quiet", "--no-ff", "--allow-unrelated-histories", "--message=merge", "other")
    return product.path


@pytest.mark.parametrize("elsewhere", [moved, cloned, bare, inside, linked, grown])
def test_the_key_stays_wherever_the_repository_is_looked_at(
    product: GitRepository, tmp_path: Path, elsewhere: Callable[[GitRepository, Path], Path]
):
    before = repository_key(product.path)

    assert repository_key(elsewhere(product, tmp_path)) == before


def test_a_key_holds_nothing_of_the_machine(product: GitRepository):
    assert repository_key(product.path) == f"git-{product.git('rev-list', '--max-parents=0', 'main')[:12]}"


def test_two_histories_are_two_repositories_though_their_folders_have_one_name(tmp_path: Path):
    first, second = (GitRepository.create(tmp_path / place / "web") for place in ("a", "b"))
    first.commit("one")
    second.commit("another")

    assert repository_key(first.path) != repository_key(second.path)


def test_a_history_that_is_rewritten_from_its_first_commit_is_another_repository(product: GitRepository):
    before = repository_key(product.path)
    product.git("switch", "--quiet", "--orphan", "rewritten")
    product.commit("first, written anew")

    assert repository_key(product.path) != before


def test_the_rules_name_a_fork_apart(product: GitRepository, tmp_path: Path):
    fork = cloned(product, tmp_path)
    ours = project(tmp_path / "rules", "name: our-fork")

    assert repository_key(fork) == repository_key(product.path)
    assert repository_key(fork, ours).startswith("our-fork-")
    assert repository_name(fork, ours) == "our-fork"


def test_the_rules_say_which_branch_tells_what_a_repository_is(product: GitRepository, tmp_path: Path):
    before = repository_key(product.path)
    product.git("switch", "--quiet", "--orphan", "pages")
    product.commit("of the website")

    assert repository_key(product.path, project(tmp_path / "rules", "mainline: main")) == before


@pytest.mark.parametrize("elsewhere", [moved, inside, linked])
def test_a_repository_is_called_by_the_folder_that_holds_it(
    product: GitRepository, tmp_path: Path, elsewhere: Callable[[GitRepository, Path], Path]
):
    place = elsewhere(product, tmp_path)

    assert repository_name(place) == ("moved" if elsewhere is moved else product.path.name)


def test_what_the_store_knows_gives_the_same_key_as_walking_to_the_beginning(product: GitRepository, tmp_path: Path):
    rules, engine = project(tmp_path / "rules", "mainline: main"), open_passing()
    refresh(engine, rules, product.path, NOW)
    known = repository_key(product.path, rules, engine)
    product.branch("feature")
    product.commit("work")
    product.switch("main")
    product.merge("feature")

    assert repository_key(product.path, rules, engine) == known == repository_key(product.path)
    engine.dispose()


@pytest.mark.parametrize("gone", ["0" * 40, ""])
def test_a_known_commit_is_believed_only_where_first_parents_lead_to_it(product: GitRepository, gone: str):
    first, second = product.git("rev-list", "--reverse", "main").split()
    product.git("switch", "--quiet", "--orphan", "other")
    side = product.commit("of another project")
    product.switch("main")
    product.git("merge", "--quiet", "--no-ff", "--allow-unrelated-histories", "--message=merge", "other")
    git = Git.open(product.path)

    assert first_commit(git, product.head, {gone or side: "wrong"}) == first
    assert first_commit(git, product.head, {side: "wrong", second: "right"}) == "right"
    assert first_commit(git, second, {second: "right"}) == "right"


def test_a_folder_without_a_repository_is_named(tmp_path: Path):
    with pytest.raises(SourceError, match="is not a git repository"):
        repository_key(tmp_path)


def test_an_experiment_is_found_again_after_its_repository_was_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_project(tmp_path, improvement(change="{manual: Release every Tuesday}"))
    keep_rows(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    History(tmp_path / "shop").pass_weeks(12, wait=NOW - NOW.replace(day=1))
    runner = CliRunner()
    started = runner.invoke(iact, ["pdca", "start", "faster", "--repo", "shop"], catch_exceptions=False)
    assert started.exit_code == 0, started.output
    (tmp_path / "shop").rename(tmp_path / "renamed")

    status = runner.invoke(iact, ["pdca", "status", "--repo", "renamed"], catch_exceptions=False)

    assert "faster" in status.stdout
    stopped = runner.invoke(iact, ["pdca", "stop", "faster", "--repo", "renamed"], catch_exceptions=False)
    assert stopped.exit_code == 0, stopped.output


def test_a_report_holds_no_place_on_the_machine(
    product: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    keep_rows(tmp_path)

    result = CliRunner().invoke(
        iact, ["dora", "report", "--repo", str(product.path), "--format", "json"], catch_exceptions=False
    )

    assert result.exit_code == 0, result.output
    assert str(tmp_path) not in result.stdout
