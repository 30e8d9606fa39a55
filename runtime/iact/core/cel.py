"""The escape hatch: a leaf in the Common Expression Language (https://cel.dev), for what comparisons cannot say.

The package `common-expression-language` shows no syntax tree, accepts unknown functions until they run, and has no
cost limit. So the names and functions are found here, by tokens, and everything that loops is refused. What is left
takes time in proportion to its length.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from iact.core.conditions import Judgement
from iact.core.facts import FactSet
from iact.core.problems import Problem, did_you_mean
from iact.core.quantities import Dimension, Quantity
from iact.core.tree import NOWHERE, Position
from iact.core.truth import Truth, truth

_LONGEST: Final = 1_000
_FUNCTIONS: Final = frozenset(
    {
        "bool",
        "contains",
        "double",
        "duration",
        "endsWith",
        "int",
        "matches",
        "size",
        "startsWith",
        "string",
        "timestamp",
    }
)
_LOOPS: Final = frozenset({"all", "exists", "exists_one", "existsOne", "filter", "map", "reduce", "sortBy"})
_WORDS: Final = frozenset({"true", "false", "null", "in"})
_TOKEN: Final = re.compile(
    r"(?P<text>[rRbB]{0,2}(?:\"\"\".*?\"\"\"|'''.*?'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'))"
    r"|(?P<comment>//[^\n]*)"
    r"|(?P<number>\d[\w.]*)"
    r"|(?P<name>[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*)(?P<call>\s*\()?"
    r"|(?P<method>\.\s*[A-Za-z_]\w*)(?P<method_call>\s*\()?"
    r"|(?P<other>\S)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class CelLeaf:
    """One expression as a condition.

    Attributes:
        expression: as it was written.
        position: where it was written.
    """

    expression: str
    position: Position = NOWHERE

    def names(self) -> Iterator[str]:
        """Walk the names of the facts in it."""
        return iter(sorted(set(_scan(self.expression).names)))

    def problems(self) -> Iterator[Problem]:
        """Yield what keeps it from being evaluated."""
        if len(self.expression) > _LONGEST:
            yield self._problem(
                "cel", f"an expression has at most {_LONGEST} characters, this one {len(self.expression)}."
            )
            return
        scan = _scan(self.expression)
        for function in scan.functions:
            if function in _LOOPS:
                yield self._problem("cel", f"`{function}` loops, and a condition must not take unbounded time.")
            elif function not in _FUNCTIONS:
                hint = did_you_mean(function, _FUNCTIONS) or f"Known here: {', '.join(sorted(_FUNCTIONS))}."
                yield self._problem("cel", f"there is no function `{function}` in a condition.", hint)
        for sign in scan.refused:
            yield self._problem("cel", f"`{sign}` is not used in a condition: name the fact with dots, `a.b`.")
        yield from self._compiled()

    def judge(self, facts: FactSet, now: datetime) -> Judgement:  # noqa: ARG002 - the protocol's parameters
        """Evaluate it; a missing fact, an error or anything but true or false leaves it unknown."""
        outcome, saw = self._evaluate(facts)
        return Judgement(truth=outcome, text=self.expression, saw=saw, position=self.position)

    def _evaluate(self, facts: FactSet) -> tuple[Truth, str]:
        values: dict[str, Any] = {}
        seen = []
        for name in self.names():
            fact = facts[name]
            if not fact.is_known:
                return Truth.UNKNOWN, f"{name} is {fact.shown()}"
            seen.append(f"{name} = {fact.shown()}")
            _put(values, name, _cel_value(fact.value))
        try:
            result = _program(self.expression).execute(values)
        except Exception as error:  # noqa: BLE001 - the evaluator raises many types; each leaves it unknown
            return Truth.UNKNOWN, f"error: {str(error).splitlines()[0]}"
        if not isinstance(result, bool):
            return Truth.UNKNOWN, f"it came to {result!r}, which is neither true nor false"
        return truth(result), ", ".join(seen)

    def _compiled(self) -> Iterator[Problem]:
        try:
            _program(self.expression)
        except ImportError:
            yield self._problem(
                "missing-extra", "`cel` needs a package that is not installed.", "pip install 'iact[cel]'"
            )
        except Exception as error:  # noqa: BLE001 - the compiler raises several types, and each is the author's slip
            yield self._problem("cel", f"it does not compile: {_slip(error)}", _COMPILE_HINT)

    def _problem(self, rule: str, message: str, hint: str = "") -> Problem:
        return Problem(rule=rule, position=self.position, message=message, hint=hint)


@functools.lru_cache(maxsize=256)
def _program(expression: str) -> Any:
    import cel  # noqa: PLC0415 - an extra, imported where it is used: most projects have no such leaf

    return cel.compile(expression)


_COMPILE_HINT: Final = (
    "*And* is written &&, *or* ||, *not* !, *equals* ==; amounts have no units: "
    "`lead_time > duration('72h')`, `used > 0.15`."
)
_SLIP: Final = re.compile(
    r"ERROR: <input>:\d+:(?P<column>\d+): Syntax error: (?P<missing>missing )?[^']*'(?P<sign>.*?)'(?= at| expecting|$)",
    re.MULTILINE,
)


def _slip(error: Exception) -> str:
    """Return the compiler's first complaint without its list of all that could have stood there."""
    found = _SLIP.search(str(error))
    if not found:
        return f"{(str(error) or type(error).__name__).splitlines()[0].rstrip('.')}."
    if found["sign"] == "<EOF>":
        return "it ends where something more has to follow."
    trouble = "is missing" if found["missing"] else "is not expected here"
    return f"`{found['sign'].strip()}` {trouble} (character {found['column']})."


@dataclass(frozen=True, slots=True)
class _Scan:
    names: tuple[str, ...]
    functions: tuple[str, ...]
    refused: tuple[str, ...]


def _scan(expression: str) -> _Scan:
    """Find the names, functions and refused signs of an expression by its tokens."""
    names: list[str] = []
    functions: list[str] = []
    refused: list[str] = []
    indexable = False
    for token in _TOKEN.finditer(expression):
        if token["name"]:
            _sort_name("".join(token["name"].split()), bool(token["call"]), names, functions)
        elif token["method"]:
            method = token["method"].lstrip(". \t\n")
            (functions if token["method_call"] else refused).append(method)
        elif token["other"] in {"{", "`", "?"} and token["other"] != "?":
            refused.append(token["other"])
        elif token["other"] == "[" and indexable:
            refused.append("[")
        indexable = bool(token["name"] and not token["call"]) or token["other"] in {")", "]"}
    return _Scan(tuple(names), tuple(functions), tuple(refused))


def _sort_name(name: str, called: bool, names: list[str], functions: list[str]) -> None:  # noqa: FBT001 - private
    if called:
        name, _, function = name.rpartition(".")
        functions.append(function)
    if name and name not in _WORDS:
        names.append(name)


def _put(values: dict[str, Any], name: str, value: Any) -> None:
    *parents, last = name.split(".")
    for parent in parents:
        below = values.setdefault(parent, {})
        if not isinstance(below, dict):
            return
        values = below
    values[last] = value


def _cel_value(value: Any) -> Any:
    """Return a fact's value as CEL knows it: durations as durations, other amounts as numbers in their base unit."""
    if not isinstance(value, Quantity):
        return value
    if value.dimension is Dimension.DURATION:
        return value.timedelta
    return int(value.amount) if value.amount.denominator == 1 else float(value.amount)
