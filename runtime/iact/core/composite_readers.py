"""Readers that are made of other readers: lists, mappings, unions, parts of a resource, and classes of their own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any

from iact.core.docstrings import purpose
from iact.core.problems import did_you_mean, nearest
from iact.core.quantities import Quantity
from iact.core.readers import (
    REFUSED,
    AnythingReader,
    QuantityReader,
    Reader,
    Reading,
    Refused,
    either,
    is_amount,
    sentence,
)
from iact.core.secret_values import SecretReference
from iact.core.tree import Entry, MappingNode, Position, ScalarNode, SequenceNode, Tree


@dataclass(frozen=True, slots=True)
class ListReader:
    """A list of one type of item; perhaps one bare item stands for a list of one."""

    item: Reader
    bare: bool = False
    minimum: int = 0

    @property
    def expected(self) -> str:
        """What belongs here."""
        listed = f"a list, each item {self.item.expected}"
        return f"{self.item.expected}, or {listed}" if self.bare else listed

    def schema(self) -> dict[str, Any]:
        """Return an array, or also one item."""
        item = self.item.schema()
        array: dict[str, Any] = {"type": "array", "items": item}
        if self.minimum:
            array["minItems"] = self.minimum
        return any_of([item, array]) if self.bare else array

    def fits(self, tree: Tree) -> int:
        """Return 3 for a list."""
        return 3 if isinstance(tree, SequenceNode) else self.item.fits(tree) * int(self.bare)

    def read(self, tree: Tree, reading: Reading) -> tuple[Any, ...] | Refused:
        """Return the items in the order of the file."""
        if not isinstance(tree, SequenceNode):
            if self.bare:
                value = self.item.read(tree, reading)
                return REFUSED if value is REFUSED else (value,)
            hint = f"Put it in brackets: [{tree.text}]" if isinstance(tree, ScalarNode) and tree.text else ""
            return reading.mismatch(self.expected, tree, hint)
        if len(tree.items) < self.minimum:
            return reading.refuse("wrong-type", tree, f"expected at least {self.minimum} items in the list.")
        items = tuple(self.item.read(item, reading) for item in tree.items)
        return REFUSED if REFUSED in items else items


@dataclass(frozen=True, slots=True)
class MappingReader:
    """A mapping whose keys the author chooses."""

    key: Reader
    value: Reader
    expected: str = "a mapping"

    def schema(self) -> dict[str, Any]:
        """Return an object with values of one type."""
        key = self.key.schema()
        names = {"propertyNames": key} if "pattern" in key or "enum" in key else {}
        return {"type": "object", **names, "additionalProperties": self.value.schema()}

    def fits(self, tree: Tree) -> int:
        """Return 2 for a mapping: a part whose keys are known goes before."""
        return 2 * int(isinstance(tree, MappingNode))

    def read(self, tree: Tree, reading: Reading) -> Mapping[str, Any] | Refused:
        """Return the values by key, in the order of the file."""
        if not isinstance(tree, MappingNode):
            return reading.mismatch(self.expected, tree)
        pairs = [self._pair(entry, reading) for entry in tree]
        if any(REFUSED in pair for pair in pairs):
            return REFUSED
        return MappingProxyType(dict(pairs))

    def _pair(self, entry: Entry, reading: Reading) -> tuple[Any, Any]:
        key = self.key.read(entry.key, reading)
        reading.key_position = entry.key.position
        value = self.value.read(entry.value, reading)
        reading.key_position = None
        return key, value


@dataclass(frozen=True, slots=True)
class UnionReader:
    """One of several types; the one whose outer form fits best is the one that reports what is wrong inside."""

    options: tuple[Reader, ...]
    optional: bool = False

    @property
    def expected(self) -> str:
        """What belongs here."""
        return either([option.expected for option in self.options])

    def schema(self) -> dict[str, Any]:
        """Return the schemas of all; what may be left out may also be set to null, to undo what is extended."""
        return any_of([*(option.schema() for option in self.options), *([{"type": "null"}] * self.optional)])

    def fits(self, tree: Tree) -> int:
        """Return the best fit."""
        return max(3 * int(self._is_null(tree)), *(option.fits(tree) for option in self.options))

    def read(self, tree: Tree, reading: Reading) -> Any:
        """Return what the best option makes of it."""
        if self._is_null(tree):
            return None
        best = max(self.options, key=lambda option: option.fits(tree))
        if best.fits(tree) or len(self.options) == 1:
            return best.read(tree, reading)
        amounts = (option for option in self.options if isinstance(option, QuantityReader))
        amount = next(amounts, None) if is_amount(tree) else None
        # An amount of another unit is told its unit, and not that it is no mapping either.
        return amount.read(tree, reading) if amount else reading.mismatch(self.expected, tree)

    def _is_null(self, tree: Tree) -> bool:
        # An empty value is a slip (often a `#` that cut it off); only a written null means nothing on purpose.
        return self.optional and isinstance(tree, ScalarNode) and tree.value is None and tree.text != ""


@dataclass(frozen=True, slots=True)
class OwnReader:
    """A class that reads itself with `from_tree` and describes itself with `json_schema`."""

    cls: Any

    @property
    def expected(self) -> str:
        """What belongs here."""
        said: str = getattr(self.cls, "expected", "") or purpose(self.cls).rstrip(".")
        return said

    def schema(self) -> dict[str, Any]:
        """Return what the class says."""
        schema: dict[str, Any] = self.cls.json_schema()
        return schema

    def fits(self, tree: Tree) -> int:
        """Return what the class says, or 2 for a mapping and 1 for the rest."""
        own = getattr(self.cls, "fits", None)
        if own is not None:
            fit: int = own(tree)
            return fit
        return 2 if isinstance(tree, MappingNode) else 1

    def read(self, tree: Tree, reading: Reading) -> Any:
        """Return what the class makes of it, and note its check of meaning."""
        before = len(reading.problems)
        value = self.cls.from_tree(tree, reading.problems)
        if value is None or len(reading.problems) > before:
            return REFUSED
        if hasattr(value, "check"):
            reading.checks.append(value.check)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldReader:
    """One key of a part.

    Attributes:
        name: the dataclass's field.
        key: what is written in YAML.
        reader: how its value is read.
        required: whether it must be written.
        description: what it means.
        default: what it is when it is left out; None when there is nothing to show.
    """

    name: str
    key: str
    reader: Reader
    required: bool
    description: str
    default: Any = None

    def schema(self) -> dict[str, Any]:
        """Return the value's schema with description and default."""
        schema = dict(self.reader.schema())
        if self.description:
            schema["description"] = self.description
        if self.default is not None:
            schema["default"] = self.default
        return schema


