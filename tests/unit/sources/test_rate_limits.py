"""When the next request is allowed, out of the headers of an answer and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from iact.sources.rest.limits import pause_before_next, pause_of_refusal

NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)
EPOCH = str(int(NOON.timestamp()) + 60)
DATE = "Wed, 01 Apr 2026 12:00:00 GMT"


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_with_requests_left_there_is_no_pause():
    assert pause_before_next({"x-ratelimit-remaining": "1", "x-ratelimit-reset": EPOCH}, NOON) is None
    assert pause_before_next({}, NOON) is None


@pytest.mark.parametrize("prefix", ["x-ratelimit", "ratelimit"], ids=["GitHub", "GitLab"])
def test_with_none_left_the_pause_ends_a_second_after_the_reset(prefix):
    pause = pause_before_next({f"{prefix}-remaining": "0", f"{prefix}-reset": EPOCH, f"{prefix}-limit": "60"}, NOON)

    assert pause is not None
    assert (pause.until, pause.reason) == (after(61), "all 60 requests of this period are used")


def test_a_clock_that_is_wrong_makes_no_pause_longer():
    """This machine is an hour slow; the server says by its own date that the reset is in a minute."""
    slow = NOON - timedelta(hours=1)

    pause = pause_before_next({"x-ratelimit-remaining": "0", "x-ratelimit-reset": EPOCH, "date": DATE}, slow)

    assert pause is not None
    assert pause.until == slow + timedelta(seconds=61)


@pytest.mark.parametrize("reset", ["soon", "", "-5", "1" * 40])
def test_a_reset_that_nobody_can_read_makes_no_pause(reset):
    assert pause_before_next({"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}, NOON) is None


@pytest.mark.parametrize(
    ("status", "headers", "told", "until"),
    [
        (429, {"retry-after": "30"}, "", after(30)),
        (403, {"retry-after": "30", "x-ratelimit-remaining": "0", "x-ratelimit-reset": EPOCH}, "", after(30)),
        (403, {"retry-after": "Wed, 01 Apr 2026 12:02:00 GMT", "date": DATE}, "", after(121)),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": EPOCH}, "", after(61)),
        (429, {}, "Retry later", after(60)),
        (403, {}, "You have exceeded a secondary rate limit.", after(60)),
    ],
)
def test_a_refusal_for_a_limit_says_how_long_to_wait(status, headers, told, until):
    pause = pause_of_refusal(status, headers, told, NOON)

    assert pause is not None
    assert pause.until == until


@pytest.mark.parametrize(
    ("status", "headers", "told"),
    [
        (403, {"x-ratelimit-remaining": "4999"}, "Resource not accessible by personal access token"),
        (404, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": EPOCH}, "Not Found"),
        (401, {"retry-after": "30"}, "Bad credentials"),
    ],
)
def test_a_refusal_for_another_reason_is_no_matter_of_waiting(status, headers, told):
    assert pause_of_refusal(status, headers, told, NOON) is None
