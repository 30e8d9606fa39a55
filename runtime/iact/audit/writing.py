"""Writing a bundle, entry by entry: neither the period nor the definitions have to fit into memory together.

The same entries give the same bytes with the same release of zlib: nothing of the clock, the machine or the order of a
mapping gets in.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from iact.audit.bundles import (
    CHECKPOINT,
    CONSISTENCY,
    DEFINITIONS,
    DISCLOSURES,
    EARLIER,
    ENTRIES,
    INDEX,
    KEYS,
    LEAVES,
    MANIFEST,
    NEIGHBOURS,
    RANGES,
    ROTATIONS,
    Manifest,
)
from iact.audit.checkpoint import parse_checkpoint
from iact.audit.disclosures import Disclosure
from iact.audit.index_page import ENTRIES_SHOWN, Shown, index_page
from iact.audit.notes import Note, VerifierKey
from iact.audit.tree import leaf_hash
from iact.audit.whole_files import written_beside
from iact.audit.zip_form import STORED, ZipWriter
from iact.core.canonical import canonical
from iact.core.commitments import commitments_in

_IN_MEMORY: Final = 8 << 20


@dataclass(frozen=True, slots=True)
class Earlier:
    """An entry from outside of the range of a bundle.

    Attributes:
        place: its place in the log.
        content: its stored bytes.
        proof: that it is there (`iact.audit.tree.inclusion_proof`).
    """

    place: int
    content: bytes
    proof: Sequence[bytes]


def nothing_disclosed(tokens: Iterable[str]) -> Iterable[Disclosure]:  # noqa: ARG001 - nothing is said of any
    """Say of no commitment what it stands for."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a bundle holds.

    Attributes:
        manifest: what it is about.
        checkpoint: the signed checkpoint to which it leads.
        keys: public keys of the log.
        rotations: how each of them followed from the one before, the earliest first.
        left: the hashes of what is before the entries (`iact.audit.ranges`).
        right: the hashes of what is between them and the size of the checkpoint.
        consistency: the roots of the log at earlier sizes, with the proofs that it goes on from these, by size.
        entries: the stored bytes of the entries, in order.
        earlier: for each run that goes on: its first entry, its last decision before the range, and all that follow
            from that, in the order of the log; asked for once the entries were written, with the runs whose first entry
            is not among them, and with which they go on. Of the log itself, the one before the range.
        neighbours: of a period, the entries right before and right after, where there are any.
        definitions: the pinned bytes of each of some digests; asked for last, with all that the runs pinned.
        disclosures: what some commitments stand for, in their order; asked for with all that are in the entries.
    """

    manifest: Manifest
    checkpoint: Note
    keys: Sequence[VerifierKey]
    rotations: Sequence[Note] = ()
    left: Sequence[bytes] = ()
    right: Sequence[bytes] = ()
    consistency: Mapping[int, tuple[bytes, Sequence[bytes]]] = field(default_factory=dict)
    entries: Iterable[bytes]
    earlier: Callable[[Mapping[str, int]], Iterable[Earlier]]
    definitions: Callable[[Iterable[str]], Iterable[bytes]]
    neighbours: Iterable[Earlier] = ()
    disclosures: Callable[[Iterable[str]], Iterable[Disclosure]] = nothing_disclosed


def write_bundle(file: Path, contents: Contents) -> None:
    """Write a bundle; the file is there as a whole or, where anything fails, as it was before.

    Raises:
        OSError: if it cannot be written.
    """
    with written_beside(file, lambda opened: write_to(opened, contents)) as beside:
        beside.replace(file)


def write_to(opened: IO[bytes], contents: Contents) -> None:
    """Write a bundle to a file that can be sought in."""
    manifest = contents.manifest
    archive = ZipWriter(opened)
    with tempfile.TemporaryFile(buffering=_IN_MEMORY) as leaves:
        for name, content in _small(contents):
            with archive.member(name) as into:
                into.write(content)
        pins = _Pins()
        shown: list[Shown] = []
        tokens: set[str] = set()
        with archive.member(ENTRIES) as into:
            for content in contents.entries:
                into.write(content + b"\n")
                leaves.write(leaf_hash(content))
                record = pins.see(content)
                tokens.update(commitments_in(content.decode("utf-8", "replace")))
                if len(shown) < ENTRIES_SHOWN:
                    shown.append(Shown.of(manifest.first + len(shown), record))
        leaves.seek(0)
        with archive.member(LEAVES, STORED) as into:
            while block := leaves.read(_IN_MEMORY):
                into.write(block)
        with archive.member(EARLIER) as into:
            for each in contents.earlier(pins.continued):
                pins.pin(each.content)
                tokens.update(commitments_in(each.content.decode("utf-8", "replace")))
                into.write(_line(each))
        with archive.member(NEIGHBOURS) as into:
            for each in contents.neighbours:
                into.write(_line(each))
        with archive.member(DEFINITIONS) as into:
            for definition in contents.definitions(sorted(pins.keys)):
                into.write(definition + b"\n")
        spoken_of = {token for one in shown for token in one.tokens()}
        words: dict[str, str] = {}
        with archive.member(DISCLOSURES) as into:
            for one in contents.disclosures(sorted(tokens)):
                into.write(one.written() + b"\n")
                if one.token in spoken_of:
                    words[one.token] = one.words
        with archive.member(INDEX) as into:
            into.write(index_page(manifest, parse_checkpoint(contents.checkpoint.text), shown, words))
        archive.finish()


def _line(each: Earlier) -> bytes:
    record = {
        "place": each.place,
        "proof": [one.hex() for one in each.proof],
        "entry": each.content.decode("utf-8", "replace"),
    }
    return canonical(record) + b"\n"


class _Pins:
    """What the runs of a bundle pinned, and which of them began before it."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.continued: dict[str, int] = {}
        self._runs: set[str] = set()

    def see(self, content: bytes) -> Mapping[str, Any] | None:
        record = _read(content)
        if record is None:
            return None
        run, sequence = record["run"], record["sequence"]
        if run not in self._runs:
            self._runs.add(run)
            if sequence != 1:
                self.continued[run] = sequence
        self._pin(record)
        return record

    def pin(self, content: bytes) -> None:
        record = _read(content)
        if record is not None:
            self._pin(record)

    def _pin(self, record: Mapping[str, Any]) -> None:
        if record["kind"] == "started":
            self.keys.update(record["body"]["pins"].values())


def _read(content: bytes) -> Mapping[str, Any] | None:
    """Return an entry; None for one that was changed so that it is none: the verifier says which and what is wrong."""
    try:
        record = json.loads(content)
        known = isinstance(record["run"], str) and isinstance(record["sequence"], int)
        pins = record["body"]["pins"].values() if record["kind"] == "started" else ()
        return record if known and all(isinstance(pin, str) for pin in pins) else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _small(contents: Contents) -> Iterator[tuple[str, bytes]]:
    yield MANIFEST, canonical(contents.manifest.to_record())
    yield CHECKPOINT, str(contents.checkpoint).encode()
    yield KEYS, "".join(f"{key}\n" for key in contents.keys).encode()
    yield ROTATIONS, canonical([str(note) for note in contents.rotations])
    sides = {"left": contents.left, "right": contents.right}
    yield RANGES, canonical({side: [one.hex() for one in hashes] for side, hashes in sides.items()})
    proofs = sorted(contents.consistency.items())
    yield (
        CONSISTENCY,
        canonical(
            [
                {"size": size, "root": root.hex(), "proof": [one.hex() for one in proof]}
                for size, (root, proof) in proofs
            ]
        ),
    )
