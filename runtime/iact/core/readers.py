"""How one value of a YAML tree becomes one value of a dataclass field, and which JSON Schema says the same.

A reader is made from a field's annotation (`iact.core.shape`). It reports what is wrong where it stands and goes on,
so that an editor sees everything at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, StrEnum
from fractions import Fraction
from typing import Any, Final, Protocol, runtime_checkable

from iact.core import instants, quantities, secret_values
from iact.core.problems import Problem, Problems, did_you_mean
from iact.core.quantities import Dimension, Quantity
from iact.core.scope import Reference, Scope
from iact.core.tree import MappingNode, Position, ScalarNode, SequenceNode, Tree

_SHOWN_CHARACTERS = 60


class Refused(Enum):
    """What a reader returns when it has reported a problem; None is a value like any other."""

    REFUSED = "refused"


REFUSED: Final = Refused.REFUSED


@dataclass(slots=True)
class Reading:
    """What is gathered while a resource is read.

    Attributes:
        problems: what is wrong so far.
        references: names of other resources, to be looked up when all are known.
        checks: checks of meaning, to be run when all resources are known.
        examples: what runs the examples, when nothing else is wrong.
        key: the key whose value is being read, which messages name.
        key_position: where the author's own key of that value was written; None where the key is the kind's.
    """

    problems: Problems
    references: list[Reference] = field(default_factory=list)
    checks: list[Callable[[Scope], Iterator[Problem]]] = field(default_factory=list)
    examples: list[Callable[[Scope], Iterator[Problem]]] = field(default_factory=list)
    key: str = ""
    key_position: Position | None = None

    def refuse(self, rule: str, tree: Tree, message: str, hint: str = "") -> Refused:
        """Report a problem at `tree`."""
        self.problems.add(rule, tree.position, message, hint)
        return REFUSED

    def mismatch(self, expected: str, tree: Tree, hint: str = "") -> Refused:
        """Report a value of the wrong type."""
        return self.refuse("wrong-type", tree, self.about(f"expected {expected}, found {found(tree)}."), hint)

    def about(self, message: str) -> str:
        """Return the message with the key that it is about."""
        return f"`{self.key}`: {message}" if self.key else message


@runtime_checkable
class Reader(Protocol):
    """How values of one type are read."""

    @property
    def expected(self) -> str:
        """What a person is told that belongs here, such as `a list of texts`."""

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of what it accepts."""

    def fits(self, tree: Tree) -> int:
        """Return how well `tree` has the outer form of this type, 0 for not at all; a union takes the best."""

    def read(self, tree: Tree, reading: Reading) -> Any:
        """Return the value, or `REFUSED` after reporting why."""


def found(tree: Tree) -> str:
    """Return what stands there, for a message."""
    match tree:
        case MappingNode():
            return "a mapping"
        case SequenceNode():
            return "a list"
        case ScalarNode(value=None, text=""):
            return "nothing"
        case ScalarNode(text=text) if secret_values.looks_like_secret(text):
            return "a value that looks like a secret"
        case ScalarNode(text="", quoted=True):
            return "an empty text"
        case ScalarNode(text=text, quoted=quoted):
            line = " ".join(text.split())
            shown = f"{line[:_SHOWN_CHARACTERS]}…" if len(line) > _SHOWN_CHARACTERS else line
            return f'`"{shown}"`' if quoted else f"`{shown}`"


def _is_written(tree: Tree) -> bool:
    """Return whether it is a scalar that is not null: something that text can be taken from."""
    return isinstance(tree, ScalarNode) and tree.value is not None


