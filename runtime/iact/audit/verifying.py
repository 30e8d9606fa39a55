"""Judging a bundle: whether its entries are those of the log that somebody signed, and what they say can have been.

First everything is hashed, in memory that does not grow, and has to lead to a signed root. Only what was proved so is
looked at more closely, so that nobody but who holds the log's key can make that cost memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from iact.audit.allowed import Allowed, parse_definition
from iact.audit.archives import Archive
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
    MOST_OF_A_FILE,
    RANGES,
    ROTATIONS,
    AuditFindingError,
    BundleError,
    Manifest,
    is_count,
    parse_hashes,
    parse_json,
    parse_manifest,
    shortened,
)
from iact.audit.chains import Chains, Seen
from iact.audit.checkpoint import Checkpoint, parse_checkpoint
from iact.audit.disclosures import LONGEST_DISCLOSURE, checked_disclosures
from iact.audit.index_page import ENTRIES_SHOWN, index_page
from iact.audit.keys import trusted_keys
from iact.audit.notes import NoteError, SignatureType, VerifierKey, cosigned_at, parse_key, parse_note, verify
from iact.audit.proofs import ProofError, verify_consistency, verify_inclusion
from iact.audit.ranges import Range
from iact.audit.tree import HASH_SIZE, leaf_hash
from iact.core.commitments import commitments_in

MOST_OF_A_NOTE: Final = 1 << 20
"""Bytes of a checkpoint or a manifest at most."""
MOST_OF_PROOFS: Final = 4 << 20
"""Bytes of all consistency proofs at most: those of a thousand parts of an archive. JSON takes fifty times its size."""
RUNS_OF_A_SEARCH: Final = 100_000
"""How many runs are kept in mind where entries that are not those of the log are searched for the first bad one."""

LINE_OF_A_SEARCH: Final = 1 << 20
"""How many bytes of a line are looked at in such a search: JSON takes many times its size in memory."""
MOST_OF_DEFINITIONS: Final = 256 << 20
"""Bytes of all definitions at most."""
LONGEST_DEFINITION: Final = 4 << 20
"""Bytes of one of them at most."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """That a bundle holds.

    Attributes:
        manifest: what it is about.
        checkpoint: to which everything leads.
        signed_by: the trusted keys that signed it.
        seen: what its entries are.
        kept: sizes of the log of which the auditor kept a checkpoint, and from which it was shown to go on.
        witnessed: the witnesses that were asked for, and when each had seen that the log only grew (RFC 3339).
    """

    manifest: Manifest
    checkpoint: Checkpoint
    signed_by: tuple[VerifierKey, ...]
    seen: Seen
    kept: tuple[int, ...]
    witnessed: tuple[tuple[VerifierKey, str], ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "holds": True,
            "entries": self.seen.entries,
            "decisions": self.seen.decisions,
            "from": self.seen.begin,
            "to": self.seen.end,
            "first": self.manifest.first,
            "last": self.manifest.last,
            "origin": self.checkpoint.origin,
            "size": self.checkpoint.size,
            "root": self.checkpoint.root.hex(),
            "signed_by": [str(key) for key in self.signed_by],
            "kept": list(self.kept),
            "witnessed": [{"key": str(key), "at": at} for key, at in self.witnessed],
        }

    def __str__(self) -> str:
        """Return it in words."""
        seen = self.seen
        period = f", from {seen.begin} to {seen.end}" if seen.entries else ""
        signers = " and ".join(_key(key) for key in self.signed_by)
        lines = [
            f"holds, {seen.entries} entries{period}",
            f"log {shortened(self.checkpoint.origin)}, {self.checkpoint.size} entries, signed by {signers}",
            f"places {self.manifest.first} to {self.manifest.last} (the last not included)",
            f"{seen.decisions} decisions, each as the definition allows that its run pinned",
        ]
        lines += [f"witnessed by {_key(key)} at {at}" for key, at in self.witnessed]
        if self.kept:
            lines.append(f"goes on from what was kept at {', '.join(map(str, self.kept))} entries")
        else:
            lines.append(
                "No checkpoint from earlier was handed in (--checkpoint): that the log was not written anew as a whole "
                "before this one was signed is not shown. Keep this bundle's checkpoint.txt for the next time."
            )
        return "\n".join(lines)


def _key(key: VerifierKey) -> str:
    return f"{shortened(key.name, 60)}+{key.id.hex()}"


def verify_bundle(
    file: Path, keys: Sequence[VerifierKey], kept: Sequence[bytes] = (), witnesses: Sequence[VerifierKey] = ()
) -> Verdict:
    """Judge a bundle.

    Args:
        file: the bundle.
        keys: those of the log that the auditor trusts, from elsewhere than the bundle.
        kept: the checkpoints that the auditor kept, as they were handed out.
        witnesses: the keys of those who have to have signed the checkpoint as well.

    Raises:
        BundleError: if it cannot be judged.
        AuditFindingError: if it does not hold.
    """
    with Archive(file) as archive:
        manifest = parse_manifest(archive.read(MANIFEST, MOST_OF_A_NOTE))
        checkpoint, trusted, signed_by = _signed_checkpoint(archive, keys)
        witnessed = tuple(_witnessed(archive, key) for key in witnesses)
        before = [_kept_checkpoint(content, checkpoint, trusted) for content in kept]
        if manifest.last > checkpoint.size:
            raise AuditFindingError(
                f"the bundle goes up to place {manifest.last}, and the checkpoint is of {checkpoint.size} entries"
            )
        roots = _Fold(archive, manifest, checkpoint.size, {one.size for one in before})
        roots.check(checkpoint)
        proofs = _consistency(archive)
        for one in before:
            roots.check_kept(one, checkpoint, proofs)
        chains = Chains(manifest.project, _definitions(archive))
        _show_earlier(archive, manifest, checkpoint, chains)
        for place, content in enumerate(archive.lines(ENTRIES), manifest.first):
            chains.show(place, content)
        _check_index(archive, manifest, checkpoint)
        sizes = tuple(sorted({one.size for one in before if one.size}))
        return Verdict(manifest, checkpoint, signed_by, chains.seen(), sizes, witnessed)


def _signed_checkpoint(
    archive: Archive, keys: Sequence[VerifierKey]
) -> tuple[Checkpoint, tuple[VerifierKey, ...], tuple[VerifierKey, ...]]:
    """Return the checkpoint of a bundle, the keys that are to be believed, and those of them that signed it."""
    if not keys:
        raise BundleError("no key of the log was handed in: without one, anybody could have made the bundle")
    try:
        note = parse_note(archive.read(CHECKPOINT, MOST_OF_A_NOTE))
        checkpoint = parse_checkpoint(note.text)
        written = parse_json(archive.read(ROTATIONS, MOST_OF_A_NOTE), ROTATIONS)
        if not isinstance(written, list) or not all(isinstance(one, str) for one in written):
            raise BundleError(f"{ROTATIONS} should be a list of notes")
        for line in archive.read(KEYS, MOST_OF_A_NOTE).decode("utf-8").splitlines():
            parse_key(line)  # whoever looks a key up in there finds keys; to believe one of them is another matter
        rotations = [parse_note(one.encode()) for one in written]
        own = [key for key in keys if key.name == checkpoint.origin]
        if not own:
            said = ", ".join(shortened(key.name, 60) for key in keys)
            raise AuditFindingError(
                f"the bundle is of the log {shortened(checkpoint.origin)}, and what was handed in are keys of {said}: "
                "a key signs one log, and no other"
            )
        chains = [trusted_keys(checkpoint.origin, key, rotations) for key in own]
        trusted = tuple(dict.fromkeys(key for chain in chains for key in chain))
        try:
            return checkpoint, trusted, verify(note, trusted)
        except NoteError as error:
            said = ", ".join(f"{shortened(one.name, 60)}+{one.id.hex()}" for one in note.signatures)
            raise AuditFindingError(f"the checkpoint does not hold: {error} (it names {said})") from None
    except UnicodeError:
        raise BundleError(f"{ROTATIONS} or {KEYS} is not UTF-8") from None
    except NoteError as error:
        raise AuditFindingError(f"the checkpoint or the keys of the bundle do not hold: {error}") from None


def _witnessed(archive: Archive, key: VerifierKey) -> tuple[VerifierKey, str]:
    """Return a witness that has signed the checkpoint of a bundle, and when it had seen that the log only grew."""
    if key.type is not SignatureType.COSIGNATURE:
        raise BundleError(f"the key {shortened(key.name, 60)}+{key.id.hex()} is not that of a witness")
    try:
        note = parse_note(archive.read(CHECKPOINT, MOST_OF_A_NOTE))
        verify(note, [key])
        times = [cosigned_at(one) for one in note.signatures if (one.name, one.id) == (key.name, key.id)]
        return key, datetime.fromtimestamp(max(times), UTC).isoformat().replace("+00:00", "Z")
    except (NoteError, ValueError, OverflowError, OSError) as error:
        why = str(error) if isinstance(error, NoteError) else "it says no time that there is"
        raise AuditFindingError(
            f"the witness {shortened(key.name, 60)}+{key.id.hex()} has not signed the checkpoint: {why}"
        ) from None


def _kept_checkpoint(content: bytes, present: Checkpoint, trusted: Sequence[VerifierKey]) -> Checkpoint:
    """Return a checkpoint that the auditor kept, of the same log and signed by a trusted key."""
    try:
        note = parse_note(content)
        checkpoint = parse_checkpoint(note.text)
        verify(note, trusted)
    except NoteError as error:
        raise BundleError(f"the checkpoint that was kept cannot be used: {error}") from None
    if checkpoint.origin != present.origin:
        raise BundleError(
            f"the checkpoint that was kept is of the log {shortened(checkpoint.origin)}, and the bundle is of "
            f"{shortened(present.origin)}"
        )
    return checkpoint


class _Fold:
    """The roots to which a bundle's entries and hashes lead, at its end and at sizes that were asked for."""

    def __init__(self, archive: Archive, manifest: Manifest, size: int, kept: set[int]) -> None:
        self._archive, self._manifest, self._size = archive, manifest, size
        self._left, self._right = _sides(archive, manifest, size)
        self._count = 0
        self._roots: dict[int, bytes] = {}
        fold = self._begin()
        wanted = iter(sorted(one for one in kept if manifest.first <= one <= manifest.last))
        following = next(wanted, None)
        for leaf in self._hashed():
            if fold.end == following:
                self._roots[fold.end] = fold.root()
                following = next(wanted, None)
            fold.append(leaf)
        if fold.end == following:
            self._roots[fold.end] = fold.root()
        self._root = self._finish(fold)

    def check(self, checkpoint: Checkpoint) -> None:
        """Check that the entries are those that were signed; else find the first that is not."""
        manifest = self._manifest
        if self._root == checkpoint.root and self._count == manifest.last - manifest.first:
            self._check_leaves()
            return
        listed = self._listed_root()
        if listed == checkpoint.root:
            self._name_the_changed()
        self._search()
        expected = manifest.last - manifest.first
        if self._count != expected:
            held = f"more than {expected}" if self._count > expected else f"{self._count}"
            raise AuditFindingError(
                f"the bundle holds {held} entries where {expected} have to be: from place {manifest.first} on entries "
                "were left out or put in; which ones cannot be told"
            )
        raise AuditFindingError(
            f"the entries from place {manifest.first} to {manifest.last} are not those that were signed; which of them "
            "were changed cannot be told, since they agree with each other"
        )

    def check_kept(self, kept: Checkpoint, checkpoint: Checkpoint, proofs: Mapping[int, Sequence[bytes]]) -> None:
        """Check that the log goes on from what an auditor kept, with the bundle's proofs where it needs one."""
        if not kept.size:
            return
        if kept.size > checkpoint.size:
            raise AuditFindingError(
                f"the log had {kept.size} entries when the checkpoint that was kept was signed, and now has "
                f"{checkpoint.size}: entries were cut off, or the bundle is older than the checkpoint"
            )
        root = self._roots.get(kept.size)
        if kept.size == checkpoint.size:
            root = checkpoint.root
        if root is not None:
            if root != kept.root:
                raise AuditFindingError(_rewritten(kept))
            return
        proof = proofs.get(kept.size)
        if proof is None:
            raise AuditFindingError(
                f"the bundle does not show that the log goes on from the {kept.size} entries of a checkpoint that was "
                "kept; ask for an export with that checkpoint"
            )
        try:
            verify_consistency(kept.size, checkpoint.size, proof, kept.root, checkpoint.root)
        except ProofError as error:
            raise AuditFindingError(f"{_rewritten(kept)}. {error}") from None

    def _begin(self) -> Range:
        return Range(0, self._manifest.first, self._left.hashes)

    def _finish(self, fold: Range) -> bytes | None:
        """Return the root with what is right of the entries; None where there are too few or too many of them."""
        if fold.end != self._manifest.last:
            return None
        fold.join(self._right)
        return fold.root()

    def _hashed(self) -> Iterator[bytes]:
        expected = self._manifest.last - self._manifest.first
        for content in self._archive.lines(ENTRIES):
            self._count += 1
            if self._count > expected:
                return  # however many more there are, none of them can belong to the log
            yield leaf_hash(content)

    def _leaves(self) -> Iterator[bytes]:
        return self._archive.blocks(LEAVES, HASH_SIZE)

    def _listed_root(self) -> bytes | None:
        if self._archive.size(LEAVES) != (self._manifest.last - self._manifest.first) * HASH_SIZE:
            return None
        fold = self._begin()
        fold.extend(self._leaves())
        return self._finish(fold)

    def _check_leaves(self) -> None:
        if self._listed_root() != self._root:
            raise AuditFindingError(f"{LEAVES} lists other hashes than the entries have: it was changed")

    def _name_the_changed(self) -> None:
        """Raise for the first entry whose hash is not the one that was signed for its place."""
        leaves = self._leaves()
        place = self._manifest.first
        for content in self._archive.lines(ENTRIES):
            listed = next(leaves, None)
            if listed is None:
                raise AuditFindingError(f"entry {place} was put in: the log has none at this place of the bundle")
            if leaf_hash(content) != listed:
                raise AuditFindingError(
                    f"entry {place} is not the one that was signed: it was edited, or another was put in its place or "
                    "left out before it"
                )
            place += 1
        raise AuditFindingError(f"entry {place} was left out, and all after it")

    def _search(self) -> None:
        """Raise for the first entry that contradicts what comes before it, where one is found in bounded memory."""
        chains = Chains(self._manifest.project, _definitions(self._archive))
        for line in self._archive.lines(EARLIER):
            place, content = earlier_entry(line)
            chains.show_earlier(place, content)
            if chains.runs > RUNS_OF_A_SEARCH:
                return
        for place, content in enumerate(self._archive.lines(ENTRIES), self._manifest.first):
            if chains.runs > RUNS_OF_A_SEARCH or len(content) > LINE_OF_A_SEARCH:
                return
            chains.show(place, content)