@dataclass(slots=True)
class PartReader:
    """A mapping whose keys are the fields of a dataclass."""

    cls: type
    fields: tuple[FieldReader, ...] = ()
    takes_position: bool = False
    takes_positions: bool = False
    takes_key_position: bool = False

    @property
    def replaced_whole(self) -> bool:
        """Whether an override replaces it whole, because its keys are forms to choose from or belong together."""
        return bool(getattr(self.cls, "replaced_whole", False))

    @property
    def expected(self) -> str:
        """What belongs here, by the keys that must be there."""
        keys = [f.key for f in self.fields if f.required] or [f.key for f in self.fields[:3]]
        return f"a mapping with {', '.join(keys)}" if keys else "a mapping"

    def schema(self) -> dict[str, Any]:
        """Return an object that has these keys and no others."""
        schema: dict[str, Any] = {"type": "object"}
        if description := purpose(self.cls):
            schema["description"] = description
        schema["properties"] = {field.key: field.schema() for field in self.fields}
        if required := [field.key for field in self.fields if field.required]:
            schema["required"] = required
        return schema | {"additionalProperties": False}

    def fits(self, tree: Tree) -> int:
        """Return 3 or more for a mapping, the more of its keys are known."""
        if not isinstance(tree, MappingNode):
            return 0
        known = {field.key for field in self.fields}
        return 3 + 2 * sum(entry.key.text in known for entry in tree) + int(self._has_required(tree))

    def read(self, tree: Tree, reading: Reading) -> Any:
        """Return the built dataclass."""
        if not isinstance(tree, MappingNode):
            return reading.mismatch(self.expected, tree)
        key_position, reading.key_position = reading.key_position, None
        values = dict(self._values(tree, reading))
        if self.takes_key_position:
            values["key_position"] = key_position or tree.position
        self._report_unknown(tree, reading)
        missing = self._report_missing(tree, reading)
        known = {field.key for field in self.fields}
        if missing or REFUSED in values.values() or any(entry.key.text not in known for entry in tree):
            return REFUSED
        return self._construct(values, tree, reading)

    def _values(self, tree: MappingNode, reading: Reading) -> Iterator[tuple[str, Any]]:
        by_key = {field.key: field for field in self.fields}
        for entry in tree:
            field = by_key.get(entry.key.text)
            if field:
                reading.key = field.key
                yield field.name, field.reader.read(entry.value, reading)

    def _report_unknown(self, tree: MappingNode, reading: Reading) -> None:
        known = [field.key for field in self.fields]
        for entry in tree:
            if entry.key.text not in known:
                reading.refuse("unknown-key", entry.key, f"unknown key `{entry.key.text}`.", _key_hint(entry, known))

    def _report_missing(self, tree: MappingNode, reading: Reading) -> bool:
        written = tree.keys()
        missing = [field for field in self.fields if field.required and field.key not in written]
        if not missing:
            return False
        known = {field.key for field in self.fields}
        # A misspelt key is reported where it stands; that it is missing as well is the same slip.
        misspelt = {nearest(key, known) for key in written if key not in known}
        for field in missing:
            if field.key not in misspelt:
                reading.refuse("missing-key", tree, f"`{field.key}` is missing: expected {field.reader.expected}.")
        return True

    def _construct(self, values: dict[str, Any], tree: MappingNode, reading: Reading) -> Any:
        if self.takes_position:
            values["position"] = tree.position
        if self.takes_positions:
            values["positions"] = MappingProxyType(_positions(tree))
        try:
            value = self.cls(**values)
        except ValueError as error:
            return reading.refuse("invalid-value", tree, sentence(str(error)))
        if hasattr(value, "check"):
            reading.checks.append(value.check)
        if hasattr(value, "run_examples"):
            reading.examples.append(value.run_examples)
        return value

    def _has_required(self, tree: MappingNode) -> bool:
        return {field.key for field in self.fields if field.required} <= set(tree.keys())


