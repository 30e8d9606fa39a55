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
from iact.core.commitments import SALT_SIZE, commitment

LONGEST_DISCLOSURE: Final = 1 << 20
"""Bytes of a line at most."""


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
        record["words"].encode()
    except ValueError:
        raise BundleError(f"{where} cannot be read") from None
    if len(salt) != SALT_SIZE:
        raise BundleError(f"{where}: a salt has {SALT_SIZE} bytes")
    return Disclosure(record["token"], salt, record["words"])