def _rewritten(kept: Checkpoint) -> str:
    return (
        f"the first {kept.size} entries of the log are not those of the checkpoint that was kept: the log was written "
        "anew, or two were kept side by side"
    )


def _sides(archive: Archive, manifest: Manifest, size: int) -> tuple[Range, Range]:
    """Return what is left and right of the entries."""
    record = parse_json(archive.read(RANGES, MOST_OF_A_NOTE), RANGES)
    if not isinstance(record, dict) or record.keys() != {"left", "right"}:
        raise BundleError(f"{RANGES} should have the keys left and right")
    left, right = (parse_hashes(record[side], f"{side} of {RANGES}") for side in ("left", "right"))
    try:
        return Range(0, manifest.first, left), Range(manifest.last, size, right)
    except ProofError as error:
        raise AuditFindingError(f"what is beside the entries does not hold: {error}") from None


def _consistency(archive: Archive) -> Mapping[int, Sequence[bytes]]:
    record = parse_json(archive.read(CONSISTENCY, MOST_OF_PROOFS), CONSISTENCY)
    if not isinstance(record, list) or not all(
        isinstance(one, dict) and one.keys() == {"size", "proof"} and is_count(one["size"]) for one in record
    ):
        raise BundleError(f"{CONSISTENCY} should be a list of sizes with their proofs")
    return {one["size"]: parse_hashes(one["proof"], f"a proof in {CONSISTENCY}") for one in record}