@dataclass(frozen=True, slots=True)
class TextReader:
    """Text. An unquoted number or boolean is taken as the characters that were written: `1.10` stays `1.10`."""

    expected: str = "text"
    pattern: str = ""
    suggest: Callable[[str], str] | None = None
    """What a text that has not the pattern was most likely meant to be."""

    def schema(self) -> dict[str, Any]:
        """Return a text of the pattern, if any; without one a number is text too, as YAML needs no quotes."""
        if self.pattern:
            return {"type": "string", "pattern": self.pattern}
        return {"type": ["string", "number", "boolean"]}

    def fits(self, tree: Tree) -> int:
        """Return 1 for every scalar: text is what a union takes last."""
        return int(_is_written(tree))

    def read(self, tree: Tree, reading: Reading) -> str | Refused:
        """Return the text as it was written."""
        if not isinstance(tree, ScalarNode) or tree.value is None:
            return reading.mismatch(self.expected, tree)
        if self.pattern and not (isinstance(tree.value, str) and re.search(self.pattern, tree.text)):
            return reading.mismatch(self.expected, tree, self._hint(tree.text))
        return tree.text

    def _hint(self, text: str) -> str:
        meant = self.suggest(text) if self.suggest else ""
        return f"Write {meant}." if meant and re.search(self.pattern, meant) else ""


@dataclass(frozen=True, slots=True)
class BooleanReader:
    """True or false."""

    expected: str = "true or false"

    def schema(self) -> dict[str, Any]:
        """Return a boolean."""
        return {"type": "boolean"}

    def fits(self, tree: Tree) -> int:
        """Return 3 for a boolean."""
        return 3 * int(isinstance(tree, ScalarNode) and isinstance(tree.value, bool))

    def read(self, tree: Tree, reading: Reading) -> bool | Refused:
        """Return the boolean."""
        if isinstance(tree, ScalarNode) and isinstance(tree.value, bool):
            return tree.value
        hint = ""
        if isinstance(tree, ScalarNode) and tree.text.lower() in {"yes", "no", "on", "off"}:
            hint = f"Did you mean {'true' if tree.text.lower() in {'yes', 'on'} else 'false'}?"
        return reading.mismatch(self.expected, tree, hint)


@dataclass(frozen=True, slots=True)
class NumberReader:
    """A whole number (`int`) or an exact decimal number (`Decimal`), perhaps within bounds (inclusive)."""

    whole: bool
    minimum: int | None = None
    maximum: int | None = None

    @property
    def expected(self) -> str:
        """What belongs here, with its bounds."""
        sort = "a whole number" if self.whole else "a number"
        if self.minimum is not None and self.maximum is not None:
            return f"{sort} from {self.minimum} to {self.maximum}"
        if self.minimum is not None:
            return f"{sort} of at least {self.minimum}"
        return f"{sort} of at most {self.maximum}" if self.maximum is not None else sort

    def schema(self) -> dict[str, Any]:
        """Return an integer or a number with its bounds."""
        bounds = {"minimum": self.minimum, "maximum": self.maximum}
        written = {key: bound for key, bound in bounds.items() if bound is not None}
        return {"type": "integer" if self.whole else "number", **written}

    def fits(self, tree: Tree) -> int:
        """Return 3 for a number."""
        return 3 * int(self._number(tree) is not None)

    def read(self, tree: Tree, reading: Reading) -> int | Decimal | Refused:
        """Return the number."""
        number = self._number(tree)
        if number is None or not self._within(number):
            return reading.mismatch(self.expected, tree)
        return number

    def _number(self, tree: Tree) -> int | Decimal | None:
        if not isinstance(tree, ScalarNode) or isinstance(tree.value, bool):
            return None
        if not isinstance(tree.value, (int, Decimal)):
            return None
        if not self.whole:
            return Decimal(tree.value)
        # JSON Schema calls 1.0 an integer, so it is one here too.
        return int(tree.value) if tree.value == int(tree.value) else None

    def _within(self, number: int | Decimal) -> bool:
        return (self.minimum is None or number >= self.minimum) and (self.maximum is None or number <= self.maximum)


