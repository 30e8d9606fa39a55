"""Judging a bundle: whether its entries are those of the log that somebody signed, and what they say can have been.

First everything is hashed, in memory that does not grow, and has to lead to a signed root. Only what was proved so is
looked at more closely, so that nobody but who holds the log's key can make that cost memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from iact.audit.allowed import Allowed, parse_definition
from iact.audit.archives import Archive
from iact.audit.bundles import (
    CHECKPOINT,
    CONSISTENCY,
    DEFINITIONS,
    DISCLOSURES,
    EARLIER,
    ENTRIES,
    FIRST_VERSION,
    INDEX,
    KEYS,
    LEAVES,
    MANIFEST,
    MOST_OF_A_FILE,
    NEIGHBOURS,
    RANGES,
    ROTATIONS,
    AuditFindingError,
    BundleError,
    Manifest,
    check_written,
    is_count,
    parse_hashes,
    parse_json,
    parse_manifest,
    shortened,
)
from iact.audit.chains import Chains, Seen, record_of
from iact.audit.checkpoint import Checkpoint, parse_checkpoint
from iact.audit.disclosures import LONGEST_DISCLOSURE, Disclosure, Untold, checked_disclosures
from iact.audit.index_page import ENTRIES_SHOWN, Shown, index_page
from iact.audit.keys import parse_rotation, trusted_keys
from iact.audit.notes import Note, NoteError, SignatureType, VerifierKey, cosigned_at, parse_key, parse_note, verify
from iact.audit.periods import is_after, is_before
from iact.audit.proofs import ProofError, verify_consistency, verify_inclusion
from iact.audit.ranges import Range
from iact.audit.tree import HASH_SIZE, leaf_hash
from iact.audit.verdicts import Verdict, shown_key

MOST_OF_A_NOTE: Final = 1 << 20
"""Bytes of a checkpoint or a manifest at most."""
LONGEST_SIGNATURE: Final = 72
"""Bytes of a signature at most: that of a witness begins with the time (C2SP tlog-cosignature)."""
MOST_OF_PROOFS: Final = 4 << 20
"""Bytes of all consistency proofs at most: those of a thousand parts of an archive. JSON takes fifty times its size."""
WORDS_SHOWN: Final = 400
"""Letters of what somebody said that are kept for the page, which shows two hundred."""
RUNS_OF_A_SEARCH: Final = 100_000
"""How many runs, and open actions, are kept in mind where entries that are not the log's are searched for a bad one."""

LINE_OF_A_SEARCH: Final = 1 << 20
"""How many bytes of a line are looked at in such a search: JSON takes many times its size in memory."""
MOST_OF_DEFINITIONS: Final = 256 << 20
"""Bytes of all definitions at most."""
MOST_DEFINITIONS: Final = 100_000
"""How many definitions at most."""
MOST_KEPT_OF_DEFINITIONS: Final = 64 << 20
"""About how many bytes of memory are taken at most by what the definitions of all agents allow."""
LONGEST_DEFINITION: Final = 4 << 20
"""Bytes of one of them at most."""


def verify_bundle(
    file: Path,
    keys: Sequence[VerifierKey],
    kept: Sequence[bytes] = (),
    witnesses: Sequence[VerifierKey] = (),
    old_keys: Sequence[VerifierKey] = (),
) -> Verdict:
    """Judge a bundle.

    Args:
        file: the bundle.
        keys: those of the log that the auditor trusts, from elsewhere than the bundle.
        kept: the checkpoints that the auditor kept, as they were handed out.
        witnesses: the keys of those who have to have signed the checkpoint as well.
        old_keys: keys of the log that are trusted no more, and were when the checkpoints were kept: for these only.

    Raises:
        BundleError: if it cannot be judged.
        AuditFindingError: if it does not hold.
    """
    try:
        return _verified_bundle(file, keys, kept, witnesses, old_keys)
    except RecursionError:
        raise BundleError(f"what is in {shortened(file.name)} is nested too deeply") from None


