"""How far a list has been read, and what became of reading it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from iact.core import instants
from iact.core.errors import EnvironmentProblemError


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """A reading that has not come to the end of its list.

    Attributes:
        page: the address of the page that was kept last.
        reached: the moment of its last item; None where that has none.
        newest: the moment of the newest item when the reading began.
        open_since: the moment of the oldest item so far of which more will come.
    """

    page: str
    reached: datetime | None
    newest: datetime | None
    open_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a list has been read.

    Attributes:
        since: from when on items were asked for.
        choice: about which items more was asked.
        read_until: everything before this moment is known; None until the list was read to its end.
        has_open: whether more will come of an item without the list saying so.
        page: the address of the first page when it was read last.
        etag: what named its state then.
        under_way: the reading that was interrupted.
    """

    since: datetime
    choice: str
    read_until: datetime | None = None
    has_open: bool = False
    page: str | None = None
    etag: str | None = None
    under_way: UnderWay | None = None

    def record(self) -> dict[str, Any]:
        """Return it as JSON data."""
        way = self.under_way
        return {
            "since": instants.write(self.since),
            "choice": self.choice,
            "read_until": _text(self.read_until),
            "has_open": self.has_open,
            "page": self.page,
            "etag": self.etag,
            "under_way": None
            if way is None
            else {
                "page": way.page,
                "reached": _text(way.reached),
                "newest": _text(way.newest),
                "open_since": _text(way.open_since),
            },
        }


def cursor_of(record: dict[str, Any]) -> Cursor:
    """Return the cursor that `Cursor.record` wrote."""
    way = record["under_way"]
    return Cursor(
        since=datetime.fromisoformat(record["since"]),
        choice=record["choice"],
        read_until=_moment(record["read_until"]),
        has_open=record["has_open"],
        page=record["page"],
        etag=record["etag"],
        under_way=None
        if way is None
        else UnderWay(
            page=way["page"],
            reached=_moment(way["reached"]),
            newest=_moment(way["newest"]),
            open_since=_moment(way["open_since"]),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """An item of a list that was not used.

    Attributes:
        name: which it is, such as `deployments 8731`.
        reason: what was found and what was expected.
    """

    name: str
    reason: str


@dataclass(slots=True, kw_only=True)
class StreamPulled:
    """What became of one list.

    Attributes:
        name: which list.
        read: how many items came that say something about delivery.
        requests: how many requests it took.
        new: items about things that were not known.
        changed: items that tell something new about a known thing.
        same: items that tell nothing new.
    """

    name: str
    read: int = 0
    requests: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0


@dataclass(slots=True, kw_only=True)
class Pulled:
    """What became of a pull.

    Attributes:
        streams: of every list that was asked for.
        rejected: the items that were not used.
        refused: why lists were not given out.
        stopped: why it ended before its end.
        strict_at: the list at which a rejected item ended it, with `--strict`.
        requests: how many requests it took in all.
    """

    streams: list[StreamPulled] = field(default_factory=list)
    rejected: list[Unusable] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    stopped: EnvironmentProblemError | None = None
    strict_at: str | None = None
    requests: int = 0


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else instants.write(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