@dataclass(frozen=True, slots=True)
class ChoiceReader:
    """One of a few words."""

    choices: tuple[str, ...]
    build: type[StrEnum] | None = None

    @property
    def expected(self) -> str:
        """The words."""
        return f"one of {', '.join(self.choices)}" if len(self.choices) > 1 else f"`{self.choices[0]}`"

    def schema(self) -> dict[str, Any]:
        """Return an enumeration."""
        return {"enum": list(self.choices)}

    def fits(self, tree: Tree) -> int:
        """Return 4 for one of the words."""
        return 4 * int(isinstance(tree, ScalarNode) and isinstance(tree.value, str) and tree.text in self.choices)

    def read(self, tree: Tree, reading: Reading) -> str | Refused:
        """Return the word, as its enumeration's member where there is one."""
        if not self.fits(tree):
            hint = did_you_mean(tree.text, self.choices) if isinstance(tree, ScalarNode) else ""
            return reading.refuse(
                "unknown-value", tree, reading.about(f"expected {self.expected}, found {found(tree)}."), hint
            )
        assert isinstance(tree, ScalarNode)  # noqa: S101 - fits() has just said so
        return self.build(tree.text) if self.build else tree.text


@dataclass(frozen=True, slots=True)
class QuantityReader:
    """An amount with its unit, of one of some dimensions."""

    dimensions: tuple[Dimension, ...]

    @property
    def expected(self) -> str:
        """What belongs here, with an example."""
        return either([quantities.EXPECTED[dimension] for dimension in self.dimensions])

    def schema(self) -> dict[str, Any]:
        """Return the patterns of the dimensions; a plain number stands for itself."""
        patterns = [quantities.PATTERNS[d] for d in self.dimensions if d is not Dimension.NUMBER]
        alternatives: list[dict[str, Any]] = []
        if patterns:
            joined = patterns[0] if len(patterns) == 1 else "|".join(f"(?:{pattern})" for pattern in patterns)
            alternatives.append({"type": "string", "pattern": joined})
        if Dimension.NUMBER in self.dimensions:
            alternatives.append({"type": "number"})
        return alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives}

    def fits(self, tree: Tree) -> int:
        """Return 3 for an amount of one of the dimensions."""
        return 3 * int(self._parse(tree) is not None)

    def read(self, tree: Tree, reading: Reading) -> Quantity | Refused:
        """Return the amount."""
        quantity = self._parse(tree)
        if quantity is not None:
            return quantity
        other = _any_quantity(tree)
        if other is None or isinstance(tree, (SequenceNode, MappingNode)):
            return reading.mismatch(self.expected, tree)
        sort = "a number without its unit" if other.dimension is Dimension.NUMBER else _a(other.dimension)
        message = f"expected {self.expected}, found {found(tree)}, which is {sort}."
        return reading.refuse("wrong-unit", tree, reading.about(message), self._hint(tree, other))

    def _hint(self, tree: Tree, other: Quantity) -> str:
        """Return how the amount is written with a unit that fits."""
        units = [unit for dimension in self.dimensions for unit in _UNITS[dimension]]
        if other.dimension is Dimension.NUMBER and isinstance(tree, ScalarNode):
            return f"Write {either([f'{tree.text}{unit}' for unit in units])}."
        return "Write a plain number." if not units else f"Its unit may be {either([unit.strip() for unit in units])}."

    def _parse(self, tree: Tree) -> Quantity | None:
        quantity = _any_quantity(tree)
        return quantity if quantity is not None and quantity.dimension in self.dimensions else None


def is_amount(tree: Tree) -> bool:
    """Return whether it is an amount of whatever dimension."""
    return _any_quantity(tree) is not None


def _any_quantity(tree: Tree) -> Quantity | None:
    match tree:
        case ScalarNode(value=bool() | None):
            return None
        case ScalarNode(value=int() | Decimal() as number):
            return Quantity(Fraction(number), Dimension.NUMBER)
        case ScalarNode(text=text):
            try:
                quantity = quantities.parse(text)
            except ValueError:
                return None
            # A quoted number is text: the schema, which sees no quotes, could not tell them apart otherwise.
            return None if quantity.dimension is Dimension.NUMBER else quantity
        case _:
            return None


_ARTICLED = {
    Dimension.DURATION: "a duration",
    Dimension.SHARE: "a share",
    Dimension.POINTS: "percentage points",
    Dimension.RATE: "a rate",
    Dimension.NUMBER: "a number",
}


_UNITS: Final = {
    Dimension.DURATION: ("m", "h", "d", " weeks"),
    Dimension.SHARE: ("%",),
    Dimension.POINTS: (" points",),
    Dimension.RATE: ("/min", "/day", "/week"),
    Dimension.NUMBER: (),
}
"""Units as they stand behind the number; not all that are understood, but those that people mean most often."""