def _verified_bundle(
    file: Path,
    keys: Sequence[VerifierKey],
    kept: Sequence[bytes],
    witnesses: Sequence[VerifierKey],
    old_keys: Sequence[VerifierKey],
) -> Verdict:
    with Archive(file) as archive:
        manifest = parse_manifest(archive.read(MANIFEST, MOST_OF_A_NOTE))
        checkpoint, trusted, signed_by = _signed_checkpoint(archive, keys)
        witnessed = tuple(_witnessed(archive, key) for key in witnesses)
        before = [_kept_checkpoint(content, checkpoint, [*trusted, *old_keys]) for content in kept]
        if manifest.last > checkpoint.size:
            raise AuditFindingError(
                f"the bundle goes up to place {manifest.last}, and the checkpoint is of {checkpoint.size} entries"
            )
        roots = _Fold(archive, manifest, checkpoint.size, {one.size for one in before})
        roots.check(checkpoint)
        proofs = _consistency(archive, manifest, checkpoint)
        for one in before:
            roots.check_kept(one, checkpoint, proofs)
        seen, untold = _looked_at(archive, manifest, checkpoint)
        sizes = tuple(sorted({one.size for one in before if one.size}))
        nothing = sum(not one.size for one in before)
        return Verdict(manifest, checkpoint, signed_by, seen, sizes, witnessed, untold, nothing)


def _looked_at(archive: Archive, manifest: Manifest, checkpoint: Checkpoint) -> tuple[Seen, int]:
    """Look at entries that were proved, and at all that is said of them.

    Returns:
        What was seen, and how many entries hold something that is not disclosed.
    """
    definitions = _definitions(archive)
    chains = Chains(manifest.project, definitions, shows_standing=manifest.version != FIRST_VERSION)
    untold = Untold(one.token for one in _disclosures(archive))
    _show_earlier(archive, manifest, checkpoint, chains, untold)
    _check_neighbours(archive, manifest, checkpoint)
    shown: list[Shown] = []
    names_speaker = archive.has(DISCLOSURES)
    for place, content in enumerate(archive.lines(ENTRIES), manifest.first):
        record = chains.show(place, content)
        untold.see(content)
        if len(shown) < ENTRIES_SHOWN:
            shown.append(Shown.of(place, record, names_speaker=names_speaker))
    chains.finish()
    untold.check()
    if len(chains.pinned) != len(definitions):
        raise AuditFindingError(f"{DEFINITIONS} holds definitions that no run of the bundle pinned: they were put in")
    spoken_of = {token for one in shown for token in one.tokens()}
    words = {one.token: one.words[:WORDS_SHOWN] for one in _disclosures(archive) if one.token in spoken_of}
    expected = index_page(manifest, checkpoint, shown, words)
    if archive.size(INDEX) > MOST_OF_A_FILE or archive.read(INDEX, MOST_OF_A_FILE) != expected:
        raise AuditFindingError(f"{INDEX} does not say what the entries say: it was changed")
    return chains.seen(), untold.entries


def _disclosures(archive: Archive) -> Iterator[Disclosure]:
    if archive.has(DISCLOSURES):
        yield from checked_disclosures(archive.lines(DISCLOSURES, LONGEST_DISCLOSURE))


def _check_neighbours(archive: Archive, manifest: Manifest, checkpoint: Checkpoint) -> None:
    """Check that the entries right before and right after are from outside of the period, so that it is whole."""
    if manifest.first == manifest.last and not (archive.has(NEIGHBOURS) and archive.size(NEIGHBOURS)):
        raise BundleError("the bundle has no entry at all: it shows nothing")
    if manifest.version == FIRST_VERSION:
        return
    first, last, size = manifest.first, manifest.last, checkpoint.size
    found: list[tuple[int, str]] = []
    for line in archive.lines(NEIGHBOURS):
        place, proof, content = _proved(line, NEIGHBOURS)
        _check_included(place, proof, content, checkpoint)
        found.append((place, record_of(place, content, manifest.project)["at"]))
        if len(found) > len(("before", "after")):
            break
    expected = [first - 1] if manifest.begin and first else []
    expected += [last] if manifest.end and last < size else []
    if [place for place, _ in found] != expected:
        raise AuditFindingError(
            f"{NEIGHBOURS} does not show just what is right before and right after the entries: entries of the period "
            "may have been left out"
        )
    if manifest.has_period and ((first and not manifest.begin) or (last < size and not manifest.end)):
        end = "begin with the first" if first and not manifest.begin else "end with the last"
        raise AuditFindingError(f"the entries do not {end} of the log, as their period does: entries were left out")
    for place, at in found:
        is_outside = is_before(at, manifest.begin) if place < first else is_after(at, manifest.end)
        if not is_outside:
            side = "before" if place < first else "after"
            raise AuditFindingError(
                f"entry {place}, right {side} those of the bundle, was written at {at}, which does not show that none "
                "of the period is missing there: entries were left out"
            )


