"""Handing a part of the log out: a bundle out of the store, checked by the verifier before anybody gets it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from iact.audit.bundles import AuditFindingError, BundleError, Manifest
from iact.audit.chains import DECISIONS, LOG_RUN
from iact.audit.checkpoint import parse_checkpoint
from iact.audit.contents import EARLIEST, LATEST, LogContents, content_of
from iact.audit.disclosures import Disclosure
from iact.audit.notes import NoteError, parse_key, parse_note
from iact.audit.periods import OUT_OF_ORDER, is_after, is_before
from iact.audit.publishing.cosignatures import cosigned, witnessed_size
from iact.audit.ranges import kept_range
from iact.audit.store import (
    READ_AT_ONCE,
    archives,
    checkpoints,
    head,
    keys_of,
    newest_checkpoint,
    place_of,
    tile_reader,
)
from iact.audit.stored_rows import wrong_with
from iact.audit.tiles import Tiles
from iact.audit.tree import consistency_proof, inclusion_proof
from iact.audit.verifying import verify_bundle
from iact.audit.writing import Contents, Earlier, nothing_disclosed, write_bundle
from iact.core import instants
from iact.core.errors import ConfigurationError, EnvironmentProblemError, FindingError
from iact.engine.definitions import pinned_bytes
from iact.engine.persons import disclosures
from iact.stores.units import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy.engine import Connection

    from iact.audit.identity import LogIdentity
    from iact.audit.notes import Note, VerifierKey
    from iact.audit.store import LogKey, Signed
    from iact.audit.verdicts import Verdict
    from iact.engine.host import Host


@dataclass(frozen=True, slots=True)
class Asked:
    """Which part of a log is handed out.

    Attributes:
        begin: the first moment of a period; None for from the beginning.
        end: the moment after it; None for all that is signed.
        kept: checkpoints that the auditor kept, as they were handed out: the log is shown to go on from them.
        after: instead of a period, all that is signed from this place on.
        discloses: whether it says who the people in the entries are, and what they wrote.
        witnesses: names of witnesses: only up to the newest checkpoint that all of them have signed.
    """

    begin: datetime | None = None
    end: datetime | None = None
    kept: Sequence[bytes] = ()
    after: int | None = None
    discloses: bool = True
    witnesses: Sequence[str] = ()


def export(host: Host, identity: LogIdentity, file: Path, asked: Asked) -> Verdict:
    """Write a bundle of a period, verify it as an auditor does, and return what came of that.

    Args:
        host: where the runs live; what waits has been given its place.
        identity: which log it is.
        file: where the bundle is to be; it is there as a whole or, where anything fails, as it was before.
        asked: which part.

    Raises:
        ConfigurationError: if nothing was written in the period, or nothing is signed yet.
        EnvironmentProblemError: if the file cannot be written, or a part of the archive is not there.
        FindingError: if what the store holds does not prove itself: somebody has changed it.
    """

    def work(connection: Connection) -> Verdict:
        part = _Part(connection, host.project, identity, asked)
        beside = file.with_name(f".{file.name}.unverified")
        try:
            try:
                write_bundle(beside, part.contents())
            except OSError as error:
                message = f"{file} cannot be written: {error.strerror or error}. Name another file."
                raise EnvironmentProblemError(message) from error
            verdict = _verified(beside, part, asked.kept)
            beside.replace(file)
        finally:
            beside.unlink(missing_ok=True)
        return verdict

    return read(host.unhurried, work)


def _verified(file: Path, part: _Part, kept: Sequence[bytes]) -> Verdict:
    try:
        return verify_bundle(file, [first_trusted(part.keys)], kept)
    except (AuditFindingError, BundleError) as error:
        message = f"the log does not hold, and nothing was handed out: {error}"
        raise FindingError(message) from error


class _Part:
    """A part of a log out of one moment of the store."""

    def __init__(self, connection: Connection, project: str, identity: LogIdentity, asked: Asked) -> None:
        self._connection, self._project, self._asked = connection, project, asked
        signed, top = _signed(connection, project, asked), head(connection, project)
        self.keys = keys_of(connection, project)
        if signed is None or top is None:
            message = (
                "nothing is signed yet: either nothing was written to the journal, or no machine that has the key of "
                "the log kept it up. `iact status` says what waits; `iact tick` gives it its places."
            )
            raise ConfigurationError(message)
        self._note = parse_note(cosigned(connection, project, signed))
        self._size = signed.size
        self._log = LogContents(connection, project, identity.archive)
        self._tiles = Tiles(top.size, tile_reader(connection, project))
        self.first, self.last = self._places()

    def _places(self) -> tuple[int, int]:
        asked = self._asked
        if asked.begin is None and asked.end is None:
            return asked.after or 0, self._size
        begin = asked.begin - OUT_OF_ORDER if asked.begin else EARLIEST
        around = self._log.within(begin, asked.end + OUT_OF_ORDER if asked.end else LATEST, self._size)
        if around is None:
            before = self._log.within(EARLIEST, begin, self._size)
            place = before[1] if before else 0
            around = place, place
        first, last = self._first_of(around[0]), self._last_of(around[1])
        if first == last == self._size:
            message = f"nothing was written {_said(asked)}. `iact audit list` shows what there is."
            raise ConfigurationError(message)
        return first, last

    def _first_of(self, first: int) -> int:
        """Return the place from which on none of the period is on the left, as the one there tells."""
        if self._asked.begin is None:
            return 0
        begin, step = instants.write(self._asked.begin), 1
        while first:
            for content in reversed(list(self._log.between(max(0, first - step), first))):
                if is_before(_written_at(content), begin):
                    return first
                first -= 1
            step = READ_AT_ONCE  # a clock was set back: nobody knows how far it is
        return first

    def _last_of(self, last: int) -> int:
        """Return the place up to which none of the period is on the right, as the one there tells."""
        if self._asked.end is None:
            return self._size
        end, step = instants.write(self._asked.end), 1
        while last < self._size:
            for content in self._log.between(last, min(last + step, self._size)):
                if is_after(_written_at(content), end):
                    return last
                last += 1
            step = READ_AT_ONCE
        return last

    def contents(self) -> Contents:
        """Return what the bundle holds; it is read as it is written."""
        asked = self._asked
        begin, end = (instants.write(one) if one else "" for one in (asked.begin, asked.end))
        return Contents(
            manifest=Manifest(self._project, self.first, self.last, begin, end),
            checkpoint=self._note,
            keys=[parse_key(key.key) for key in self.keys],
            rotations=_rotations(self.keys),
            left=kept_range(self._tiles, 0, self.first).hashes,
            right=kept_range(self._tiles, self.last, self._size).hashes,
            consistency={size: self._goes_on_from(size) for size in sorted(self._sizes())},
            entries=self._entries(),
            earlier=self._earlier,
            neighbours=self._neighbours(),
            definitions=lambda keys: pinned_bytes(self._connection, self._project, list(keys)),
            disclosures=self._disclosures if asked.discloses else nothing_disclosed,
        )

    def _entries(self) -> Iterator[bytes]:
        """Yield the entries; which of them was changed the tree of this log says, and not what is handed out alone."""
        for leaf in self._log.found(self.first, self.last):
            if leaf.content is not None and (wrong := wrong_with(leaf, self._tiles)):
                message = f"the log does not hold, and nothing was handed out: {leaf.name} {wrong}"
                raise FindingError(message)
            yield content_of(leaf)

    def _disclosures(self, tokens: Iterable[str]) -> Iterator[Disclosure]:
        for token, salt, words in disclosures(self._connection, self._project, list(tokens)):
            yield Disclosure(token, salt, words)

    def _sizes(self) -> set[int]:
        """Return sizes of the log at which somebody may have kept a checkpoint: the archive's, and those asked for."""
        sizes = {part.end for part in archives(self._connection, self._project)}
        for content in self._asked.kept:
            try:
                sizes.add(parse_checkpoint(parse_note(content).text).size)
            except NoteError as error:
                message = f"the checkpoint that was kept cannot be used: {error}."
                raise ConfigurationError(message) from None
        return {size for size in sizes if 0 < size <= self._size}

    def _goes_on_from(self, size: int) -> tuple[bytes, Sequence[bytes]]:
        proof = consistency_proof(self._tiles, size, self._size)
        return kept_range(self._tiles, 0, size).root(), proof

    def _neighbours(self) -> Iterator[Earlier]:
        if self._asked.begin is not None and self.first:
            yield self._proved(self.first - 1, self._log.at(self.first - 1))
        if self._asked.end is not None and self.last < self._size:
            yield self._proved(self.last, self._log.at(self.last))

    def _earlier(self, continued: Mapping[str, int]) -> Iterator[Earlier]:
        """Walk, for each run that goes on, its first entry, its last decision before, and what follows from that."""
        places = {self._place(run, 1) for run in continued if run != LOG_RUN}
        asked = {run: sequence - 1 for run, sequence in continued.items()}
        while asked:
            found = {self._place(run, sequence): run for run, sequence in asked.items()}
            ordered = sorted(place for place in found if place is not None)
            for place, leaf in zip(ordered, self._log.several(ordered), strict=True):
                run = found[place]
                if run == LOG_RUN or _decides(content_of(leaf)):
                    del asked[run]
            places.update(ordered)
            asked = {run: sequence - 1 for run, sequence in asked.items() if sequence > 1}
        wanted = sorted(place for place in places if place is not None)
        for place, leaf in zip(wanted, self._log.several(wanted), strict=True):
            yield self._proved(place, content_of(leaf))

    def _place(self, run: str, sequence: int) -> int | None:
        return place_of(self._connection, self._project, run, sequence)

    def _proved(self, place: int, content: bytes) -> Earlier:
        return Earlier(place, content, inclusion_proof(self._tiles, place, self._size))


