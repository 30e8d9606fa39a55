"""Laws of reading: no text breaks it, every place points at its text, and a stored tree is the tree."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from hypothesis import given
from hypothesis import strategies as st

from iact.config import formats
from iact.config.discovery import discover
from iact.config.schemas import resource_schema
from iact.config.source_text import SourceText, decode
from iact.config.yaml_tree import documents
from iact.core.canonical import canonical
from iact.core.problems import Problem, Problems
from iact.core.registry import KINDS
from iact.core.shape import build
from iact.core.tree import MappingNode, ScalarNode, SequenceNode, Tree, from_plain, from_record, to_plain, to_record
from tests.support.configuration import load_project

discover()

YAML_SIGNS = st.text(st.sampled_from("ab01 :-#\n\t[]{},&*!|>'\"%@`?~.<="), max_size=60)
# What an editor shows: no control characters, and no blanks but the ordinary one.
SHOWN = st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.just(" ")
SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(SHOWN, max_size=12)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(SHOWN, min_size=1, max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def read(text: str) -> tuple[list[Tree], Problems]:
    problems = Problems()
    source = decode("a.yaml", text.encode())
    return (documents(source, problems), problems) if isinstance(source, SourceText) else ([], problems)


def scalars(tree: Tree) -> list[ScalarNode]:
    match tree:
        case ScalarNode():
            return [tree]
        case SequenceNode(items=items):
            return [scalar for item in items for scalar in scalars(item)]
        case MappingNode(entries=entries):
            return [scalar for entry in entries for scalar in (entry.key, *scalars(entry.value))]


@given(st.text(max_size=80) | YAML_SIGNS)
def test_no_text_breaks_the_reading(text: str):
    trees, problems = read(text)

    lines = text.removeprefix("\ufeff").split("\n")
    assert all(isinstance(tree, (ScalarNode, SequenceNode, MappingNode)) for tree in trees)
    assert all(1 <= problem.position.line <= len(lines) + 1 and problem.message for problem in problems)


@given(st.binary(max_size=80))
def test_no_bytes_break_the_reading(content: bytes):
    assert isinstance(decode("a.yaml", content), (SourceText, Problem))


@given(YAML_SIGNS | st.text(max_size=40))
def test_an_unquoted_value_stands_where_its_position_says(text: str):
    """A scalar over several lines is folded to one, so what its place shows is how it begins."""
    trees, problems = read(text)
    if problems:
        return
    source = SourceText("a.yaml", text.removeprefix("\ufeff"))
    for tree in trees:
        for scalar in scalars(tree):
            place = scalar.position
            shown = source.line(place.line)[place.column - 1 : place.column - 1 + place.length]
            assert scalar.quoted or scalar.text.startswith(shown.rstrip())


@given(PLAIN)
def test_what_another_program_writes_is_read_as_it_was_meant(plain: object):
    """JSON is YAML 1.2, so every JSON text reads as the data it is."""
    trees, problems = read(json.dumps({"a": plain}, ensure_ascii=False))

    assert not problems.found
    assert [to_plain(tree) for tree in trees] == [{"a": plain}]


@given(PLAIN)
def test_a_stored_tree_is_the_tree(plain: object):
    tree = from_plain({"a": plain})

    stored = json.loads(canonical(to_record(tree)))

    assert from_record(stored) == tree


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-999, max_value=999))
def test_a_number_with_a_fraction_is_exact(number: Decimal):
    [tree], _ = read(f"a: {number:f}\n")

    assert to_plain(tree) == {"a": number}


SPECS = {
    "Team": {"members": ["a"], "slack": "b", "email": "c"},
    "Project": {"extends": ["iact"], "paths": ["a"], "store": {"sqlite": "x"}, "sources": {"git": {"tags": "v*"}}},
    "Agent": {
        "start": "a",
        "inputs": {"window": {"type": "duration", "default": "48h"}},
        "states": {
            "a": {"next": [{"after": "30m", "when": {"fact": "b", "above": "15%"}, "to": "c"}]},
            "c": {"final": True},
        },
    },
}


@given(st.sampled_from(sorted(SPECS)), st.data())
def test_the_published_schema_accepts_whatever_the_reading_accepts(kind: str, data: st.DataObject):
    """A `spec` in which one value was exchanged: where it can still be read, an editor must not call it wrong."""
    spec = json.loads(json.dumps(SPECS[kind]))
    places = list(_places(spec))
    holder, key = data.draw(st.sampled_from(places))
    holder[key] = data.draw(PLAIN | st.sampled_from(["48h", "15%", 3, True, ["x"], {"fact": "x"}, "env:X"]))

    value: object = build(KINDS[kind].declared_by, from_plain(spec), Problems())

    if value is not None:
        whole = {"apiVersion": "iact/v1", "kind": kind, "metadata": {"name": "a"}, "spec": spec}
        jsonschema.Draft202012Validator(resource_schema(kind)).validate(whole)


LINES = (
    "apiVersion: iact/v1\nkind: Agent\nmetadata: {name: a, owner: b}\nspec:\n  start: a\n  states:\n    a:\n"
    "      do: x\n      next:\n"
    "        - {event: e, when: {all: [{fact: f, above: 1h}, {not: {cel: g > 1}}]}, to: c}\n"
    "        - {after: {fact: h}, to: c, remember: [f]}\n    c: {final: true}\n"
).splitlines()


@given(st.data())
def test_no_slip_in_a_rule_breaks_the_loading(data: st.DataObject):
    """A rule in which some lines are gone, doubled, or have other signs in them: it is told of, or it is right."""
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        line = lines[place]
        start, end = sorted((data.draw(st.integers(0, len(line))), data.draw(st.integers(0, len(line)))))
        lines[place] = line[:start] + data.draw(YAML_SIGNS | st.sampled_from(["", "30%", "on", "{}"])) + line[end:]
    text = "\n".join(lines) + "\n"
    with tempfile.TemporaryDirectory() as folder:
        loaded = load_project(Path(folder), {"rule.yaml": text})

    height = text.count("\n") + 1
    assert loaded.project is not None or loaded.problems
    assert all(1 <= problem.position.line <= height for problem in loaded.problems)
    assert all(formats.write(form, loaded) for form in formats.NAMES)


def _places(plain: Any) -> list[tuple[Any, Any]]:
    """Give every place of the data: what holds the value, and under which key or number."""
    pairs: Iterable[tuple[Any, Any]] = ()
    if isinstance(plain, dict):
        pairs = plain.items()
    elif isinstance(plain, list):
        pairs = enumerate(plain)
    return [place for key, value in pairs for place in [(plain, key), *_places(value)]]


def test_the_pure_parser_reads_the_same_as_the_fast_one():
    """Where PyYAML was built without its C part, nothing changes but the time."""
    text = "a: [1, 'b', {c: on}]\nd: |\n  e\nf: &g h\ni: *g\n"

    fast = list(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    pure = list(yaml.parse(text, Loader=yaml.SafeLoader))

    def essence(events: list[yaml.Event]) -> list[object]:
        return [
            (type(event), getattr(event, "value", None), event.start_mark.line, event.start_mark.column)
            for event in events
            if isinstance(event, (yaml.ScalarEvent, yaml.AliasEvent)) and event.start_mark
        ]

    assert essence(fast) == essence(pure)
