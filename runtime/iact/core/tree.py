"""A YAML document as data that remembers where each part of it was written.

The tree is what errors point into and what explanations quote, so every node carries its `Position`. It survives being
stored with a run (`to_record` and `from_record`), because a run keeps the rules it started under long after the file
has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ScalarValue: TypeAlias = str | int | Decimal | bool | None
Plain: TypeAlias = "ScalarValue | list[Plain] | dict[str, Plain]"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a source file.

    Attributes:
        file: path as the user knows it, relative to the project's root where possible.
        line: counted from 1.
        column: counted from 1, in characters.
        length: how many characters of that line belong to what is meant; 0 when not known.
    """

    file: str
    line: int
    column: int
    length: int = 0

    def __str__(self) -> str:
        """Return the form that editors and terminals make clickable."""
        return f"{self.file}:{self.line}:{self.column}"


NOWHERE = Position("(given in code)", 1, 1)


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """One plain or quoted value.

    Attributes:
        value: what the YAML 1.2 core schema resolves it to; numbers with a fraction are `Decimal`, so `1.10` is exact.
        text: the characters as they were written, so that a text field gets `1.10` and not `1.1`.
        position: where it was written.
        quoted: whether it was written in quotes or as a block, and is therefore always text.
    """

    value: ScalarValue
    text: str
    position: Position = NOWHERE
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class SequenceNode:
    """A list in the order of the file."""

    items: tuple[Tree, ...]
    position: Position = NOWHERE


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping with its value; the key has a position of its own."""

    key: ScalarNode
    value: Tree


@dataclass(frozen=True, slots=True)
class MappingNode:
    """A mapping in the order of the file; keys are unique texts."""

    entries: tuple[Entry, ...]
    position: Position = NOWHERE

    def __iter__(self) -> Iterator[Entry]:
        """Walk the entries in the order of the file."""
        return iter(self.entries)

    def get(self, key: str) -> Tree | None:
        """Return the value of `key`, or None where the mapping does not have it."""
        entry = self.entry(key)
        return entry.value if entry else None

    def entry(self, key: str) -> Entry | None:
        """Return the entry of `key` with the key's own position, or None."""
        return next((entry for entry in self.entries if entry.key.text == key), None)

    def keys(self) -> tuple[str, ...]:
        """Return the keys in the order of the file."""
        return tuple(entry.key.text for entry in self.entries)


Tree: TypeAlias = ScalarNode | SequenceNode | MappingNode


def to_plain(tree: Tree) -> Plain:
    """Return the tree's values without their positions."""
    match tree:
        case ScalarNode():
            return tree.value
        case SequenceNode():
            return [to_plain(item) for item in tree.items]
        case MappingNode():
            return {entry.key.text: to_plain(entry.value) for entry in tree.entries}


def from_plain(plain: Any, position: Position = NOWHERE) -> Tree:
    """Return plain data as a tree whose every node stands at `position`.

    Raises:
        TypeError: if `plain` holds something that YAML cannot hold.
    """
    match plain:
        case None | bool() | int() | Decimal():
            return ScalarNode(plain, _plain_text(plain), position)
        case str():
            return ScalarNode(plain, plain, position, quoted=True)
        case list() | tuple():
            return SequenceNode(tuple(from_plain(item, position) for item in plain), position)
        case dict():
            return MappingNode(
                tuple(
                    Entry(ScalarNode(key, key, position), from_plain(value, position)) for key, value in plain.items()
                ),
                position,
            )
        case _:
            message = f"a tree holds text, numbers, booleans, lists and mappings, not {type(plain).__name__}"
            raise TypeError(message)


def to_record(tree: Tree) -> dict[str, Any]:
    """Return the tree with its positions as canonical JSON data; `from_record` reads it back.

    Files are numbered once, so a position costs three small integers and not a path.
    """
    files: dict[str, int] = {}
    return {"tree": _encode(tree, files), "files": list(files)}


def from_record(record: Mapping[str, Any]) -> Tree:
    """Return the tree that `to_record` wrote."""
    return _decode(record["tree"], tuple(record["files"]))


def _plain_text(value: ScalarValue) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _place(position: Position, files: dict[str, int]) -> list[int]:
    number = files.setdefault(position.file, len(files))
    return [number, position.line, position.column, position.length]


def _encode(tree: Tree, files: dict[str, int]) -> list[Any]:
    place = _place(tree.position, files)
    match tree:
        case ScalarNode():
            return ["quoted" if tree.quoted else _kind_of(tree.value), tree.text, place, *_decimal(tree)]
        case SequenceNode():
            return ["list", [_encode(item, files) for item in tree.items], place]
        case MappingNode():
            return ["map", [[_encode(e.key, files), _encode(e.value, files)] for e in tree.entries], place]


def _decimal(scalar: ScalarNode) -> list[str]:
    # A quoted scalar's value is its text; only resolved ones may differ from how they were written.
    return [] if scalar.quoted or isinstance(scalar.value, str) else [_plain_text(scalar.value)]


def _kind_of(value: ScalarValue) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int():
            return "int"
        case Decimal():
            return "decimal"
        case str():
            return "text"


def _decode(record: list[Any], files: tuple[str, ...]) -> Tree:
    kind, body, (number, line, column, length) = record[0], record[1], record[2]
    position = Position(files[number], line, column, length)
    if kind == "list":
        return SequenceNode(tuple(_decode(item, files) for item in body), position)
    if kind == "map":
        entries = []
        for key, value in body:
            decoded_key = _decode(key, files)
            assert isinstance(decoded_key, ScalarNode)  # noqa: S101 - to_record writes nothing else as a key
            entries.append(Entry(decoded_key, _decode(value, files)))
        return MappingNode(tuple(entries), position)
    value = body if kind in {"text", "quoted"} else _RESOLVED[kind](record[3])
    return ScalarNode(value, body, position, quoted=kind == "quoted")


_RESOLVED: Final[dict[str, Callable[[str], ScalarValue]]] = {
    "null": lambda _text: None,
    "bool": lambda text: text == "true",
    "int": int,
    "decimal": Decimal,
}
