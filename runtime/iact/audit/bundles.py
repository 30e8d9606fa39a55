"""Bundles: what an auditor is handed, as one file that explains and proves itself (ADR 0062).

A bundle is a zip. What it says is worth what the verifier makes of it, so that nothing in here is believed as it
stands: the manifest names what follows, and the signed checkpoint and the auditor's own key decide.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from iact.audit.tree import HASH_SIZE

_FORMATS: Final = "iact/audit-bundle/v"
VERSION: Final = 2
"""Of the bundles that are written."""
FIRST_VERSION: Final = 1
"""The earliest whose bundles are judged: they do not show that a period is whole, nor how runs stood before it."""
BUNDLE_FORMAT: Final = f"{_FORMATS}{VERSION}"

MANIFEST: Final = "manifest.json"
"""What the bundle is about."""
CHECKPOINT: Final = "checkpoint.txt"
"""The signed checkpoint to which everything leads (C2SP tlog-checkpoint)."""
KEYS: Final = "keys.txt"
"""Public keys of the log, one a line; to look up, and never to be believed because they are here."""
ROTATIONS: Final = "rotations.json"
"""The notes by which each key of the log names the one that follows, the earliest first."""
RANGES: Final = "ranges.json"
"""The hashes of what is left and right of the entries."""
CONSISTENCY: Final = "consistency.json"
"""Proofs that the log goes on from what it was at sizes at which somebody may have kept a checkpoint."""
DEFINITIONS: Final = "definitions.jsonl"
"""What runs pinned: the bytes whose digests their first entries name, one a line."""
EARLIER: Final = "earlier.jsonl"
"""Entries from before, each with its proof, that say how runs stood which go on here."""
NEIGHBOURS: Final = "neighbours.jsonl"
"""The entries right before and right after, each with its proof: by their time none of the period is missing."""
ENTRIES: Final = "entries.jsonl"
"""The stored bytes of the entries, one a line."""
LEAVES: Final = "leaves.bin"
"""The hashes of the entries, one after the other: by them the one that was changed is found."""
DISCLOSURES: Final = "disclosures.jsonl"
"""The people and their words for which something stands in the entries, one a line; where they were erased, nothing."""
INDEX: Final = "index.html"
"""The first entries, to read."""

MEMBERS: Final = (
    MANIFEST,
    CHECKPOINT,
    KEYS,
    ROTATIONS,
    RANGES,
    CONSISTENCY,
    DEFINITIONS,
    EARLIER,
    NEIGHBOURS,
    ENTRIES,
    LEAVES,
    DISCLOSURES,
    INDEX,
)
"""Every file of a bundle: each is there once, and no other."""
NOT_IN_THE_FIRST: Final = frozenset({NEIGHBOURS})
"""What bundles of version 1 do not have."""
MAY_BE_MISSING_IN_THE_FIRST: Final = frozenset({DISCLOSURES})
"""What bundles of version 1 did not have before there were pseudonyms."""

LONGEST_LINE: Final = 16 * 1024 * 1024
"""Bytes of one entry or definition at most. What is longer is refused before it fills a laptop's memory."""
MOST_OF_A_FILE: Final = 16 * 1024 * 1024
"""Bytes of each file that is read as a whole."""
MOST_PARTS: Final = 1_000_000
"""Values, keys and brackets of one JSON text at most: each takes a hundred bytes of memory, however short it is."""

_FORMAT_OF_A_BUNDLE: Final = re.compile(f"{_FORMATS}(?P<version>[0-9]{{1,9}})", re.ASCII)
_MOMENT: Final = re.compile(r"(?:19|2[0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z", re.ASCII)
_ENCODE: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode
_ENCODE_AS_IT_IS: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
).encode
_SIZE_LIMIT: Final = 1 << 63
_HASH: Final = re.compile(f"[0-9a-f]{{{2 * HASH_SIZE}}}", re.ASCII)


class BundleError(Exception):
    """A bundle cannot be judged: it is none, is damaged, or is of a release to come. The message says what to do."""


class AuditFindingError(Exception):
    """A bundle does not hold; the message says in words which entry is bad, where one is, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle is about.

    Attributes:
        project: whose journal it is.
        first: place of the first entry in the log, counted from 0.
        last: place after the last one.
        begin: the first moment of the period that it is of (RFC 3339); empty for from the beginning.
        end: the moment after it; empty for all that is signed.
        version: of its format.
    """

    project: str
    first: int
    last: int
    begin: str = ""
    end: str = ""
    version: int = VERSION

    @property
    def has_period(self) -> bool:
        """Whether it is of a period, and not of places in the log."""
        return bool(self.begin or self.end)

    def to_record(self) -> dict[str, Any]:
        """Return it as canonical JSON data."""
        return {
            "format": f"{_FORMATS}{self.version}",
            "project": self.project,
            "first": self.first,
            "last": self.last,
            "from": self.begin,
            "to": self.end,
        }


