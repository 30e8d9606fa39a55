"""Publishing to each place in its turn, so that what one of them does keeps no other waiting for long.

Who begins notes it first, with a time before which nobody else begins. Where they are killed, that time goes by and the
next publishes: the same checkpoint may so be published twice, and none that is newer is ever taken for published.

Witnesses come first, and all are handed the same checkpoint, so that what goes out has on it what they signed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from iact.audit.checkpoint import parse_checkpoint
from iact.audit.continuity import check_goes_on
from iact.audit.notes import NoteError, parse_key, parse_note, verify
from iact.audit.proofs import ProofError
from iact.audit.publishing.cosignatures import add_cosignature, cosigned
from iact.audit.publishing.model import ContradictionError, MovedError, Publication, RefusedError
from iact.audit.publishing.rules import PlaceState, is_due, pause_after
from iact.audit.publishing.store import claim, settle, states
from iact.audit.store import head, keys_of, newest_checkpoint, tile_reader
from iact.audit.tiles import LostTileError, Tiles
from iact.audit.tree import consistency_proof
from iact.core.errors import IactError
from iact.engine import journal
from iact.engine.journal import LOG_RUN, EntryKind
from iact.stores.units import read, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.engine import Connection

    from iact.audit.checkpoint import Checkpoint
    from iact.audit.notes import Signature, VerifierKey
    from iact.audit.publishing.model import Kept, Place
    from iact.audit.publishing.places import Publishing
    from iact.audit.store import Signed
    from iact.engine.host import Host

_LOGGER: Final = logging.getLogger(__name__)
_ALONE_FOR: Final = timedelta(minutes=5)
"""How long somebody may take for a place: longer than all that they wait for there."""
_LOOKS: Final = 3
"""How often a place is looked at where somebody else publishes there in the same moment."""


class Became(StrEnum):
    """What became of publishing to a place."""

    PUBLISHED = "published"
    NOTHING_NEW = "nothing new"
    REFUSED = "refused"
    CONTRADICTS = "contradicts"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of publishing to a place.

    Attributes:
        place: what it is called in the project.
        address: where that is.
        became: what became of it.
        size: of the newest checkpoint that is there now, as far as is known.
        trouble: what is wrong; empty for nothing.
    """

    place: str
    address: str
    became: Became
    size: int
    trouble: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the place has the newest checkpoint, and nothing is wrong with it."""
        return not self.trouble

    def to_record(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "place": self.place,
            "address": self.address,
            "result": self.became.value,
            "size": self.size,
            "trouble": self.trouble or None,
        }

    def __str__(self) -> str:
        """Return it in words."""
        said = f"{self.place} ({self.address}): {self.became.value}"
        if self.became in {Became.PUBLISHED, Became.NOTHING_NEW}:
            said += f", {self.size:,} entries"
        return f"{said}: {self.trouble}" if self.trouble else said


def publish(host: Host, publishing: Publishing, *, at_once: bool = False) -> list[Result]:
    """Publish the newest checkpoint to each place where it is time to.

    Args:
        host: where the runs live.
        publishing: where to.
        at_once: whether it is time everywhere, and what can be read back is looked at even where nothing is new.

    Raises:
        EnvironmentProblemError: if the store does not answer.
    """
    signed = read(host.engine, lambda connection: newest_checkpoint(connection, host.project))
    if signed is None:
        return []
    rounds = [_Round(host, place, signed, publishing.every, at_once=at_once) for place in publishing.places]
    goes_out = read(host.engine, lambda connection: any(one.has_news(connection) for one in rounds))
    # A witness has its own time only where nothing goes out: what goes out now should have its signature.
    wait = timedelta() if goes_out else publishing.every
    witnesses = [
        _Round(host, place, signed, publishing.every, wait=wait, at_once=at_once) for place in publishing.witnesses
    ]
    # Whoever can be looked at comes before whoever would be handed something in good faith.
    inspectable_first = sorted(rounds, key=lambda one: not one.reads_back)
    found = {one.place: one for one in _go(host, witnesses + inspectable_first)}
    return [found[place.name] for place in publishing.everywhere if place.name in found]


def _go(host: Host, rounds: Sequence[_Round]) -> Iterator[Result]:
    """Publish to each place, but to none beside one that contradicts: what would go out may be another history."""
    contradicting = read(host.engine, lambda connection: [one for one in rounds if one.contradicts(connection)])
    for one in [*contradicting, *(one for one in rounds if one not in contradicting)]:
        others = [other for other in contradicting if other is not one]
        if others and one not in contradicting:
            if read(host.engine, one.is_time):
                yield one.held_back(others[0])
            continue
        result = one.go()
        if result is None:
            continue
        if result.became is Became.CONTRADICTS and one not in contradicting:
            contradicting.append(one)
        elif result.became is not Became.CONTRADICTS and one in contradicting:
            contradicting.remove(one)
        yield result


class _Round:
    """Publishing one checkpoint to one place."""

    def __init__(  # noqa: PLR0913 - the last two by their names
        self,
        host: Host,
        place: Place,
        signed: Signed,
        every: timedelta,
        *,
        wait: timedelta | None = None,
        at_once: bool,
    ) -> None:
        self._host, self._place, self._signed = host, place, signed
        self._every, self._wait = every, every if wait is None else wait
        self._added: Signature | None = None
        self._at_once = at_once
        self._found: Kept | None = None

    def go(self) -> Result | None:
        """Publish where it is time to; return None where it is not."""
        claimed = write(self._host.engine, self._claim, meets_others=True)
        if claimed is None:
            return None
        try:
            result, state = self._publish(claimed)
        except ContradictionError as error:
            result, state = self._failed(claimed, Became.CONTRADICTS, str(error))
        except IactError as error:
            result, state = self._failed(claimed, Became.REFUSED, str(error))
        except Exception as error:
            # Whatever is wrong with one place keeps no other.
            _LOGGER.exception("publishing to %s failed", self._place.name)
            result, state = self._failed(claimed, Became.REFUSED, f"{type(error).__name__}: {error}")
        write(self._host.engine, partial(self._settle, state, self._added, result.trouble), meets_others=True)
        if result.became in {Became.PUBLISHED, Became.NOTHING_NEW}:
            self._remember()
        _LOGGER.log(logging.WARNING if result.trouble else logging.INFO, "publishing to %s", result)
        return result

    def _remember(self) -> None:
        """Let what was found be what has to be there the next time, now that what is wrong with it is kept."""
        try:
            self._place.remember(self._found)
        except IactError as error:
            _LOGGER.warning("what %s has cannot be remembered: %s", self._place.name, error)

    def contradicts(self, connection: Connection) -> bool:
        """Return whether the place did not fit to the log when it was last looked at."""
        _, state = self._known(connection)
        return state.contradicts and state.failures > 0

    def held_back(self, other: _Round) -> Result:
        """Return that nothing is sent to the place as long as another contradicts."""
        _, state = read(self._host.engine, self._known)
        trouble = f"nothing is sent there as long as {other.place_name} contradicts"
        return Result(self._place.name, self._place.address, Became.REFUSED, state.size, trouble)

    @property
    def reads_back(self) -> bool:
        """Whether what was published at the place can be looked at."""
        return self._place.reads_back

    @property
    def place_name(self) -> str:
        """What the place is called."""
        return self._place.name

    def is_time(self, connection: Connection) -> bool:
        """Return whether it is time to publish to the place, or to look whether it still has what was published."""
        if self._at_once:
            return True
        _, state = self._known(connection)
        now = self._host.now(connection)
        return is_due(state, self._signed.size, now, self._wait, looks=self._place.reads_back)

    def has_news(self, connection: Connection) -> bool:
        """Return whether it is time to publish something to the place that it does not have."""
        _, state = self._known(connection)
        return is_due(state, self._signed.size, self._host.now(connection), self._wait)

    def _known(self, connection: Connection) -> tuple[PlaceState | None, PlaceState]:
        """Return what the store has of the place, and what of that is of its present address."""
        known = states(connection, self._host.project).get(self._place.name)
        state = PlaceState(address=self._place.address)
        if known is None:
            return None, state
        return known, known if known.address == state.address else replace(state, attempt=known.attempt)

    def _claim(self, connection: Connection) -> PlaceState | None:
        known, state = self._known(connection)
        if not self.is_time(connection):
            return None
        now = self._host.now(connection)
        claimed = replace(state, attempt=state.attempt + 1, not_before=now + _ALONE_FOR)
        if not claim(connection, self._host.project, self._place.name, known, claimed):
            return None
        if known is not None and known.size and known.address != claimed.address:
            # What was published there is looked at no more, so that it was stays in the log. An address may be a
            # person's, and the log says nothing that cannot be erased.
            body = {"what": "another address", "place": self._place.name, "size": known.size}
            journal.append(connection, project=self._host.project, run=LOG_RUN, kind=EntryKind.LOG, at=now, body=body)
        return claimed

    def _settle(self, state: PlaceState, added: Signature | None, found: str, connection: Connection) -> None:
        now = self._host.now(connection)
        if state.failures:
            state = replace(state, not_before=now + pause_after(state.failures, self._every))
        settle(connection, self._host.project, self._place.name, state)
        if found and state.contradicts and not state.failures:
            # The finding goes away when a person has looked; that somebody did this stays in the log.
            body = {"what": "set back", "place": self._place.name, "message": state.trouble}
            journal.append(connection, project=self._host.project, run=LOG_RUN, kind=EntryKind.LOG, at=now, body=body)
        if added is not None:
            add_cosignature(connection, self._host.project, self._signed.size, added, now)

    def _publish(self, claimed: PlaceState) -> tuple[Result, PlaceState]:
        for last in (False,) * (_LOOKS - 1) + (True,):
            kept = self._found = self._place.look()
            # The store is read after the place: what is published is signed before, so that it cannot be ahead of it.
            publication, there = read(self._host.unhurried, partial(self._checked, claimed, kept))
            if there >= publication.size:
                note = publication.note if kept is None else kept.note
                return self._done(claimed, there, note, Became.NOTHING_NEW, self._set_back(claimed, there))
            try:
                self._added = self._place.publish(publication, kept)
            except MovedError:
                if last:
                    raise
                continue
            trouble = self._set_back(claimed, there)
            return self._done(claimed, publication.size, publication.note, Became.PUBLISHED, trouble)
        raise AssertionError  # pragma: no cover - the last look returns or raises

    def _checked(self, claimed: PlaceState, kept: Kept | None, connection: Connection) -> tuple[Publication, int]:
        """Return what is to be published, and the size of what is there; the log has to go on from both."""
        project = self._host.project
        newest, top = newest_checkpoint(connection, project), head(connection, project)
        if newest is None or top is None:
            message = "the log had checkpoints, and has none any more: the store was changed"
            raise ContradictionError(message)
        keys = tuple(parse_key(one.key) for one in keys_of(connection, project))
        present = parse_checkpoint(parse_note(newest.note).text)
        tiles = Tiles(top.size, tile_reader(connection, project))
        _check_goes_on(tiles, self._signed.note, present, keys)
        there = 0
        if claimed.note is not None:
            there = _check_goes_on(tiles, claimed.note, present, keys)
        if kept is not None or self._place.reads_back:
            there = 0 if kept is None else _check_goes_on(tiles, kept.note, present, keys)
        publication = Publication(
            origin=present.origin,
            size=self._signed.size,
            note=cosigned(connection, project, self._signed),
            keys=keys,
            at=self._signed.at,
            before=there,
            proof_from=self._proof_from,
        )
        return publication, there

    def _proof_from(self, old: int) -> tuple[bytes, ...]:
        """Return what shows that the log of the checkpoint goes on from one of another size.

        Raises:
            RefusedError: if whoever names that size has a newer checkpoint already.
            ContradictionError: if the log never had so many entries.
        """

        def look(connection: Connection) -> tuple[bytes, ...]:
            top = head(connection, self._host.project)
            size = 0 if top is None else top.size
            if old > size:
                message = (
                    f"a checkpoint of {old:,} entries is known there, and the log has {size:,}: entries were cut off, "
                    "or the store comes from an older backup"
                )
                raise ContradictionError(message)
            if old > self._signed.size:
                message = f"a newer checkpoint is known there, of {old:,} entries"
                raise RefusedError(message)
            tiles = Tiles(size, tile_reader(connection, self._host.project))
            return consistency_proof(tiles, old, self._signed.size) if old else ()

        return read(self._host.unhurried, look)

    def _set_back(self, claimed: PlaceState, there: int) -> str:
        """Return what is wrong where a place has less than was published there, or another history before it."""
        if not self._place.reads_back:
            return ""
        if there >= claimed.size:
            if self._found is None or self._found.goes_on:
                return ""
            return (
                "what was found there the last time is not in its history any more: somebody has rewritten it, and "
                "with it earlier checkpoints. Protect it against that; `iact audit publish` says that you have looked"
            )
        found = f"one of {there:,} entries" if there else "none"
        return (
            f"a checkpoint of {claimed.size:,} entries was published there, and the newest that was found is {found}: "
            "somebody has set it back. Protect it against that; `iact audit publish` says that you have looked"
        )

    def _done(
        self, claimed: PlaceState, size: int, note: bytes, became: Became, trouble: str = ""
    ) -> tuple[Result, PlaceState]:
        is_new = became is Became.PUBLISHED or claimed.size < size
        now = read(self._host.engine, self._host.now)
        # That a place was set back is told until a person has published by hand, and so has looked.
        was_set_back = claimed.trouble if claimed.contradicts and not claimed.failures and not self._at_once else ""
        state = replace(
            claimed,
            size=size,
            note=note,
            published_at=now if is_new else claimed.published_at,
            not_before=None if is_new else now + self._every,
            failures=0,
            trouble=trouble or was_set_back,
            contradicts=bool(trouble or was_set_back),
        )
        return Result(self._place.name, self._place.address, became, size, trouble), state

    def _failed(self, claimed: PlaceState, became: Became, why: str) -> tuple[Result, PlaceState]:
        state = replace(claimed, failures=claimed.failures + 1, trouble=why, contradicts=became is Became.CONTRADICTS)
        return Result(self._place.name, self._place.address, became, claimed.size, why), state


def _check_goes_on(tiles: Tiles, note: bytes, present: Checkpoint, keys: Sequence[VerifierKey]) -> int:
    """Check that the log goes on from a checkpoint that was published, and return its size.

    Raises:
        ContradictionError: if it does not.
    """
    before = _published(note, present, keys)
    if not before.size:
        return 0
    if before.size > present.size:
        message = (
            f"a checkpoint of {before.size:,} entries was published, and the log has signed {present.size:,}: entries "
            "were cut off, or the store comes from an older backup"
        )
        raise ContradictionError(message)
    try:
        check_goes_on(tiles, before, present)
    except (ProofError, LostTileError) as error:
        message = (
            f"the first {before.size:,} entries of the log are not those whose checkpoint was published: the log was "
            f"rewritten, or the store comes from an older backup and went on from there ({error})"
        )
        raise ContradictionError(message) from None
    return before.size


def _published(note: bytes, present: Checkpoint, keys: Sequence[VerifierKey]) -> Checkpoint:
    try:
        found = parse_note(note)
        checkpoint = parse_checkpoint(found.text)
        verify(found, keys)
    except NoteError as error:
        message = f"what is published there is no checkpoint of this log: {error}"
        raise ContradictionError(message) from None
    if checkpoint.origin != present.origin:
        message = (
            f"checkpoints of the log {checkpoint.origin} are there, and this is {present.origin}. Name another place"
        )
        raise ContradictionError(message)
    return checkpoint
