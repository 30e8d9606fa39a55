"""Bundles of a journal that the engine wrote, and what somebody may make of them who wants to deceive an auditor."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from iact.audit.bundles import CONSISTENCY, ENTRIES, LEAVES, MANIFEST, NEIGHBOURS, Manifest
from iact.audit.checkpoint import Checkpoint
from iact.audit.disclosures import Disclosure
from iact.audit.notes import Note, Signer
from iact.audit.ranges import kept_range
from iact.audit.tiles import Tiles
from iact.audit.tree import consistency_proof, inclusion_proof, leaf_hash
from iact.audit.writing import Contents, Earlier, write_to
from iact.audit.zip_form import ZipWriter
from iact.core.canonical import canonical
from iact.core.commitments import PERSON, REMARK, SALT_SIZE, commitment
from iact.core.facts import Fact, FactSet
from iact.core.quantities import parse
from iact.engine.clocks import ManualClock
from iact.engine.definitions import pinned_bytes
from iact.engine.runtime import Runtime
from iact.engine.tables import JOURNAL
from iact.stores.connect import reading
from tests.support.agents import World, agent_definition
from tests.support.kept import open_passing

PROJECT = "shop"
ORIGIN = "example.com/shop"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SIGNER = Signer.of_seed(ORIGIN, bytes(range(32)))
OTHER = Signer.of_seed(ORIGIN, bytes(range(1, 33)))

SAID = tuple(
    Disclosure(commitment(kind, salt, words), salt, words)
    for kind, salt, words in ((PERSON, b"1" * SALT_SIZE, "guest"), (REMARK, b"2" * SALT_SIZE, "the disk is full"))
)
"""Who sounds the alarm, and what they say with it."""

CHANGE = agent_definition("""
inputs: {patience: {type: duration, default: 48h}}
start: asking
states:
  asking:
    next:
      - {when: {fact: world.mood, is: good}, decide: GO, to: changing, remember: [world.mood]}
      - {event: order, when: {fact: event.by, is: lead}, decide: GO, to: changing, remember: [event.by]}
      - {after: {fact: input.patience}, decide: ESCALATE, to: given_up}
  changing:
    do: change_world
    next:
      - {event: finished, decide: SUCCESS, to: changed}
      - {event: failed, decide: FAILED, to: given_up}
      - {event: unknown, decide: ESCALATE, to: given_up}
  changed: {final: true}
  given_up: {final: true}
""")
LOOKING = agent_definition(
    """
start: calm
states:
  calm:
    next:
      - {event: alarm, to: alert}
  alert:
    next:
      - {event: all_clear, decide: CALM, to: calm}
      - {after: 2h, decide: END, to: over}
  over: {final: true}
