"""Which repositories are read, which are refused, and what the refusal tells the reader to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from iact.sources.git.command import Git
from iact.sources.git.errors import SourceError
from iact.sources.git.log import read_log
from iact.sources.git.refs import Refs, read_refs
from iact.sources.git.rules import GitRules
from tests.support.git import GitRepository, run_git


def refs_of(path: Path, rules: GitRules | None = None) -> Refs:
    return read_refs(Git.open(path), rules or GitRules())


def refused(path: Path, rules: GitRules | None = None) -> SourceError:
    with pytest.raises(SourceError) as refusal:
        refs_of(path, rules)
    return refusal.value


def tree_of(path: Path) -> dict[str, bytes]:
    """Return every file under a folder with its content."""
    return {str(file): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def test_a_folder_that_is_no_repository_is_refused(tmp_path):
    assert "is not a git repository" in str(refused(tmp_path))


def test_what_is_no_folder_is_refused(tmp_path):
    assert "is not a folder" in str(refused(tmp_path / "nothing"))


def test_a_repository_without_a_commit_is_refused(repository):
    assert "has no commit" in str(refused(repository.path))
    assert "has no commit yet" in str(refused(repository.path, GitRules(mainline="main")))


def test_a_shallow_clone_is_refused_and_the_remedy_named(repository, tmp_path):
    repository.commit()
    repository.commit()
    shallow = GitRepository.clone(repository.path, tmp_path / "shallow", "--depth=1")

    error = refused(shallow.path)

    assert "fetch-depth: 0" in error.hint
    assert "git fetch --unshallow" in error.hint


def test_a_missing_git_is_said_to_be_missing(repository, monkeypatch):
    repository.commit()
    monkeypatch.setenv("PATH", os.devnull)

    assert "Install git" in str(refused(repository.path))


def test_a_branch_that_does_not_exist_gets_the_nearest_name(repository):
    repository.commit()

    assert "Did you mean `main`?" in str(refused(repository.path, GitRules(mainline="mian")))
    assert "Its branches are: `main`" in str(refused(repository.path, GitRules(merges_to="production")))


def test_a_damaged_history_is_an_error_and_not_a_short_history(repository):
    first = repository.commit()
    repository.commit()
    (repository.path / ".git" / "objects" / first[:2] / first[2:]).unlink()
    git = Git.open(repository.path)

    with pytest.raises(SourceError, match="git fsck"):
        list(read_log(git, read_refs(git, GitRules()).tips))


def test_bare_repositories_linked_work_trees_subfolders_and_partial_clones_are_read(repository, tmp_path):
    tip = repository.commit(files={"folder/file": "content"})
    repository.git("config", "uploadpack.allowFilter", "true")
    bare = GitRepository.clone(repository.path, tmp_path / "bare", "--bare")
    partial = GitRepository.clone(repository.path, tmp_path / "partial", "--filter=blob:none", "--no-checkout")
    repository.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    places = [
        bare.path,
        partial.path,
        tmp_path / "linked",
        repository.path / "folder",
        tmp_path / "bare" / ".." / "bare",
    ]

    assert [refs_of(place).mainline.tip for place in places] == [tip] * len(places)


def test_nothing_in_the_repository_is_written(repository):
    repository.commit(files={"file": "content"})
    repository.tag("v1.0", message="v1.0")
    (repository.path / "file").touch()
    before = tree_of(repository.path)
    git = Git.open(repository.path)

    assert list(read_log(git, read_refs(git, GitRules()).tips))
    assert tree_of(repository.path) == before


def test_no_program_that_the_repository_names_is_started(repository, tmp_path):
    repository.commit()
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path / 'sprung'}\n", encoding="utf-8")
    trap.chmod(0o755)
    for setting in ("core.fsmonitor", "gpg.program", "core.pager", "pager.log", "core.sshCommand", "diff.external"):
        repository.git("config", setting, str(trap))
    repository.git("config", "log.showSignature", "true")
    git = Git.open(repository.path)

    assert len(list(read_log(git, read_refs(git, GitRules()).tips))) == 1
    assert not (tmp_path / "sprung").exists()


def test_the_repository_of_the_path_is_read_and_not_the_one_of_the_environment(repository, tmp_path, monkeypatch):
    tip = repository.commit()
    other = GitRepository.create(tmp_path / "other")
    other.commit("another")
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))

    assert refs_of(repository.path).mainline.tip == tip


def test_replacements_and_grafts_of_one_clone_change_nothing(repository):
    first, second = repository.commit(), repository.commit()
    repository.git("replace", "--graft", second)
    (repository.path / ".git" / "info").mkdir(exist_ok=True)
    (repository.path / ".git" / "info" / "grafts").write_text(f"{second}\n", encoding="utf-8")

    records = list(read_log(Git.open(repository.path), [second]))

    assert [record.sha for record in records] == [second, first]


def test_the_mainline_is_the_branch_of_the_remotes_head(repository, tmp_path):
    tip = repository.commit()
    clone = GitRepository.clone(repository.path, tmp_path / "clone")
    clone.branch("topic")
    clone.commit("not merged")

    assert (refs_of(clone.path).mainline.name, refs_of(clone.path).mainline.tip) == ("main", tip)


def test_of_a_branch_here_and_at_the_remote_the_one_that_is_ahead_counts(repository, tmp_path):
    repository.commit()
    clone = GitRepository.clone(repository.path, tmp_path / "clone")
    ahead = clone.commit("not pushed")
    assert refs_of(clone.path).mainline.tip == ahead

    pushed = repository.commit("pushed by someone else")
    clone.git("fetch", "--quiet")
    assert refs_of(clone.path).mainline.tip == pushed


def test_without_a_remote_the_mainline_is_what_is_checked_out(repository):
    repository.commit()
    repository.branch("trunk")
    tip = repository.commit()
    assert (refs_of(repository.path).mainline.name, refs_of(repository.path).mainline.tip) == ("trunk", tip)

    repository.git("switch", "--quiet", "--detach")
    assert (refs_of(repository.path).mainline.name, refs_of(repository.path).mainline.tip) == ("HEAD", tip)


def test_an_annotated_tag_has_its_own_date_and_a_lightweight_one_that_of_its_commit(repository):
    repository.commit(at="2026-03-02 09:00")
    repository.tag("v1.0", message="v1.0", at="2026-03-04 12:00")
    repository.commit(at="2026-03-06 09:00")
    repository.tag("v1.1")

    releases = {one.name: f"{one.deployed_at:%Y-%m-%d %H:%M}" for one in refs_of(repository.path).releases}

    assert releases == {"v1.0": "2026-03-04 12:00", "v1.1": "2026-03-06 09:00"}


def test_several_tags_on_a_commit_are_one_release_named_after_the_highest_final_version(repository):
    repository.commit()
    for name in ("v1.0rc1", "v0.9.9", "v1.0.0"):
        repository.tag(name)

    (release,) = refs_of(repository.path, GitRules(pre_releases=True)).releases

    assert (release.name, release.names) == ("v1.0.0", ("v1.0.0", "v0.9.9", "v1.0rc1"))


def test_a_tag_of_a_tag_is_a_release_and_a_tag_of_a_tree_is_noted(repository):
    tip = repository.commit(files={"file": "content"})
    repository.tag("inner", message="inner", at="2026-03-02 09:00")
    repository.tag("v1.0", commit="inner", message="outer", at="2026-03-03 09:00")
    repository.tag("v2.0", commit="HEAD^{tree}")
    repository.tag("v3.0", commit="HEAD:file", message="a file")

    refs = refs_of(repository.path)

    assert [(release.sha, release.name) for release in refs.releases] == [(tip, "v1.0")]
    assert "2 tags name no commit and were ignored: `v2.0`, `v3.0`." in refs.notes


def test_what_tags_were_left_out_is_noted(repository):
    repository.commit()
    for name in ("v1.0", "v1.1rc1", "latest", "1.x", "nightly"):
        repository.tag(name)

    assert refs_of(repository.path).notes == (
        "4 tags are not deployments by the rules: `1.x`, `latest`, `nightly` and 1 more.",
    )


def test_messages_of_any_bytes_are_read_whole(repository):
    """Latin-1, half a character, separators of records, an empty message: each commit comes out, in order."""
    messages = [
        b"caf\xe9",
        b"\xf0\x9f\x98",
        b"a\x1e\x1fb\r\n\tc\n\n\x01",
        b"",
        "naïve \N{BLACK STAR}".encode(),
        b"\n\n  late\n",
    ]
    parent = ""
    for number, message in enumerate(messages):
        parent = raw_commit(repository.path, message, parent, 1_770_000_000 + number)
    repository.git("update-ref", "refs/heads/main", parent)

    records = list(read_log(Git.open(repository.path), [parent]))

    assert [record.message.rstrip(b"\n") for record in reversed(records)] == [one.rstrip(b"\n") for one in messages]


@pytest.mark.parametrize("date", ["99999999999999", "-5", "18446744073709551616"])
def test_dates_that_no_calendar_holds_count_as_another(repository, date):
    tip = raw_commit(repository.path, b"change", "", date)

    (record,) = read_log(Git.open(repository.path), [tip])

    assert (record.committed, record.authored) == (0, 0)


def raw_commit(path: Path, message: bytes, parent: str, seconds: int | str) -> str:
    """Write a commit object byte by byte, whatever git itself would say to it."""
    tree = run_git(path, "mktree")
    person = f"dev <dev@example.invalid> {seconds} +0000"
    head = f"tree {tree}\n" + (f"parent {parent}\n" if parent else "") + f"author {person}\ncommitter {person}\n\n"
    file = path / ".git" / "raw"
    file.write_bytes(head.encode() + message)
    return run_git(path, "hash-object", "--literally", "-t", "commit", "-w", str(file))