def _definitions(archive: Archive) -> dict[str, Allowed | None]:
    """Return what the definitions in a bundle allow, each by the digest of its bytes."""
    if archive.size(DEFINITIONS) > MOST_OF_DEFINITIONS:
        raise BundleError(f"{DEFINITIONS} has more than {MOST_OF_DEFINITIONS} bytes; export a shorter period")
    return {
        f"sha256:{hashlib.sha256(line).hexdigest()}": parse_definition(line, f"line {number} of {DEFINITIONS}")
        for number, line in enumerate(archive.lines(DEFINITIONS, LONGEST_DEFINITION), 1)
    }


def _proved(line: bytes) -> tuple[int, list[bytes], bytes]:
    """Return place, proof and stored bytes of an entry from before the range."""
    record = parse_json(line, f"a line of {EARLIER}")
    if (
        not isinstance(record, dict)
        or record.keys() != {"place", "proof", "entry"}
        or not is_count(record["place"])
        or not isinstance(record["entry"], str)
    ):
        raise BundleError(f"a line of {EARLIER} should have place, proof and entry")
    try:
        return record["place"], parse_hashes(record["proof"], f"a proof in {EARLIER}"), record["entry"].encode()
    except UnicodeEncodeError:
        raise BundleError(f"a line of {EARLIER} is not UTF-8") from None