def any_of(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the schema of what one of `schemas` accepts.

    Keywords such as `pattern` and `properties` only speak of values of their own type, so schemas of different types
    are written as one where they can be: an editor then says what is wrong inside, and not that no alternative fits.
    """
    if len(schemas) == 1:
        return schemas[0]
    names = [name for schema in schemas for name in schema if name not in {"type", "description"}]
    types = [_types(schema) for schema in schemas]
    listed = [each for of_one in types for each in of_one]
    if "enum" in names or not all(types) or _overlap(listed) or len(set(names)) < len(names):
        return {"anyOf": schemas}
    merged = {name: value for schema in schemas for name, value in schema.items()}
    return {"type": listed, **{name: value for name, value in merged.items() if name != "type"}}


def _types(schema: dict[str, Any]) -> list[str]:
    written = schema.get("type", [])
    return [written] if isinstance(written, str) else list(written)


def _overlap(types: list[str]) -> bool:
    return len(set(types)) < len(types) or {"integer", "number"} <= set(types)


def _key_hint(entry: Entry, known: list[str]) -> str:
    return did_you_mean(entry.key.text, known) or (f"Known here: {', '.join(known)}." if known else "")


def _positions(tree: MappingNode) -> dict[str, Position]:
    """Return where the value of each key stands, and of a list each item as `key/0`."""
    places = {entry.key.text: entry.value.position for entry in tree}
    for entry in tree:
        if isinstance(entry.value, SequenceNode):
            places |= {f"{entry.key.text}/{number}": item.position for number, item in enumerate(entry.value.items)}
    return places


def default_of(field: dataclasses.Field[Any]) -> Any:
    """Return a field's default as JSON, or None where a person would learn nothing from it."""
    if field.default is dataclasses.MISSING:
        return None
    return _shown(field.default)


def _shown(value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case bool() | int() | str():
            return value
        case Quantity() | SecretReference():
            return str(value)
        case tuple() if value:
            items = [_shown(item) for item in value]
            return None if None in items else items
        case _:
            return None


ANYTHING = AnythingReader()
__all__ = [
    "ANYTHING",
    "FieldReader",
    "ListReader",
    "MappingReader",
    "OwnReader",
    "PartReader",
    "UnionReader",
    "default_of",
]
