"""What became of a pull, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from iact.core import instants
from iact.dora.pull.model import Pulled
from iact.sources.rest.errors import LimitedError
from iact.sources.rest.stream import Remote

FORMAT: Final = "iact/pulled/v1"


def record(pulled: Pulled, remote: Remote, source: str) -> dict[str, Any]:
    """Return what became of a pull as JSON data."""
    stopped = pulled.stopped
    again_at = instants.write(stopped.again_at) if isinstance(stopped, LimitedError) else None
    return {
        "format": FORMAT,
        "source": source,
        "remote": remote.name,
        "streams": [
            {
                "name": one.name,
                "read": one.read,
                "requests": one.requests,
                "new": one.new,
                "changed": one.changed,
                "same": one.same,
            }
            for one in pulled.streams
        ],
        "requests": pulled.requests,
        "rejected": [{"item": one.name, "reason": one.reason} for one in pulled.rejected],
        "refused": pulled.refused,
        "stopped": None if stopped is None else {"reason": str(stopped), "again_at": again_at},
    }


def to_json(pulled: Pulled, remote: Remote, source: str) -> str:
    """Return the same as the bytes of a file."""
    return json.dumps(record(pulled, remote, source), indent=2, ensure_ascii=False) + "\n"


def lines(pulled: Pulled) -> Iterator[str]:
    """Yield what became of a pull as lines for people."""
    for one in pulled.streams:
        counts = f"{one.new:>8} new {one.changed:>8} changed {one.same:>8} known"
        yield f"{one.name:<16}{one.read:>8} read {counts} {one.requests:>8} requests"
    if pulled.strict_at is not None:
        yield (
            f"Rejected: {len(pulled.rejected)}. Nothing of this page of {pulled.strict_at} was taken in, nor what "
            "follows; the pages before it were."
        )
    elif pulled.rejected:
        yield f"Rejected: {len(pulled.rejected)}. Everything else was taken in."
    if not (
        pulled.stopped or pulled.refused or pulled.rejected or any(one.new + one.changed for one in pulled.streams)
    ):
        yield "Nothing is new."
