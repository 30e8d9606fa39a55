"""What `iact pull github` fetches from a server that behaves like GitHub, and how often it asks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from iact.sources.events.model import ChangeEvent, Status
from iact.sources.events.rules import EventRules
from tests.support.github_server import GitHubServer
from tests.support.kept import open_passing
from tests.support.kills import READING
from tests.support.pulling import Puller
from tests.support.rest_server import HandClock, answers, breaks_off, hangs_up

SHA, OTHER = "a" * 40, "f" * 40
MARCH = datetime(2026, 3, 1, tzinfo=UTC)


def march(day: int, hour: int = 9, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[GitHubServer]:
    with GitHubServer(HandClock()) as running:
        yield running


@pytest.fixture
def pull(server: GitHubServer) -> Puller:
    return Puller(engine=open_passing(), server=server)


@pytest.fixture
def written(pull: Puller) -> list[str]:
    """Every statement from now on that changes the store."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(
            (*READING, "BEGIN", "INSERT INTO iact_units")
        ):  # the id of a unit that changes nothing
            found.append(statement)

    event.listen(pull.engine, "before_cursor_execute", note)
    return found


def fill(server: GitHubServer) -> None:
    """A history in which everything happens that may happen."""
    server.deployed(1, march(2), SHA, "in_progress", "success")
    server.deployed(2, march(3), OTHER, "in_progress", "failure")
    server.deployed(3, march(4), OTHER, "success", "inactive")
    server.deployed(4, march(4), OTHER, "success", environment="preview")
    server.ran(8001, march(2), SHA)
    server.ran(8002, march(2), SHA, name="Lint")
    server.requested(42, march(1), merged=march(2), updated=march(9), sha=SHA)
    server.reviewed(42, march(1, 12), state="COMMENTED", by=1)
    server.reviewed(42, march(1, 15))
    server.reviewed(42, march(1, 16), state="PENDING")
    server.requested(43, march(5))
    server.issue(52, march(2, 10), "incident", "service: checkout", closed=march(2, 11), updated=march(8))
    server.issue(53, march(6), "bug")
    server.issue(43, march(5), is_request=True)


def test_a_deployment_went_out_when_its_status_says_and_not_when_it_was_updated(server, pull):
    """In devlake #8302 it did: `updated_at` moves on when another deployment takes the place."""
    fill(server)

    done = pull()

    assert pull.deployments() == [("1", march(2, 9, 2), SHA), ("3", march(4, 9, 1), OTHER)]
    assert (done.rejected, done.refused, done.stopped) == ([], [], None)


def test_a_squash_is_told_with_the_commit_that_merged_it_and_its_first_review_by_somebody_else(server, pull):
    fill(server)
    pull()

    changes = [one for one in pull.events("change") if one.id == "42"]

    assert [(one.at, one.status) for one in changes] == [(march(1, 15), Status.OPEN), (march(9), Status.MERGED)]
    review, merge = changes
    assert isinstance(review, ChangeEvent)
    assert isinstance(merge, ChangeEvent)
    assert (review.reviewed_at, review.opened_at, review.head) == (march(1, 15), march(1), "b" * 40)
    assert (merge.merged_at, merge.sha, merge.head, merge.branch) == (march(2), SHA, "c" * 40, "main")


def test_a_run_ended_with_the_last_of_its_jobs_and_not_when_it_was_updated(server, pull):
    fill(server)

    pull()

    assert pull.pipelines() == [("run-8001", march(2, 9, 10))]
    assert [one.id for one in pull.events("pipeline")] == ["8001", "8002"]


def test_issues_labelled_incident_are_incidents_and_pull_requests_are_none(server, pull):
    fill(server)

    pull()

    assert pull.incidents() == [("52", march(2, 10), march(2, 11))]


def test_an_issue_that_loses_the_label_never_was_an_incident(server, pull):
    fill(server)
    pull()
    (issue,) = (one for one in server.issues if one["number"] == 52)
    issue["labels"], issue["updated_at"] = [], "2026-03-20T09:00:00Z"

    pull()

    assert pull.incidents() == []


def test_a_pull_asks_once_for_each_thing_that_the_lists_do_not_tell(server, pull):
    """Two deployments to preview, a run that only checks, and an open request are worth no request of their own."""
    fill(server)

    done = pull()

    assert {one.name: one.requests for one in done.streams} == {
        "deployments": 1 + 3,
        "incidents": 1,
        "pull requests": 1 + 1,
        "workflow runs": 1 + 1,
    }
    assert done.requests == len(server.log) == 1 + 4 + 1 + 2 + 2


def test_ten_thousand_would_cost_a_page_for_each_hundred_and_a_request_for_each_that_was_merged(server, pull):
    """Before devlake PR 8714 somebody asked three times for each."""
    for number in range(1, 251):
        server.requested(number, march(1), merged=march(2) + timedelta(minutes=number) if number % 2 else None, sha=SHA)

    done = pull(kinds="change")

    assert done.requests == 1 + 3 + 125
    assert len(set(server.requests("reviews"))) == 125


