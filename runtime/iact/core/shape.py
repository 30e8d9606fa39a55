"""How a frozen dataclass is the one description of a piece of YAML.

Its fields are the keys, its annotations the types and units, its docstring the documentation. From it come the JSON
Schema (`schema_of`), the reading of a positioned tree (`read`, `build`), the documentation page and the completions in
an editor.

Example:
    >>> @kind("Metric", folder="catalog/metrics")
    ... @dataclass(frozen=True, slots=True, kw_only=True)
    ... class Metric:
    ...     '''How one figure is computed.
    ...
    ...     Attributes:
    ...         show: the statistic that is shown.
    ...     '''
    ...
    ...     show: Literal["median", "p90"]
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Generic, Literal, TypeAlias, TypeVar, cast

from iact.core.composite_readers import (
    ANYTHING,
    FieldReader,
    ListReader,
    MappingReader,
    OwnReader,
    PartReader,
    UnionReader,
    default_of,
)
from iact.core.docstrings import attributes
from iact.core.problems import Problem, Problems, did_you_mean
from iact.core.quantities import Dimension, Quantity
from iact.core.readers import (
    EMAIL,
    MOMENT,
    NAME,
    REFUSED,
    SECRET,
    BooleanReader,
    ChoiceReader,
    NumberReader,
    ParsedReader,
    QuantityReader,
    Reader,
    Reading,
    ReferenceReader,
    TextReader,
)
from iact.core.scope import Reference, Scope
from iact.core.secret_values import SecretReference
from iact.core.tree import Position, Tree

__all__ = [
    "ONE_OR_MANY",
    "AnyQuantity",
    "AtLeastOne",
    "Duration",
    "Email",
    "Moment",
    "Name",
    "Number",
    "OneOrMany",
    "Outcome",
    "Points",
    "Rate",
    "Ref",
    "Scope",
    "Secret",
    "Share",
    "TimeZoneName",
    "Within",
    "build",
    "key_of",
    "part",
    "part_reader",
    "read",
    "reader_of",
    "schema_of",
]

T = TypeVar("T")


def part(cls: type[T]) -> type[T]:
    """Declare a frozen dataclass as a piece of a resource's `spec`.

    A project that extends a rule overrides it key by key, parts of it too. A part that makes sense only as a whole,
    such as one that is exactly one of several forms, says so with `replaced_whole: ClassVar[bool] = True`.

    Raises:
        TypeError: if it is not a frozen dataclass.
    """
    if not dataclasses.is_dataclass(cls) or not _is_frozen(cls):
        message = f"{cls.__qualname__} must be a frozen dataclass: what is read from a file does not change"
        raise TypeError(message)
    return cls


def _is_frozen(cls: type) -> bool:
    parameters = cls.__dataclass_params__  # type: ignore[attr-defined]  # dataclasses keep it there, untyped
    return bool(parameters.frozen)


@dataclass(frozen=True, slots=True)
class Within:
    """Bounds of a number, both inclusive: `Annotated[int, Within(1, 10)]`."""

    minimum: int | None = None
    maximum: int | None = None


class _ListForm:
    """How a list may be written, as an annotation: `Annotated[tuple[str, ...], ONE_OR_MANY]`."""

    def __init__(self, *, bare: bool, minimum: int) -> None:
        self.bare = bare
        self.minimum = minimum


ONE_OR_MANY: Final = _ListForm(bare=True, minimum=1)
AT_LEAST_ONE: Final = _ListForm(bare=False, minimum=1)


def Ref(*kinds: str) -> ReferenceReader:  # noqa: N802 - it reads as the annotation that it is
    """Annotate a text that names a resource of one of these kinds.

    Example:
        >>> target: Annotated[str, Ref("Person", "Team")]
    """
    return ReferenceReader(kinds)


def _time_zone(text: str) -> str:
    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        # A machine without a time-zone database still has UTC.
        if text == "UTC":
            return text
        hint = did_you_mean(text, zoneinfo.available_timezones())
        message = f"`{text}` is no time zone. {hint or 'Zones are named like Europe/Berlin or UTC'}"
        raise ValueError(message) from None
    return text


TIME_ZONE: Final = ParsedReader("a time zone such as Europe/Berlin", "", _time_zone, "unknown-time-zone")

Duration: TypeAlias = Annotated[Quantity, QuantityReader((Dimension.DURATION,))]
Share: TypeAlias = Annotated[Quantity, QuantityReader((Dimension.SHARE,))]
Points: TypeAlias = Annotated[Quantity, QuantityReader((Dimension.POINTS,))]
Rate: TypeAlias = Annotated[Quantity, QuantityReader((Dimension.RATE,))]
Number: TypeAlias = Annotated[Quantity, QuantityReader((Dimension.NUMBER,))]
AnyQuantity: TypeAlias = Annotated[Quantity, QuantityReader(tuple(Dimension))]
Moment: TypeAlias = Annotated[datetime, MOMENT]
TimeZoneName: TypeAlias = Annotated[str, TIME_ZONE]
Name: TypeAlias = Annotated[str, NAME]
Email: TypeAlias = Annotated[str, EMAIL]
Secret: TypeAlias = Annotated[SecretReference, SECRET]
OneOrMany: TypeAlias = Annotated[tuple[T, ...], ONE_OR_MANY]
AtLeastOne: TypeAlias = Annotated[tuple[T, ...], AT_LEAST_ONE]


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What reading a tree came to.

    Attributes:
        value: the built dataclass; None when something was wrong.
        references: names of other resources that it holds.
        checks: checks of meaning that it and its parts want to make once all resources are known.
        examples: what runs the examples that it and its parts carry; worth doing only where nothing is wrong.
    """

    value: T | None
    references: tuple[Reference, ...]
    checks: tuple[Callable[[Scope], Iterator[Problem]], ...]
    examples: tuple[Callable[[Scope], Iterator[Problem]], ...]