""",
    name="looking",
)


@dataclass(frozen=True, slots=True)
class Journal:
    """What a store holds of runs.

    Attributes:
        entries: the stored bytes, in the order of the log.
        definitions: the pinned bytes, by their digests.
    """

    entries: Sequence[bytes]
    definitions: Mapping[str, bytes]


def real_journal(rounds: int = 2) -> Journal:
    """Return the journal of runs that the engine carried out on a store: some end, some wait, and they overlap."""
    engine, clock, world = open_passing(), ManualClock(NOON), World()
    runtime = Runtime(engine, project=PROJECT, clock=clock, services={"world": world})
    patience = FactSet.of([Fact(name="input.patience", value=parse("48h"))])
    try:
        for number in range(rounds):
            change = runtime.start("test-agent", definitions=[CHANGE], subject=f"change {number}", inputs=patience)
            look = runtime.start("looking", definitions=[LOOKING], subject=f"look {number}", inputs=FactSet.of([]))
            runtime.advance(change)
            for key, event in enumerate(("alarm", "all_clear", "alarm")):
                names = ("event.by", "event.note")
                told = [Fact(name=name, value=one.token) for name, one in zip(names, SAID, strict=True)]
                runtime.tell(look, event, facts=FactSet.of(told if event == "alarm" else []), key=f"{number}/{key}")
                runtime.advance(look)
            if number % 2:
                by = FactSet.of([Fact(name="event.by", value="lead", source="person")])
                runtime.tell(change, "order", facts=by, key="order")
                runtime.advance(change)
            else:
                world.facts["world.mood"] = Fact(name="world.mood", value="good", source="world")
                runtime.look(change, key="again")
                runtime.advance(change)
                world.facts.clear()
            clock.advance(timedelta(hours=3))
            runtime.advance(look)
        with reading(engine) as connection:
            entries = [row.body for row in connection.execute(select(JOURNAL.c.body).order_by(JOURNAL.c.number))]
            records = [json.loads(entry) for entry in entries]
            pins = {key for one in records if one["kind"] == "started" for key in one["body"]["pins"].values()}
            definitions = dict(zip(sorted(pins), pinned_bytes(connection, PROJECT, pins), strict=True))
    finally:
        engine.dispose()
    return Journal(entries, definitions)


@dataclass(slots=True)
class Log:
    """A log in memory, and whoever has its key.

    Attributes:
        journal: what is in it.
        signer: who signs it.
        entries: its leaves.
        discloses: whether its bundles say who the people in them are, and what they said.
    """

    journal: Journal
    signer: Signer = SIGNER
    entries: list[bytes] = field(default_factory=list)
    discloses: bool = True
    _tiles: Tiles = field(default_factory=Tiles)

    def __post_init__(self) -> None:
        self.entries = list(self.entries or self.journal.entries)
        self._tiles.append(leaf_hash(entry) for entry in self.entries)

    def checkpoint(self, size: int | None = None, origin: str = ORIGIN) -> Note:
        """Return what is signed of the log at a size."""
        size = len(self.entries) if size is None else size
        text = str(Checkpoint(origin, size, self.root(size)))
        return Note(text, (self.signer.sign(text),))

    def root(self, size: int | None = None) -> bytes:
        """Return the root of its tree at a size."""
        return kept_range(self._tiles, 0, len(self.entries) if size is None else size).root()

    def bundle(  # noqa: PLR0913 - what a bundle may be of, each named by the caller
        self,
        first: int = 0,
        last: int | None = None,
        *,
        size: int | None = None,
        kept: Iterable[int] = (),
        rotations: Sequence[Note] = (),
        period: tuple[str, str] = ("", ""),
    ) -> bytes:
        """Return a bundle of a part of it, as `iact audit export` writes one.

        Args:
            first: place of its first entry.
            last: place after the last one; None for all.
            size: of the log when it was signed; None for all.
            kept: sizes from which it is shown to go on.
            rotations: notes by which its keys followed each other.
            period: of which it is said to be; nothing for a part by its places.
        """
        size = len(self.entries) if size is None else size
        last = size if last is None else last
        contents = Contents(
            manifest=Manifest(PROJECT, first, last, *period),
            checkpoint=self.checkpoint(size),
            keys=[self.signer.key],
            left=kept_range(self._tiles, 0, first).hashes,
            right=kept_range(self._tiles, last, size).hashes,
            consistency={one: (self.root(one), consistency_proof(self._tiles, one, size)) for one in kept},
            entries=self.entries[first:last],
            earlier=lambda continued: self._earlier(continued, first, size),
            definitions=lambda keys: [self.journal.definitions[key] for key in keys],
            disclosures=lambda tokens: [one for one in SAID if one.token in set(tokens)] if self.discloses else [],
            rotations=rotations,
            neighbours=[
                self.proved(place, size)
                for moment, place in zip(period, (first - 1, last), strict=True)
                if moment and 0 <= place < size
            ],
        )
        opened = io.BytesIO()
        write_to(opened, contents)
        return opened.getvalue()

    def proved(self, place: int, size: int | None = None) -> Earlier:
        """Return an entry with the proof that it is in the log."""
        size = len(self.entries) if size is None else size
        return Earlier(place, self.entries[place], inclusion_proof(self._tiles, place, size))

    def _earlier(self, continued: Mapping[str, int], first: int, size: int) -> list[Earlier]:
        places: set[int] = set()
        for run in continued:
            records = [(place, json.loads(entry)) for place, entry in enumerate(self.entries[:first])]
            own = [(place, record["kind"]) for place, record in records if record["run"] == run]
            last = max((n for n, (_, kind) in enumerate(own) if kind in {"started", "decision"}), default=len(own) - 1)
            places |= {place for place, _ in own[last:]} | {place for place, _ in own[:1] if run != "log"}
        return [self.proved(place, size) for place in sorted(places)]


def unpacked(bundle: bytes) -> dict[str, bytes]:
    """Return the files of a bundle."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def of_the_first_version(members: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of a bundle as releases wrote them that did not show whether a period is whole."""
    proofs = [{"size": one["size"], "proof": one["proof"]} for one in json.loads(members[CONSISTENCY])]
    manifest = json.loads(members[MANIFEST]) | {"format": "iact/audit-bundle/v1"}
    kept = {name: content for name, content in members.items() if name != NEIGHBOURS}
    return {**kept, MANIFEST: canonical(manifest), CONSISTENCY: canonical(proofs)}


def packed(members: Mapping[str, bytes]) -> bytes:
    """Return files as a zip that is written as bundles are."""
    opened = io.BytesIO()
    archive = ZipWriter(opened)
    for name, content in members.items():
        with archive.member(name) as into:
            into.write(content)
    archive.finish()
    return opened.getvalue()


def with_entries(bundle: bytes, change: Callable[[list[bytes]], list[bytes]], *, hashes: bool = False) -> bytes:
    """Return a bundle whose entries somebody changed.

    Args:
        bundle: the honest one.
        change: returns other entries.
        hashes: whether the list of hashes beside them is made to fit.
    """
    members = unpacked(bundle)
    entries = change(members[ENTRIES].splitlines())
    members[ENTRIES] = b"".join(entry + b"\n" for entry in entries)
    if hashes:
        members[LEAVES] = b"".join(leaf_hash(entry) for entry in entries)
    return packed(members)


def kept_in(folder: Path, content: bytes, name: str = "bundle.zip") -> Path:
    """Return the file in which something is kept."""
    file = folder / name
    file.write_bytes(content)
    return file