def test_a_pull_without_news_asks_once_for_each_list_and_writes_nothing(server, pull, written):
    fill(server)
    pull()
    del written[:], server.log[:]

    done = pull()

    assert [(request.address.partition("?")[0], request.status) for request in server.log] == [
        ("/repos/shop/web", 200),
        ("/repos/shop/web/deployments", 304),
        ("/repos/shop/web/issues", 200),
        ("/repos/shop/web/pulls", 304),
        ("/repos/shop/web/actions/runs", 304),
    ]
    assert written == []
    assert {(one.new, one.changed) for one in done.streams} == {(0, 0)}
    assert sum(one.same for one in done.streams) > 0


def test_a_deployment_that_was_pending_is_asked_about_again_until_it_has_ended(server, pull):
    server.deployed(1, march(28), SHA, "in_progress")
    pull()
    for number in range(2, 5):
        server.deployed(number, march(30), OTHER, "success")
    pull()
    assert "1" not in [id_ for id_, *_ in pull.deployments()]
    (server.statuses[1]).append(
        {**server.statuses[1][0], "state": "success", "id": 199, "created_at": "2026-03-31T09:00:00Z"}
    )

    pull()

    assert ("1", march(31), SHA) in pull.deployments()
    del server.log[:]
    pull()
    assert server.requests("statuses") == []


def test_every_page_is_read_and_the_next_one_is_where_the_server_says(server, pull):
    for number in range(1, 231):
        server.deployed(number, march(1) + timedelta(minutes=10 * number), SHA, environment="preview")

    pull()

    assert len(pull.events("deployment")) == 230
    assert [request.query.get("page") for request in server.log if request.path.endswith("deployments")] == [
        None,
        "2",
        "3",
    ]


def test_what_moves_to_the_front_between_two_pages_is_not_lost(server, pull):
    for number in range(1, 206):
        server.requested(number, march(1), updated=march(2) + timedelta(minutes=number))
    pages: list[str] = []

    def move(path: str) -> None:
        if path.endswith("/pulls"):
            pages.append(path)
            if len(pages) == 2:  # request 1 was to come on the last page
                server.pulls[0]["updated_at"], server.pulls[0]["title"] = "2026-03-31T09:00:00Z", "Moved"

    server.before = move
    pull(kinds="change")
    pull(kinds="change")

    titles = {one.id: one.title for one in pull.events("change") if isinstance(one, ChangeEvent)}
    assert len(titles) == 205
    assert titles["1"] == "Moved"


def test_since_goes_back_so_far_and_an_earlier_one_goes_back_further(server, pull):
    for day in range(1, 21):
        server.deployed(day, march(day), SHA, "success")

    pull(since=march(15))
    assert len(pull.deployments()) == 6
    pull()
    assert len(pull.deployments()) == 6
    pull(since=march(10))
    assert len(pull.deployments()) == 11


def test_environments_that_come_to_count_later_are_asked_about_then(server, pull):
    fill(server)
    pull()
    assert "4" not in [id_ for id_, *_ in pull.deployments()]

    pull.rules = EventRules(environments=("production", "preview"))
    pull()

    assert "4" in [id_ for id_, *_ in pull.deployments()]


@pytest.mark.parametrize(
    "fault", [answers(502), breaks_off, hangs_up, answers(200, b"<html>")], ids=["502", "half", "nothing", "HTML"]
)
def test_an_answer_that_does_not_come_is_asked_for_again_after_a_growing_pause(server, pull, fault):
    fill(server)
    server.fails("/deployments", fault, fault, fault)

    done = pull()

    assert done.stopped is None
    assert len(pull.deployments()) == 2
    first, second, third = server.clock.slept
    assert 1 <= first <= 2 <= second <= 3
    assert 4 <= third <= 5


def test_a_server_that_stays_broken_stops_the_pull_and_what_was_read_is_kept(server, pull):
    fill(server)
    server.fails("/pulls", *[answers(503)] * 5)

    done = pull()

    assert "does not answer as it should" in str(done.stopped)
    assert "status 503" in str(done.stopped)
    assert len(pull.deployments()) == 2
    assert pull.events("change") == []
    assert pull().stopped is None
    assert len(pull.events("change")) == 3


def test_a_mistake_of_ours_is_not_sent_again(server, pull):
    server.fails("/deployments", answers(422, {"message": "Validation Failed"}))

    done = pull()

    assert "refuses /repos/shop/web/deployments: Validation Failed (422)" in str(done.stopped)
    assert server.clock.slept == []


def test_used_up_requests_are_waited_for_where_that_is_not_too_long(server, pull):
    fill(server)
    server.budget = 5

    done = pull(wait=timedelta(hours=3))

    assert done.stopped is None
    assert len(server.clock.slept) == 1
    assert server.clock.slept[0] == 3601
    (told,) = pull.told
    assert told == (
        "GitHub allows no further request before 2026-04-01 13:00:01Z: all 5 requests of this period are used. "
        "Waiting 60 min."
    )
    assert {request.status for request in server.log} == {200}
    assert len(pull.deployments()) == 2


