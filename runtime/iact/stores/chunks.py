"""Many things in parts of a size that a statement takes."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Item = TypeVar("Item")

CHUNK: Final = 2_000
"""How many rows are written together."""
LOOKED_UP: Final = 500
"""How many rows one statement asks for by their keys; SQLite and MySQL take far more, but not without limit."""


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Give items in lists of `size`."""
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
