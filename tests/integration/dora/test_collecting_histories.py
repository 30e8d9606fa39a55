"""Real and made-up histories in the delivery tables: counts, deployments by ancestry, updates, rewritten history."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from iact.dora import store
from iact.dora.collect import Collected, collect
from iact.dora.records import Change, Deployment
from iact.sources.demo import AGENT_TRAILER, write_demo_repository
from iact.sources.git.errors import SourceError
from iact.sources.git.rules import GitRules
from iact.sources.git.writer import HistoryWriter
from tests.support.git import GitRepository, run_git
from tests.support.kept import open_passing

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
RULES = GitRules()
FAILURES = GitRules(failed_by_revert=True, hotfix_within=timedelta(days=7))


@pytest.fixture
def connection() -> Iterator[Connection]:
    with open_passing().begin() as opened:
        yield opened


def read(connection: Connection, repository: GitRepository, rules: GitRules = RULES) -> Collected:
    return collect(connection, "p", "r", repository.path, rules, NOW)


def deployments(connection: Connection) -> dict[str, Deployment]:
    """Return all deployments by name."""
    return {one.name: one for one in store.deployments(connection, "p", "r")}


def previous(connection: Connection) -> dict[str, str | None]:
    """Return the name of the deployment before each."""
    found = deployments(connection)
    names = {one.key: name for name, one in found.items()}
    return {name: names.get(one.previous or "") for name, one in found.items()}


def changes(connection: Connection) -> dict[str, Change]:
    """Return all changes of the mainline and of deployments by commit."""
    found = [*store.deployed_changes(connection, "p", "r"), *store.waiting_changes(connection, "p", "r")]
    return {one.sha: one for one in found}


@pytest.mark.parametrize(
    ("fixture", "releases"), [("flask_repository", r"[0-9.]+"), ("requests_repository", r"v?[0-9.]+")]
)
def test_counts_of_real_histories_are_those_of_plain_git(fixture, releases, request, connection):
    repository = request.getfixturevalue(fixture)
    tags = [tag for tag in repository.git("tag").splitlines() if re.fullmatch(releases, tag)]
    commits = repository.git("rev-list", "--count", "main", *tags)
    deployed = repository.git("rev-list", "--count", *tags)
    tagged = {repository.git("rev-parse", f"{tag}^{{commit}}") for tag in tags}
    reverts = repository.git("log", "--format=%H", "--grep=^This reverts commit [0-9a-f]\\{7,\\}", "main", *tags)

    found = read(connection, repository)

    assert (found.changes, found.deployments, found.reverts) == (int(commits), len(tagged), len(reverts.splitlines()))
    assert len(list(store.deployed_changes(connection, "p", "r"))) == int(deployed)


def test_a_maintenance_release_follows_its_own_line(repository, connection):
    repository.commit()
    repository.tag("v1.0.0")
    repository.branch("1.x")
    repository.switch("main")
    repository.commit()
    repository.tag("v2.0.0")
    repository.switch("1.x")
    repository.commit("fix: change")
    repository.tag("v1.0.1")
    repository.switch("main")
    repository.merge("1.x")
    repository.commit()
    repository.tag("v2.0.1")

    read(connection, repository)

    assert previous(connection) == {"v1.0.0": None, "v2.0.0": "v1.0.0", "v1.0.1": "v1.0.0", "v2.0.1": "v2.0.0"}
    assert [one.changes for one in deployments(connection).values()] == [1, 1, 1, 2]


def test_a_change_belongs_to_the_first_deployment_that_contains_it_even_when_that_was_tagged_later_on_a_branch(
    repository, connection
):
    change = repository.commit(at="2026-03-02 09:00")
    repository.tag("v1.0.0", message="late", at="2026-03-20 09:00")
    repository.commit(at="2026-03-03 09:00")
    repository.tag("v1.1.0", message="early", at="2026-03-10 09:00")

    read(connection, repository)

    assert changes(connection)[change].deployed_at == datetime(2026, 3, 10, 9, tzinfo=UTC)
    assert previous(connection) == {"v1.1.0": "v1.0.0", "v1.0.0": None}
    assert deployments(connection)["v1.0.0"].changes == 0


def test_a_change_is_merged_when_the_mainline_first_contains_it(repository, connection):
    repository.commit()
    repository.branch("topic")
    change = repository.commit("feat: change", at="2026-03-02 09:00", authored="2026-03-01 09:00")
    repository.switch("main")
    merge = repository.merge("topic", at="2026-03-04 09:00")
    direct = repository.commit(at="2026-03-05 09:00")

    read(connection, repository)
    found = changes(connection)

    assert (found[change].merged_by, found[change].merged_at) == (merge, datetime(2026, 3, 4, 9, tzinfo=UTC))
    assert found[change].authored_at == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert (found[merge].merged_by, found[merge].is_merge) == (merge, True)
    assert found[direct].merged_by == direct


def test_an_octopus_merge_merges_every_branch(repository, connection):
    repository.commit()
    topics = []
    for name in ("one", "two", "three"):
        repository.branch(name, start="main")
        topics.append(repository.commit(name))
    repository.switch("main")
    repository.git("merge", "--quiet", "--no-ff", "--message=octopus", "one", "two", "three")

    read(connection, repository)

    assert {changes(connection)[topic].merged_by for topic in topics} == {repository.head}


def test_merges_to_a_branch_are_deployments(repository, connection):
    repository.commit()
    repository.branch("production")
    repository.switch("main")
    change = repository.commit()
    repository.switch("production")
    first = repository.merge("main")
    repository.switch("main")
    waiting = repository.commit()

    read(connection, repository, GitRules(merges_to="production", mainline="main"))

    assert [one.key for one in store.deployments(connection, "p", "r")] == [first]
    assert changes(connection)[change].deployment == first
    assert [one.sha for one in store.waiting_changes(connection, "p", "r")] == [waiting]


def test_reading_again_what_has_not_changed_finds_nothing_new(flask_repository, connection):
    before = read(connection, flask_repository)

    again = read(connection, flask_repository)

    assert (again.new_changes, again.new_deployments, again.rebuilt) == (0, 0, None)
    assert (again.changes, again.deployments) == (before.changes, before.deployments)


def test_new_commits_and_a_new_release_are_added(repository, connection):
    repository.commit()
    repository.tag("v1.0.0")
    waiting = repository.commit()
    read(connection, repository)
    repository.commit()
    repository.tag("v1.1.0")

    found = read(connection, repository)

    assert (found.new_changes, found.new_deployments, found.rebuilt) == (1, 1, None)
    assert changes(connection)[waiting].deployment == repository.head
    assert (deployments(connection)["v1.1.0"].changes, previous(connection)["v1.1.0"]) == (2, "v1.0.0")


def test_a_forced_push_is_followed_and_said(repository, connection):
    first = repository.commit()
    lost = repository.commit()
    read(connection, repository)
    repository.git("reset", "--quiet", "--hard", first)
    kept = repository.commit("another")

    found = read(connection, repository)

    assert set(changes(connection)) == {first, kept}
    assert (found.lost_changes, found.new_changes) == (1, 1)
    assert "`main` no longer runs through" in (found.rebuilt or "")
    assert "The history was rewritten: 1 known commits are no longer reachable." in found.notes
    assert lost not in changes(connection)


@pytest.mark.parametrize("arguments", [("tag", "--delete", "v1.1"), ("tag", "--force", "v1.1", "HEAD")])
def test_a_tag_that_was_moved_or_deleted_is_followed(repository, connection, arguments):
    repository.commit()
    repository.tag("v1.0")
    repository.commit()
    repository.tag("v1.1")
    repository.commit()
    read(connection, repository)
    repository.git(*arguments)

    found = read(connection, repository)

    assert "`v1.1` was moved, deleted" in (found.rebuilt or "")
    assert set(deployments(connection)) == set(repository.git("tag").splitlines())


def test_other_rules_read_everything_again(repository, connection):
    repository.commit()
    repository.tag("v1.0rc1")
    assert read(connection, repository).deployments == 0

    found = read(connection, repository, GitRules(pre_releases=True))

    assert (found.deployments, found.rebuilt) == (1, "the rules changed")


def test_without_a_rule_there_is_no_source_of_failures_which_is_not_the_same_as_no_failure(repository, connection):
    change = repository.commit()
    repository.tag("v1.0.0")
    repository.revert(change)
    repository.tag("v1.0.1")
    read(connection, repository)
    known = store.repository(connection, "p", "r")
    assert known is not None
    assert (known.failure_sources, store.failures(connection, "p", "r")) == ((), [])

    read(connection, repository, FAILURES)

    (failure,) = store.failures(connection, "p", "r")
    assert (failure.kind, failure.deployment, failure.restored_by) == ("revert", change, repository.head)
    assert deployments(connection)["v1.0.1"].is_hotfix
    known = store.repository(connection, "p", "r")
    assert known is not None
    assert known.failure_sources == ("revert", "hotfix")


def test_switching_a_failure_rule_off_forgets_its_failures(repository, connection):
    repository.revert(repository.commit())
    repository.tag("v1.0.0")
    repository.commit()
    repository.tag("v1.0.1")
    assert read(connection, repository, FAILURES).failures == 1

    found = read(connection, repository)

    assert (found.failures, found.rebuilt) == (0, None)
    assert not deployments(connection)["v1.0.1"].is_hotfix


def test_an_abbreviated_commit_is_found_and_an_unknown_one_is_noted(repository, connection):
    change = repository.commit()
    repository.tag("v1.0.0")
    repository.commit(f"Revert change\n\nThis reverts commit {change[:9]}.")
    repository.commit(f"Revert change\n\nThis reverts commit {'f' * 40}.")

    found = read(connection, repository, FAILURES)

    assert (found.reverts, found.failures) == (2, 1)
    assert found.notes == ("1 reverts name a commit that is not part of the history; they say nothing.",)


def test_a_window_holds_its_start_and_not_its_end(repository, connection):
    repository.commit(at="2026-03-02 09:00")
    repository.tag("v1.0")
    repository.commit(at="2026-03-09 09:00")
    repository.tag("v1.1")
    read(connection, repository)
    start, end = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 9, 9, tzinfo=UTC)

    assert [one.name for one in store.deployments(connection, "p", "r", start, end)] == ["v1.0"]
    assert [one.name for one in store.deployments(connection, "p", "r", end)] == ["v1.1"]
    assert [one.first_known for one in store.deployments(connection, "p", "r")] == [True, False]
    assert len(list(store.deployed_changes(connection, "p", "r", start, end))) == 1


def test_what_was_deployed_later_was_still_waiting_at_a_moment_of_the_past(repository, connection):
    change = repository.commit(at="2026-03-02 09:00")
    repository.tag("v1.0", message="v1.0", at="2026-03-09 09:00")
    later = repository.commit(at="2026-03-10 09:00")
    read(connection, repository)

    waiting = list(store.waiting_changes(connection, "p", "r", datetime(2026, 3, 5, tzinfo=UTC)))

    assert [(one.sha, one.deployment, one.deployed_at) for one in waiting] == [(change, None, None)]
    assert [one.sha for one in store.waiting_changes(connection, "p", "r")] == [later]


def test_two_repositories_of_a_project_are_kept_apart(repository, flask_repository, connection):
    repository.commit()
    repository.tag("v1.0")
    collect(connection, "p", "flask", flask_repository.path, RULES, NOW)

    read(connection, repository)

    assert len(store.deployments(connection, "p", "r")) == 1
    assert len(store.deployments(connection, "p", "flask")) == 60
    assert store.repository(connection, "other", "r") is None


def test_only_whether_an_agent_made_a_change_is_kept_of_its_people(repository, connection):
    change = repository.commit(f"feat: change\n\n{AGENT_TRAILER}")

    read(connection, repository, GitRules(agents=("Co-authored-by: *[bot]*",)))

    assert changes(connection)[change].by_agent
    assert "example.invalid" not in "".join(str(one) for one in changes(connection).values())


@pytest.mark.parametrize("now", [NOW, datetime(2026, 3, 2, tzinfo=UTC), datetime(2024, 2, 27, 15, 30, tzinfo=UTC)])
def test_the_demo_is_the_same_every_time_and_has_something_to_tell(now, tmp_path, connection):
    write_demo_repository(tmp_path / "one", now)
    write_demo_repository(tmp_path / "two", now)
    tips = {run_git(tmp_path / name, "for-each-ref") for name in ("one", "two")}
    agents = GitRules(failed_by_revert=True, hotfix_within=timedelta(days=7), agents=("Co-authored-by: *[bot]*",))

    found = collect(connection, "p", "r", tmp_path / "one", agents, now)

    assert len(tips) == 1
    assert run_git(tmp_path / "one", "fsck", "--strict") == ""
    assert found.deployments > 25
    assert found.reverts > 2
    assert found.failures > 4
    assert {one.by_agent for one in changes(connection).values()} == {True, False}
    assert max(one.committed_at for one in changes(connection).values()) < now
    assert max(one.deployed_at for one in deployments(connection).values()) < now


def test_the_ids_that_a_made_up_history_names_are_those_that_git_gives(tmp_path):
    with HistoryWriter(tmp_path / "made") as writer:
        first = writer.commit("change", at=NOW)
        root = writer.commit("another root", at=NOW)
        tip = writer.commit("merge\n\nwith a body", at=NOW, authored=NOW - timedelta(days=1), parents=[root, first])
        writer.end(tip)

    assert run_git(tmp_path / "made", "log", "--topo-order", "--format=%H %P").splitlines() == [
        f"{tip} {root} {first}",
        f"{first} ",
        f"{root} ",
    ]


def test_a_made_up_history_is_never_written_over_something(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(SourceError, match="is not empty"):
        write_demo_repository(tmp_path, NOW)
    with pytest.raises(SourceError, match="may you write there"):
        write_demo_repository(tmp_path / "file" / "demo", NOW)
