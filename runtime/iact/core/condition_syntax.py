"""How conditions are written in YAML, and what they must mean: read into `iact.core.conditions`, checked against facts.

    when:
      all:
        - {fact: plan.expected_improvement, above: 15%}
        - {metric: lead_time, above: 50% of cycle_time, for: 5m}
        - not: {fact: running, is: true}

A leaf names one `fact` or one `metric` (`metric: X` is the fact `metric.X`), one comparison and its limit. `N% of
NAME` in a leaf about a metric refers to a metric as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias, TypeGuard

from iact.core import quantities
from iact.core.cel import CelLeaf
from iact.core.condition_checks import WrittenLeaf, check_leaf, check_subject
from iact.core.conditions import (
    COMPARATORS,
    ORDER_COMPARATORS,
    AllOf,
    AnyOf,
    Condition,
    FactLimit,
    Leaf,
    Limit,
    Not,
    Relative,
)
from iact.core.problems import Problem, did_you_mean
from iact.core.quantities import Dimension, Quantity
from iact.core.readers import REFUSED, QuantityReader, Reading, Refused
from iact.core.scope import Scope
from iact.core.tree import Entry, MappingNode, ScalarNode, SequenceNode, Tree

_EXPECTED: Final = "a condition: all, any, not, or a comparison such as {fact: used, above: 90%}"
_LIMIT_EXPECTED: Final = "an amount such as 48h or 15%, `50% of` another fact, {fact: name}, a text, true or false"
_RELATIVE: Final = re.compile(rf"^(?P<share>{quantities.NUMBER_PATTERN} ?%) of (?P<name>[A-Za-z_][\w.-]*)$")
_SUBJECTS: Final = ("fact", "metric")
_GROUPS: Final = ("all", "any", "not", "cel")
_FOR: Final = QuantityReader((Dimension.DURATION,))
_SYNONYMS: Final = {
    "over": "above",
    "greater_than": "above",
    "more_than": "above",
    "gt": "above",
    "under": "below",
    "less_than": "below",
    "lt": "below",
    "min": "at_least",
    "gte": "at_least",
    "max": "at_most",
    "lte": "at_most",
    "equals": "is",
    "eq": "is",
    "not_equals": "is_not",
    "and": "all",
    "or": "any",
    "none": "not",
}


@dataclass(frozen=True, slots=True)
class ConditionReader:
    """Reads a condition, and has the facts it names checked once all are known."""

    expected: str = _EXPECTED

    def schema(self) -> dict[str, Any]:
        """Return a reference to the definition of a condition, and the definition itself."""
        return {"$ref": "#/$defs/condition", "$defs": {"condition": _CONDITION_SCHEMA}}

    def fits(self, tree: Tree) -> int:
        """Return 3 for a mapping."""
        return 3 * int(isinstance(tree, MappingNode))

    def read(self, tree: Tree, reading: Reading) -> Condition | Refused:
        """Return the condition."""
        if not isinstance(tree, MappingNode):
            return reading.mismatch(self.expected, tree)
        keys = set(tree.keys())
        groups = [key for key in _GROUPS if key in keys]
        if len(groups) == 1 and len(keys) == 1:
            return self._group(tree.entries[0], reading)
        if groups:
            message = f"`{groups[0]}` stands alone in its mapping, found {_quoted(tree.keys())} together."
            return reading.refuse("wrong-condition", tree, message, "Put both below one `all`, or one `any`.")
        return _read_leaf(tree, reading)

    def _group(self, entry: Entry, reading: Reading) -> Condition | Refused:
        reading.key = entry.key.text
        position = entry.key.position
        match entry.key.text, entry.value:
            case "cel", value:
                return _read_cel(value, reading)
            case "not", value:
                part = self.read(value, reading)
                return REFUSED if part is REFUSED else Not(part, position)
            case name, SequenceNode(items=items) if items:
                parts = [self.read(item, reading) for item in items]
                whole = tuple(part for part in parts if not isinstance(part, Refused))
                if len(whole) < len(parts):
                    return REFUSED
                return AllOf(whole, position) if name == "all" else AnyOf(whole, position)
            case _, value:
                return reading.mismatch("a list of conditions", value)


def _read_leaf(tree: MappingNode, reading: Reading) -> Leaf | Refused:
    known = (*_SUBJECTS, *COMPARATORS, "for")
    unknown = [entry for entry in tree if entry.key.text not in known]
    for entry in unknown:
        reading.refuse("unknown-key", entry.key, f"unknown key `{entry.key.text}` in a condition.", _suggest(entry))
    subjects = [entry for entry in tree if entry.key.text in _SUBJECTS]
    comparisons = [entry for entry in tree if entry.key.text in COMPARATORS]
    if unknown:
        for subject in subjects:
            _check_subject_later(subject, reading)
        return REFUSED
    if len(subjects) != 1:
        return reading.refuse("wrong-condition", tree, f"expected {_EXPECTED}, found {_quoted(tree.keys())}.")
    if len(comparisons) != 1:
        said = f"found {_quoted([entry.key.text for entry in comparisons])}" if comparisons else "found none"
        _check_subject_later(subjects[0], reading)
        message = f"expected one comparison ({', '.join(COMPARATORS)}), {said}."
        hint = "Write one condition for each, below one `all`." if comparisons else ""
        return reading.refuse("wrong-condition", tree, message, hint)
    return _leaf(tree, subjects[0], comparisons[0], reading)


def _leaf(tree: MappingNode, subject: Entry, comparison: Entry, reading: Reading) -> Leaf | Refused:
    name = _name(subject, reading)
    about_metric = subject.key.text == "metric"
    reading.key = comparison.key.text
    limit = _read_limit(comparison, reading, about_metric=about_metric)
    held_for: Any = None
    if (written := tree.get("for")) is not None:
        reading.key = "for"
        held_for = _FOR.read(written, reading)
    if isinstance(name, Refused) or isinstance(limit, Refused):
        _check_subject_later(subject, reading)
        return REFUSED
    leaf = Leaf(
        fact=f"metric.{name}" if about_metric else name,
        comparator=comparison.key.text,
        limit=limit,
        held_for=None if isinstance(held_for, Refused) else held_for,
        position=tree.position,
    )
    written_leaf = WrittenLeaf(leaf, subject.value.position, comparison.value.position)
    reading.checks.append(lambda scope: check_leaf(written_leaf, scope))
    return REFUSED if isinstance(held_for, Refused) else leaf


def _check_subject_later(subject: Entry, reading: Reading) -> None:
    """Have the name looked up although the comparison itself could not be read."""
    if _is_name(subject.value):
        name = f"metric.{subject.value.text}" if subject.key.text == "metric" else subject.value.text
        position = subject.value.position
        reading.checks.append(lambda scope: check_subject(name, position, scope))


def _is_name(tree: Tree) -> TypeGuard[ScalarNode]:
    return isinstance(tree, ScalarNode) and isinstance(tree.value, str) and bool(tree.text)


def _name(subject: Entry, reading: Reading) -> str | Refused:
    reading.key = subject.key.text
    if _is_name(subject.value):
        return subject.value.text
    return reading.mismatch(f"the name of a {subject.key.text}", subject.value)


def _read_limit(comparison: Entry, reading: Reading, *, about_metric: bool) -> Limit | Refused:
    value = comparison.value
    match value:
        case MappingNode(entries=(Entry(key=key, value=ScalarNode(value=str() as name)),)) if key.text in _SUBJECTS:
            return FactLimit(f"metric.{name}" if key.text == "metric" else name)
        case ScalarNode(value=bool() as flag):
            return flag
        case ScalarNode(value=str(), text=text) if text:
            return _text_limit(comparison, text, reading, about_metric=about_metric, quoted=value.quoted)
        case ScalarNode(value=int()) | ScalarNode() if value.value is not None and value.text:
            amount = QuantityReader((Dimension.NUMBER,)).read(value, reading)
            return amount if isinstance(amount, Quantity) else REFUSED
        case _:
            return reading.mismatch(_LIMIT_EXPECTED, value)


def _text_limit(comparison: Entry, text: str, reading: Reading, *, about_metric: bool, quoted: bool) -> Limit | Refused:
    equality = comparison.key.text not in _AMOUNTS_ONLY
    if equality and quoted:
        return text
    if match := _RELATIVE.match(" ".join(text.split())):
        share = quantities.parse(match["share"], Dimension.SHARE).amount
        name = match["name"]
        return Relative(share, f"metric.{name}" if about_metric and "." not in name else name)
    try:
        return quantities.parse(text)
    except ValueError:
        if equality:
            return text
        return reading.mismatch("an amount such as 48h, 15%, 5 points or 10/min, or `50% of` another", comparison.value)


_AMOUNTS_ONLY: Final = frozenset({*ORDER_COMPARATORS, "falls_by", "rises_by"})


def _read_cel(tree: Tree, reading: Reading) -> CelLeaf | Refused:
    if not isinstance(tree, ScalarNode) or not isinstance(tree.value, str) or not tree.text.strip():
        return reading.mismatch("an expression in the Common Expression Language", tree)
    leaf = CelLeaf(tree.text, tree.position)
    broken = list(leaf.problems())
    for problem in broken:
        reading.problems.add(problem.rule, problem.position, problem.message, problem.hint)
    if broken:
        return REFUSED
    reading.checks.append(lambda scope: _check_cel(leaf, scope))
    return leaf


def _check_cel(leaf: CelLeaf, scope: Scope) -> Iterator[Problem]:
    for name in leaf.names():
        if scope.fact_type(name) is None:
            yield Problem(
                rule="unknown-fact",
                position=leaf.position,
                message=f"`{name}`: nothing supplies a fact of that name.",
                hint=did_you_mean(name, scope.fact_names()),
            )


def _suggest(entry: Entry) -> str:
    key = entry.key.text
    known = [*_SUBJECTS, *COMPARATORS, "for", *_GROUPS]
    if key in _SYNONYMS:
        return f"Did you mean {_SYNONYMS[key]}?"
    return did_you_mean(key, known) or f"Known here: {', '.join(known)}."


def _quoted(keys: tuple[str, ...] | list[str]) -> str:
    return " and ".join(f"`{key}`" for key in keys) or "an empty mapping"


_REFERENCE_SCHEMA: Final = {
    "type": "object",
    "properties": {"fact": {"type": "string"}, "metric": {"type": "string"}},
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
}
_LIMIT_SCHEMA: Final = {"anyOf": [{"type": ["string", "number", "boolean"]}, _REFERENCE_SCHEMA]}
_PARTS_SCHEMA: Final = {"type": "array", "items": {"$ref": "#/$defs/condition"}, "minItems": 1}
# One object with every key, and not a choice of forms: an editor can complete it, and it is checked ten times faster.
_CONDITION_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "A condition: all, any, not, or one comparison of one fact or metric with a limit.",
    "properties": {
        "all": {**_PARTS_SCHEMA, "description": "true when every part is."},
        "any": {**_PARTS_SCHEMA, "description": "true when at least one part is."},
        "not": {"$ref": "#/$defs/condition", "description": "true when the part is known to be false."},
        "cel": {"type": "string", "description": "an expression in CEL, where nothing else will do."},
        "fact": {"type": "string", "description": "the fact that is compared."},
        "metric": {"type": "string", "description": "the metric that is compared."},
        **{
            name: {"description": f"true when the fact {said} this.", **_LIMIT_SCHEMA}
            for name, said in {
                "above": "is more than",
                "below": "is less than",
                "at_least": "is at least",
                "at_most": "is at most",
                "is": "is exactly",
                "is_not": "is anything but",
                "falls_by": "has fallen by at least",
                "rises_by": "has risen by at least",
            }.items()
        },
        "for": {**_FOR.schema(), "description": "how long it must have held."},
    },
    "minProperties": 1,
    "maxProperties": 3,
    "additionalProperties": False,
}

CONDITION: Final = ConditionReader()
ConditionField: TypeAlias = Annotated[Condition, CONDITION]
