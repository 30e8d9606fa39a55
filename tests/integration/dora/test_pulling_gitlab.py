"""What `iact pull gitlab` fetches from a server that behaves like GitLab, and how often it asks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from iact.dora.told import merged_heads
from iact.sources.events.model import ChangeEvent, Status
from tests.support.gitlab_server import GitLabServer
from tests.support.kept import open_passing
from tests.support.kills import READING
from tests.support.pulling import Puller
from tests.support.rest_server import HandClock, answers

SHA, OTHER, HEAD = "a" * 40, "f" * 40, "c" * 40


def march(day: int, hour: int = 9, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[GitLabServer]:
    with GitLabServer(HandClock()) as running:
        yield running


@pytest.fixture
def pull(server: GitLabServer) -> Puller:
    return Puller(engine=open_passing(), server=server)


def fill(server: GitLabServer) -> None:
    """A history in which everything happens that may happen."""
    server.deployed(1, march(2), SHA, updated=march(20))
    server.deployed(2, march(3), OTHER, "failed")
    server.ran(801, march(2), SHA)
    server.ran(802, march(2), SHA, name="Lint")
    server.requested(42, march(1), merged=march(2), updated=march(9), sha=SHA, head=HEAD)
    server.approved(42, march(1, 15))
    server.approved(42, march(1, 20))
    server.requested(43, march(5))
    server.issue(52, march(2, 10), closed=march(2, 11), updated=march(8), issue_type="incident")
    server.issue(53, march(6), "incident", "service::checkout")
    server.issue(54, march(7), "bug")


def test_a_deployment_went_out_when_its_job_was_finished_and_not_when_it_was_updated(server, pull):
    fill(server)

    done = pull()

    assert pull.deployments() == [("1", march(2), SHA)]
    assert (done.rejected, done.refused, done.stopped) == ([], [], None)


def test_a_deployment_without_a_job_went_out_when_it_was_told_where_nothing_touched_it_since(server, pull):
    server.deployed(1, march(2), SHA, by_job=False, updated=march(2, 8, 50))
    server.deployed(2, march(3), SHA, by_job=False, updated=march(9))

    done = pull()

    assert pull.deployments() == [("1", march(2, 8, 50), SHA)]
    assert [(one.name, one.reason.split(":")[0]) for one in done.rejected] == [("deployments 2", "`status_changed_at`")]


def test_merge_requests_are_told_with_their_merge_and_all_their_approvals(server, pull):
    fill(server)

    pull()

    changes = [one for one in pull.events("change") if one.id == "42" and isinstance(one, ChangeEvent)]
    assert [(one.at, one.reviewed_at, one.merged_at) for one in changes] == [
        (march(1, 15), march(1, 15), None),
        (march(1, 20), march(1, 20), None),
        (march(9), None, march(2)),
    ]
    assert (changes[-1].status, changes[-1].sha, changes[-1].head) == (Status.MERGED, SHA, HEAD)


def test_a_squash_that_was_fast_forwarded_is_told_with_the_commit_of_the_squash(server, pull):
    server.requested(44, march(1), merged=march(2), squash=OTHER, head=HEAD)

    pull()

    assert merged_heads(pull.events("change")) == {HEAD: OTHER}


def test_a_deploying_pipeline_ended_when_it_says_itself(server, pull):
    fill(server)

    pull()

    assert pull.pipelines() == [("run-801", march(2))]
    assert [one.id for one in pull.events("pipeline")] == ["801", "802"]


def test_incidents_and_issues_labelled_so_are_incidents_until_they_no_longer_are(server, pull):
    fill(server)
    pull()
    assert pull.incidents() == [("52", march(2, 10), march(2, 11)), ("53", march(6), None)]

    (issue,) = (one for one in server.issues if one["iid"] == 53)
    issue["labels"], issue["updated_at"] = ["bug"], "2026-03-20T09:00:00Z"
    pull()

    assert pull.incidents() == [("52", march(2, 10), march(2, 11))]


def test_approvals_cost_a_page_for_each_hundred_and_pipelines_a_request_for_each_that_deploys(server, pull):
    for number in range(1, 251):
        server.requested(number, march(1), merged=march(2) + timedelta(minutes=number), sha=SHA)
        server.approved(number, march(1, 12))
    server.ran(801, march(2), SHA)
    server.ran(802, march(2), SHA, name=None)

    done = pull()

    assert {one.name: one.requests for one in done.streams} == {
        "deployments": 1,
        "incidents": 1,
        "labelled issues": 1,
        "merge requests": 3,
        "approvals": 3,
        "pipelines": 1 + 1,
    }
    assert done.requests == len(server.log) == 1 + 11


def test_a_pull_without_news_asks_once_for_each_list_and_writes_nothing(server, pull):
    fill(server)
    pull()
    before = pull.rows()
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(
            (*READING, "BEGIN", "INSERT INTO iact_units")
        ):  # the id of a unit that changes nothing
            statements.append(statement)

    event.listen(pull.engine, "before_cursor_execute", note)
    del server.log[:]
    done = pull()

    assert len(server.log) == 1 + 6
    assert all("updated_after" in one.query or "after" in one.query for one in server.log[1:])
    assert statements == []
    assert pull.rows() == before
    assert {(one.new, one.changed) for one in done.streams} == {(0, 0)}
    assert sum(one.same for one in done.streams) > 0


@pytest.mark.parametrize("keyset", [False, True])
def test_every_page_is_read_by_number_or_by_a_cursor(keyset):
    with GitLabServer(HandClock(), keyset=keyset) as server:
        pull = Puller(engine=open_passing(), server=server)
        for number in range(1, 231):
            server.requested(number, march(1) + timedelta(minutes=number))

        pull(kinds="change")

        assert len(pull.events("change")) == 230
        pages = [one.query for one in server.log if one.path.endswith("merge_requests")]
        assert [("cursor" in query, "page" in query) for query in pages[1:]] == [(keyset, not keyset)] * 2


def test_the_next_page_may_stand_in_a_header_of_its_own(server, pull):
    """Where a proxy takes `Link` away, `X-Next-Page` still says which is the next."""
    for number in range(1, 151):
        server.requested(number, march(1) + timedelta(minutes=number))
    first = server.requests_to_merge[:49:-1]
    server.fails("merge_requests", answers(200, first, X_Next_Page="2"))

    pull(kinds="change")

    assert len(pull.events("change")) == 150


def test_too_many_requests_are_waited_for_as_gitlab_says(server, pull):
    fill(server)
    server.budget = 4

    done = pull(wait=timedelta(hours=3))

    assert done.stopped is None
    assert server.clock.slept == [3601]
    assert len(pull.incidents()) == 2


def test_a_refusal_that_comes_all_the_same_is_waited_for_too(server, pull):
    fill(server)
    server.fails("/deployments", answers(429, b"Retry later\n", Retry_After="42"))

    assert pull(wait=timedelta(minutes=1)).stopped is None

    assert server.clock.slept == [42]
    assert pull.deployments() == [("1", march(2), SHA)]
