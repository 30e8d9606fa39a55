"""Commitments: a salted digest that stands in a record for words which have to be erasable.

The idea is that of SD-JWT (RFC 9901, section 4.2): what is signed holds digests only, and a *disclosure*, which is a
salt and the words, shows what a digest stands for. Where the disclosure is deleted, the digest says nothing any more,
and every proof over the record stays as it was.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

SALT_SIZE: Final = 16
"""Bytes of a salt: RFC 9901, section 9.3 recommends 128 bits."""
PERSON: Final = "person"
"""Kind of what stands for a person; one and the same for everything that they say."""
REMARK: Final = "remark"
"""Kind of what stands for a text that a person wrote."""
SHORTENED_TO: Final = 12
"""How many digits people see of what nobody can tell any more."""

_TOKEN: Final = re.compile(f"\\b(?:{PERSON}|{REMARK}):[0-9a-f]{{64}}\\b", re.ASCII)


def commitment(kind: str, salt: bytes, words: str) -> str:
    """Return what stands in a record for some words.

    Args:
        kind: `PERSON` or `REMARK`.
        salt: `SALT_SIZE` random bytes, without which nobody can try out words.
        words: what it stands for.
    """
    return f"{kind}:{hashlib.sha256(salt + f'{kind}:{words}'.encode()).hexdigest()}"


def commitments_in(text: str) -> Iterator[str]:
    """Walk what stands for words in a text, in order."""
    return (found.group() for found in _TOKEN.finditer(text))


def disclosed(record: Any, words: Mapping[str, str]) -> Any:
    """Return JSON data with the words in the place of what stands for them.

    Args:
        record: the data; it is not changed.
        words: for each commitment what it stands for; one that is not there is shortened, so that people see that it is
            one and the same.
    """
    if isinstance(record, str):
        return _TOKEN.sub(lambda found: words.get(found.group(), shortened_commitment(found.group())), record)
    if isinstance(record, Mapping):
        return {key: disclosed(value, words) for key, value in record.items()}
    if isinstance(record, list | tuple):
        return [disclosed(value, words) for value in record]
    return record


def shortened_commitment(token: str) -> str:
    """Return what people see of a commitment whose words nobody knows."""
    kind, _, digits = token.partition(":")
    return f"{kind}:{digits[:SHORTENED_TO]}"
