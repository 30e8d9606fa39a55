"""Who is to be erased, and what becomes of a text, or of a row of a store, that speaks of them."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
IDENTITIES: Final = frozenset({"id", "key", "sha", "digest"})
"""What in the JSON of such a column says which thing it is about."""

SHORT: Final = 5
"""A name with fewer letters is looked for as a word in files, too: it may be a part of any other."""

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

    @property
    def has_short_name(self) -> bool:
        """Whether a name of theirs is so short that chance writes it into any large file."""
        return any(_is_short(name) for name in self.names)

    @cached_property
    def _words(self) -> re.Pattern[str]:
        return re.compile(rf"(?<!\w)(?:{'|'.join(_patterns(self.names))})(?!\w)")

    @cached_property
    def _whole(self) -> re.Pattern[str]:
        return re.compile(rf"\s*(?:{'|'.join(_patterns(self.names))})\s*", re.IGNORECASE)

    @cached_property
    def _bytes(self) -> re.Pattern[bytes]:
        return re.compile(b"|".join(_byte_patterns(self.names)), re.IGNORECASE)

    def speaks_of_them(self, text: str) -> bool:
        """Return whether a text names them, in whole words."""
        return self._words.search(text) is not None

    def without_them(self, text: str) -> str:
        """Return a text that names them no more."""
        return self._words.sub(lambda _: self.instead, text)

    def found_in(self, content: bytes) -> bool:
        """Return whether the bytes of a file name them, in whatever case and encoding; a short name, as a word."""
        return self._bytes.search(content) is not None

    def is_called(self, name: str) -> bool:
        """Return whether somebody's name is theirs, however it is written."""
        return self._whole.fullmatch(name) is not None

    def is_theirs(self, table: str, row: Row) -> bool:
        """Return whether a row is to be deleted: it says who they are, or is a text by them or about them."""
        if table == PERSONS:
            return row["pseudonym"] in self.pseudonyms or self.is_called(row["name"])
        if table == REMARKS:
            return row["person"] in self.pseudonyms or self.speaks_of_them(_text(row["words"]))
        return False

    def changed(self, table: str, row: Row) -> dict[str, Any]:
        """Return the columns of a row that name them, each as it is to be."""
        found = {}
        for column, most in FREE_TEXTS.get(table, {}).items():
            value = row.get(column)
            if isinstance(value, str | bytes) and self.speaks_of_them(_text(value)):
                text = self._exchanged(_text(value))
                found[column] = text.encode() if isinstance(value, bytes) else text[:most]
        return {column: value for column, value in found.items() if value != row[column]}

    def columns_that_stay(self, table: str, row: Row) -> Iterator[str]:
        """Walk the columns of a row that name them and cannot be changed, or not altogether."""
        changed = self.changed(table, row)
        for column, value in row.items():
            after = changed.get(column, value)
            if isinstance(after, str | bytes) and self.speaks_of_them(_text(after)):
                yield column

    def _exchanged(self, text: str) -> str:
        """Return a text that names them no more; of JSON only values are changed that do not say what it is about."""
        try:
            record = json.loads(text)
        except ValueError:
            return self.without_them(text)
        if not isinstance(record, dict | list):
            return self.without_them(text)
        return json.dumps(self._without_in(record), ensure_ascii=False, separators=(",", ":"))

    def _without_in(self, record: Any, name: str = "") -> Any:
        if isinstance(record, str):
            return record if name in IDENTITIES else self.without_them(record)
        if isinstance(record, dict):
            return {key: self._without_in(value, key) for key, value in record.items()}
        if isinstance(record, list):
            return [self._without_in(value, name) for value in record]
        return record


def names_of(name: str, also: Sequence[str], person: Person | None) -> tuple[str, ...]:
    """Return everything that a person is called, without doubles.

    Args:
        name: the name that was given.
        also: others that were given.
        person: what the rules say of a `Person` of that name; None where there is none.
    """
    said = [person.email, person.slack, person.github, *person.git] if person else []
    parts = [part.strip("<> ") for each in filter(None, said) for part in each.partition(" <")]
    named = (one.strip() for one in (name, *also, *parts))
    return tuple(dict.fromkeys(one for one in named if any(letter.isalnum() for letter in one)))


def _patterns(names: Iterable[str]) -> list[str]:
    """Return regular expressions of names, in every spelling, the longest first.

    One plain word, which may be a word of the language as well, is looked for as it is written, and in capitals; all
    others in whatever case.
    """
    found = []
    for name in sorted(names, key=len, reverse=True):
        for spelling in sorted(_spellings(name), key=len, reverse=True):
            is_plain = spelling.isalpha()
            if is_plain:
                found += [re.escape(one) for one in dict.fromkeys((spelling, spelling.upper()))]
            else:
                found.append(f"(?i:{_spaced(re.escape(spelling), r'(?:[^a-zA-Z0-9]|%20)+')})")
    return found


def _byte_patterns(names: Iterable[str]) -> list[bytes]:
    found: dict[bytes, None] = {}
    for name in sorted(names, key=len, reverse=True):
        is_short = _is_short(name)
        for spelling in _spellings(name):
            # Without regard to case, regular expressions of bytes know ASCII alone.
            for cased in {spelling, spelling.lower(), spelling.upper(), spelling.title()}:
                for encoding in ("utf-8", "latin-1", "utf-16-le", "utf-16-be"):
                    try:
                        content = cased.encode(encoding)
                    except UnicodeEncodeError:
                        continue
                    escaped = re.escape(content)
                    if encoding in {"utf-8", "latin-1"}:
                        escaped = escaped.replace(rb"\ ", rb"(?:[^a-zA-Z0-9]|%20)+")
                    found[rb"(?<![a-zA-Z0-9])" + escaped + rb"(?![a-zA-Z0-9])" if is_short else escaped] = None
    return list(found)


def _is_short(name: str) -> bool:
    return sum(letter.isalnum() for letter in name) < SHORT


def _spaced(pattern: str, between: str) -> str:
    return pattern.replace(r"\ ", between)


def _spellings(name: str) -> set[str]:
    """Return how a name may be written: composed or not (UAX 15), and as JSON, JSON in JSON, and HTML have it."""
    found = {unicodedata.normalize(form, name) for form in ("NFC", "NFD")} | {name}
    for _ in range(2):
        found |= {json.dumps(one, ensure_ascii=ascii_only)[1:-1] for one in found for ascii_only in (False, True)}
    return found | {html.escape(name), html.escape(name, quote=False)}


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
