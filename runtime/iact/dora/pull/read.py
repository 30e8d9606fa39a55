"""Reading one list from its newest item to where it is known, and keeping each page with how far it has come.

Items only ever move to the front of such a list. So whatever happens between two pages, the next one holds everything
that was not read yet, but what moved to the front meanwhile; and that the next reading finds there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.engine import Connection, Engine

from iact.dora.ingest import ingest, known_digests, told_of
from iact.dora.pull.model import Cursor, Pulled, StreamPulled, UnderWay, Unusable
from iact.dora.pull.store import load_cursor, save_cursor
from iact.dora.records import Place
from iact.sources.events.fields import EventError
from iact.sources.events.files import Row, understand
from iact.sources.events.model import Event
from iact.sources.rest.client import Answer, Client
from iact.sources.rest.errors import GoneError, ServerError
from iact.sources.rest.stream import Item, Stream
from iact.stores.units import read, write

FIRST_PULL: Final = timedelta(days=365)
"""How far back a first pull goes when nobody says: as far as reports do."""
GIVEN_UP: Final = timedelta(days=30)
"""After which time an item that has not come to its end is no longer asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a pull works with.

    Attributes:
        engine: the store.
        place: where the events belong.
        client: who asks the server.
        since: from when on events are wanted; None: what was wanted the last time, at first a year.
        now: when the pull began.
        strict: whether a rejected item keeps its page, and all that follow, out.
        progress: told the name of a list, and how many of its items came so far.
    """

    engine: Engine
    place: Place
    client: Client
    since: datetime | None
    now: datetime
    strict: bool
    progress: Callable[[str, int], None]


class StrictError(Exception):
    """An item was rejected, so nothing of its page is kept."""


def read_stream(session: Session, stream: Stream, pulled: Pulled) -> None:
    """Read what is new in a list.

    Args:
        session: what it works with.
        stream: the list.
        pulled: grows by what became of it.

    Raises:
        RefusedError: if the server does not give it out.
        LimitedError: if the server allows no request for longer than somebody wants to wait; what was kept stays.
        ServerError: if nothing can be had of it, likewise.
        StrictError: if an item was rejected and the session is strict.
    """
    counted = StreamPulled(name=stream.name)
    pulled.streams.append(counted)
    before = session.client.requests
    try:
        # What moved to the front after an interrupted reading had begun, one more finds.
        while _Reading(session, stream, pulled, counted).was_resumed():
            pass
    finally:
        counted.requests = session.client.requests - before


@dataclass(frozen=True, slots=True)
class _Read:
    """What an item of a list tells.

    Attributes:
        id: what the source calls the thing that it is about.
        is_known: whether anything was known of that thing.
        rows: what it tells.
    """

    id: str
    is_known: bool
    rows: tuple[Row, ...]

    @property
    def digests(self) -> frozenset[str]:
        """The digests of its events."""
        return frozenset(event.digest for row in self.rows for event in row.events)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not used, or not all of it, each reason once."""
        return tuple(dict.fromkeys(row.rejected for row in self.rows if row.rejected))


