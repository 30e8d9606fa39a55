"""When a server allows the next request; decisions only.

GitHub: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api and its best practices. GitLab:
https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers. Both send either the moment
at which the limit is reset, in seconds since 1970, or how many seconds to wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

FORBIDDEN: Final = 403
TOO_MANY: Final = 429
_REMAINING: Final = ("x-ratelimit-remaining", "ratelimit-remaining")
_RESET: Final = ("x-ratelimit-reset", "ratelimit-reset")
_AT_LEAST: Final = timedelta(minutes=1)
"""What GitHub asks for where it says nothing else of a secondary limit."""
_SAFETY: Final = timedelta(seconds=1)
"""Resets are told in whole seconds."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Until when to send nothing.

    Attributes:
        until: by the clock of this machine.
        reason: which limit it is, for people.
    """

    until: datetime
    reason: str


def pause_before_next(headers: Mapping[str, str], now: datetime) -> Pause | None:
    """Return what a good answer says of the next request; None where it may follow at once.

    Args:
        headers: of the answer, their names in small letters.
        now: the present moment.
    """
    if _first(headers, _REMAINING) != "0":
        return None
    reset = _reset(headers, now)
    return None if reset is None else Pause(reset, f"all {_limit(headers)}requests of this period are used")


def pause_of_refusal(status: int, headers: Mapping[str, str], told: str, now: datetime) -> Pause | None:
    """Return how long a refusal wants the client to wait; None where it is no matter of limits.

    Args:
        status: of the answer.
        headers: of the answer, their names in small letters.
        told: its text.
        now: the present moment.
    """
    if status not in {FORBIDDEN, TOO_MANY}:
        return None
    wait = _retry_after(headers, now)
    if wait is not None:
        return Pause(now + wait, "too many requests at once")
    used_up = pause_before_next(headers, now)
    if used_up is not None:
        return used_up
    if status == TOO_MANY or "rate limit" in told.casefold():
        return Pause(now + _AT_LEAST, "too many requests at once")
    return None


def _retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return the seconds, or the time until the date, that `Retry-After` names (RFC 9110, section 10.2.3)."""
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return timedelta(seconds=int(text))
    moment = _date(text)
    return None if moment is None else max(moment - _server_now(headers, now), timedelta()) + _SAFETY


def _reset(headers: Mapping[str, str], now: datetime) -> datetime | None:
    text = _first(headers, _RESET) or ""
    if not text.isdecimal():
        return None
    try:
        reset = datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    # By the server's own clock: this machine's may be minutes off.
    return now + max(reset - _server_now(headers, now), timedelta()) + _SAFETY


def _server_now(headers: Mapping[str, str], now: datetime) -> datetime:
    return _date(headers.get("date", "")) or now


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _limit(headers: Mapping[str, str]) -> str:
    text = _first(headers, ("x-ratelimit-limit", "ratelimit-limit")) or ""
    return f"{text} " if text.isdecimal() else ""


def _first(headers: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((headers[name].strip() for name in names if name in headers), None)
