"""Where the checkpoints of a log were published, and what is not as it should be about that."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from iact.audit.publishing.places import ENOUGH
from iact.audit.publishing.rules import LATE_AFTER, PlaceState, is_late
from iact.audit.publishing.store import signed_after, states
from iact.audit.publishing.witness import PREFIX
from iact.core import instants

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from iact.audit.publishing.places import Publishing


def place_records(connection: Connection, project: str, publishing: Publishing) -> list[dict[str, Any]]:
    """Return what is known of each place that the rules name, as JSON data.

    Args:
        connection: reads the store.
        project: the project.
        publishing: where checkpoints are to go.
    """
    known = states(connection, project) if publishing.everywhere else {}
    found = []
    for place in publishing.everywhere:
        state = known.get(place.name)
        if state is None or state.address != place.address:
            state = PlaceState(address=place.address)
        since = signed_after(connection, project, state.size)
        found.append(
            {
                "place": place.name,
                "address": place.address,
                "size": state.size,
                "published_at": _written(state.published_at),
                "unpublished_since": _written(since),
                "failures": state.failures,
                "trouble": state.trouble or None,
                "contradicts": state.contradicts,
            }
        )
    return found


def place_notes(publishing: Publishing) -> Iterator[str]:
    """Yield what somebody should know, and is no finding: that checkpoints go to too few places.

    A witness is none: it keeps the newest only, and shows it to nobody.

    Args:
        publishing: where checkpoints are to go.
    """
    count = len(publishing.places)
    if count < ENOUGH:
        where = "nowhere" if not count else f"to {publishing.places[0].name} alone"
        yield (
            f"checkpoints go {where}; name two places that nobody here can set back: `audit: {{publish: …}}` in "
            "iact.yaml, docs/audit.md"
        )


def place_findings(records: Sequence[Mapping[str, Any]], now: datetime, every: timedelta) -> Iterator[str]:
    """Yield what is not as it should be.

    Args:
        records: what `place_records` returned.
        now: the present moment, UTC.
        every: how long a place may go without the newest checkpoint.
    """
    for one in records:
        since = one["unpublished_since"]
        if one["contradicts"]:
            yield f"{one['place']} ({one['address']}): {one['trouble']}"
        elif since is not None and is_late(instants.parse(since), now, every):
            why = f": {one['trouble']}" if one["trouble"] else ": `iact serve` publishes, and `iact audit publish`"
            yield (
                f"what was signed since {since} did not get to {one['place']} ({one['address']}), for more than "
                f"{LATE_AFTER} times as long as `every`{why}"
            )


def place_lines(records: Sequence[Mapping[str, Any]], now: datetime) -> Iterator[str]:
    """Yield where checkpoints were published, in lines for people.

    Args:
        records: what `place_records` returned.
        now: the present moment, UTC.
    """
    for one in records:
        done = "signed by" if one["place"].startswith(PREFIX) else "published to"
        where = f"{done} {one['place']} ({one['address']})"
        if one["published_at"]:
            age = _age(now - instants.parse(one["published_at"]))
            yield f"{where}: {one['size']:,} entries, {age} ago"
        else:
            yield f"{where}: nothing yet"
        if one["trouble"] and not one["contradicts"]:
            yield f"  refused ({one['failures']:,} in a row): {one['trouble']}"


def _age(span: timedelta) -> str:
    minutes = max(0, int(span / timedelta(minutes=1)))
    if minutes < 120:  # noqa: PLR2004 - two hours read better so
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h" if hours < 72 else f"{hours // 24} days"  # noqa: PLR2004 - three days read better so


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else instants.write(moment)
