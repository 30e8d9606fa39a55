"""Who is to be erased, and what becomes of a text, or of a row of a store, that speaks of them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from iact.config.model.people import Person

PERSONS: Final = "persons"
REMARKS: Final = "remarks"

FREE_TEXTS: Final[Mapping[str, Mapping[str, int | None]]] = {
    "activations": {"activated_by": None},
    "changes": {"subject": 200},
    "claims": {"trouble": None},
    "events": {"content": None},
    "failures": {"evidence": 500},
    "occurrences": {"outcome": None},
    "pulls": {"content": None},
    "repositories": {"notes": None},
    "unattributed_incidents": {"reason": 500},
}
"""The columns in which a name can be exchanged, each with the characters that it has room for; None for any number.

Nobody decides by them, and no proof rests on them."""

Row = Mapping[str, Any]
"""A row by its columns, as a driver or a backup gives it."""


@dataclass(frozen=True)
class Redaction:
    """Who is to be erased.

    Attributes:
        names: what they are called: names, addresses, handles.
        instead: what takes the place of these.
        pseudonyms: what stands for them in the journal.
    """

    names: tuple[str, ...]
    instead: str
    pseudonyms: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(rf"(?<!\w)(?:{'|'.join(_spellings(self.names))})(?!\w)", re.IGNORECASE)

    @cached_property
    def _in_bytes(self) -> re.Pattern[bytes]:
        return re.compile("|".join(_spellings(self.names)).encode(), re.IGNORECASE)

    def speaks_of_them(self, text: str) -> bool:
        """Return whether a text names them."""
        return self._pattern.search(text) is not None

    def without_them(self, text: str) -> str:
        """Return a text that names them no more."""
        return self._pattern.sub(lambda _: self.instead, text)

    def found_in(self, content: bytes) -> bool:
        """Return whether a file names them. In a text names are looked for as words, in other files as bytes."""
        if b"\0" not in content:
            return self.speaks_of_them(content.decode("utf-8", "replace"))
        return self._in_bytes.search(content) is not None

    def is_theirs(self, table: str, row: Row) -> bool:
        """Return whether a row is to be deleted: it says who they are, or is a text by them or about them."""
        if table == PERSONS:
            return row["name"] in self.names or row["pseudonym"] in self.pseudonyms
        if table == REMARKS:
            return row["person"] in self.pseudonyms or self.speaks_of_them(_text(row["words"]))
        return False

    def changed(self, table: str, row: Row) -> dict[str, Any]:
        """Return the columns of a row that name them, each as it is to be."""
        found = {}
        for column, most in FREE_TEXTS.get(table, {}).items():
            value = row.get(column)
            if isinstance(value, str | bytes) and self.speaks_of_them(_text(value)):
                text = self.without_them(_text(value))
                found[column] = text.encode() if isinstance(value, bytes) else text[:most]
        return found

    def columns_that_stay(self, table: str, row: Row) -> Iterator[str]:
        """Walk the columns of a row that name them and cannot be changed."""
        changeable = FREE_TEXTS.get(table, {})
        for column, value in row.items():
            if column not in changeable and isinstance(value, str | bytes) and self.speaks_of_them(_text(value)):
                yield column


def names_of(name: str, also: Sequence[str], person: Person | None) -> tuple[str, ...]:
    """Return everything that a person is called, without doubles.

    Args:
        name: the name that was given.
        also: others that were given.
        person: what the rules say of a `Person` of that name; None where there is none.
    """
    said = [person.email, person.slack, person.github, *person.git] if person else []
    parts = [part.strip("<> ") for each in filter(None, said) for part in each.partition(" <")]
    return tuple(dict.fromkeys(one for one in (name, *also, *parts) if one))


def _spellings(names: Collection[str]) -> list[str]:
    """Return regular expressions of names, as they are and as JSON writes them, the longest first."""
    written = {*names, *(json.dumps(name, ensure_ascii=False)[1:-1] for name in names)}
    written |= {json.dumps(name)[1:-1] for name in names}
    return [re.escape(one) for one in sorted(written, key=len, reverse=True)]


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