def _a(dimension: Dimension) -> str:
    return _ARTICLED[dimension]


@dataclass(frozen=True, slots=True)
class ParsedReader:
    """A text that a function turns into a value or refuses with `ValueError`, such as a moment."""

    expected: str
    pattern: str
    parse: Callable[[str], Any]
    rule: str = "wrong-type"

    def schema(self) -> dict[str, Any]:
        """Return a text of the pattern."""
        return {"type": "string", "pattern": self.pattern} if self.pattern else {"type": "string"}

    def fits(self, tree: Tree) -> int:
        """Return 2 for every text, or 3 where it has the pattern."""
        if not isinstance(tree, ScalarNode) or not isinstance(tree.value, str):
            return 0
        return 2 + int(bool(self.pattern and re.search(self.pattern, tree.text)))

    def read(self, tree: Tree, reading: Reading) -> Any:
        """Return what the function makes of the text."""
        if not isinstance(tree, ScalarNode) or not isinstance(tree.value, str):
            return reading.mismatch(self.expected, tree)
        try:
            return self.parse(tree.text)
        except ValueError as error:
            return reading.refuse(self.rule, tree, reading.about(sentence(str(error))))


@dataclass(frozen=True, slots=True)
class AnythingReader:
    """Plain data of any form, as canonical JSON can hold it: a number with a fraction becomes its text."""

    expected: str = "any value"

    def schema(self) -> dict[str, Any]:
        """Return the schema that accepts everything."""
        return {}

    def fits(self, tree: Tree) -> int:  # noqa: ARG002 - every reader has this parameter
        """Return 1: it accepts everything."""
        return 1

    def read(self, tree: Tree, reading: Reading) -> Any:
        """Return the plain data."""
        match tree:
            case MappingNode():
                return {entry.key.text: self.read(entry.value, reading) for entry in tree}
            case SequenceNode():
                return [self.read(item, reading) for item in tree.items]
            case ScalarNode():
                return tree.text if isinstance(tree.value, Decimal) else tree.value


@dataclass(frozen=True, slots=True)
class ReferenceReader:
    """The bare name of another resource."""

    kinds: tuple[str, ...]

    @property
    def expected(self) -> str:
        """Whose name belongs here."""
        article = "an" if self.kinds[0][0] in "AEIOU" else "a"
        return f"the name of {article} {' or '.join(self.kinds)}"

    def schema(self) -> dict[str, Any]:
        """Return a text."""
        return {"type": "string", "minLength": 1}

    def fits(self, tree: Tree) -> int:
        """Return 1 for a text."""
        return int(isinstance(tree, ScalarNode) and isinstance(tree.value, str))

    def read(self, tree: Tree, reading: Reading) -> str | Refused:
        """Return the name, and note that it has to exist."""
        if not isinstance(tree, ScalarNode) or not isinstance(tree.value, str) or not tree.text:
            return reading.mismatch(self.expected, tree)
        reading.references.append(Reference(self.kinds, tree.text, tree.position))
        return tree.text


def either(expectations: list[str]) -> str:
    """Return the expectations as one: `a, b or c`."""
    *others, last = dict.fromkeys(expectations)
    return f"{', '.join(others)} or {last}" if others else last


def sentence(message: str) -> str:
    """Return the message with a full stop, unless it ends with a mark of its own."""
    return message if message.endswith((".", "?", "!")) else f"{message}."


MOMENT: Final = ParsedReader(instants.EXPECTED, r"^\d{4}-\d{2}-\d{2}", instants.parse)
SECRET: Final = ParsedReader(secret_values.EXPECTED, secret_values.PATTERN, secret_values.parse, "secret")
NAME: Final = TextReader(
    "a name of lower-case words, such as release-weekly or lead_time",
    r"^[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*$",
    lambda text: re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-_"),
)
EMAIL: Final = TextReader("an e-mail address such as somebody@example.org", r"^[^@\s]+@[^@\s]+$")