def earlier_entry(line: bytes) -> tuple[int, bytes]:
    """Return place and stored bytes of an entry from before the range, out of its line.

    Raises:
        BundleError: if it is none.
    """
    place, _, content = _proved(line)
    return place, content


def _show_earlier(archive: Archive, manifest: Manifest, checkpoint: Checkpoint, chains: Chains) -> None:
    """Check that entries from before are in the log, and let the runs that go on here go on from them."""
    last = -1
    for line in archive.lines(EARLIER):
        place, proof, content = _proved(line)
        if not last < place < manifest.first:
            raise AuditFindingError(f"entry {place} is shown as one from before, and is not, or not in its order")
        last = place
        try:
            verify_inclusion(leaf_hash(content), place, checkpoint.size, proof, checkpoint.root)
        except ProofError as error:
            raise AuditFindingError(f"entry {place} from before the bundle is not proved: {error}") from None
        chains.show_earlier(place, content)
    chains.begin_range()


def _check_index(archive: Archive, manifest: Manifest, checkpoint: Checkpoint) -> None:
    """Check that what is there to read says what the entries say."""
    shown = list(islice(archive.lines(ENTRIES), ENTRIES_SHOWN))
    spoken_of = {token for content in shown for token in commitments_in(content.decode("utf-8", "replace"))}
    words: dict[str, str] | None = None
    if archive.has(DISCLOSURES):
        told = checked_disclosures(archive.lines(DISCLOSURES, LONGEST_DISCLOSURE))
        words = {one.token: one.words for one in told if one.token in spoken_of}
    expected = index_page(manifest, checkpoint, shown, words)
    if archive.size(INDEX) > MOST_OF_A_FILE or archive.read(INDEX, MOST_OF_A_FILE) != expected:
        raise AuditFindingError(f"{INDEX} does not say what the entries say: it was changed")
