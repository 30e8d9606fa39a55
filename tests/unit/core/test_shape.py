"""One frozen dataclass is the whole description of a piece of YAML: its schema, its reading, its words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

import jsonschema
import pytest

from iact.core import instants
from iact.core.condition_syntax import ConditionField
from iact.core.conditions import ALWAYS
from iact.core.problems import Problem, Problems
from iact.core.quantities import parse
from iact.core.scope import Scope
from iact.core.secret_values import SecretReference
from iact.core.shape import (
    AnyQuantity,
    Duration,
    Moment,
    OneOrMany,
    Ref,
    Secret,
    Share,
    TimeZoneName,
    Within,
    build,
    part,
    read,
    schema_of,
)
from iact.core.tree import NOWHERE, Entry, MappingNode, Position, ScalarNode, SequenceNode, from_plain


class Colour(StrEnum):
    """A colour."""

    RED = "red"
    BLUE = "blue"


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """Something inside.

    Attributes:
        from_: where it begins,
            over two lines.
        size: how large it is.
    """

    from_: str
    size: Annotated[int, Within(1, 10)] = 3
    position: Position = NOWHERE

    def check(self, scope: Scope) -> Iterator[Problem]:
        """Say that it was asked."""
        yield Problem(rule="seen", position=self.position, message=f"{self.from_} in {scope.name}")


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    """Something.

    Attributes:
        text: a text.
    """

    text: str
    flag: bool = False
    exact: Decimal | None = None
    span: Duration | None = None
    share: Share | None = None
    amount: AnyQuantity | None = None
    moment: Moment | None = None
    zone: TimeZoneName = "UTC"
    colour: Colour = Colour.RED
    size: Literal["small", "large"] = "small"
    inner: Inner | str | None = None
    many: OneOrMany[Annotated[str, Ref("Team")]] = ()
    listed: tuple[Inner, ...] = ()
    named: Mapping[str, int] = field(default_factory=dict)
    free: Mapping[str, Any] = field(default_factory=dict)
    secret: Secret | None = None
    when: ConditionField = ALWAYS
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)


def built(**keys: object) -> Outer:
    problems = Problems()
    value = build(Outer, from_plain({"text": "a", **keys}), problems)
    assert not problems.found
    assert value is not None
    return value


def refused(**keys: object) -> list[str]:
    problems = Problems()
    assert build(Outer, from_plain({"text": "a", **keys}), problems) is None
    return [problem.message for problem in problems]


@pytest.mark.parametrize(
    ("key", "written", "value"),
    [
        ("flag", True, True),
        ("exact", Decimal("1.10"), Decimal("1.10")),
        ("exact", 3, Decimal(3)),
        ("span", "48h", parse("48h")),
        ("share", "15%", parse("15%")),
        ("amount", "5 points", parse("5 points")),
        ("amount", 3, parse("3")),
        ("moment", "2026-03-02 09:00Z", instants.parse("2026-03-02 09:00Z")),
        ("zone", "Europe/Berlin", "Europe/Berlin"),
        ("colour", "blue", Colour.BLUE),
        ("size", "large", "large"),
        ("inner", "a word", "a word"),
        ("many", "platform", ("platform",)),
        ("many", ["a", "b"], ("a", "b")),
        ("named", {"a": 1}, {"a": 1}),
        ("free", {"a": [1, None, {"b": Decimal("0.5")}]}, {"a": [1, None, {"b": "0.5"}]}),
        ("secret", "env:TOKEN", SecretReference("env", "TOKEN")),
        ("span", None, None),
    ],
)
def test_a_value_is_read_as_its_annotation_says_and_the_schema_agrees(key: str, written: object, value: object):
    assert getattr(built(**{key: written}), key) == value
    jsonschema.Draft202012Validator(schema_of(Outer)).validate({"text": "a", key: written})


def test_an_unquoted_number_in_a_text_stays_as_it_was_written():
    written = MappingNode((Entry(ScalarNode("text", "text"), ScalarNode(Decimal("1.1"), "1.10")),))

    value = build(Outer, written, Problems())

    assert value is not None
    assert value.text == "1.10"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"flag": "true"}, '`flag`: expected true or false, found `"true"`.'),
        ({"exact": "1"}, '`exact`: expected a number, found `"1"`.'),
        ({"named": {"a": "b"}}, '`named`: expected a whole number, found `"b"`.'),
        ({"inner": {"from": "a", "size": 11}}, "`size`: expected a whole number from 1 to 10, found `11`."),
        ({"inner": ["a"]}, "`inner`: expected a mapping with from or text, found a list."),
        ({"many": [1]}, "`many`: expected the name of a Team, found `1`."),
        ({"moment": "soon"}, f"`moment`: expected {instants.EXPECTED}, found 'soon'."),
        ({"listed": [{}]}, "`from` is missing: expected text."),
        ({"colour": "Red"}, '`colour`: expected one of red, blue, found `"Red"`.'),
    ],
)
def test_a_wrong_value_is_told_what_was_expected_and_what_was_found(keys: dict[str, object], message: str):
    assert refused(**keys) == [message]


def test_everything_wrong_is_told_at_once():
    assert len(refused(flag=1, span="x", nonsense=1, named={"a": "b", "c": "d"})) == 5


def test_a_trailing_underscore_is_dropped_and_a_description_may_run_over_lines():
    inner = schema_of(Inner)["properties"]

    assert inner["from"]["description"] == "where it begins, over two lines."
    assert inner["size"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 10,
        "description": "how large it is.",
        "default": 3,
    }


def test_a_part_knows_where_it_and_its_keys_were_written():
    place = Position("a.yaml", 3, 5)
    problems = Problems()

    value = build(Outer, from_plain({"text": "a"}, place), problems)

    assert value is not None
    assert (value.position, value.positions) == (place, {"text": place})


def test_a_part_knows_where_each_item_of_a_list_was_written():
    places = [Position("a.yaml", line, 5) for line in (3, 4)]
    items = SequenceNode(tuple(ScalarNode("x", "x", place) for place in places))
    tree = from_plain({"text": "a"})
    assert isinstance(tree, MappingNode)

    value = build(Outer, MappingNode((*tree.entries, Entry(ScalarNode("many", "many"), items))), Problems())

    assert value is not None
    assert [value.positions[f"many/{number}"] for number in range(2)] == places


def test_references_and_checks_are_gathered_for_when_all_names_are_known():
    tree = from_plain({"text": "a", "many": ["platform"], "inner": {"from": "x"}})

    outcome = read(Outer, tree, Problems())

    assert [(reference.kinds, reference.name) for reference in outcome.references] == [(("Team",), "platform")]
    [check] = outcome.checks
    assert outcome.examples == ()
    assert [problem.message for problem in check(Scope(name="here"))] == ["x in here"]


def test_an_unknown_time_zone_is_told_its_nearest():
    assert refused(zone="Europe/Berln") == ["`zone`: `Europe/Berln` is no time zone. Did you mean Europe/Berlin?"]


def test_a_part_has_to_be_frozen():
    with pytest.raises(TypeError, match="must be a frozen dataclass"):

        @part
        @dataclass
        class Loose:
            """Not frozen."""


def test_an_annotation_that_yaml_cannot_be_read_as_is_refused_when_the_class_is_used():
    @dataclass(frozen=True)
    class Odd:
        odd: complex

    Odd.__module__ = __name__
    with pytest.raises(TypeError, match="complex is no type that YAML can be read as"):
        schema_of(Odd)
