"""The entries of a log in order, whether they are in the journal or, once deleted there, in the archive."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from iact.audit.archives import Archive
from iact.audit.bundles import ENTRIES, BundleError
from iact.audit.store import archives, leaf_of_each, places_within
from iact.core import instants
from iact.core.errors import EnvironmentProblemError, FindingError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from pathlib import Path

    from sqlalchemy.engine import Connection

    from iact.audit.store import Archived, Leaf

EARLIEST: Final = datetime(1000, 1, 1, tzinfo=UTC)
"""The first moment that every database can hold."""
LATEST: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""A moment after all others."""


class MissingEntryError(EnvironmentProblemError):
    """An entry of the log is neither in the journal nor in the archive, so that nothing can be shown of it."""


class ChangedEntryError(FindingError):
    """A row of the journal or of the log is not what it can be, so that somebody has changed it."""


@dataclass(slots=True)
class LogContents:
    """The stored bytes of a log, as long as a connection is open.

    Attributes:
        connection: reads the store.
        project: whose log.
        folder: the archive.
    """

    connection: Connection
    project: str
    folder: Path
    _archived: tuple[Archived, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._archived = archives(self.connection, self.project)

    def between(self, first: int, last: int) -> Iterator[bytes]:
        """Walk the stored bytes from one place up to, but without, another; few are held at once.

        Raises:
            MissingEntryError: if one of them is nowhere.
            ChangedEntryError: if one is not kept as an entry can be.
        """
        return map(content_of, self.found(first, last))

    def found(self, first: int, last: int) -> Iterator[Leaf]:
        """Walk the entries from one place up to, but without, another; of one that is nowhere is said what is wrong."""
        with closing(_OutOfArchive(self)) as kept:
            for leaf in leaf_of_each(self.connection, self.project, first, last):
                yield leaf if leaf.wrong or leaf.content is not None else kept.filled(leaf)

    def several(self, places: Iterable[int]) -> Iterator[Leaf]:
        """Walk some entries, as `found`; each bundle of the archive is opened once at most.

        Args:
            places: theirs, in ascending order.
        """
        with closing(_OutOfArchive(self)) as kept:
            for place in places:
                leaf = next(leaf_of_each(self.connection, self.project, place, place + 1))
                yield leaf if leaf.wrong or leaf.content is not None else kept.filled(leaf)

    def at(self, place: int) -> bytes:
        """Return the stored bytes of one entry.

        Raises:
            MissingEntryError: if it is nowhere.
            ChangedEntryError: if it is not kept as an entry can be.
        """
        return next(self.between(place, place + 1))

    def within(self, begin: datetime, end: datetime, size: int) -> tuple[int, int] | None:
        """Return the place of the first entry of a period and the place after the last one; None where it has none.

        Entries stand in the order in which they were committed, so one from right before the period may be in between.

        Args:
            begin: the first moment of the period.
            end: the moment after it.
            size: how many entries of the log are looked at.

        Raises:
            MissingEntryError: if a part of the archive is not there.
        """
        found = list(places_within(self.connection, self.project, begin, end, size) or ())
        for part in self._archived:
            if part.end <= size and part.earliest_at < end and part.latest_at >= begin:
                found += self._ends_within(part, begin, end)
        return (min(found), max(found) + 1) if found else None

    def _ends_within(self, part: Archived, begin: datetime, end: datetime) -> list[int]:
        if begin <= part.earliest_at and part.latest_at < end:
            return [part.begin, part.end - 1]
        with closing(self.walk(part)) as entries:
            places = [place for place, content in entries if begin <= self._written_at(place, content) < end]
        return [places[0], places[-1]] if places else []

    def _written_at(self, place: int, content: bytes) -> datetime:
        try:
            return instants.parse(json.loads(content)["at"])
        except (ValueError, TypeError, KeyError, AttributeError):
            part = self.part_with(place)
            file = self.folder / part.file if part else self.folder
            message = f"entry {place} of the log is none in {file}: the bundle was changed. Bring back a copy of it."
            raise ChangedEntryError(message) from None

    def part_with(self, place: int) -> Archived | None:
        """Return the archived part that an entry is in."""
        return next((part for part in self._archived if part.begin <= place < part.end), None)

    def walk(self, part: Archived) -> Generator[tuple[int, bytes], None, None]:
        """Walk the entries of an archived part with their places.

        Raises:
            MissingEntryError: if its bundle is not there, or damaged.
        """
        file = self.folder / part.file
        try:
            with Archive(file) as archive:
                yield from enumerate(archive.lines(ENTRIES), part.begin)
        except BundleError as error:
            message = (
                f"entries {part.begin} to {part.end - 1} of the log are in the archive, and {file} cannot be read: "
                f"{error}. Bring it back, or name its folder in iact.yaml: `audit: {{archive: FOLDER}}`."
            )
            raise MissingEntryError(message) from error


def content_of(leaf: Leaf) -> bytes:
    """Return the bytes of an entry of which nothing is known to be wrong.

    Raises:
        MissingEntryError: if it is nowhere.
        ChangedEntryError: if it is not kept as an entry can be.
    """
    if leaf.content is not None and not leaf.wrong:
        return leaf.content
    message = f"{leaf.name} of the log {leaf.wrong}."
    raise MissingEntryError(message) if leaf.content is None else ChangedEntryError(message)


class _OutOfArchive:
    """Entries that are asked for in order, out of one bundle of the archive after the other."""

    def __init__(self, contents: LogContents) -> None:
        self._contents = contents
        self._part: Archived | None = None
        self._entries: Generator[tuple[int, bytes], None, None] | None = None

    def filled(self, leaf: Leaf) -> Leaf:
        """Return an entry with its bytes out of the archive, or with what is wrong where it is not there."""
        try:
            return replace(leaf, content=self._at(leaf.place))
        except MissingEntryError as error:
            self.close()
            is_archived, self._part = self._part is not None, None
            return replace(leaf, wrong=str(error).rstrip("."), is_out_of_reach=is_archived)

    def _at(self, place: int) -> bytes:
        if self._part is None or place >= self._part.end:
            self.close()
            self._part = self._contents.part_with(place)
            if self._part is None:
                message = (
                    "is in the journal no more, and in no part of the archive: its row was deleted; "
                    "restore the store from a backup."
                )
                raise MissingEntryError(message)
            self._entries = self._contents.walk(self._part)
        try:
            found = next((content for at, content in self._entries or () if at == place), None)
        except MissingEntryError as error:
            message = f"cannot be read: {error}"
            raise MissingEntryError(message) from error
        if found is None:
            message = f"is missing in {self._contents.folder / self._part.file}, which ends before; bring it back."
            raise MissingEntryError(message)
        return found

    def close(self) -> None:
        if self._entries is not None:
            self._entries.close()