def test_else_the_pull_stops_says_when_to_go_on_and_goes_on_there(server, pull):
    fill(server)
    server.budget = 6

    stopped = pull(wait=timedelta(minutes=59)).stopped

    assert "allows no further request before 2026-04-01 13:00:01Z" in str(stopped)
    assert "What was read is kept" in str(stopped)
    assert server.clock.slept == []
    assert len(pull.deployments()) == 2
    server.clock.sleep(3601)
    assert pull().stopped is None
    assert len(pull.events("change")) == 3


def test_a_secondary_limit_is_waited_for_as_long_as_it_says(server, pull):
    fill(server)
    body = {"message": "You have exceeded a secondary rate limit."}
    server.fails("/deployments", answers(403, body, Retry_After="30"), answers(429, body), answers(403, body))

    done = pull(wait=timedelta(minutes=5))

    assert done.stopped is None
    assert server.clock.slept == [30, 60, 60]
    assert len(pull.deployments()) == 2


def test_a_list_that_the_token_may_not_read_is_told_and_keeps_no_other_back(server, pull):
    fill(server)
    server.forbidden = ("/deployments",)

    done = pull()

    (refused,) = done.refused
    assert refused == (
        "GitHub does not give out /repos/shop/web/deployments: Resource not accessible by personal access token (403). "
        "The token of env:TOKEN may lack deployments: read; or the name is not right, or this is switched off there."
    )
    assert len(pull.events("change")) == 3


def test_a_repository_that_was_renamed_is_followed_and_known_by_its_number(server, pull):
    fill(server)
    pull()
    del server.log[:]

    pull.name = "shop/old"
    pull()

    assert server.requests()[:3] == ["/repos/shop/old", "/repositories/77", "/repos/shop/web/deployments"]
    assert [request.status for request in server.log] == [301, 200, 304, 200, 304, 304]


def test_another_server_is_not_asked_and_gets_no_token(server, pull):
    fill(server)
    with GitHubServer(HandClock()) as other:
        elsewhere = f"{other.url}/repos/shop/web/deployments"
        server.fails("/deployments", answers(302, Location=elsewhere))
        redirected = pull().stopped
        server.fails("/deployments", answers(200, [], Link=f'<{elsewhere}?page=2>; rel="next"'))
        linked = pull().stopped

    assert other.log == []
    assert "sends on to another server, http://127.0.0.1, which is not asked" in str(redirected)
    assert "sends on to another server, http://127.0.0.1, which is not asked" in str(linked)


def test_a_rejected_item_is_told_by_its_name_and_the_others_are_taken_in(server, pull):
    fill(server)
    server.deployments[0]["sha"] = "not a commit"

    done = pull()

    assert {one.name for one in done.rejected} == {"deployments 1"}
    assert "`deployment.sha`: expected a commit" in done.rejected[0].reason
    assert [id_ for id_, *_ in pull.deployments()] == ["3"]


def test_an_item_that_is_taken_away_between_two_requests_is_told_and_keeps_no_other_back(server, pull):
    fill(server)
    server.fails("/deployments/1/statuses", answers(404, {"message": "Not Found"}))

    done = pull()

    assert [one.name for one in done.rejected] == ["deployments 1"]
    assert [id_ for id_, *_ in pull.deployments()] == ["3"]
    assert done.refused == []


def test_strict_keeps_the_page_of_a_rejected_item_out_and_ends_there(server, pull):
    fill(server)
    server.pulls[0]["created_at"] = None

    done = pull(strict=True)

    assert done.strict_at == "pull requests"
    assert len(pull.deployments()) == 2
    assert pull.events("change") == []
    assert pull.events("pipeline") == []
    server.pulls[0]["created_at"] = "2026-03-01T09:00:00Z"
    assert pull(strict=True).strict_at is None
    assert len(pull.events("change")) == 3


def test_an_interrupted_reading_goes_on_at_its_page_and_then_looks_at_the_front(server, pull):
    for number in range(1, 306):
        server.requested(number, march(1), updated=march(2) + timedelta(minutes=number))
    server.fails("page=3", *[answers(500)] * 5)
    assert pull(kinds="change").stopped is not None
    server.requested(400, march(3), updated=march(30))
    del server.log[:]

    assert pull(kinds="change").stopped is None

    assert [request.query.get("page") for request in server.log] == [None, "2", "3", "4", None]
    assert len(pull.events("change")) == 306


def test_an_interrupted_reading_begins_anew_where_its_page_leaves_a_gap(server, pull):
    """What was read was taken away meanwhile, so the rest has moved up."""
    for number in range(1, 306):
        server.deployed(number, march(1) + timedelta(minutes=number), SHA, environment="preview")
    server.fails("page=3", *[answers(500)] * 5)
    assert pull(kinds="deployment").stopped is not None
    del server.deployments[-150:]

    assert pull(kinds="deployment").stopped is None

    assert len(pull.events("deployment")) == 305