def _written_at(content: bytes) -> str:
    """Return when an entry was written; of one that was changed so that it is none, the verifier says so."""
    record = _read(content)
    at = record.get("at") if isinstance(record, dict) else None
    return at if isinstance(at, str) else ""


def _decides(content: bytes) -> bool:
    record = _read(content)
    return not isinstance(record, dict) or record.get("kind") in DECISIONS


def _read(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _signed(connection: Connection, project: str, asked: Asked) -> Signed | None:
    """Return the checkpoint up to which a log is handed out; None where nothing is signed."""
    if not asked.witnesses:
        return newest_checkpoint(connection, project)
    size = witnessed_size(connection, project, asked.witnesses)
    if size is None:
        message = f"no checkpoint is signed by {' and '.join(asked.witnesses)} yet: `iact audit publish` asks them."
        raise ConfigurationError(message)
    return next(checkpoints(connection, project, size, size))


def first_trusted(keys: Sequence[LogKey]) -> VerifierKey:
    """Return the earliest key of a log from which the newest follows: one that came after a loss follows from none."""
    return parse_key(next(key.key for key in reversed(keys) if key.rotation is None))


def _rotations(keys: Sequence[LogKey]) -> list[Note]:
    return [parse_note(key.rotation) for key in keys if key.rotation is not None]


def _said(asked: Asked) -> str:
    begin = f"from {instants.write(asked.begin)} on" if asked.begin else ""
    end = f"before {instants.write(asked.end)}" if asked.end else ""
    return " and ".join(part for part in (begin, end) if part)