class _Reading:
    """One reading of a list, from where the last one was interrupted, or from its front."""

    def __init__(self, session: Session, stream: Stream, pulled: Pulled, counted: StreamPulled) -> None:
        self._session, self._stream, self._pulled, self._counted = session, stream, pulled, counted
        self._place = (session.place.project, session.place.repository)
        self._stored = read(session.engine, lambda connection: load_cursor(connection, session.place, stream))
        self._cursor = _begun(self._stored, session, stream)
        self._lower = max(self._cursor.since, self._cursor.read_until or self._cursor.since)

    def was_resumed(self) -> bool:
        """Read to the end; return whether that went on with an interrupted reading."""
        way = self._cursor.under_way
        if way is not None:
            answer = self._session.client.get(way.page)
            if _follows(self._moments(answer), way.reached):
                self._read(answer, way)
                return True
        self._read_from_the_front()
        return False

    def _read_from_the_front(self) -> None:
        cursor, stream = self._cursor, self._stream
        page = stream.first_page(self._lower, again=cursor.read_until is not None)
        known = None if cursor.has_open or cursor.page != page or cursor.under_way else cursor.etag
        answer = self._session.client.get(page, etag=known)
        if answer.unchanged:
            return
        etag = answer.etag if stream.same_address else None
        self._cursor = dataclasses.replace(cursor, page=page if etag else None, etag=etag)
        newest = max(filter(None, self._moments(answer)), default=None)
        self._read(answer, UnderWay(page=page, reached=None, newest=newest, open_since=None))

    def _read(self, answer: Answer, way: UnderWay) -> None:
        page = first = way.page
        while True:
            items = self._items(answer)
            moments = self._moments(answer)
            wanted = [item for item, moment in zip(items, moments, strict=True) if self._is_wanted(moment)]
            rows, open_since = self._ask_about(wanted)
            way = dataclasses.replace(
                way,
                page=page,
                reached=moments[-1] if moments else None,
                open_since=min(filter(None, (way.open_since, open_since)), default=None),
            )
            following = answer.next if not moments or self._is_wanted(moments[-1]) else None
            if following is None:
                ended = _ended(self._cursor, way, self._stream.overlap)
                self._keep(rows, ended, is_worth_it=self._saves_pages(ended, is_one_page=page == first))
                return
            self._keep(rows, dataclasses.replace(self._cursor, under_way=way), is_worth_it=False)
            page = following
            answer = self._session.client.get(page)

    def _items(self, answer: Answer) -> list[Item]:
        try:
            return self._stream.items(answer.body)
        except EventError as error:
            message = f"The list of {self._stream.name} is not what it should be: {error} Look at the address of --url."
            raise ServerError(message) from None

    def _moments(self, answer: Answer) -> list[datetime | None]:
        return [self._stream.moment(item) for item in self._items(answer)]

    def _is_wanted(self, moment: datetime | None) -> bool:
        return moment is None or moment >= self._lower

    def _ask_about(self, items: Sequence[Item]) -> tuple[list[_Read], datetime | None]:
        """Return what some items tell, and since when there are open ones among them."""
        stream, session = self._stream, self._session
        ids = [stream.id(item) for item in items]
        told = read(
            session.engine, lambda connection: told_of(connection, self._place, stream.kind, stream.source, ids)
        )
        found: list[_Read] = []
        open_since: list[datetime] = []
        for number, item in enumerate(items, start=self._counted.read + 1):
            session.progress(stream.name, number)
            known, moment = told.get(stream.id(item), []), stream.moment(item)
            try:
                more = self._more(item, known)
            except GoneError as error:
                found.append(_Read(stream.id(item), bool(known), (Row(line=0, rejected=str(error)),)))
                continue
            is_recent = moment is not None and moment > session.now - GIVEN_UP
            if moment is not None and is_recent and stream.is_open(item, more, known):
                open_since.append(moment)
            rows = tuple(understand(payload, 0) for payload in stream.payloads(item, more, known))
            if rows:
                found.append(_Read(stream.id(item), bool(known), rows))
        return found, min(open_since, default=None)

    def _more(self, item: Item, known: Sequence[Event]) -> list[Item]:
        page = self._stream.more(item, known)
        return [] if page is None else list(self._session.client.every(page, self._stream.more_items))

    def _keep(self, found: Sequence[_Read], cursor: Cursor, *, is_worth_it: bool) -> None:
        """Add what items tell, and say how far the list has been read, both or neither.

        Args:
            found: the items.
            cursor: how far the list has been read with them.
            is_worth_it: whether to say how far even where there is no news.
        """
        session = self._session
        unusable = [Unusable(name=f"{self._stream.name} {one.id}", reason=why) for one in found for why in one.reasons]
        self._pulled.rejected.extend(unusable)
        if unusable and session.strict:
            raise StrictError
        digests = {digest for one in found for digest in one.digests}
        news = digests - read(session.engine, lambda connection: known_digests(connection, self._place, digests))
        if news or is_worth_it:
            write(session.engine, lambda connection: self._add(connection, found, cursor), meets_others=True)
            self._stored = cursor
        self._count(found, news)

    def _add(self, connection: Connection, found: Sequence[_Read], cursor: Cursor) -> None:
        ingest(connection, *self._place, (row for one in found for row in one.rows if not row.rejected))
        save_cursor(connection, self._session.place, self._stream, cursor)

    def _count(self, found: Sequence[_Read], news: AbstractSet[str]) -> None:
        counted = self._counted
        counted.read += len(found)
        for one in found:
            if not one.digests.isdisjoint(news):
                counted.changed += one.is_known
                counted.new += not one.is_known
            elif one.digests:
                counted.same += 1

    def _saves_pages(self, ended: Cursor, *, is_one_page: bool) -> bool:
        """Return whether to say how far the list was read, without news: only where that spares pages the next time."""
        stored = self._stored
        if stored is None or stored.under_way is not None:
            return True
        is_wider = (stored.since, stored.choice) != (ended.since, ended.choice)
        return is_wider or (not is_one_page and stored != ended)


def _begun(stored: Cursor | None, session: Session, stream: Stream) -> Cursor:
    """Return where to begin; a list of which more is wanted than the last time is read anew."""
    since = session.since or (session.now - FIRST_PULL if stored is None else stored.since)
    if stored is None or since < stored.since or stored.choice != stream.choice:
        earliest = since if stored is None else min(since, stored.since)
        return Cursor(since=earliest, choice=stream.choice)
    return stored


def _ended(cursor: Cursor, way: UnderWay, overlap: timedelta) -> Cursor:
    """Return what is known once a list was read to its end."""
    until = cursor.read_until if way.newest is None else way.newest - overlap
    if until is not None and way.open_since is not None:
        until = min(until, way.open_since)
    return dataclasses.replace(cursor, read_until=until, has_open=way.open_since is not None, under_way=None)


def _follows(moments: Sequence[datetime | None], reached: datetime | None) -> bool:
    """Return whether a page that is read again leaves no gap behind what was read: its items may only have moved on."""
    return bool(moments) and moments[0] is not None and reached is not None and moments[0] >= reached