def of_a_later_release(found: str) -> BundleError:
    """Return what is said of a bundle in a format that this release does not know."""
    return BundleError(
        f"the bundle is in the format {found}, and this verifier knows {BUNDLE_FORMAT}; "
        "verify it with the verifier of a newer release"
    )


def version_of(found: Any) -> int:
    """Return the version that a format is of; 0 where it is none of a bundle."""
    named = _FORMAT_OF_A_BUNDLE.fullmatch(found) if isinstance(found, str) else None
    return int(named["version"]) if named else 0


def parse_manifest(content: bytes) -> Manifest:
    """Return what a bundle says that it is about.

    Raises:
        BundleError: if it is not what this release writes; of a later one, that is said.
    """
    record = parse_json(content, MANIFEST)
    found = record.get("format") if isinstance(record, dict) else None
    version = version_of(found)
    if version > VERSION:
        raise of_a_later_release(str(found))
    if version < FIRST_VERSION:
        raise BundleError(f"{MANIFEST} does not say that this is a bundle: its format should be {BUNDLE_FORMAT}")
    if set(record) != {"format", "project", "first", "last", "from", "to"}:
        raise BundleError(f"{MANIFEST} has other keys than format, project, first, last, from and to")
    if not all(isinstance(record[key], str) for key in ("project", "from", "to")):
        raise BundleError(f"{MANIFEST}: project, from and to are texts")
    first, last = record["first"], record["last"]
    if not (is_count(first) and is_count(last) and first <= last):
        raise BundleError(f"{MANIFEST}: first and last are places in the log, the first not after the last")
    begin, end = record["from"], record["to"]
    if not all(not one or is_moment(one) for one in (begin, end)) or (begin and end and begin >= end):
        raise BundleError(f"{MANIFEST}: from and to are moments as iact writes them, the first before the other")
    manifest = Manifest(record["project"], first, last, begin, end, version)
    check_written(content, manifest.to_record(), MANIFEST)
    return manifest


def parse_json(content: bytes, where: str) -> Any:
    """Return JSON that somebody handed in: UTF-8, no key twice, no number that is not exact, not of too many parts.

    Args:
        content: the bytes.
        where: what they are, for the message.

    Raises:
        BundleError: if it is no such JSON.
    """
    check_parts(content, where)
    try:
        return _DECODER.decode(content.decode("utf-8"))
    except RecursionError:
        raise BundleError(f"{where} is nested too deeply") from None
    except ValueError as error:
        raise BundleError(f"{where} is not JSON as iact writes it: {shortened(str(error))}") from None


def check_parts(content: bytes, where: str) -> None:
    """Check that JSON does not take many times its size in memory once it is read.

    Raises:
        BundleError: if it has too many parts.
    """
    if len(content) > MOST_PARTS and sum(map(content.count, (b",", b":", b"[", b"{"))) > MOST_PARTS:
        raise BundleError(f"{where} has more than {MOST_PARTS} parts, which takes too much memory")


def encoded(record: Any, errors: str = "strict") -> bytes:
    """Return JSON data as iact writes it: of texts, whole numbers and records with ASCII keys, that is RFC 8785.

    Args:
        record: the data.
        errors: what becomes of letters that UTF-8 does not have (`str.encode`).

    Raises:
        ValueError: if it cannot be written so.
    """
    return _ENCODE(record).encode("utf-8", errors)


def check_written(content: bytes, record: Any, where: str, *, sorts: bool = True) -> None:
    """Check that what somebody handed in is written in its only form.

    Args:
        content: what was handed in.
        record: what it says.
        where: what it is, for the message.
        sorts: whether keys are to be sorted; else they are in their order.

    Raises:
        BundleError: if it is not.
    """
    try:
        is_same = (encoded(record) if sorts else _ENCODE_AS_IT_IS(record).encode()) == content
    except (ValueError, RecursionError):
        is_same = False
    if not is_same:
        raise BundleError(f"{where} is not written as iact writes it: it was changed")


def is_moment(text: str) -> bool:
    """Return whether a text is a moment as iact writes it: `2026-03-02T09:00:00.000000Z`."""
    if not _MOMENT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def parse_hashes(record: Any, where: str) -> list[bytes]:
    """Return hashes that are written as hexadecimal digits.

    Raises:
        BundleError: if they are not.
    """
    if not isinstance(record, list) or not all(isinstance(one, str) and _HASH.fullmatch(one) for one in record):
        raise BundleError(f"{where} should be a list of hashes of {2 * HASH_SIZE} hexadecimal digits")
    return [bytes.fromhex(one) for one in record]


def shortened(text: str, most: int = 200) -> str:
    """Return a text that somebody else wrote as it can be shown: in one line, without control characters, not long."""
    clean = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[: most + 1])
    return clean if len(clean) <= most else f"{clean[:most]}…"


def is_count(value: Any) -> bool:
    """Return whether something that was read is a whole number that can count entries."""
    return type(value) is int and 0 <= value < _SIZE_LIMIT


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key comes twice")
    return record


def _refused_number(written: str) -> Any:
    raise ValueError(f"{written[:40]} is not a whole number")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=_refused_number, parse_constant=_refused_number
)
