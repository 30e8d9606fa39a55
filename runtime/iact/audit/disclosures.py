"""What a bundle says of the people in its entries: who stands behind a commitment, and in which words they spoke.

Nothing of it has to be there: an entry holds a salted digest, and whoever is handed the salt and the words checks that
they are those (RFC 9901, section 7.1).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from iact.audit.bundles import DISCLOSURES, AuditFindingError, BundleError, parse_json, shortened
from iact.core.commitments import PERSON, REMARK, SALT_SIZE, commitment, commitments_in

LONGEST_DISCLOSURE: Final = 1 << 20
"""Bytes of a line at most."""
MOST_DISCLOSURES: Final = 300_000
"""How many there are at most: they are kept in mind, to be found among the entries."""

_MARKS: Final = (f"{PERSON}:".encode(), f"{REMARK}:".encode())


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What a commitment stands for.

    Attributes:
        token: the commitment.
        salt: what it was made with.
        words: what it stands for.
    """

    token: str
    salt: bytes
    words: str

    def written(self) -> bytes:
        """Return its line, without the end: in canonical JSON (RFC 8785): of texts that is what Python writes."""
        record = {"salt": self.salt.hex(), "token": self.token, "words": self.words}
        return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def checked_disclosures(lines: Iterable[bytes]) -> Iterator[Disclosure]:
    """Walk what a bundle discloses, in the order of the commitments.

    Args:
        lines: the file's.

    Raises:
        BundleError: if a line is none.
        AuditFindingError: if the words are not those that a commitment was made from, or a line is out of place.
    """
    before = ""
    for number, line in enumerate(lines, 1):
        if number > MOST_DISCLOSURES:
            raise BundleError(f"{DISCLOSURES} has more than {MOST_DISCLOSURES} lines: ask for a shorter period")
        found = _parsed(line, f"line {number} of {DISCLOSURES}")
        if commitment(found.token.partition(":")[0], found.salt, found.words) != found.token:
            raise AuditFindingError(
                f"{DISCLOSURES} says that {shortened(found.token)} stands for {shortened(found.words)!r}, "
                "which it does not: it was changed"
            )
        if found.written() != line:
            raise AuditFindingError(f"line {number} of {DISCLOSURES} is not written as iact writes it: it was changed")
        if found.token <= before:
            raise AuditFindingError(f"line {number} of {DISCLOSURES} is not in order, or comes twice: it was changed")
        before = found.token
        yield found


def _parsed(line: bytes, where: str) -> Disclosure:
    record = parse_json(line, where)
    if not isinstance(record, dict) or set(record) != {"salt", "token", "words"}:
        raise BundleError(f"{where} has other keys than salt, token and words")
    if not all(isinstance(one, str) for one in record.values()):
        raise BundleError(f"{where}: salt, token and words are texts")
    try:
        salt = bytes.fromhex(record["salt"])
        (record["token"] + record["words"]).encode()
    except ValueError:
        raise BundleError(f"{where} cannot be read") from None
    if len(salt) != SALT_SIZE:
        raise BundleError(f"{where}: a salt has {SALT_SIZE} bytes")
    return Disclosure(record["token"], salt, record["words"])


class Untold:
    """Compares what is disclosed with what stands in entries: all that is disclosed has to be about one of them.

    Attributes:
        entries: how many entries hold something that is not disclosed.
    """

    def __init__(self, told: Iterable[str]) -> None:
        """Begin before the first entry.

        Args:
            told: the commitments that are disclosed.
        """
        self._told = {_short(token): False for token in told}
        self.entries = 0

    def see(self, content: bytes) -> None:
        """Look at the next entry of the bundle."""
        self.entries += not self._all_told(content)

    def see_earlier(self, content: bytes) -> None:
        """Look at an entry from before."""
        self._all_told(content)

    def check(self) -> None:
        """Check, after the last entry, that nothing was disclosed that stands in none of them.

        Raises:
            AuditFindingError: if something was.
        """
        extra = sum(not is_found for is_found in self._told.values())
        if extra:
            raise AuditFindingError(
                f"{DISCLOSURES} says of {extra} commitments what they stand for, and no entry has them: it was changed"
            )

    def _all_told(self, content: bytes) -> bool:
        if not any(mark in content for mark in _MARKS):
            return True
        is_told = True
        for token in commitments_in(content.decode("utf-8", "replace")):
            short = _short(token)
            if short in self._told:
                self._told[short] = True
            else:
                is_told = False
        return is_told


def _short(token: str) -> bytes:
    """Return by what a commitment is kept in mind, in a fifth of its memory."""
    kind, _, digits = token.partition(":")
    return kind[:1].encode() + bytes.fromhex(digits)
