"""Rows as lines: one canonical way to write a row (RFC 8785), whatever database it comes from.

A line is a JSON array with a value for each column. Moments are RFC 3339 text in UTC, truth values are 0 and 1, and
bytes are text where they are UTF-8 and `{"base64": …}` (RFC 4648) where they are not.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import rfc8785

from iact.core import instants
from iact.stores.backups.model import Content

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_AS_THEY_ARE: Final = frozenset({str, int, type(None)})
_EXACT: Final = 2.0**53
"""Whole numbers below this are written as such, which is what RFC 8785 makes of them too."""
_WRITE: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


class Tally:
    """Counts the lines of a table and digests them."""

    def __init__(self) -> None:
        """Begin with no line."""
        self._rows = 0
        self._hash = hashlib.sha256()

    def add(self, lines: Iterable[bytes]) -> bytes:
        """Take in lines, each with its line feed, and return them as one piece."""
        taken = list(lines)
        piece = b"".join(taken)
        self._rows += len(taken)
        self._hash.update(piece)
        return piece

    @property
    def content(self) -> Content:
        """What was taken in so far."""
        return Content(self._rows, f"sha256:{self._hash.hexdigest()}")


def line_of(row: Sequence[Any]) -> bytes:
    """Return the line of a row as a database's driver gives it, with its line feed.

    Raises:
        ValueError: if it holds a number that JSON cannot.
    """
    values = [value if type(value) in _AS_THEY_ARE else _portable(value) for value in row]
    if float in map(type, values):
        # Python and RFC 8785 write fractions in different ways.
        return rfc8785.dumps(values) + b"\n"
    return f"{_WRITE(values)}\n".encode()


def _portable(value: Any) -> Any:
    match value:
        case bool():
            return int(value)
        case float():
            return int(value) if value.is_integer() and abs(value) < _EXACT else value
        case datetime():
            return instants.write(value.replace(tzinfo=UTC))
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                return {"base64": b64encode(value).decode()}
        case _:
            message = f"a backup cannot hold a {type(value).__name__}"
            raise ValueError(message)


def row_of(line: bytes, kinds: Sequence[type]) -> tuple[Any, ...]:
    """Return a line as the row that a database's driver takes.

    Args:
        line: as `line_of` writes it.
        kinds: the Python type of each column of the database: only `bytes` and `datetime` change anything.

    Raises:
        ValueError: if it is no line of so many columns.
    """
    values = json.loads(line)
    if not isinstance(values, list):
        message = "a row is not a list of values"
        raise ValueError(message)  # noqa: TRY004 - what the file holds is wrong, not the program
    return tuple(_stored(value, kind) for value, kind in zip(values, kinds, strict=True))


def _stored(value: Any, kind: type) -> Any:
    if value is None or kind not in {bytes, datetime}:
        return value
    if kind is datetime:
        return datetime.fromisoformat(value).replace(tzinfo=None)
    return b64decode(value["base64"], validate=True) if isinstance(value, dict) else str(value).encode()
