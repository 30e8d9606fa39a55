"""Moments in time: always UTC, to the microsecond, written as RFC 3339."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, Protocol
from zoneinfo import ZoneInfo

_WRITTEN: Final = re.compile(
    r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:\d{2}))?$",
)
EXPECTED: Final = "a date such as 2026-03-02, or a moment such as 2026-03-02 09:00Z"
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2999
"""Far enough from both ends of the calendar for the longest duration to be added or taken away."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Where the present moment comes from; handed in, so that time can be replayed."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""


def zone_of(name: str) -> tzinfo:
    """Return the time zone of a name such as Europe/Berlin; UTC needs no time-zone database."""
    return UTC if name == "UTC" else ZoneInfo(name)


def parse(text: str, zone: tzinfo = UTC) -> datetime:
    """Read a moment; a bare date is its first moment, which in some zones and on some days is not midnight.

    Args:
        text: the moment.
        zone: where a bare date is meant.

    Raises:
        ValueError: if it is none, or a time without its zone, which could mean any hour of the day.
    """
    tidy = text.strip()
    if not _WRITTEN.match(tidy):
        message = f"expected {EXPECTED}, found {text!r}"
        raise ValueError(message)
    try:
        moment = datetime.fromisoformat(tidy)
    except ValueError as error:
        message = f"expected {EXPECTED}, found {text!r}, and {error}"
        raise ValueError(message) from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        message = f"expected a moment in the years {FIRST_YEAR} to {LAST_YEAR}, found {text!r}"
        raise ValueError(message)
    return (moment.replace(tzinfo=zone) if moment.tzinfo is None else moment).astimezone(UTC)


def parse_past(text: str, now: datetime, zone: tzinfo = UTC) -> datetime:
    """Read a moment that has come: nothing is known of a later one, and a report on it would say otherwise.

    Args:
        text: the moment.
        now: the present moment; the minute that it lies in counts as come, since moments are shown by the minute.
        zone: where a bare date is meant.

    Raises:
        ValueError: if it is none, or has not come yet.
    """
    moment = parse(text, zone)
    if moment > now.replace(second=0, microsecond=0) + timedelta(minutes=1):
        message = f"{show(moment)} has not come yet; leave it out for now"
        raise ValueError(message)
    return moment


@lru_cache(maxsize=4096)
def write(moment: datetime) -> str:
    """Return the fixed-width form that sorts as text: `2026-03-02T09:00:00.000000Z` (RFC 3339).

    Raises:
        ValueError: if the moment has no time zone.
    """
    # Unlike strftime, isoformat pads every year to four digits; and it is five times as quick, which tables notice.
    # What one transaction writes is of one moment, which is remembered.
    return f"{in_utc(moment).isoformat(timespec='microseconds')[:-6]}Z"


def show(moment: datetime) -> str:
    """Return the short form for people: `2026-03-02 09:00Z`."""
    return f"{in_utc(moment):%Y-%m-%d %H:%MZ}"


def show_second(moment: datetime) -> str:
    """Return the short form to the second, for people: `2026-03-02 09:00:30Z`."""
    return f"{in_utc(moment):%Y-%m-%d %H:%M:%SZ}"


def microseconds(span: timedelta) -> int:
    """Return a time span as whole microseconds."""
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds


def in_utc(moment: datetime) -> datetime:
    """Return the same moment in UTC.

    Raises:
        ValueError: if it has no time zone.
    """
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        message = f"{moment} has no time zone"
        raise ValueError(message)
    return moment.astimezone(UTC)