def _signed_checkpoint(
    archive: Archive, keys: Sequence[VerifierKey]
) -> tuple[Checkpoint, tuple[VerifierKey, ...], tuple[VerifierKey, ...]]:
    """Return the checkpoint of a bundle, the keys that are to be believed, and those of them that signed it."""
    if not keys:
        raise BundleError("no key of the log was handed in: without one, anybody could have made the bundle")
    try:
        note = parse_note(archive.read(CHECKPOINT, MOST_OF_A_NOTE))
        checkpoint = parse_checkpoint(note.text)
        content = archive.read(ROTATIONS, MOST_OF_A_NOTE)
        written = parse_json(content, ROTATIONS)
        if not isinstance(written, list) or not all(isinstance(one, str) for one in written):
            raise BundleError(f"{ROTATIONS} should be a list of notes")
        check_written(content, written, ROTATIONS)
        # Whoever looks a key up in there finds keys; to believe one of them is another matter.
        listed = archive.read(KEYS, MOST_OF_A_NOTE)
        found = [parse_key(line) for line in listed.decode("utf-8").splitlines()]
        if "".join(f"{key}\n" for key in found).encode() != listed:
            raise BundleError(f"{KEYS} is not written as iact writes it: it was changed")
        rotations = [parse_note(one.encode()) for one in written]
        _check_needed(note, rotations, found)
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


def _check_needed(note: Note, rotations: Sequence[Note], keys: Sequence[VerifierKey]) -> None:
    """Check that nothing stands beside keys and signatures under which anybody could write what he wants.

    Raises:
        AuditFindingError: if something does.
    """
    listed = set(map(str, keys))
    following = [str(parse_rotation(one.text).successor) for one in rotations]
    if not listed.issuperset(following) or len(set(following)) != len(following):
        raise AuditFindingError(f"{ROTATIONS} has keys follow that {KEYS} does not have, or twice: they were put in")
    if any(
        len(one.raw) > LONGEST_SIGNATURE for one in (*note.signatures, *(s for r in rotations for s in r.signatures))
    ):
        raise AuditFindingError(f"{CHECKPOINT} or {ROTATIONS} has a signature that is longer than any")


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
        raise AuditFindingError(f"the witness {shown_key(key)} has not signed the checkpoint: {why}") from None


def _kept_checkpoint(content: bytes, present: Checkpoint, trusted: Sequence[VerifierKey]) -> Checkpoint:
    """Return a checkpoint that the auditor kept, of the same log and signed by a trusted key."""
    try:
        note = parse_note(content)
        checkpoint = parse_checkpoint(note.text)
        verify(note, trusted)
    except NoteError as error:
        raise BundleError(
            f"the checkpoint that was kept cannot be used: {error}. If a key signed it that was changed because others "
            "had got hold of it, name that with --old-key: it is believed for what you kept, and for nothing else"
        ) from None
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
        chains = Chains(self._manifest.project, _definitions(self._archive), shows_standing=False)
        for line in self._archive.lines(EARLIER):
            place, content = earlier_entry(line)
            chains.show_earlier(place, content)
            if max(chains.runs, chains.open) > RUNS_OF_A_SEARCH:
                return
        for place, content in enumerate(self._archive.lines(ENTRIES), self._manifest.first):
            if max(chains.runs, chains.open) > RUNS_OF_A_SEARCH or len(content) > LINE_OF_A_SEARCH:
                return
            chains.show(place, content)


def _rewritten(kept: Checkpoint) -> str:
    return (
        f"the first {kept.size} entries of the log are not those of the checkpoint that was kept: the log was written "
        "anew, or two were kept side by side"
    )


def _sides(archive: Archive, manifest: Manifest, size: int) -> tuple[Range, Range]:
    """Return what is left and right of the entries."""
    content = archive.read(RANGES, MOST_OF_A_NOTE)
    record = parse_json(content, RANGES)
    if not isinstance(record, dict) or record.keys() != {"left", "right"}:
        raise BundleError(f"{RANGES} should have the keys left and right")
    check_written(content, record, RANGES)
    left, right = (parse_hashes(record[side], f"{side} of {RANGES}") for side in ("left", "right"))
    try:
        return Range(0, manifest.first, left), Range(manifest.last, size, right)
    except ProofError as error:
        raise AuditFindingError(f"what is beside the entries does not hold: {error}") from None