def read(cls: type[T], tree: Tree, problems: Problems) -> Outcome[T]:
    """Read `tree` as a `cls`; what is wrong goes to `problems`, everything at once.

    Args:
        cls: a frozen dataclass of a kind or a part.
        tree: the mapping that was written.
        problems: grows by what is wrong.
    """
    reading = Reading(problems)
    value = _reader_of_class(cls).read(tree, reading)
    return Outcome(
        value=None if value is REFUSED else cast("T", value),
        references=tuple(reading.references),
        checks=tuple(reading.checks),
        examples=tuple(reading.examples),
    )


def build(cls: type[T], tree: Tree, problems: Problems) -> T | None:
    """Return `tree` as a `cls`, or None after adding to `problems` what is wrong with it."""
    return read(cls, tree, problems).value


def schema_of(cls: type) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of one `spec`; shared definitions stand under its `$defs`."""
    definitions: dict[str, Any] = {}
    schema: dict[str, Any] = _hoist(part_reader(cls).schema(), definitions)
    return schema | {"$defs": dict(sorted(definitions.items()))} if definitions else schema


def _hoist(schema: Any, definitions: dict[str, Any]) -> Any:
    """Return `schema` with every `$defs` inside it moved to `definitions`, where `#/$defs/…` finds it."""
    if isinstance(schema, list):
        return [_hoist(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = schema.get("$defs")
    if isinstance(inner, dict):
        definitions.update(inner)
    return {key: _hoist(value, definitions) for key, value in schema.items() if key != "$defs"}


def key_of(field_name: str) -> str:
    """Return the YAML key of a field: `from_`, which Python reserves, is written `from`."""
    return field_name.rstrip("_")


def _reader_of_class(cls: type) -> PartReader:
    return part_reader(cls)


_PLACES: Final = frozenset({"position", "positions", "key_position"})
"""Fields that are no keys: where the mapping, the value of each key, and the author's own key of it were written."""


@functools.cache
def part_reader(cls: type) -> PartReader:
    """Return the reader of a dataclass.

    Raises:
        TypeError: if a field's annotation is none that YAML can be read as.
    """
    hints = typing.get_type_hints(cls, include_extras=True)
    descriptions = attributes(cls)
    own = [field for field in dataclasses.fields(cls) if field.name not in _PLACES]
    names = {field.name for field in dataclasses.fields(cls)}
    return PartReader(
        cls,
        tuple(_field_reader(field, hints[field.name], _described(field.name, descriptions)) for field in own),
        takes_position="position" in names and hints["position"] is Position,
        takes_positions="positions" in names,
        takes_key_position="key_position" in names,
    )


def _described(name: str, descriptions: Mapping[str, str]) -> str:
    return descriptions.get(name) or descriptions.get(key_of(name), "")


def _field_reader(field: dataclasses.Field[Any], hint: Any, description: str) -> FieldReader:
    required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    return FieldReader(
        name=field.name,
        key=key_of(field.name),
        reader=reader_of(hint),
        required=required,
        description=description,
        default=default_of(field),
    )


def reader_of(hint: Any) -> Reader:  # noqa: PLR0911 - one return for each form of annotation reads best
    """Return the reader of an annotation.

    Raises:
        TypeError: if it is none that YAML can be read as.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _annotated_reader(arguments[0], arguments[1:])
    if origin in {typing.Union, types.UnionType}:
        options = tuple(reader_of(argument) for argument in arguments if argument is not types.NoneType)
        return UnionReader(options, optional=types.NoneType in arguments)
    if origin is Literal:
        return ChoiceReader(tuple(str(argument) for argument in arguments))
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:  # noqa: PLR2004 - `tuple[T, ...]`
        return ListReader(reader_of(arguments[0]))
    if origin is Mapping:
        return MappingReader(reader_of(arguments[0]), reader_of(arguments[1]))
    if hint is Any:
        return ANYTHING
    if isinstance(hint, type):
        return _class_reader(hint)
    message = f"{hint!r} is no type that YAML can be read as"
    raise TypeError(message)


_SCALARS: Final[Mapping[Any, Reader]] = {
    str: TextReader(),
    bool: BooleanReader(),
    int: NumberReader(whole=True),
    Decimal: NumberReader(whole=False),
    Quantity: QuantityReader(tuple(Dimension)),
    datetime: MOMENT,
    SecretReference: SECRET,
}


def _class_reader(cls: type) -> Reader:
    if cls in _SCALARS:
        return _SCALARS[cls]
    if hasattr(cls, "from_tree") and hasattr(cls, "json_schema"):
        return OwnReader(cls)
    if issubclass(cls, StrEnum):
        return ChoiceReader(tuple(member.value for member in cls), cls)
    if dataclasses.is_dataclass(cls):
        return cast("Reader", part_reader(cls))
    message = f"{cls.__qualname__} is no type that YAML can be read as"
    raise TypeError(message)


def _annotated_reader(hint: Any, extras: tuple[Any, ...]) -> Reader:
    for extra in extras:
        if isinstance(extra, Within):
            return NumberReader(whole=hint is int, minimum=extra.minimum, maximum=extra.maximum)
        if isinstance(extra, _ListForm):
            return ListReader(reader_of(typing.get_args(hint)[0]), bare=extra.bare, minimum=extra.minimum)
        if not isinstance(extra, type) and isinstance(extra, Reader):
            return extra
    return reader_of(hint)
