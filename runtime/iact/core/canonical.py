"""Canonical bytes: one and only one way to write a record (RFC 8785, JSON Canonicalization Scheme), and its digest.

Floats are refused: two machines may write the same float differently after arithmetic, and a number that an auditor
re-hashes must not depend on that. Exact numbers are written as integers or as text.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Final

import rfc8785

_SAFE_INTEGER: Final = 2**53 - 1
_ENCODE: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode
"""Escapes text as RFC 8785 does and sorts keys by code point, which for ASCII is the order of RFC 8785. It is many
times as fast as a canonical encoder in Python, which writes whatever else there is."""
_KEYS: Final = frozenset({str})
_HALF_A_PAIR: Final = re.compile("[\ud800-\udfff]")
_LEAVES: Final = frozenset({str, bool, type(None)})
_CONTAINERS: Final = frozenset({dict, list, tuple})


def canonical(record: Any) -> bytes:
    """Return the canonical bytes of `record`.

    Args:
        record: mappings with text keys, lists, tuples, text, booleans, None and integers up to 2**53 - 1.

    Raises:
        TypeError: if it holds a float or anything else that JSON without floats cannot hold.
        ValueError: if an integer is too large for every JSON reader to hold exactly.
    """
    if _is_plain(record):
        text = _ENCODE(record)
        if text.isascii() or (_has_ascii_keys(record) and not _HALF_A_PAIR.search(text)):
            return text.encode()
    _refuse_inexact(record)
    return rfc8785.dumps(record)


def digest(content: bytes) -> str:
    """Return `sha256:` and the hexadecimal SHA-256 of `content` (FIPS 180-4)."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def digest_of(record: Any) -> str:
    """Return the digest of a record's canonical bytes."""
    return digest(canonical(record))


def _is_plain(record: Any) -> bool:
    """Return whether Python's own encoder takes a record and changes nothing in it, such as a key that is no text."""
    # A loop over what is still to be looked at takes less than half as long as a function that calls itself.
    looked_at: list[Any] = [(record,)]
    for container in looked_at:
        if type(container) is dict and not _KEYS.issuperset(map(type, container)):
            return False
        for value in container.values() if type(container) is dict else container:
            kind = type(value)
            if kind is str:
                continue
            if kind in _CONTAINERS:
                looked_at.append(value)
            elif kind not in _LEAVES and not (kind is int and -_SAFE_INTEGER <= value <= _SAFE_INTEGER):
                return False
    return True


def _has_ascii_keys(record: Any) -> bool:
    """Return whether sorting keys by code point, as Python does, sorts them as RFC 8785 does."""
    if isinstance(record, dict):
        return all(map(str.isascii, record)) and all(map(_has_ascii_keys, record.values()))
    return not isinstance(record, (list, tuple)) or all(map(_has_ascii_keys, record))


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