def _consistency(archive: Archive, manifest: Manifest, checkpoint: Checkpoint) -> Mapping[int, Sequence[bytes]]:
    """Return the proofs that the log goes on from earlier sizes; each has to hold though nobody asks for it."""
    content = archive.read(CONSISTENCY, MOST_OF_PROOFS)
    record = parse_json(content, CONSISTENCY)
    keys = {"size", "proof"} if manifest.version == FIRST_VERSION else {"size", "root", "proof"}
    if not isinstance(record, list) or not all(
        isinstance(one, dict) and one.keys() == keys and is_count(one["size"]) for one in record
    ):
        raise BundleError(f"{CONSISTENCY} should be a list of {', '.join(sorted(keys))}")
    check_written(content, record, CONSISTENCY)
    sizes = [one["size"] for one in record]
    if sizes != sorted(set(sizes)) or (sizes and not 0 < sizes[0] <= sizes[-1] <= checkpoint.size):
        raise AuditFindingError(f"the sizes in {CONSISTENCY} are not those of this log, in their order")
    proofs = {one["size"]: parse_hashes(one["proof"], f"a proof in {CONSISTENCY}") for one in record}
    for one in record if "root" in keys else ():
        (root,) = parse_hashes([one["root"]], f"a root in {CONSISTENCY}")
        try:
            verify_consistency(one["size"], checkpoint.size, proofs[one["size"]], root, checkpoint.root)
        except ProofError as error:
            raise AuditFindingError(
                f"a proof in {CONSISTENCY} does not hold, of {one['size']} entries: {error}"
            ) from None
    return proofs


def _definitions(archive: Archive) -> dict[str, Allowed | None]:
    """Return what the definitions in a bundle allow, each by the digest of its bytes, in whose order they come."""
    if archive.size(DEFINITIONS) > MOST_OF_DEFINITIONS:
        raise BundleError(f"{DEFINITIONS} has more than {MOST_OF_DEFINITIONS} bytes; export a shorter period")
    found: dict[str, Allowed | None] = {}
    before, kept = "", 0
    for number, line in enumerate(archive.lines(DEFINITIONS, LONGEST_DEFINITION), 1):
        key = f"sha256:{hashlib.sha256(line).hexdigest()}"
        if key <= before:
            raise AuditFindingError(f"line {number} of {DEFINITIONS} is not in order, or comes twice: it was changed")
        allowed = parse_definition(line, f"line {number} of {DEFINITIONS}")
        kept += allowed.weight() if allowed else 0
        if number > MOST_DEFINITIONS or kept > MOST_KEPT_OF_DEFINITIONS:
            raise BundleError(f"{DEFINITIONS} takes more memory than there should be need of; export a shorter period")
        found[key], before = allowed, key
    return found


def _proved(line: bytes, where: str = EARLIER) -> tuple[int, list[bytes], bytes]:
    """Return place, proof and stored bytes of an entry from outside of the range."""
    record = parse_json(line, f"a line of {where}")
    if (
        not isinstance(record, dict)
        or record.keys() != {"place", "proof", "entry"}
        or not is_count(record["place"])
        or not isinstance(record["entry"], str)
    ):
        raise BundleError(f"a line of {where} should have place, proof and entry")
    check_written(line, record, f"a line of {where}")
    return record["place"], parse_hashes(record["proof"], f"a proof in {where}"), record["entry"].encode()


def earlier_entry(line: bytes) -> tuple[int, bytes]:
    """Return place and stored bytes of an entry from before the range, out of its line.

    Raises:
        BundleError: if it is none.
    """
    place, _, content = _proved(line)
    return place, content


def _show_earlier(archive: Archive, manifest: Manifest, checkpoint: Checkpoint, chains: Chains, untold: Untold) -> None:
    """Check that entries from before are in the log, and let the runs that go on here go on from them."""
    last = -1
    for line in archive.lines(EARLIER):
        place, proof, content = _proved(line)
        if not last < place < manifest.first:
            raise AuditFindingError(f"entry {place} is shown as one from before, and is not, or not in its order")
        last = place
        _check_included(place, proof, content, checkpoint)
        chains.show_earlier(place, content)
        untold.see_earlier(content)
    chains.begin_range()


def _check_included(place: int, proof: Sequence[bytes], content: bytes, checkpoint: Checkpoint) -> None:
    try:
        verify_inclusion(leaf_hash(content), place, checkpoint.size, proof, checkpoint.root)
    except ProofError as error:
        raise AuditFindingError(f"entry {place} from outside of the bundle is not proved: {error}") from None
