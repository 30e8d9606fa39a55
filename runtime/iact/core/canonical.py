"""Canonical bytes: one and only one way to write a record (RFC 8785, JSON Canonicalization Scheme), and its digest.

Floats are refused: two machines may write the same float differently after arithmetic, and a number that an auditor
re-hashes must not depend on that. Exact numbers are written as integers or as text.
"""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785

_SAFE_INTEGER = 2**53 - 1


def canonical(record: Any) -> bytes:
    """Return the canonical bytes of `record`.

    Args:
        record: mappings with text keys, lists, tuples, text, booleans, None and integers up to 2**53 - 1.

    Raises:
        TypeError: if it holds a float or anything else that JSON without floats cannot hold.
        ValueError: if an integer is too large for every JSON reader to hold exactly.
    """
    _refuse_inexact(record)
    return rfc8785.dumps(record)


def digest(content: bytes) -> str:
    """Return `sha256:` and the hexadecimal SHA-256 of `content` (FIPS 180-4)."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def digest_of(record: Any) -> str:
    """Return the digest of a record's canonical bytes."""
    return digest(canonical(record))


def _refuse_inexact(record: Any) -> None:
    match record:
        case bool() | None | str():
            return
        case int():
            if abs(record) > _SAFE_INTEGER:
                message = f"{record} is beyond the integers that every JSON reader holds exactly; write it as text"
                raise ValueError(message)
        case dict():
            for key, value in record.items():
                if not isinstance(key, str):
                    message = f"a canonical record has text keys, not {key!r}"
                    raise TypeError(message)
                _refuse_inexact(value)
        case list() | tuple():
            for item in record:
                _refuse_inexact(item)
        case _:
            message = f"a canonical record holds no {type(record).__name__} ({record!r}): write an integer or text"
            raise TypeError(message)
