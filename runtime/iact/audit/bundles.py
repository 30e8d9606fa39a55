"""Bundles: what an auditor is handed, as one file that explains and proves itself (ADR 0062).

A bundle is a zip. What it says is worth what the verifier makes of it, so that nothing in here is believed as it
stands: the manifest names what follows, and the signed checkpoint and the auditor's own key decide.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from iact.audit.tree import HASH_SIZE

BUNDLE_FORMAT: Final = "iact/audit-bundle/v1"

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
    ENTRIES,
    LEAVES,
    DISCLOSURES,
    INDEX,
)
"""Every file of a bundle: each is there once, and no other."""
MAY_BE_MISSING: Final = frozenset({DISCLOSURES})
"""What bundles did not have before there were pseudonyms."""

LONGEST_LINE: Final = 16 * 1024 * 1024
"""Bytes of one entry or definition at most. What is longer is refused before it fills a laptop's memory."""
MOST_OF_A_FILE: Final = 16 * 1024 * 1024
"""Bytes of each file that is read as a whole."""

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
        begin: from when on entries were asked for, as it was asked (RFC 3339); empty for from the beginning.
        end: until when.
    """

    project: str
    first: int
    last: int
    begin: str = ""
    end: str = ""

    def to_record(self) -> dict[str, Any]:
        """Return it as canonical JSON data."""
        return {
            "format": BUNDLE_FORMAT,
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


def parse_manifest(content: bytes) -> Manifest:
    """Return what a bundle says that it is about.

    Raises:
        BundleError: if it is not what this release writes; of a later one, that is said.
    """
    record = parse_json(content, MANIFEST)
    found = record.get("format") if isinstance(record, dict) else None
    if found != BUNDLE_FORMAT:
        if isinstance(found, str) and re.fullmatch(r"iact/audit-bundle/v[0-9]{1,9}", found, re.ASCII):
            raise of_a_later_release(found)
        raise BundleError(f"{MANIFEST} does not say that this is a bundle: its format should be {BUNDLE_FORMAT}")
    if set(record) != {"format", "project", "first", "last", "from", "to"}:
        raise BundleError(f"{MANIFEST} has other keys than format, project, first, last, from and to")
    if not all(isinstance(record[key], str) for key in ("project", "from", "to")):
        raise BundleError(f"{MANIFEST}: project, from and to are texts")
    first, last = record["first"], record["last"]
    if not (is_count(first) and is_count(last) and first <= last):
        raise BundleError(f"{MANIFEST}: first and last are places in the log, the first not after the last")
    return Manifest(record["project"], first, last, record["from"], record["to"])


def parse_json(content: bytes, where: str) -> Any:
    """Return JSON that somebody handed in: UTF-8, no key twice, no number that is not exact.

    Args:
        content: the bytes.
        where: what they are, for the message.

    Raises:
        BundleError: if it is no such JSON.
    """
    try:
        return _DECODER.decode(content.decode("utf-8"))
    except RecursionError:
        raise BundleError(f"{where} is nested too deeply") from None
    except ValueError as error:
        raise BundleError(f"{where} is not JSON as iact writes it: {shortened(str(error))}") from None


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
